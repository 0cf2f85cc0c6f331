//! Running a command so that its output is shown and, for tests, counted.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::suites::{Tally, plain};
use crate::workspace::Workspace;

/// An address at which nobody answers: whatever wants to fetch toolchain parts on its own fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Runs the commands of one step.
#[derive(Debug)]
pub(crate) struct Runner<'w> {
    pub(crate) workspace: &'w Workspace,
    /// The suites that ran.
    pub(crate) tally: Tally,
    environment: Vec<(&'static str, &'static str)>,
    locked: bool,
}

impl<'w> Runner<'w> {
    pub(crate) fn new(workspace: &'w Workspace) -> Self {
        Self {
            workspace,
            tally: Tally::default(),
            environment: Vec::new(),
            locked: workspace.root.join("Cargo.lock").is_file(),
        }
    }

    /// Sets an environment variable for the commands of this step.
    pub(crate) fn set(&mut self, name: &'static str, value: &'static str) {
        self.environment.push((name, value));
    }

    /// `cargo` with these arguments, ready to be run.
    pub(crate) fn cargo_command(&self, arguments: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.workspace.root);
        self.prepare(&mut command);
        command
    }

    /// Gives a command this step's environment.
    pub(crate) fn prepare(&self, command: &mut Command) {
        if in_ci() {
            command.env("RUSTUP_DIST_SERVER", NOWHERE);
        }
        if std::env::var_os("CARGO_TERM_COLOR").is_none() {
            let coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            command.env(
                "CARGO_TERM_COLOR",
                if coloured { "always" } else { "never" },
            );
        }
        command.env("CARGO_TERM_PROGRESS_WHEN", "never");
        command.envs(self.environment.iter().copied());
    }

    /// Runs `cargo` with these arguments.
    pub(crate) fn cargo(&mut self, arguments: &[&str]) -> Result<(), String> {
        announce("cargo", arguments);
        let status = self
            .cargo_command(arguments)
            .status()
            .map_err(|error| format!("`cargo`: {error}"))?;
        judge(status, arguments)
    }

    /// The same with `--locked`, where the lock file is part of the repository.
    pub(crate) fn cargo_locked(&mut self, task: &str, arguments: &[&str]) -> Result<(), String> {
        self.cargo(&self.with_lock(task, arguments))
    }

    fn with_lock<'a>(&self, task: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec![task];
        if self.locked {
            all.push("--locked");
        }
        all.extend(arguments);
        all
    }

    /// Runs `cargo test`, counts the tests, and fails if a suite ran none or the whole command ran none.
    pub(crate) fn cargo_test(&mut self, arguments: &[&str]) -> Result<(), String> {
        let mut arguments = self.with_lock("test", arguments);
        arguments.insert(1, "--no-fail-fast");
        announce("cargo", &arguments);
        let mut command = self.cargo_command(&arguments);
        let before = self.tally.suites.len();
        let status = each_line(&mut command, |line| {
            println!("{line}");
            let line = plain(line);
            self.tally.read(&line);
        })
        .map_err(|error| format!("`cargo test`: {error}"))?;
        let suites = &self.tally.suites[before..];
        let broken = suites
            .iter()
            .filter(|suite| suite.failed > 0 || !suite.finished);
        let broken: Vec<&str> = broken.map(|suite| suite.name.as_str()).collect();
        if !broken.is_empty() {
            return Err(format!("failing suites: {}", broken.join(", ")));
        }
        judge(status, &arguments)?;
        if suites.iter().all(|suite| suite.passed == 0) {
            return Err("not one test ran".to_owned());
        }
        let bare = arguments.contains(&"--no-default-features");
        let members = self.workspace.members()?;
        let empty: Vec<String> = suites
            .iter()
            .filter(|suite| suite.passed == 0)
            .filter_map(|suite| suite.why_not_empty(&members, bare))
            .collect();
        if empty.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "suites that ran 0 tests:\n  {}",
                empty.join("\n  ")
            ))
        }
    }
}

/// Whether this is the CI's run.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Shows a command before it runs.
pub(crate) fn announce(program: &str, arguments: &[&str]) {
    println!("$ {program} {}", arguments.join(" "));
}

fn judge(status: ExitStatus, arguments: &[&str]) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` failed ({status})", arguments.join(" ")))
    }
}

/// Runs a command and passes on each line of its output and of its messages, in the order in which they were written.
pub(crate) fn each_line(
    command: &mut Command,
    mut line: impl FnMut(&str),
) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command has our end of the pipe too: without it the reading would not end.
    command.stdout(Stdio::null());
    command.stderr(Stdio::null());
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    child.wait()
}

/// Writes a file, and makes the folders above it.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), String> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_messages_keep_their_write_order() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let mut seen = Vec::new();
        let status = each_line(&mut command, |line| seen.push(line.to_owned())).expect("a shell");
        assert_eq!(seen, ["one", "two", "three"]);
        assert_eq!(status.code(), Some(3));
    }
}
