//! The binary `framepool` on its main job, and on input it must refuse.

use super::command::{Runner, announce};

/// What is run, and the exit code it must have.
const RUNS: &[(&[&str], i32)] = &[
    (&["replay", "--quiet"], 0),
    (&["demo", "--seconds", "1", "--leak", "20"], 0),
    (&["replay", "no-such-file.csv"], 2),
    (&["replay", "src"], 2),
];

pub(crate) fn run(runner: &mut Runner<'_>) -> Result<(), String> {
    runner.cargo_locked("build", &["--release", "-p", "framepool-cli"])?;
    for (arguments, wanted) in RUNS {
        let mut all = vec!["run", "--release", "--quiet", "--"];
        all.extend(*arguments);
        announce("cargo", &all);
        let status = runner
            .cargo_command(&all)
            .status()
            .map_err(|error| format!("`cargo run`: {error}"))?;
        if status.code() != Some(*wanted) {
            return Err(format!(
                "`framepool {}` ended with {status}, not with exit code {wanted}",
                arguments.join(" ")
            ));
        }
    }
    Ok(())
}
