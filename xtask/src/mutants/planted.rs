//! One planted bug: a claim of what is broken, the law, the change, and who should notice.

/// A small change that breaks a law.
#[derive(Debug)]
pub(crate) struct Planted {
    /// What is broken, as a claim.
    pub(crate) name: &'static str,
    /// The laws it breaks; empty for a promise of the contract that is no law.
    pub(crate) laws: &'static str,
    pub(crate) file: &'static str,
    /// Texts that each occur exactly once in the file, and what takes their place.
    pub(crate) edits: &'static [(&'static str, &'static str)],
    /// The checks that should notice, the quickest first: `suite` or `suite::test`.
    pub(crate) noticed_by: &'static [&'static str],
}

impl Planted {
    /// The file's text with the bug in it.
    pub(crate) fn apply(&self, text: &str) -> Result<String, String> {
        let mut changed = text.to_owned();
        for (find, replacement) in self.edits {
            changed = replace_once(&changed, find, replacement)
                .map_err(|fault| format!("{}: {}: {fault}", self.name, self.file))?;
        }
        if changed == text {
            return Err(format!("{}: nothing changes", self.name));
        }
        Ok(changed)
    }
}

fn replace_once(text: &str, find: &str, replacement: &str) -> Result<String, String> {
    let shown = || find.lines().next().unwrap_or_default().trim();
    match text.matches(find).count() {
        1 => Ok(text.replacen(find, replacement, 1)),
        0 => Err(format!("the text is not there: `{}`", shown())),
        more => Err(format!("the text is there {more} times: `{}`", shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(edits: &'static [(&'static str, &'static str)]) -> Planted {
        Planted {
            name: "some_bug",
            laws: "L1",
            file: "some.rs",
            edits,
            noticed_by: &[],
        }
    }

    #[test]
    fn a_change_is_made_where_its_text_occurs_exactly_once() {
        let bug = planted(&[("two", "2"), ("three", "3")]);
        assert_eq!(bug.apply("one two three"), Ok("one 2 3".to_owned()));
        let gone = bug.apply("one two").expect_err("no third");
        assert!(
            gone.contains("some_bug") && gone.contains("not there"),
            "{gone}"
        );
        let twice = bug.apply("two two three").expect_err("two of it");
        assert!(twice.contains("2 times"), "{twice}");
    }

    #[test]
    fn a_change_that_changes_nothing_is_a_fault() {
        assert!(planted(&[("one", "one")]).apply("one").is_err());
        assert!(planted(&[]).apply("one").is_err());
    }
}
