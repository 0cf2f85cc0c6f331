//! The suites of a `cargo test`, how many tests each ran, and whether one that ran none may.
//!
//! A suite is what cargo announces with a line of its own: the unit tests of a target, a file of integration tests, the
//! doctests of a library. Benches and examples are none. A suite that ran 0 tests is an error, with three exceptions
//! that the sources themselves declare:
//!
//! - the unit tests of a target whose package has no `#[test]` in `src/`;
//! - the doctests of a library without an example in its documentation;
//! - without default features, a file that begins with `#![cfg(feature = "…")]`.

use std::path::Path;

use crate::workspace::{Member, rust_files};

/// What cargo ran under one heading.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Suite {
    /// The heading, as in `unittests src/lib.rs (framepool)`.
    pub(crate) name: String,
    kind: Kind,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Whether a summary line came. A crash leaves none.
    pub(crate) finished: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Nothing,
    /// Unit tests: the source's path within its package, and the crate.
    Unit { path: String, name: String },
    /// A file of integration tests.
    Integration { path: String },
    /// The doctests of a library.
    Doc { name: String },
}

/// All suites of a step.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) suites: Vec<Suite>,
}

impl Tally {
    /// Reads a line of cargo's output.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(suite) = Suite::announced(line) {
            self.suites.push(suite);
        } else if let Some((passed, failed)) = counts(line)
            && let Some(suite) = self.suites.last_mut()
        {
            suite.passed += passed;
            suite.failed += failed;
            suite.finished = true;
        }
    }

    pub(crate) fn passed(&self) -> u64 {
        self.suites.iter().map(|suite| suite.passed).sum()
    }

    /// Tests that failed, and suites that never finished.
    pub(crate) fn failed(&self) -> u64 {
        let failed: u64 = self.suites.iter().map(|suite| suite.failed).sum();
        let crashed = self.suites.iter().filter(|suite| !suite.finished).count();
        failed + crashed as u64
    }
}

impl Suite {
    /// The suite that a line announces.
    fn announced(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("Doc-tests ") {
            return Some(Self {
                name: line.to_owned(),
                kind: Kind::Doc {
                    name: name.to_owned(),
                },
                ..Self::default()
            });
        }
        let rest = line.strip_prefix("Running ")?;
        let (path, executable) = rest.strip_suffix(')')?.rsplit_once(" (")?;
        let file = Path::new(executable).file_stem()?.to_string_lossy();
        let name = file.rsplit_once('-')?.0.to_owned();
        let kind = match path.strip_prefix("unittests ") {
            Some(path) => Kind::Unit {
                path: path.to_owned(),
                name: name.clone(),
            },
            None => Kind::Integration {
                path: path.to_owned(),
            },
        };
        Some(Self {
            name: format!("{path} ({name})"),
            kind,
            ..Self::default()
        })
    }

    /// Why this suite, which ran no test, should have run one; nothing if it may be empty.
    pub(crate) fn why_not_empty(&self, members: &[Member], bare: bool) -> Option<String> {
        let name = &self.name;
        match &self.kind {
            Kind::Nothing => None,
            Kind::Doc { name: library } => members
                .iter()
                .filter(|member| member.names.contains(library))
                .any(|member| any_source(member, has_doc_example))
                .then(|| format!("{name}: there are examples in the documentation")),
            Kind::Unit { path, name: target } => {
                let owners = members.iter().filter(|member| {
                    member.names.contains(target) && member.dir.join(path).is_file()
                });
                let mut owners = owners.peekable();
                if owners.peek().is_none() {
                    return Some(format!("{name}: no member has this target"));
                }
                owners
                    .any(|member| any_source(member, has_test))
                    .then(|| format!("{name}: its package has `#[test]`s"))
            }
            Kind::Integration { path } => {
                let excused = bare
                    && members
                        .iter()
                        .filter_map(|member| std::fs::read_to_string(member.dir.join(path)).ok())
                        .any(|text| needs_a_feature(&text));
                (!excused).then(|| format!("{name}: a file of tests is there to test"))
            }
        }
    }
}

fn any_source(member: &Member, holds: fn(&str) -> bool) -> bool {
    rust_files(&member.dir.join("src"))
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .any(|text| holds(&text))
}

fn has_test(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "#[test]")
}

