//! Building and running the checks in the copy.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::planted::Planted;
use super::suite::{Selection, Suite, everything, selections};
use super::tree::Tree;
use super::verdict::{Ended, Verdict, noticed};
use crate::ci::CHECKS;
use crate::workspace::Workspace;

/// A run is stopped after this and so many times what it took in the unchanged copy.
const MIN_LIMIT: Duration = Duration::from_mins(1);
const TIMES: u32 = 2;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The copy, ready for bugs to be planted in it.
#[derive(Debug)]
pub(crate) struct Bench<'w> {
    workspace: &'w Workspace,
    tree: Tree,
    /// How long each suite took in the unchanged copy.
    usual: BTreeMap<&'static str, Duration>,
}

impl<'w> Bench<'w> {
    pub(crate) fn set_up(workspace: &'w Workspace) -> Result<Self, String> {
        Ok(Self {
            workspace,
            tree: Tree::copy(workspace)?,
            usual: BTreeMap::new(),
        })
    }

    /// Runs in the unchanged copy all that is to notice the chosen bugs: it must pass.
    pub(crate) fn control(
        &mut self,
        chosen: &[&'static Planted],
        all_checks: bool,
    ) -> Result<(), String> {
        let selections = if all_checks {
            everything()
        } else {
            selections(
                chosen
                    .iter()
                    .flat_map(|planted| planted.noticed_by.iter().map(String::as_str)),
            )?
        };
        for selection in &selections {
            let began = Instant::now();
            let executable = self.build(selection.suite)?;
            let built = began.elapsed();
            let began = Instant::now();
            let seen = self.execute("control", selection, &executable, Duration::from_mins(30))?;
            if !seen.is_empty() {
                return Err(format!(
                    "the unchanged copy fails: {}; see {}",
                    seen.join(", "),
                    self.output("control", selection.suite).display()
                ));
            }
            self.usual.insert(selection.suite.name, began.elapsed());
            println!(
                "control: {:20} built in {:5.1} s, passed in {:5.1} s",
                selection.suite.name,
                built.as_secs_f64(),
                began.elapsed().as_secs_f64()
            );
        }
        Ok(())
    }

    /// Plants a bug and runs what should notice it, until one does, or with `all_checks` everything; then the copy is as
    /// before.
    pub(crate) fn plant(&self, planted: &'static Planted, all_checks: bool) -> Verdict {
        let verdict = self
            .put_in(planted)
            .and_then(|()| self.look(planted, all_checks));
        let restored = self
            .workspace
            .read(&planted.file)
            .and_then(|text| self.tree.put(&planted.file, text.as_bytes()));
        match verdict.and_then(|verdict| restored.map(|()| verdict)) {
            Ok(verdict) => verdict,
            Err(fault) => Verdict::Broken(fault),
        }
    }

    fn put_in(&self, planted: &Planted) -> Result<(), String> {
        let text = self.workspace.read(&planted.file)?;
        let changed = planted.apply(&text)?;
        self.tree.put(&planted.file, changed.as_bytes())
    }

    fn look(&self, planted: &'static Planted, all_checks: bool) -> Result<Verdict, String> {
        let selections = if all_checks {
            everything()
        } else {
            selections(planted.noticed_by.iter().map(String::as_str))?
        };
        let mut seen = Vec::new();
        for selection in &selections {
            let executable = self.build(selection.suite)?;
            let usual = self.usual.get(selection.suite.name);
            let limit = MIN_LIMIT + usual.copied().unwrap_or_default() * TIMES;
            seen.extend(self.execute(&planted.name, selection, &executable, limit)?);
            if !all_checks && !seen.is_empty() {
                break;
            }
        }
        Ok(if seen.is_empty() {
            Verdict::Survived
        } else {
            Verdict::Noticed(seen)
        })
    }

    /// Builds a suite; where its executable is.
    fn build(&self, suite: &Suite) -> Result<PathBuf, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(["test", "--profile", CHECKS, "--no-run", "-p", suite.package]);
        if suite.target.is_empty() {
            command.arg("--lib");
        } else {
            command.args(["--test", suite.target]);
        }
        if self.tree.root.join("Cargo.lock").is_file() {
            command.arg("--locked");
        }
        let output = command
            .current_dir(&self.tree.root)
            .env("CARGO_TARGET_DIR", &self.tree.build)
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("CARGO_MANIFEST_DIR")
            .output()
            .map_err(|error| format!("`cargo test`: {error}"))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("does not compile: {}", first_error(&messages)));
        }
        executable(&messages).ok_or_else(|| format!("{}: no executable was built", suite.name))
    }

    /// Runs a suite's executable; what it noticed.
    fn execute(
        &self,
        occasion: &str,
        selection: &Selection,
        executable: &PathBuf,
        limit: Duration,
    ) -> Result<Vec<String>, String> {
        let suite = selection.suite;
        let path = self.output(occasion, suite);
        let told = |error: std::io::Error| format!("{}: {error}", executable.display());
        let file = File::create(&path).map_err(told)?;
        let package = self.tree.root.join(suite.dir());
        let mut command = Command::new(executable);
        command
            .args(&selection.tests)
            .current_dir(&package)
            .env("CARGO_MANIFEST_DIR", &package)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(told)?)
            .stderr(file);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(told)?;
        let ended = wait(child, limit).map_err(told)?;
        let output = fs::read(&path).map_err(told)?;
        noticed(suite.name, &String::from_utf8_lossy(&output), ended)
    }

    /// Where a run's output goes.
    fn output(&self, occasion: &str, suite: &Suite) -> PathBuf {
        let suite = suite.name.replace('/', "-");
        self.tree.output.join(format!("{occasion}.{suite}.txt"))
    }
}

