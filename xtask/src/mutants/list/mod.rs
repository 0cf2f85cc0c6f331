//! The planted bugs, by theme.
//!
//! A name says what is broken. The texts to be replaced are whole statements where that is possible, so that a change of the
//! sources is noticed by `--check` and not by a bug that is planted somewhere else.

mod blocks;
mod fold;
mod frames;
mod health;
mod memory;
mod numbers;
mod orderings;
mod show;
mod slots;
mod tally;
mod waiting;

use super::planted::Planted;

const THEMES: &[&[Planted]] = &[
    orderings::PLANTED,
    fold::PLANTED,
    tally::PLANTED,
    slots::PLANTED,
    waiting::PLANTED,
    blocks::PLANTED,
    frames::PLANTED,
    memory::PLANTED,
    numbers::PLANTED,
    health::PLANTED,
    show::PLANTED,
];

/// Every planted bug.
pub(crate) fn all() -> Vec<&'static Planted> {
    THEMES.iter().copied().flatten().collect()
}

/// What is wrong with the list as such.
pub(crate) fn faults(all: &[&'static Planted]) -> Vec<String> {
    let mut names: Vec<&str> = all.iter().map(|planted| planted.name).collect();
    names.sort_unstable();
    let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
    twice
        .map(|pair| format!("{}: two bugs have this name", pair[0]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_and_every_bug_has_its_own_name() {
        assert!(all().len() >= 50);
        assert_eq!(faults(&all()), Vec::<String>::new());
    }

    #[test]
    fn every_law_has_bugs_that_break_it() {
        for law in ["L1", "L2", "L3", "L4", "L6", "L7", "L8"] {
            let of_law = all()
                .into_iter()
                .filter(|planted| planted.laws.split(", ").any(|named| named == law));
            assert!(of_law.count() >= 2, "{law}");
        }
    }
}
