//! Runs the tests in the copy.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::process::Command;

use super::planted::Planted;
use super::tree::Tree;
use crate::ci::CHECKS;
use crate::workspace::Workspace;

/// Exit codes of nextest.
const TESTS_FAILED: i32 = 100;
const NO_TEST_RAN: i32 = 4;

/// The packages with tests that notice planted bugs, the quickest to build first.
pub(super) const PACKAGES: [&str; 6] = [
    "framepool",
    "framepool-pprof",
    "framepool-cli",
    "stress-tests",
    "shuttle-tests",
    "loom-tests",
];

/// The result for a planted bug.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The first test that noticed it, by its name in nextest.
    Noticed(String),
    Survived,
    /// The bug's file is wrong, so the tests prove nothing.
    Broken(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noticed(test) => write!(f, "{test}"),
            Self::Survived => write!(f, "SURVIVED"),
            Self::Broken(fault) => write!(f, "BROKEN: {fault}"),
        }
    }
}

/// The copy, into which bugs are planted.
#[derive(Debug)]
pub(crate) struct Bench<'w> {
    workspace: &'w Workspace,
    tree: Tree,
}

impl<'w> Bench<'w> {
    pub(crate) fn set_up(workspace: &'w Workspace) -> Result<Self, String> {
        Ok(Self {
            workspace,
            tree: Tree::copy(workspace)?,
        })
    }

    /// Runs all tests of the chosen bugs in the unchanged copy. They must pass.
    pub(crate) fn control(&self, chosen: &[Planted]) -> Result<(), String> {
        let all: BTreeSet<&str> = chosen.iter().flat_map(Planted::noticed_by).collect();
        match self.run("control", &all)? {
            Verdict::Survived => Ok(()),
            Verdict::Noticed(test) => Err(format!(
                "the unchanged copy fails: {test}; see {}",
                self.tree.output.display()
            )),
            Verdict::Broken(fault) => Err(format!("the unchanged copy: {fault}")),
        }
    }

    /// Plants a bug, runs its tests until one notices it, and restores the copy.
    pub(crate) fn plant(&self, planted: &Planted) -> Verdict {
        let file = &planted.file;
        let verdict = self.workspace.read(file).and_then(|text| {
            self.tree.put(file, planted.apply(&text)?.as_bytes())?;
            let verdict = self.run(&planted.name, &planted.noticed_by().collect());
            self.tree.put(file, text.as_bytes())?;
            verdict
        });
        verdict.unwrap_or_else(Verdict::Broken)
    }

    /// Runs these tests, one package after another, until one fails.
    fn run(&self, occasion: &str, named: &BTreeSet<&str>) -> Result<Verdict, String> {
        for package in PACKAGES {
            let mut targets = BTreeSet::new();
            let mut filters = Vec::new();
            for named in named {
                let selected = Selected::read(named);
                if selected.package == package {
                    targets.insert(selected.target);
                    filters.push(selected.filter());
                }
            }
            if !filters.is_empty() {
                let verdict = self.nextest(occasion, package, &targets, &filters.join(" | "))?;
                if verdict != Verdict::Survived {
                    return Ok(verdict);
                }
            }
        }
        Ok(Verdict::Survived)
    }

    fn nextest(
        &self,
        occasion: &str,
        package: &str,
        targets: &BTreeSet<Option<&str>>,
        filter: &str,
    ) -> Result<Verdict, String> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["nextest", "run", "--locked", "--profile", "planted"])
            .args([
                "--cargo-profile",
                CHECKS,
                "--all-features",
                "--package",
                package,
                "--filterset",
                filter,
            ]);
        for target in targets {
            match target {
                Some(target) => command.args(["--test", target]),
                None => command.arg("--lib"),
            };
        }
        let output = command
            .current_dir(&self.tree.root)
            // The steps for models and stress tests have built the same crates of the registry, which are reused.
            .env("CARGO_TARGET_DIR", self.workspace.target())
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_TERM_COLOR", "never")
            .env("RUST_BACKTRACE", "0")
            .env_remove("CARGO_MANIFEST_DIR")
            .output()
            .map_err(|error| format!("`cargo nextest`: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let path = self.tree.output.join(format!("{occasion}.{package}.txt"));
        fs::write(&path, &output.stderr).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(match output.status.code() {
            Some(0) => Verdict::Survived,
            Some(TESTS_FAILED) => Verdict::Noticed(first_failure(&said)),
            Some(NO_TEST_RAN) => Verdict::Broken(format!("no test `{filter}`")),
            _ => Verdict::Broken(format!("does not compile: {}", first_error(&said))),
        })
    }
}

