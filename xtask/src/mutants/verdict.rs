//! What a run of tests says of a planted bug.

use std::collections::BTreeSet;
use std::process::ExitStatus;

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ended {
    By(ExitStatus),
    /// It was stopped at its time limit.
    Hung,
}

/// What became of a planted bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Who noticed, as `suite::test`.
    Noticed(Vec<String>),
    Survived,
    /// The list is wrong: it says nothing of the checks.
    Broken(String),
}

/// What one run noticed; nothing if all its tests passed. An error if no test ran.
pub(crate) fn noticed(suite: &str, output: &str, ended: Ended) -> Result<Vec<String>, String> {
    let mut noticed: Vec<String> = output
        .lines()
        .filter_map(|line| {
            let (test, result) = line.trim().strip_prefix("test ")?.split_once(" ... ")?;
            result
                .ends_with("FAILED")
                .then(|| format!("{suite}::{}", test.trim_end_matches(" - should panic")))
        })
        .collect();
    // A test that runs itself again in a process of its own passes on what that printed.
    let mut seen = BTreeSet::new();
    noticed.retain(|test| seen.insert(test.clone()));
    match ended {
        Ended::Hung => noticed.push(format!("{suite} hung")),
        Ended::By(status) if status.success() => {
            if passed(output) == 0 {
                return Err(format!("{suite}: not one test ran"));
            }
        }
        Ended::By(status) => {
            if noticed.is_empty() {
                noticed.push(format!("{suite} died ({status})"));
            }
        }
    }
    Ok(noticed)
}

/// How many tests passed, by the harness's summary.
fn passed(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| {
            let rest = line.trim().strip_prefix("test result: ")?;
            let before = rest.split_once(" passed")?.0;
            before.rsplit(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    const PASSED: &str = "running 2 tests\ntest rings::a ... ok\ntest rings::b ... ok\n\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 30 filtered out; finished in 0.1s\n";

    /// As the system gives it: the code above, a signal below.
    fn status(code: i32, signal: i32) -> Ended {
        Ended::By(ExitStatus::from_raw(code << 8 | signal))
    }

    #[test]
    fn tests_that_pass_notice_nothing() {
        assert_eq!(noticed("laws", PASSED, status(0, 0)), Ok(Vec::new()));
    }

    #[test]
    fn run_without_a_test_is_an_error() {
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 32 filtered out\n";
        assert!(noticed("laws", none, status(0, 0)).is_err());
        assert!(noticed("laws", "", status(0, 0)).is_err());
    }

    #[test]
    fn every_test_that_failed_is_named() {
        let output = "test rings::a ... FAILED\ntest rings::b ... ok\n\
            test rings::a ... FAILED\ntest exits::c - should panic ... FAILED\ntest result: FAILED. 1 passed; 2 failed\n";
        assert_eq!(
            noticed("laws", output, status(101, 0)),
            Ok(vec![
                "laws::rings::a".to_owned(),
                "laws::exits::c".to_owned()
            ])
        );
    }

    #[test]
    fn a_crash_and_a_hang_count_as_noticed() {
        let crashed = noticed("laws", "running 2 tests\n", status(0, 11)).expect("a verdict");
        assert!(crashed[0].contains("laws died") && crashed[0].contains("11"));
        // Even if what it printed before looks well.
        assert!(
            !noticed("laws", PASSED, status(0, 6))
                .expect("a verdict")
                .is_empty()
        );
        assert_eq!(
            noticed("laws", "running 2 tests\n", Ended::Hung),
            Ok(vec!["laws hung".to_owned()])
        );
    }
}
