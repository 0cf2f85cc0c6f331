//! Runs commands, shows their output, and counts the tests in it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitStatus, Stdio};

use super::suites::{self, Counts};
use crate::workspace::Workspace;

/// An address without a server: a command that would download a part of the toolchain fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The exit code of nextest if tests failed and the build did not.
const TESTS_FAILED: i32 = 100;

/// Runs the commands of one step.
#[derive(Debug)]
pub(crate) struct Runner<'w> {
    pub(crate) workspace: &'w Workspace,
    /// The tests that passed and failed.
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    environment: Vec<(&'static str, &'static str)>,
}

impl<'w> Runner<'w> {
    pub(crate) fn new(workspace: &'w Workspace) -> Self {
        Self {
            workspace,
            passed: 0,
            failed: 0,
            environment: Vec::new(),
        }
    }

    /// Sets an environment variable for the commands of this step.
    pub(crate) fn set(&mut self, name: &'static str, value: &'static str) {
        self.environment.push((name, value));
    }

    /// A command that runs `cargo` with these arguments.
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
            // Everything is built once. Preparing for a second build would cost a quarter of the time.
            command.env("CARGO_INCREMENTAL", "0");
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
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Result<(), String> {
        announce("cargo", arguments);
        let status = self
            .cargo_command(arguments)
            .status()
            .map_err(|error| format!("`cargo`: {error}"))?;
        judge(status, arguments)
    }

    /// Runs a script of the repository.
    pub(crate) fn script(&self, path: &str) -> Result<(), String> {
        announce("bash", &[path]);
        let mut command = Command::new("bash");
        let status = command.arg(path).current_dir(&self.workspace.root).status();
        if status.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        Err(format!("`bash {path}` failed"))
    }

    /// Runs an executable that the checks have built. Returns its exit code.
    pub(crate) fn built(&self, path: &str, arguments: &[&str]) -> Result<Option<i32>, String> {
        announce(path, arguments);
        let program = self.workspace.target().join("debug").join(path);
        let mut command = Command::new(&program);
        let status = command
            .args(arguments)
            .current_dir(&self.workspace.root)
            .status();
        let status = status.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(status.code())
    }

    /// Runs a task of `cargo`, and fails if the lock file would change.
    pub(crate) fn cargo_locked(&mut self, task: &str, arguments: &[&str]) -> Result<(), String> {
        let mut all = vec![task, "--locked"];
        all.extend(arguments);
        self.cargo(&all)
    }

    /// Runs the tests of this selection, and fails if one fails or a suite has none.
    pub(crate) fn tests(&mut self, selection: &[&str]) -> Result<(), String> {
        let mut list = vec!["nextest", "list", "--locked", "--message-format", "json"];
        list.extend(selection);
        let output = self.nextest(&list).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("`cargo nextest`: {error}"))?;
        judge(output.status, &list)?;
        suites::all_have_tests(&output.stdout)?;

        let mut run = vec!["nextest", "run", "--locked", "--profile", "ci"];
        run.extend(selection);
        self.count(self.nextest(&run), &run).map(|_| ())
    }

    /// Runs one test of this selection, which must fail with this text in its output.
    pub(crate) fn failing_test(&self, selection: &[&str], report: &str) -> Result<(), String> {
        let mut run = vec!["nextest", "run", "--locked", "--profile", "ci"];
        run.extend(selection);
        announce("cargo", &run);
        let mut output = String::new();
        let status = each_line(&mut self.nextest(&run), |line| {
            output.push_str(line);
            output.push('\n');
        })
        .map_err(|error| format!("`cargo`: {error}"))?;
        let found = output.lines().find(|line| line.contains(report));
        match found {
            Some(line) if status.code() == Some(TESTS_FAILED) => {
                println!("failed, as it must: {}", line.trim());
                Ok(())
            }
            _ => Err(format!(
                "no test failed with `{report}` ({status}):\n{output}"
            )),
        }
    }

    /// Runs the examples in the documentation of this selection, and fails if one fails or a library has none.
    pub(crate) fn doctests(&mut self, selection: &[&str]) -> Result<(), String> {
        let mut arguments = vec!["test", "--locked", "--no-fail-fast", "--doc"];
        arguments.extend(selection);
        let counts = self.count(self.cargo_command(&arguments), &arguments)?;
        let metadata = ["metadata", "--no-deps", "--format-version", "1"];
        let output = self.cargo_command(&metadata).output();
        let output = output.map_err(|error| format!("`cargo metadata`: {error}"))?;
        counts.all_libraries_have_examples(&output.stdout)
    }

    /// Runs a command that runs tests, and counts them.
    fn count(&mut self, mut command: Command, arguments: &[&str]) -> Result<Counts, String> {
        announce("cargo", arguments);
        let mut counts = Counts::default();
        let status = each_line(&mut command, |line| {
            println!("{line}");
            counts.read(line);
        })
        .map_err(|error| format!("`cargo`: {error}"))?;
        self.passed += counts.passed;
        self.failed += counts.failed;
        judge(status, arguments)?;
        if counts.passed == 0 {
            return Err("no test ran".to_owned());
        }
        Ok(counts)
    }

    /// Without colours: their codes would break up the words that are counted.
    fn nextest(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo_command(arguments);
        command.env("CARGO_TERM_COLOR", "never");
        command
    }
}

/// Whether this run is in CI.
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

/// Runs a command, and passes on each line of its standard output and standard error, in the order of writing.
pub(crate) fn each_line(
    command: &mut Command,
    mut line: impl FnMut(&str),
) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds a copy of the pipe's writing end. Without this the reading would never end.
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
