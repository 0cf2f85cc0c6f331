//! `cargo xtask ci`: runs the steps one after another, then prints the time and the number of tests of each.

mod command;
mod downstream;
mod hygiene;
mod imports;
mod links;
mod sanitize;
mod steps;
mod suites;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use command::Runner;
pub(crate) use steps::CHECKS;
use steps::{STEPS, Step};

use crate::workspace::Workspace;

/// The result of a step.
#[derive(Debug)]
struct Outcome {
    name: &'static str,
    time: Duration,
    /// Tests that passed and failed.
    passed: u64,
    failed: u64,
    error: Option<String>,
}

/// Runs all steps, or those that are named.
pub(crate) fn run(workspace: &Workspace, wanted: &[&str]) -> ExitCode {
    if wanted == ["--list"] {
        for step in STEPS {
            println!("{:14} {}", step.name, step.what);
        }
        return ExitCode::SUCCESS;
    }
    let unknown: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|name| STEPS.iter().all(|step| step.name != *name))
        .collect();
    if !unknown.is_empty() {
        eprintln!(
            "no step `{}`; `cargo xtask ci --list` lists them",
            unknown.join("`, `")
        );
        return ExitCode::FAILURE;
    }
    let steps: Vec<&Step> = STEPS
        .iter()
        .filter(|step| wanted.is_empty() || wanted.contains(&step.name))
        .collect();
    let mut outcomes = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        println!(
            "\n━━━ {} ({} of {}): {}",
            step.name,
            at + 1,
            steps.len(),
            step.what
        );
        let outcome = attempt(workspace, step);
        let failed = outcome.error.is_some();
        outcomes.push(outcome);
        if failed {
            break;
        }
    }
    close(&outcomes, steps.len())
}

fn attempt(workspace: &Workspace, step: &Step) -> Outcome {
    let began = Instant::now();
    let mut runner = Runner::new(workspace);
    let error = (step.run)(&mut runner).err();
    let outcome = Outcome {
        name: step.name,
        time: began.elapsed(),
        passed: runner.passed,
        failed: runner.failed,
        error,
    };
    match &outcome.error {
        None => println!("─── {}: ok in {}", step.name, seconds(outcome.time)),
        Some(error) => println!(
            "─── {}: FAILED after {}: {error}",
            step.name,
            seconds(outcome.time)
        ),
    }
    outcome
}

/// Prints the summary. The last line says how many tests passed and failed. A step that fails without a failing test
/// counts as one failure, so a failed run never reports zero failures.
fn close(outcomes: &[Outcome], steps: usize) -> ExitCode {
    println!("\n━━━ summary\n");
    println!("{:14} {:>7} {:>7}  result", "step", "time", "tests");
    for outcome in outcomes {
        let tests = outcome.passed + outcome.failed;
        println!(
            "{:14} {:>7} {:>7}  {}",
            outcome.name,
            seconds(outcome.time),
            if tests == 0 {
                String::new()
            } else {
                tests.to_string()
            },
            if outcome.error.is_none() {
                "ok"
            } else {
                "FAILED"
            }
        );
    }
    let total: Duration = outcomes.iter().map(|outcome| outcome.time).sum();
    println!("{:14} {:>7}", "total", seconds(total));
    let failed_step = outcomes.iter().find(|outcome| outcome.error.is_some());
    if let Some(outcome) = failed_step {
        println!(
            "\nstep `{}` failed: {}",
            outcome.name,
            outcome.error.as_deref().unwrap_or_default()
        );
        println!("this step alone: cargo xtask ci {}", outcome.name);
        if outcomes.len() < steps {
            println!("not run: {} steps after it", steps - outcomes.len());
        }
    }
    println!("\n{}", closing_line(outcomes));
    if failed_step.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn closing_line(outcomes: &[Outcome]) -> String {
    let passed: u64 = outcomes.iter().map(|outcome| outcome.passed).sum();
    let failed: u64 = outcomes
        .iter()
        .map(|outcome| outcome.failed.max(u64::from(outcome.error.is_some())))
        .sum();
    format!("{passed} passed, {failed} failed")
}

/// A time as `3.2 s` or `4m 05s`.
fn seconds(time: Duration) -> String {
    if time.as_secs() < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{}m {:02}s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: u64, failed: u64, error: bool) -> Outcome {
        Outcome {
            name: "some",
            time: Duration::ZERO,
            passed,
            failed,
            error: error.then(String::new),
        }
    }

    #[test]
    fn closing_line_adds_up_and_red_run_fails() {
        let all = [outcome(40, 0, false), outcome(2, 0, false)];
        assert_eq!(closing_line(&all), "42 passed, 0 failed");
        let red = [outcome(40, 0, false), outcome(0, 0, true)];
        assert_eq!(closing_line(&red), "40 passed, 1 failed");
        let tests = [outcome(40, 3, true)];
        assert_eq!(closing_line(&tests), "40 passed, 3 failed");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(seconds(Duration::from_millis(3210)), "3.2 s");
        assert_eq!(seconds(Duration::from_secs(245)), "4m 05s");
    }

    #[test]
    fn every_step_has_its_own_name() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
