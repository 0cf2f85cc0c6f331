//! The library's tests under the sanitizers of the compiler: races, memory used too late, memory never given back.
//!
//! The standard library is not built anew, and nothing beyond the toolchain is needed: the flags are those of a nightly
//! compiler, which `RUSTC_BOOTSTRAP` allows on a stable one. Each sanitizer has a build folder of its own, since the flags are
//! part of what is built. The builds are optimised a little: an unoptimised one takes generic code of the standard library
//! ready compiled, which is not instrumented, and so reports hand-overs it did not see; and it is twenty times slower.
//!
//! A silent sanitizer proves nothing before it has spoken: each first runs the faults planted in
//! `tests/laws/planted.rs`, in the same binary with the same options, and has to report every one.

mod sanitizer;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::ci::each_line;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use sanitizer::{SANITIZERS, Sanitizer, Suite};

/// The factor for the rounds of all loops in the tests, as the tests read it.
const SCALE: &str = "FRAMEPOOL_TEST_SCALE";

/// Makes the planted faults happen.
const PLANTED: &str = "FRAMEPOOL_PLANTED";

/// The suite that has the planted faults.
const PLANTED_IN: &str = "laws";

/// Runs these sanitizers, or all. How many tests passed.
pub(crate) fn run(workspace: &Workspace, names: &[&str]) -> Result<u64, String> {
    let chosen = choose(names)?;
    let host = Toolchain::find()?.host;
    let mut all_passed = 0;
    for sanitizer in chosen {
        let began = Instant::now();
        let session = Session {
            workspace,
            sanitizer,
            host: &host,
            scale: scale()? * sanitizer.scale,
        };
        session.build()?;
        let built = began.elapsed();
        session.find_what_is_planted()?;
        let mut passed = 0;
        for suite in sanitizer.suites {
            passed += session.suite(suite)?;
        }
        println!(
            "{}: {passed} tests without a report, {} planted faults reported; built in {:.0?}, ran for {:.0?}",
            sanitizer.name,
            sanitizer.planted.len(),
            built,
            began.elapsed().saturating_sub(built),
        );
        all_passed += passed;
    }
    Ok(all_passed)
}

fn choose(names: &[&str]) -> Result<Vec<&'static Sanitizer>, String> {
    if names.is_empty() {
        return Ok(SANITIZERS.iter().collect());
    }
    let known = |name: &&str| {
        SANITIZERS
            .iter()
            .find(|sanitizer| sanitizer.name == *name)
            .ok_or_else(|| {
                let all: Vec<&str> = SANITIZERS.iter().map(|known| known.name).collect();
                format!("no sanitizer `{name}`; there are {}", all.join(", "))
            })
    };
    names.iter().map(known).collect()
}

fn scale() -> Result<f64, String> {
    match std::env::var(SCALE) {
        Err(_) => Ok(1.0),
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{SCALE} is `{text}`; it is a factor such as 0.1 or 20")),
    }
}

/// One sanitizer at work.
struct Session<'s> {
    workspace: &'s Workspace,
    sanitizer: &'static Sanitizer,
    host: &'s str,
    scale: f64,
}

