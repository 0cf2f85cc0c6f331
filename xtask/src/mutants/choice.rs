//! Which of the planted bugs to run: all, those named, or a sample that moves on from seed to seed.

use std::process::Command;

use super::planted::Planted;
use crate::workspace::Workspace;

/// What the command line chose.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    names: Vec<String>,
    sample: Option<usize>,
    seed: usize,
}

impl Choice {
    pub(crate) fn read(arguments: &[&str], workspace: &Workspace) -> Result<Self, String> {
        let mut choice = Self::default();
        let mut rest = arguments.iter();
        while let Some(&argument) = rest.next() {
            match argument {
                "--sample" => choice.sample = Some(number(argument, rest.next())?),
                "--seed" => {
                    choice.seed = match rest.next() {
                        Some(&"commit") => commit_number(workspace)?,
                        given => number(argument, given)?,
                    }
                }
                flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`")),
                name => choice.names.push(name.to_owned()),
            }
        }
        Ok(choice)
    }

    /// The bugs chosen. A name stands for every bug whose name or file contains it.
    pub(crate) fn among(&self, mut all: Vec<Planted>) -> Result<Vec<Planted>, String> {
        for name in &self.names {
            if !all.iter().any(|planted| is_meant(planted, name)) {
                return Err(format!(
                    "no planted bug is called `{name}`; `cargo xtask mutants --list` lists them"
                ));
            }
        }
        if !self.names.is_empty() {
            all.retain(|planted| self.names.iter().any(|name| is_meant(planted, name)));
        }
        if let Some(size) = self.sample {
            let places = sample(all.len(), size, self.seed);
            let mut at = 0..;
            all.retain(|_| at.next().is_some_and(|at| places.contains(&at)));
        }
        Ok(all)
    }
}

fn is_meant(planted: &Planted, name: &str) -> bool {
    planted.name.contains(name) || planted.file == name
}

/// `size` of `len` places. The list is walked in strides, so that a sample has bugs of all themes, and a seed begins where the
/// one before it ended, so that the whole list has its turn within `len / size` seeds, rounded up.
fn sample(len: usize, size: usize, seed: usize) -> Vec<usize> {
    if size >= len {
        return (0..len).collect();
    }
    // About the golden ratio of the length, which spreads best, and without a common divisor, so that no place is left out.
    let stride = (len * 5 / 8..len)
        .find(|&stride| divisor(stride, len) == 1)
        .unwrap_or(1);
    let start = seed % len * size % len;
    let mut places: Vec<usize> = (start..start + size)
        .map(|step| step % len * stride % len)
        .collect();
    places.sort_unstable();
    places
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn number(option: &str, given: Option<&&str>) -> Result<usize, String> {
    given
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("`{option}` wants a number"))
}

/// A number that each commit has of its own: the beginning of its hash.
fn commit_number(workspace: &Workspace) -> Result<usize, String> {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(&workspace.root)
        .output()
        .map_err(|error| format!("`git rev-parse`: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .get(..7)
        .and_then(|hash| usize::from_str_radix(hash, 16).ok())
        .ok_or_else(|| "`git rev-parse HEAD` gave no hash".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sample_has_its_size_and_distinct_places() {
        for (len, size, seed) in [(83, 10, 0), (83, 10, 7), (4, 3, 1), (5, 9, 2), (2, 1, 0)] {
            let places = sample(len, size, seed);
            let different: BTreeSet<usize> = places.iter().copied().collect();
            assert_eq!(places.len(), size.min(len));
            assert_eq!(different.len(), places.len());
            assert!(places.iter().all(|&place| place < len));
        }
    }

    #[test]
    fn sample_repeats_with_its_seed_and_changes_otherwise() {
        assert_eq!(sample(83, 10, 3), sample(83, 10, 3));
        assert_ne!(sample(83, 10, 3), sample(83, 10, 4));
        // Whatever a commit gives.
        assert_eq!(sample(83, 10, usize::MAX).len(), 10);
    }

    #[test]
    fn seeds_one_after_another_reach_the_whole_list() {
        for (len, size) in [(83_usize, 10), (90, 12), (64, 8), (7, 2)] {
            let seen: BTreeSet<usize> = (0..len.div_ceil(size))
                .flat_map(|seed| sample(len, size, seed))
                .collect();
            assert_eq!(seen.len(), len);
        }
    }

    #[test]
    fn a_sample_is_spread_over_the_list() {
        let places = sample(80, 8, 5);
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.max().is_some_and(|gap| gap <= 20), "{places:?}");
    }

    #[test]
    fn the_command_line_is_read() {
        let workspace = Workspace::find();
        let read = |arguments: &[&str]| Choice::read(arguments, &workspace);
        let choice = read(&["--sample", "12", "--seed", "3", "some_bug"]);
        assert_eq!(
            choice,
            Ok(Choice {
                names: vec!["some_bug".to_owned()],
                sample: Some(12),
                seed: 3,
            })
        );
        assert!(read(&["--sample"]).is_err());
        assert!(read(&["--sample", "few"]).is_err());
        assert!(read(&["--unknown"]).is_err());
        let unknown = read(&["no_such_bug"]).expect("a name");
        assert!(
            unknown
                .among(super::super::planted::all(&workspace).expect("all read"))
                .is_err()
        );
    }
}