/// Waits until the run ends, and stops it, with all that it started, at its limit.
fn wait(mut child: Child, limit: Duration) -> std::io::Result<Ended> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::By(status));
        }
        if began.elapsed() > limit {
            #[cfg(unix)]
            let _ = Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", child.id())])
                .status();
            let _ = child.kill();
            child.wait()?;
            return Ok(Ended::Hung);
        }
        std::thread::sleep(LOOK);
    }
}

/// The executable that cargo says it has built.
fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("Executable ")?;
        let (_, path) = rest.strip_suffix(')')?.split_once(" (")?;
        Some(PathBuf::from(path))
    })
}

fn first_error(messages: &str) -> String {
    let mut lines = messages
        .lines()
        .skip_while(|line| !line.starts_with("error"));
    let what = lines.next().unwrap_or("cargo failed without an error");
    let place = lines.find(|line| line.trim_start().starts_with("--> "));
    format!("{what} {}", place.unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_one_cargo_names() {
        let messages = "   Compiling framepool v0.1.0 (/some/where)\n    Finished `checks` profile\n\
            \x20 Executable tests/laws/main.rs (/build/mutants/deps/laws-0a1b)\n";
        let path = executable(messages).expect("a path");
        assert_eq!(path, PathBuf::from("/build/mutants/deps/laws-0a1b"));
        let unit = "  Executable unittests src/lib.rs (/build/deps/framepool-0a1b)\n";
        assert!(executable(unit).is_some());
        assert!(executable("    Finished `checks` profile\n").is_none());
    }

    #[test]
    fn an_error_is_told_with_its_place() {
        let messages =
            "warning: unused\n  --> src/a.rs:1:1\nerror[E0425]: not found\n  --> src/b.rs:2:3\n";
        assert_eq!(
            first_error(messages),
            "error[E0425]: not found --> src/b.rs:2:3"
        );
    }

    #[cfg(unix)]
    #[test]
    fn run_past_its_limit_is_killed_as_hung() {
        let sleeper = Command::new("sleep").arg("60").spawn().expect("sleep");
        let began = Instant::now();
        let ended = wait(sleeper, Duration::from_millis(50)).expect("waited");
        assert!(matches!(ended, Ended::Hung));
        assert!(began.elapsed() < Duration::from_secs(30));
        let quick = Command::new("true").spawn().expect("true");
        let ended = wait(quick, Duration::from_mins(1)).expect("waited");
        assert!(matches!(ended, Ended::By(status) if status.success()));
    }
}
