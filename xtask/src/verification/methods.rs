//! The methods by which laws are checked: where their tests are, how they are run, what they cannot see.

use std::process::Command;
use std::time::Instant;

use super::claims::{self, Test};
use super::figures::{Figure, Reader, WHOLE};
use crate::ci::each_line;
use crate::workspace::Workspace;
use crate::{fuzz, sanitize};

/// A way of checking.
#[derive(Debug)]
pub(crate) struct Method {
    /// The name, as it stands in the tables and the figures.
    pub(crate) name: &'static str,
    /// Folders and files with its tests.
    pub(crate) places: &'static [&'static str],
    pub(crate) how: How,
    /// Whether each of its tests says how much it explored.
    pub(crate) explores: bool,
    pub(crate) blind: &'static str,
}

/// How a method's tests are run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    /// By `cargo` with these arguments.
    Cargo(&'static [&'static str]),
    /// As those of other methods, whose tests these are, in another build: they are not listed twice.
    Again(&'static [&'static str]),
    Sanitizers,
    Fuzzers,
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

    /// Whether its tests are those of other methods.
    pub(crate) fn is_another_build(&self) -> bool {
        matches!(self.how, How::Again(_) | How::Sanitizers)
    }

    /// What runs it, as a user types it.
    pub(crate) fn command(&self) -> String {
        match self.how {
            How::Cargo(arguments) | How::Again(arguments) => {
                format!("cargo {}", arguments.join(" "))
            }
            How::Sanitizers => "cargo xtask sanitize".to_owned(),
            How::Fuzzers => "cargo xtask fuzz".to_owned(),
        }
    }

    /// Runs its tests, one after another, and gives what each explored, and what the whole came to.
    pub(crate) fn measure(&self, workspace: &Workspace) -> Result<Vec<(String, Figure)>, String> {
        println!("$ {}", self.command());
        let began = Instant::now();
        let mut reader = Reader::default();
        let whole = match self.how {
            How::Cargo(arguments) | How::Again(arguments) => {
                cargo(workspace, arguments, &mut reader)?;
                reader.whole()
            }
            How::Sanitizers => {
                sanitize::run(workspace, &[], &mut |line| reader.read(line))?;
                reader.whole()
            }
            How::Fuzzers => Figure {
                number: fuzz::run(workspace, &[])?,
                unit: "runs".to_owned(),
                seconds: began.elapsed().as_secs_f64(),
            },
        };
        let mut figures = reader.found;
        figures.push((WHOLE.to_owned(), whole));
        Ok(figures)
    }
}

fn cargo(workspace: &Workspace, arguments: &[&str], reader: &mut Reader) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command
        .args(arguments)
        .args(["--", "--show-output", "--test-threads", "1"])
        .current_dir(&workspace.root);
    let status = each_line(&mut command, |line| {
        println!("{line}");
        reader.read(line);
    })
    .map_err(|error| format!("`cargo`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` failed ({status})", arguments.join(" ")))
    }
}

/// All methods, the most exact first.
pub(crate) const METHODS: &[Method] = &[
    Method {
        name: "loom",
        places: &["loom-tests/tests"],
        how: How::Cargo(&["test", "--release", "-p", "loom-tests", "--tests"]),
        explores: true,
        blind: "more than two or three threads; what lies beyond a bound on preemptions; loads that see stores of their \
                future (load buffering); arc-swap and the queue themselves, which are stand-ins with a lock",
    },
    Method {
        name: "shuttle",
        places: &["shuttle-tests/tests"],
        how: How::Cargo(&["test", "--release", "-p", "shuttle-tests", "--tests"]),
        explores: true,
        blind: "weak orderings: every access is sequentially consistent; schedules that were not drawn",
    },
    Method {
        name: "steps",
        places: &["stress-tests/tests/waiting.rs"],
        how: How::Cargo(&[
            "test",
            "--release",
            "-p",
            "stress-tests",
            "--test",
            "waiting",
        ]),
        explores: false,
        blind: "what the compiler makes of a step; cache lines that share by accident",
    },
    Method {
        name: "stress",
        places: &["tests/laws", "tests/stress"],
        how: How::Cargo(&[
            "test",
            "--release",
            "-p",
            "framepool",
            "--test",
            "laws",
            "--test",
            "stress",
        ]),
        explores: false,
        blind: "orderings that x86-64 never shows; what two cores do not happen to do",
    },
    Method {
        name: "noise",
        places: &["tests/laws", "tests/stress", "tests/memory", "tests/oracle"],
        how: How::Again(&["test", "--release", "-p", "stress-tests", "--tests"]),
        explores: false,
        blind: "as stress, but switches between any two accesses are frequent",
    },
    Method {
        name: "accounting",
        places: &["tests/memory", "tests/health_allocations.rs"],
        how: How::Cargo(&[
            "test",
            "--release",
            "-p",
            "framepool",
            "--test",
            "memory",
            "--test",
            "health_allocations",
        ]),
        explores: false,
        blind: "memory that does not come from the global allocator: none does",
    },
    Method {
        name: "property",
        places: &["tests/oracle"],
        how: How::Cargo(&["test", "--release", "-p", "framepool", "--test", "oracle"]),
        explores: false,
        blind: "races: the threads take turns, so that every number has one right value",
    },
    Method {
        name: "fuzz",
        places: &["fuzz/tests"],
        how: How::Fuzzers,
        explores: false,
        blind: "interleavings; inputs that no run came upon",
    },
    Method {
        name: "examples",
        places: &[
            "tests/contract",
            "tests/diagnostics.rs",
            "tests/health.rs",
            "src",
        ],
        how: How::Cargo(&[
            "test",
            "--release",
            "-p",
            "framepool",
            "--lib",
            "--test",
            "contract",
            "--test",
            "diagnostics",
            "--test",
            "health",
        ]),
        explores: false,
        blind: "what nobody thought of",
    },
    Method {
        name: "compile-fail",
        places: &["tests/compile_fail/main.rs"],
        how: How::Cargo(&["test", "-p", "framepool", "--test", "compile_fail"]),
        explores: false,
        blind: "misuse that needs unsafe code",
    },
    Method {
        name: "sanitizers",
        places: &[
            "tests/laws",
            "tests/contract",
            "tests/oracle",
            "tests/memory",
        ],
        how: How::Sanitizers,
        explores: false,
        blind: "what does not happen in the run; the standard library's own code, which is not instrumented; hand-overs by \
                fences (six suppressions, each with its reason, in xtask/src/sanitize/thread.supp)",
    },
];
