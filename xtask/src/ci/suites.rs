//! Counts the tests that ran, and finds suites without a test.
//!
//! A suite is a test binary: the unit tests of a target, or a file of integration tests. A target without tests has `test = false` in
//! its manifest. A file of tests that needs a feature has `required-features`. So a suite without a test is a mistake.

use serde_json::{Map, Value};

/// Tests that ran.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// The libraries whose documentation was tested, each with the examples that passed.
    libraries: Vec<(String, u64)>,
}

impl Counts {
    /// Reads a line of output: it may be the summary of nextest, or the summary of a library's doctests.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some((_, counts)) = line
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once(']'))
        {
            let ran = number_before(counts, " test");
            let passed = number_before(counts, " passed");
            self.passed += passed;
            self.failed += ran.saturating_sub(passed);
        } else if let Some(library) = line.strip_prefix("Doc-tests ") {
            self.libraries.push((library.to_owned(), 0));
        } else if let Some(counts) = line.strip_prefix("test result: ")
            // Without a library this is the output of a failed test, which nextest repeats.
            && let Some((_, examples)) = self.libraries.last_mut()
        {
            let passed = number_before(counts, " passed");
            *examples += passed;
            self.passed += passed;
            self.failed += number_before(counts, " failed");
        }
    }

    /// Fails if a library has no example that runs, and names it. Cargo's metadata says which libraries have none on purpose.
    pub(crate) fn all_libraries_have_examples(&self, metadata: &[u8]) -> Result<(), String> {
        let metadata: Value = serde_json::from_slice(metadata)
            .map_err(|error| format!("`cargo metadata`: {error}"))?;
        let targets =
            entries(&metadata["packages"]).flat_map(|package| entries(&package["targets"]));
        let expected: Vec<&str> = targets
            .filter(|target| target["doctest"] == true)
            .filter_map(|target| target["name"].as_str())
            .collect();
        let empty: Vec<&str> = self
            .libraries
            .iter()
            .filter(|(library, examples)| *examples == 0 && expected.contains(&&**library))
            .map(|(library, _)| library.as_str())
            .collect();
        if empty.is_empty() {
            return Ok(());
        }
        Err(format!(
            "libraries without an example in their documentation: {}; if a library has none on purpose, set `doctest = false` in its Cargo.toml",
            empty.join(", ")
        ))
    }
}

/// The entries of a list; none if it is something else.
fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The number before a word, or 0 without the word. A stopped run prints `3/10`; then the first number counts.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text
        .split(word)
        .next()
        .filter(|before| before.len() < text.len());
    let number = before.and_then(|before| before.rsplit(' ').next());
    number
        .and_then(|number| number.split('/').next()?.parse().ok())
        .unwrap_or(0)
}

/// Fails if nextest's list has a suite without a test, and names it.
pub(crate) fn all_have_tests(list: &[u8]) -> Result<(), String> {
    let list: Value =
        serde_json::from_slice(list).map_err(|error| format!("`cargo nextest list`: {error}"))?;
    let suites = list["rust-suites"]
        .as_object()
        .ok_or("`cargo nextest list` has no `rust-suites`")?;
    let empty: Vec<&str> = suites
        .iter()
        .filter(|(_, suite)| suite["testcases"].as_object().is_none_or(Map::is_empty))
        .map(|(name, _)| name.as_str())
        .collect();
    if empty.is_empty() {
        return Ok(());
    }
    Err(format!(
        "suites without a test: {}; set `test = false` for the target in its Cargo.toml, or, if the file of tests needs a feature, \
         add a `[[test]]` with `required-features`",
        empty.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> (u64, u64) {
        let mut counts = Counts::default();
        text.lines().for_each(|line| counts.read(line));
        (counts.passed, counts.failed)
    }

    #[test]
    fn summaries_are_counted() {
        let passed = "     Summary [   1.234s] 1 test run: 1 passed (1 slow), 4 skipped";
        assert_eq!(counts(passed), (1, 0));
        let failed =
            "     Summary [  10.2s] 7/9 tests run: 3 passed, 2 failed, 1 timed out, 1 exec failed";
        assert_eq!(counts(failed), (3, 4));
        let one = "    test result: FAILED. 0 passed; 1 failed; 0 ignored";
        assert_eq!(counts(one), (0, 0));
        let doctests = "   Doc-tests a\n\
            test result: ok. 4 passed; 0 failed; 0 ignored\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored\n";
        assert_eq!(counts(doctests), (5, 2));
        assert_eq!(counts("test a ... ok"), (0, 0));
    }

    #[test]
    fn libraries_without_an_example_are_named() {
        let mut counts = Counts::default();
        // Examples that must not compile have their own summary.
        let text = "   Doc-tests first\ntest result: ok. 0 passed; 0 failed\ntest result: ok. 2 passed; 0 failed\n\
            Doc-tests second\ntest result: ok. 0 passed; 0 failed\nDoc-tests third\n";
        text.lines().for_each(|line| counts.read(line));
        let metadata = br#"{"packages": [{"targets": [
            {"name": "first", "doctest": true}, {"name": "second", "doctest": true}, {"name": "third", "doctest": false}
        ]}]}"#;
        let error = counts
            .all_libraries_have_examples(metadata)
            .expect_err("the second has none");
        assert!(error.contains("second") && !error.contains("first") && !error.contains("third"));
    }

    #[test]
    fn suites_without_a_test_are_named() {
        let some = r#""framepool::laws": {"testcases": {"a": {"ignored": false}}}"#;
        let none = r#""framepool-cli": {"testcases": {}}"#;
        let list = |suites: &str| format!(r#"{{"rust-suites": {{{suites}}}}}"#).into_bytes();
        assert_eq!(all_have_tests(&list(some)), Ok(()));
        let error = all_have_tests(&list(&format!("{some}, {none}"))).expect_err("one has none");
        assert!(error.contains("framepool-cli") && !error.contains("laws"));
        assert!(all_have_tests(b"no list").is_err());
    }
}