/// A test binary by its name in nextest, and perhaps one of its tests: `framepool::laws`; `framepool` for the unit tests.
#[derive(Debug, PartialEq, Eq)]
struct Selected<'a> {
    binary: &'a str,
    package: &'a str,
    /// The file of integration tests; none for the unit tests.
    target: Option<&'a str>,
    test: Option<&'a str>,
}

impl<'a> Selected<'a> {
    fn read(named: &'a str) -> Self {
        let (binary, test) = match named.split_once(' ') {
            Some((binary, test)) => (binary, Some(test)),
            None => (named, None),
        };
        let (package, target) = match binary.split_once("::") {
            Some((package, target)) => (package, Some(target)),
            None => (binary, None),
        };
        Self {
            binary,
            package,
            target,
            test,
        }
    }

    /// The filter in nextest's language. A test is named without its modules.
    fn filter(&self) -> String {
        let binary = self.binary;
        match self.test {
            Some(test) => format!("(binary_id(={binary}) & test(/(^|::){test}$/))"),
            None => format!("binary_id(={binary})"),
        }
    }
}

/// The test in the first line that reports a failure, and how it failed: `FAIL framepool::laws rings::a`.
fn first_failure(said: &str) -> String {
    let failure = said.lines().find_map(|line| {
        let (how, rest) = line.trim().split_once(" [")?;
        let (_, rest) = rest.split_once("s] ")?;
        let test = rest.split_once(") ").map_or(rest, |(_, test)| test);
        (!["PASS", "SLOW"].contains(&how)).then(|| format!("{how} {}", test.trim()))
    });
    failure.unwrap_or_else(|| "a test failed".to_owned())
}

fn first_error(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("error"));
    let what = lines.next().unwrap_or("cargo failed without an error");
    let place = lines.find(|line| line.trim_start().starts_with("--> "));
    format!("{what} {}", place.unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_is_named_alone_or_with_test() {
        let one = Selected::read("loom-tests::frame_end a_claim");
        assert_eq!((one.package, one.target), ("loom-tests", Some("frame_end")));
        let filter = "(binary_id(=loom-tests::frame_end) & test(/(^|::)a_claim$/))";
        assert_eq!(one.filter(), filter);
        let unit = Selected::read("framepool");
        assert_eq!((unit.package, unit.target), ("framepool", None));
        assert_eq!(unit.filter(), "binary_id(=framepool)");
    }

    #[test]
    fn the_first_failure_is_named() {
        let said = "        PASS [   0.1s] (1/3) framepool::laws rings::a\n\
            \x20       FAIL [   0.2s] (2/3) framepool::laws rings::b\n\
            \x20     Summary [   0.3s] 2/3 tests run: 1 passed, 1 failed, 0 skipped\n";
        assert_eq!(first_failure(said), "FAIL framepool::laws rings::b");
        let hung = "     TIMEOUT [ 180.0s] (1/1) loom-tests::slots a";
        assert_eq!(first_failure(hung), "TIMEOUT loom-tests::slots a");
    }

    #[test]
    fn an_error_is_told_with_its_place() {
        let said =
            "warning: unused\n  --> src/a.rs:1:1\nerror[E0425]: not found\n  --> src/b.rs:2:3\n";
        assert_eq!(
            first_error(said),
            "error[E0425]: not found --> src/b.rs:2:3"
        );
    }
}