impl Session<'_> {
    /// `cargo test` with the sanitizer, ready to be told what.
    fn cargo_test(&self) -> Command {
        let dir = self.build_dir();
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .args(["test", "--locked", "-p", "framepool", "--target", self.host])
            // Suppressions name functions in full, which line tables alone do not.
            .args(["--config", "profile.dev.debug=2"])
            .args(["--config", "profile.dev.package.\"*\".debug=2"])
            .arg("--target-dir")
            .arg(&dir)
            .current_dir(&self.workspace.root)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", self.sanitizer.flags)
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("CARGO_TERM_COLOR", "never")
            // Panics that tests expect would print traces: the standard library's cache for them is guarded by a lock that is not
            // instrumented.
            .env("RUST_BACKTRACE", "0")
            .env(SCALE, self.scale.to_string());
        for (name, options) in self.sanitizer.options {
            let sources = self.workspace.root.join("xtask/src/sanitize");
            let options = options.replace("{sources}", &sources.to_string_lossy());
            command.env(name, options);
        }
        command
    }

    fn build_dir(&self) -> PathBuf {
        self.workspace
            .target()
            .join("sanitize")
            .join(self.sanitizer.name)
    }

    fn build(&self) -> Result<(), String> {
        println!("$ {} (build)", self.sanitizer);
        let mut command = self.cargo_test();
        for suite in self.sanitizer.suites {
            command.args(["--test", suite.name]);
        }
        let status = command.arg("--no-run").status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(format!("{}: the tests do not build", self.sanitizer)),
            Err(error) => Err(format!("`cargo`: {error}")),
        }
    }

    /// Runs every planted fault; each must fail with its report.
    fn find_what_is_planted(&self) -> Result<(), String> {
        for planted in self.sanitizer.planted {
            let test = format!("planted::{}", planted.test);
            println!("$ {} {test}, which it must report", self.sanitizer);
            let mut command = self.cargo_test();
            command
                .args(["--test", PLANTED_IN, "--", "--exact", &test])
                .args(["--ignored", "--nocapture"])
                .env(PLANTED, "1");
            let mut output = String::new();
            let status = each_line(&mut command, |line| {
                output.push_str(line);
                output.push('\n');
            })
            .map_err(|error| format!("`cargo`: {error}"))?;
            let reported = output.lines().find(|line| line.contains(planted.report));
            match reported {
                Some(report) if !status.success() && output.contains(planted.test) => {
                    println!("  {}", report.trim());
                }
                _ => {
                    return Err(format!(
                        "{}: `{test}` was not reported ({status}); the sanitizer is not at work:\n{output}",
                        self.sanitizer
                    ));
                }
            }
        }
        Ok(())
    }

    /// Runs a suite, which must pass without a report; how many tests passed.
    fn suite(&self, suite: &Suite) -> Result<u64, String> {
        println!("$ {} --test {}", self.sanitizer, suite.name);
        let mut command = self.cargo_test();
        command.args(["--test", suite.name, "--"]);
        for skipped in suite.without {
            command.args(["--skip", skipped]);
        }
        let (mut passed, mut reports) = (0, 0);
        let status = each_line(&mut command, |text| {
            println!("{text}");
            // A test that runs alone prints a line of its own within that of its parent only if it failed.
            if let Some(rest) = text.trim().strip_prefix("test result: ok. ") {
                let count = rest.split_once(" passed").map(|(count, _)| count.parse());
                passed += count.and_then(Result::ok).unwrap_or(0);
            }
            reports += u64::from(text.contains(self.sanitizer.report));
        })
        .map_err(|error| format!("`cargo`: {error}"))?;
        let name = suite.name;
        if !status.success() || reports > 0 {
            return Err(format!(
                "{}: suite `{name}` has {reports} reports ({status})",
                self.sanitizer
            ));
        }
        if passed == 0 {
            return Err(format!("{}: suite `{name}` ran 0 tests", self.sanitizer));
        }
        Ok(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitizers_are_chosen_by_name() {
        assert_eq!(choose(&[]).expect("all").len(), SANITIZERS.len());
        assert_eq!(choose(&["address"]).expect("one")[0].name, "address");
        assert!(choose(&["thread", "memory"]).is_err());
    }

    #[test]
    fn suppressions_have_reasons_and_cover_only_the_toolchain() {
        let workspace = Workspace::find();
        let text = workspace
            .read("xtask/src/sanitize/thread.supp")
            .expect("the file");
        let mut explained = false;
        for line in text.lines() {
            if line.is_empty() {
                explained = false;
            } else if line.starts_with('#') {
                explained = true;
            } else {
                assert!(explained, "no reason above `{line}`");
                let of_the_library = line.contains("framepool");
                assert!(
                    !of_the_library || line.starts_with("race:^<alloc::sync::"),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn every_planted_fault_is_in_the_suite() {
        let text = Workspace::find()
            .read("tests/laws/planted.rs")
            .expect("the file");
        for planted in SANITIZERS.iter().flat_map(|sanitizer| sanitizer.planted) {
            assert!(text.contains(&format!("fn {}()", planted.test)));
        }
    }
}