/// Whether the documentation in a source has an example that rustdoc compiles.
fn has_doc_example(text: &str) -> bool {
    let mut fenced = false;
    text.lines().any(|line| {
        let line = line.trim_start();
        let doc = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let Some(language) = doc.and_then(|doc| doc.trim().strip_prefix("```")) else {
            return false;
        };
        fenced = !fenced;
        fenced
            && (["", "rust", "should_panic", "no_run"].contains(&language)
                || language.starts_with("compile_fail"))
    })
}

/// Whether a file is compiled only with some feature.
fn needs_a_feature(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .take_while(|line| line.starts_with("#!["))
        .any(|line| line.starts_with("#![cfg(feature = "))
}

/// The tests that passed and failed, from a summary line of the test harness.
fn counts(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let count = |what: &str| -> Option<u64> {
        let before = rest.split_once(what)?.0;
        before.rsplit([' ', ';']).next()?.parse().ok()
    };
    Some((count(" passed")?, count(" failed")?))
}

/// A line without the codes that colour it.
pub(crate) fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, code)) = rest.split_once('\u{1b}') {
        text.push_str(before);
        let end = code.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &code[end + 1..]);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> Tally {
        let mut tally = Tally::default();
        for line in text.lines() {
            tally.read(&plain(line));
        }
        tally
    }

    #[test]
    fn summary_counts_for_the_suite_announced_before_it() {
        let tally = tally(
            "     Running unittests src/lib.rs (target/debug/deps/framepool-0a1b)\n\
             test a ... ok\n\
             test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             \u{1b}[1m\u{1b}[92m     Running\u{1b}[0m tests/laws.rs (/elsewhere/debug/deps/laws-ff)\n\
             test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n\
             \x20  Doc-tests framepool\n\
             test result: ok. 4 passed; 0 failed; 0 ignored\n\
             test result: ok. 1 passed; 0 failed; 0 ignored\n",
        );
        let seen: Vec<_> = tally
            .suites
            .iter()
            .map(|suite| (suite.name.as_str(), suite.passed, suite.failed))
            .collect();
        assert_eq!(
            seen,
            [
                ("unittests src/lib.rs (framepool)", 12, 0),
                ("tests/laws.rs (laws)", 3, 2),
                ("Doc-tests framepool", 5, 0),
            ]
        );
        assert_eq!((tally.passed(), tally.failed()), (20, 2));
    }

    #[test]
    fn a_suite_without_a_summary_has_failed() {
        let tally = tally("     Running tests/laws.rs (target/debug/deps/laws-ff)\ntest a ...\n");
        assert!(!tally.suites[0].finished);
        assert_eq!(tally.failed(), 1);
    }

    #[test]
    fn test_file_must_run_one_unless_feature_off() {
        let dir = std::env::temp_dir().join(format!("xtask-suites-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            std::fs::write(path, text).expect("writable");
        };
        write("tests/plain.rs", "//! Tests.\n#[test]\nfn a() {}\n");
        write(
            "tests/counted.rs",
            "//! Tests.\n#![cfg(feature = \"telemetry\")]\n",
        );
        write("src/lib.rs", "//! A library without tests.\n");
        let members = [Member {
            dir: dir.clone(),
            names: vec!["some".to_owned()],
        }];
        let why = |line: &str, bare| {
            let suite = Suite::announced(line).expect("an announcement");
            suite.why_not_empty(&members, bare)
        };
        assert!(why("Running tests/plain.rs (deps/plain-1)", true).is_some());
        assert!(why("Running tests/counted.rs (deps/counted-1)", false).is_some());
        assert!(why("Running tests/counted.rs (deps/counted-1)", true).is_none());
        assert!(why("Running unittests src/lib.rs (deps/some-1)", false).is_none());
        assert!(why("Running unittests src/lib.rs (deps/other-1)", false).is_some());
        write("src/lib.rs", "//! ```text\n//! a picture\n//! ```\n");
        assert!(why("Doc-tests some", false).is_none());
        write(
            "src/more.rs",
            "/// An example:\n///\n/// ```\n/// ```\n#[test]\n",
        );
        assert!(why("Running unittests src/lib.rs (deps/some-1)", false).is_some());
        assert!(why("Doc-tests some", false).is_some());
        std::fs::remove_dir_all(&dir).expect("removable");
    }
}
