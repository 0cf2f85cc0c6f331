//! One planted bug: a small change to one source file that breaks a law, and the tests that notice it.
//!
//! Each bug is a file `xtask/planted/NAME.toml`. The name states what is broken.

use serde::Deserialize;

use crate::workspace::Workspace;

/// The folder of the files.
const DIR: &str = "xtask/planted";

/// A small change that breaks a law.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planted {
    /// The name of the file, which states what is broken.
    #[serde(skip)]
    pub(crate) name: String,
    /// The laws that it breaks; empty if it breaks another promise.
    #[serde(default)]
    pub(crate) laws: Vec<String>,
    /// The source file that is changed.
    pub(crate) file: String,
    /// The tests that notice it: the name of a test binary in nextest, alone or with a test, as in `framepool::laws a_test`.
    pub(crate) noticed_by: Vec<String>,
    /// The changes.
    pub(crate) edits: Vec<Edit>,
}

/// A text that occurs exactly once in the file, and the text that replaces it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    find: String,
    replace: String,
}

impl Planted {
    fn read(name: &str, text: &str) -> Result<Self, String> {
        let planted: Self =
            toml::from_str(text).map_err(|error| format!("{DIR}/{name}.toml: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            ..planted
        })
    }

    pub(crate) fn noticed_by(&self) -> impl Iterator<Item = &str> {
        self.noticed_by.iter().map(String::as_str)
    }

    /// Faults of the tests that it names: there are none, or a test is not in these sources or not in one of these packages.
    pub(crate) fn tests_not_in(&self, sources: &str, packages: &[&str]) -> Vec<String> {
        let name = &self.name;
        if self.noticed_by.is_empty() {
            return vec![format!("{name}: it names no test")];
        }
        let is_there = |named: &&str| {
            let (binary, test) = named.split_once(' ').unwrap_or((named, ""));
            let package = binary.split("::").next().unwrap_or_default();
            packages.contains(&package)
                && (test.is_empty() || sources.contains(&format!("fn {test}(")))
        };
        self.noticed_by()
            .filter(|named| !is_there(named))
            .map(|named| format!("{name}: there is no test `{named}`"))
            .collect()
    }

    /// The file's text with the bug in it.
    pub(crate) fn apply(&self, text: &str) -> Result<String, String> {
        let mut changed = text.to_owned();
        for edit in &self.edits {
            changed = replace_once(&changed, &edit.find, &edit.replace)
                .map_err(|fault| format!("{}: {}: {fault}", self.name, self.file))?;
        }
        if changed == text {
            return Err(format!("{}: nothing changes", self.name));
        }
        Ok(changed)
    }
}

/// Every planted bug, by name.
pub(crate) fn all(workspace: &Workspace) -> Result<Vec<Planted>, String> {
    let mut all = Vec::new();
    for file in workspace.files()? {
        let name = file
            .strip_prefix(DIR)
            .and_then(|file| file.strip_prefix('/'))
            .and_then(|file| file.strip_suffix(".toml"));
        if let Some(name) = name {
            all.push(Planted::read(name, &workspace.read(&file)?)?);
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    if all.is_empty() {
        return Err(format!("no planted bug in {DIR}"));
    }
    Ok(all)
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

    fn planted(edits: &str) -> Planted {
        let text = format!("laws = [\"L1\"]\nfile = \"a.rs\"\nnoticed_by = []\nedits = [{edits}]");
        Planted::read("some_bug", &text).expect("well formed")
    }

    #[test]
    fn an_edit_applies_where_its_text_occurs_once() {
        let bug =
            planted("{ find = \"two\", replace = \"2\" }, { find = \"three\", replace = \"3\" }");
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
    fn an_edit_without_effect_is_a_fault() {
        let same = planted("{ find = \"one\", replace = \"one\" }");
        assert!(same.apply("one").is_err());
        assert!(planted("").apply("one").is_err());
    }

    #[test]
    fn every_law_has_a_planted_bug() {
        let all = all(&Workspace::find()).expect("the files are well formed");
        for law in 1..=8 {
            let law = format!("L{law}");
            assert!(all.iter().any(|bug| bug.laws.contains(&law)), "{law}");
        }
    }

    #[test]
    fn a_missing_test_is_a_fault() {
        let named = |tests: &str| {
            let text = format!("file = \"a.rs\"\nnoticed_by = [{tests}]\nedits = []");
            let bug = Planted::read("some_bug", &text).expect("well formed");
            bug.tests_not_in("#[test]\nfn a_claim() {}", &["framepool"])
                .len()
        };
        assert_eq!(named("\"framepool::laws\", \"framepool::laws a_claim\""), 0);
        assert_eq!(named("\"framepool::laws a_cla\""), 1);
        assert_eq!(named("\"laws a_claim\""), 1);
        assert_eq!(named(""), 1);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = Planted::read("some_bug", "law = 3").expect_err("unknown");
        assert!(error.contains("some_bug.toml"), "{error}");
    }
}
