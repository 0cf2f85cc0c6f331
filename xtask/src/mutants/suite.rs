//! The checks that can notice a planted bug: test binaries of the workspace, and the tests in them.

use std::collections::BTreeMap;

use super::planted::Planted;
use crate::workspace::Workspace;

/// A test binary.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    /// How the list calls it.
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    /// The file of integration tests; the unit tests of the package's library if it is empty.
    pub(crate) target: &'static str,
    /// The file or the folder that has the tests.
    sources: &'static str,
}

const fn suite(
    name: &'static str,
    package: &'static str,
    target: &'static str,
    sources: &'static str,
) -> Suite {
    Suite {
        name,
        package,
        target,
        sources,
    }
}

/// Every check kind, the quickest first: a new one is a line here.
pub(crate) const SUITES: &[Suite] = &[
    suite("unit", "framepool", "", "src"),
    suite("cli", "framepool-cli", "", "cli/src"),
    suite("health", "framepool", "health", "tests/health.rs"),
    suite(
        "health_allocations",
        "framepool",
        "health_allocations",
        "tests/health_allocations.rs",
    ),
    suite("verdicts", "framepool", "verdicts", "tests/verdicts"),
    suite("contract", "framepool", "contract", "tests/contract"),
    suite(
        "diagnostics",
        "framepool",
        "diagnostics",
        "tests/diagnostics.rs",
    ),
    suite("memory", "framepool", "memory", "tests/memory"),
    suite("forks", "framepool", "forks", "tests/forks.rs"),
    suite("oracle", "framepool", "oracle", "tests/oracle"),
    suite("laws", "framepool", "laws", "tests/laws"),
    suite(
        "loom/primitives",
        "loom-tests",
        "",
        "loom-tests/tests/primitives",
    ),
    suite(
        "loom/walker",
        "loom-tests",
        "walker",
        "loom-tests/tests/walker.rs",
    ),
    suite(
        "loom/tags",
        "loom-tests",
        "tags",
        "loom-tests/tests/tags.rs",
    ),
    suite(
        "loom/depot",
        "loom-tests",
        "depot",
        "loom-tests/tests/depot.rs",
    ),
    suite(
        "loom/publish",
        "loom-tests",
        "publish",
        "loom-tests/tests/publish.rs",
    ),
    suite(
        "loom/store",
        "loom-tests",
        "store",
        "loom-tests/tests/store.rs",
    ),
    suite(
        "loom/passes",
        "loom-tests",
        "passes",
        "loom-tests/tests/passes.rs",
    ),
    suite(
        "loom/slots",
        "loom-tests",
        "slots",
        "loom-tests/tests/slots.rs",
    ),
    suite(
        "loom/lifetime",
        "loom-tests",
        "lifetime",
        "loom-tests/tests/lifetime.rs",
    ),
    suite(
        "loom/frame_end",
        "loom-tests",
        "frame_end",
        "loom-tests/tests/frame_end.rs",
    ),
    suite(
        "shuttle",
        "shuttle-tests",
        "scenarios",
        "shuttle-tests/tests/scenarios",
    ),
    suite("stress", "stress-tests", "stress", "tests/stress"),
    suite(
        "stress/waiting",
        "stress-tests",
        "waiting",
        "stress-tests/tests/waiting.rs",
    ),
];

/// Which tests of a suite to run: all of them if none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) suite: &'static Suite,
    pub(crate) tests: Vec<&'static str>,
}

