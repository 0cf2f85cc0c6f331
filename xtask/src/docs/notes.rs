//! Comments that justify a memory ordering: `// Release: pairs with the Acquire in …; publishes ….`

/// The orderings there are. The longer names first, so that none is taken for another's beginning.
pub(crate) const ORDERINGS: [&str; 5] = ["Relaxed", "Release", "AcqRel", "Acquire", "SeqCst"];

/// Words that make a note cover more than one access.
const SEVERAL: [&str; 7] = ["both", "all", "two", "three", "four", "five", "six"];

/// The most characters between an ordering's name and the colon.
const LONGEST_LEAD: usize = 40;

/// A comment that justifies orderings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The text, without what the comment says of other things.
    pub(crate) text: String,
    /// The orderings it speaks of.
    pub(crate) names: Vec<&'static str>,
    /// Whether it says that it speaks of several accesses.
    pub(crate) several: bool,
}

/// The note in a comment of these lines, if there is one.
pub(crate) fn read(comment: &[&str]) -> Option<Note> {
    let mut text = String::new();
    let mut wanted = false;
    for line in comment {
        // A paragraph begins where a line begins with what it is about.
        if let Some(head) = subject(line) {
            wanted = ORDERINGS.contains(&head);
        }
        if wanted {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    let leads = leads(&text);
    if leads.is_empty() {
        return None;
    }
    let mut names = Vec::new();
    for lead in &leads {
        for name in orderings_in(lead) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let several = leads
        .iter()
        .flat_map(|lead| lead.split(|c: char| !c.is_alphabetic()))
        .any(|word| SEVERAL.contains(&word));
    Some(Note {
        text,
        names,
        several,
    })
}

/// The first word of a line that begins a paragraph: an ordering with its lead, or a word in capitals with a colon.
fn subject(line: &str) -> Option<&str> {
    if let Some(name) = starts_with_lead(line) {
        return Some(name);
    }
    let (head, _) = line.split_once(':')?;
    let capitals = !head.is_empty() && head.chars().all(|c| c.is_ascii_uppercase());
    capitals.then_some(head)
}

/// The ordering that a text begins with, if a colon follows soon.
fn starts_with_lead(text: &str) -> Option<&'static str> {
    let name = ORDERINGS.into_iter().find(|name| text.starts_with(name))?;
    lead_of(text).map(|_| name)
}

/// The beginning of a text up to its colon, if there are only words and commas before it.
fn lead_of(text: &str) -> Option<&str> {
    let (lead, _) = text.split_once(':')?;
    let plain = lead
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | ',' | '-'));
    (plain && lead.chars().count() <= LONGEST_LEAD).then_some(lead)
}

/// Every `Ordering…:` at the beginning of a sentence.
fn leads(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let starts = [0]
        .into_iter()
        .chain(text.match_indices(". ").map(|(at, _)| at + 2))
        .filter(|&at| starts_with_lead(&text[at..]).is_some());
    for at in starts {
        found.extend(lead_of(&text[at..]));
    }
    found
}

/// The orderings whose names appear in a text as words.
fn orderings_in(text: &str) -> impl Iterator<Item = &'static str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| ORDERINGS.into_iter().find(|name| *name == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_note_names_its_ordering() {
        let note = read(&[
            "Release: pairs with the Acquire in `iter`; publishes",
            "the slot.",
        ])
        .expect("a note");
        assert_eq!(note.names, ["Release"]);
        assert!(!note.several);
        assert_eq!(
            note.text,
            "Release: pairs with the Acquire in `iter`; publishes the slot."
        );
    }

    #[test]
    fn the_failure_ordering_has_its_own_sentence() {
        let note = read(&[
            "Release: publishes it.",
            "Relaxed on failure: the next turn decides.",
        ])
        .expect("a note");
        assert_eq!(note.names, ["Release", "Relaxed"]);
        let note = read(&["Relaxed: its own value. Release: pairs with the Acquire in `read`."])
            .expect("a note");
        assert_eq!(note.names.len(), 2);
    }

    #[test]
    fn what_is_said_of_safety_is_left_out() {
        let note = read(&[
            "SAFETY: nobody else has it",
            "yet.",
            "Relaxed: published below.",
        ])
        .expect("a note");
        assert_eq!(note.text, "Relaxed: published below.");
        assert_eq!(
            read(&["SAFETY: see the Acquire in `a`: it is enough."]),
            None
        );
    }

    #[test]
    fn a_note_may_say_that_it_is_of_several() {
        for (line, several) in [
            ("Acquire, all six: pair with `bump`.", true),
            ("Relaxed, both: numbers of their own.", true),
            ("Relaxed: all of them.", false),
        ] {
            assert_eq!(read(&[line]).expect("a note").several, several, "{line}");
        }
    }

    #[test]
    fn a_mention_is_no_note() {
        assert_eq!(read(&["Acquire is what the claim does."]), None);
        assert_eq!(read(&["Before the block can reach another thread."]), None);
    }
}
