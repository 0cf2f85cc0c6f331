//! The methods by which laws are checked: where their tests are, how they are run, what they cannot see.

use std::process::Command;

use super::claims::{self, Test};
use super::figures::Reader;
use crate::ci::each_line;
use crate::workspace::Workspace;

/// A way of checking.
#[derive(Debug)]
pub(crate) struct Method {
    /// The name, as it stands in the tables and the figures.
    pub(crate) name: &'static str,
    /// Folders and files with its tests.
    pub(crate) places: &'static [&'static str],
    /// The arguments to `cargo` that run them.
    pub(crate) command: &'static [&'static str],
    /// Whether each of its tests says how much it explored.
    pub(crate) explores: bool,
    pub(crate) blind: &'static str,
}

impl Method {
    /// Its tests, as the sources declare them.
    pub(crate) fn tests(&self, workspace: &Workspace) -> Result<Vec<Test>, String> {
        let mut tests = Vec::new();
        for place in self.places {
            tests.extend(claims::below(workspace, place)?);
        }
        Ok(tests)
    }

    /// Runs its tests one after another and reads what they print.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<Reader, String> {
        println!("$ cargo {}", self.command.join(" "));
        let mut command = Command::new("cargo");
        command
            .args(self.command)
            .args(["--", "--show-output", "--test-threads", "1"])
            .current_dir(&workspace.root);
        let mut reader = Reader::default();
        let status = each_line(&mut command, |line| {
            println!("{line}");
            reader.read(line);
        })
        .map_err(|error| format!("`cargo`: {error}"))?;
        if status.success() {
            Ok(reader)
        } else {
            Err(format!(
                "`cargo {}` failed ({status})",
                self.command.join(" ")
            ))
        }
    }
}

/// All methods, the most exact first.
pub(crate) const METHODS: &[Method] = &[
    Method {
        name: "loom",
        places: &["loom-tests/tests"],
        command: &["test", "--release", "-p", "loom-tests", "--tests"],
        explores: true,
        blind: "more than two or three threads; what comes after the bound on preemptions; arc-swap and the queue \
                themselves (stand-ins); a stale value that only a later fence forbids",
    },
    Method {
        name: "shuttle",
        places: &["shuttle-tests/tests"],
        command: &["test", "--release", "-p", "shuttle-tests", "--tests"],
        explores: true,
        blind: "weak orderings: every access is sequentially consistent; schedules that were not drawn",
    },
    Method {
        name: "stress",
        places: &["tests/laws"],
        command: &["test", "--release", "-p", "framepool", "--test", "laws"],
        explores: false,
        blind: "orderings that x86-64 never shows; what two cores do not happen to do",
    },
    Method {
        name: "accounting",
        places: &["tests/memory", "tests/health_allocations.rs"],
        command: &[
            "test",
            "--release",
            "-p",
            "framepool",
            "--test",
            "memory",
            "--test",
            "health_allocations",
        ],
        explores: false,
        blind: "memory that does not come from the global allocator: none does",
    },
    Method {
        name: "property",
        places: &["tests/oracle"],
        command: &["test", "--release", "-p", "framepool", "--test", "oracle"],
        explores: false,
        blind: "races: the threads take turns, so that every number has one right value",
    },
    Method {
        name: "contract",
        places: &["tests/contract", "tests/diagnostics.rs", "tests/health.rs"],
        command: &[
            "test",
            "--release",
            "-p",
            "framepool",
            "--test",
            "contract",
            "--test",
            "diagnostics",
            "--test",
            "health",
        ],
        explores: false,
        blind: "what nobody thought of: each is an example",
    },
];