impl Suite {
    /// Where the package lies in the workspace.
    pub(crate) fn dir(&self) -> &'static str {
        match self.package {
            "framepool" => ".",
            "framepool-cli" => "cli",
            package => package,
        }
    }

    /// Whether a file of the workspace may have tests of this suite.
    fn may_be_in(&self, file: &str) -> bool {
        file.strip_prefix(self.sources)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The suite and the test that an entry of the list names.
pub(crate) fn resolve(named: &'static str) -> Option<(&'static Suite, Option<&'static str>)> {
    let (name, test) = match named.split_once("::") {
        Some((name, test)) => (name, Some(test)),
        None => (named, None),
    };
    let suite = SUITES.iter().find(|suite| suite.name == name)?;
    Some((suite, test))
}

/// The suites named, each once, in the order in which they are first named, with their tests.
pub(crate) fn selections(
    named: impl IntoIterator<Item = &'static str>,
) -> Result<Vec<Selection>, String> {
    let mut selections: Vec<Selection> = Vec::new();
    for named in named {
        let (suite, test) = resolve(named).ok_or_else(|| format!("there is no check `{named}`"))?;
        let known = selections
            .iter_mut()
            .find(|selection| selection.suite == suite);
        match (known, test) {
            (Some(known), Some(test)) => {
                if !known.tests.is_empty() && !known.tests.contains(&test) {
                    known.tests.push(test);
                }
            }
            (Some(known), None) => known.tests.clear(),
            (None, test) => selections.push(Selection {
                suite,
                tests: test.into_iter().collect(),
            }),
        }
    }
    Ok(selections)
}

/// Every suite whole.
pub(crate) fn everything() -> Vec<Selection> {
    SUITES
        .iter()
        .map(|suite| Selection {
            suite,
            tests: Vec::new(),
        })
        .collect()
}

/// What is wrong with the checks that a planted bug names: none, or some that are not there.
pub(crate) fn faults(
    workspace: &Workspace,
    files: &[String],
    planted: &'static Planted,
) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    if planted.noticed_by.is_empty() {
        faults.push(format!("{}: no check is named", planted.name));
    }
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for named in &planted.noticed_by {
        let Some((suite, test)) = resolve(named) else {
            faults.push(format!("{}: there is no check `{named}`", planted.name));
            continue;
        };
        let Some(test) = test else { continue };
        let head = format!("fn {test}(");
        let mut found = false;
        for file in files.iter().filter(|file| suite.may_be_in(file)) {
            if !texts.contains_key(file.as_str()) {
                texts.insert(file, workspace.read(file)?);
            }
            found |= texts[file.as_str()].contains(&head);
        }
        if !found {
            faults.push(format!("{}: there is no test `{named}`", planted.name));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suite_is_named_alone_or_with_test() {
        let (suite, test) = resolve("loom/frame_end::a_claim").expect("a suite");
        assert_eq!((suite.package, suite.target), ("loom-tests", "frame_end"));
        assert_eq!(test, Some("a_claim"));
        assert_eq!(resolve("laws").map(|(_, test)| test), Some(None));
        assert!(resolve("nothing::a_claim").is_none());
    }

    #[test]
    fn suite_named_without_test_is_selected_whole_once() {
        let selected = selections(["laws::a", "contract::x", "laws::b", "laws::a", "contract"]);
        let selected = selected.expect("all known");
        let shown: Vec<_> = selected
            .iter()
            .map(|selection| (selection.suite.name, selection.tests.clone()))
            .collect();
        assert_eq!(shown, [("laws", vec!["a", "b"]), ("contract", vec![])]);
        // Whole stays whole.
        let selected = selections(["contract", "contract::x"]).expect("all known");
        assert!(selected[0].tests.is_empty());
    }

    #[test]
    fn tests_are_searched_in_their_suites_files() {
        let in_laws = |file| resolve("laws").expect("a suite").0.may_be_in(file);
        assert!(in_laws("tests/laws/rings.rs"));
        assert!(!in_laws("tests/lawsuit.rs"));
        assert!(!in_laws("loom-tests/tests/laws/rings.rs"));
        let frame_end = resolve("loom/frame_end").expect("a suite").0;
        assert!(frame_end.may_be_in("loom-tests/tests/frame_end.rs"));
        assert!(!frame_end.may_be_in("tests/frame_end.rs"));
        let unit = resolve("unit").expect("a suite").0;
        assert!(unit.may_be_in("src/blocks/table.rs"));
        assert!(!unit.may_be_in("xtask/src/main.rs"));
    }
}
