//! The table of steps, in the order in which CI runs them: the quick ones first.

use std::process::ExitCode;

use super::command::Runner;
use super::{downstream, hygiene, links, sanitize};
use crate::hot_paths;
use crate::mutants;

/// The members that compile the library with the types of a model checker or with noise (`src/sync.rs`). They have their own
/// steps, because they are far too slow without optimisation.
const OTHER_BUILDS: [&str; 3] = ["loom-tests", "shuttle-tests", "stress-tests"];

/// The profile for these. It optimises less than `release`, with which the builds would take longer than the tests.
pub(crate) const CHECKS: &str = "checks";

/// The only example of an integration that ends by itself. The others wait for a viewer.
const MEMBERS_EXAMPLE: &str = "headless";

/// How many planted bugs are tried in each run.
const SAMPLE: &str = "6";

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&mut Runner<'_>) -> Result<(), String>,
}

/// All steps, in their order.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "setup",
        what: "installs what is missing: C and C++ compilers, linker, tools, rustfmt, clippy",
        run: |runner| runner.script(".ci/setup"),
    },
    Step {
        name: "fmt",
        what: "every member is formatted by rustfmt",
        run: |runner| runner.cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "hygiene",
        what: "no machine paths, no forgotten notes; memory orderings have their comments; names of tests are short; no cycle of imports in src/",
        run: |runner| hygiene::run(runner.workspace),
    },
    Step {
        name: "documents",
        what: "links between documents lead to files that exist",
        run: |runner| links::check(runner.workspace),
    },
    Step {
        name: "planted",
        what: "every planted bug still applies to the sources",
        run: |runner| mutants(runner, &["--check"]),
    },
    Step {
        name: "clippy",
        what: "no warning, with default features, without, with serde, and with backtrace",
        run: clippy,
    },
    Step {
        name: "docs",
        what: "documentation builds without a warning, including private items",
        run: documentation,
    },
    Step {
        name: "tests",
        what: "all tests, with debug assertions",
        run: |runner| runner.tests(&plain_members(&["--tests"])),
    },
    Step {
        name: "tests-release",
        what: "the library's tests, optimised as in users' programs",
        run: |runner| runner.tests(&["--release", "-p", "framepool", "--tests"]),
    },
    Step {
        name: "tests-bare",
        what: "the library's tests and examples without default features",
        run: |runner| {
            let bare = ["-p", "framepool", "--no-default-features"];
            runner.tests(&[&bare[..], &["--tests"]].concat())?;
            runner.doctests(&bare)
        },
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation, including those that must not compile",
        run: |runner| runner.doctests(&plain_members(&[])),
    },
    Step {
        name: "machine-code",
        what: "no lock, no division and no call in the hot paths, from their disassembly",
        run: |runner| hot_paths::check(runner.workspace),
    },
    Step {
        name: "instructions",
        what: "no hot path takes more instructions than the baseline says, counted by callgrind",
        run: |runner| hot_paths::compare(runner.workspace),
    },
    Step {
        name: "loom",
        what: "the models of every protocol",
        run: |runner| explore(runner, "loom"),
    },
    Step {
        name: "shuttle",
        what: "larger scenarios under random schedules",
        run: |runner| explore(runner, "shuttle"),
    },
    Step {
        name: "stress",
        what: "the library's tests with random yields and spins before atomic accesses",
        run: |runner| runner.tests(&["--cargo-profile", CHECKS, "-p", "stress-tests", "--tests"]),
    },
    Step {
        name: "thread-sanitizer",
        what: "the library's tests under ThreadSanitizer",
        run: |runner| sanitize::run(runner, &sanitize::THREAD),
    },
    Step {
        name: "address-sanitizer",
        what: "the library's tests under AddressSanitizer and LeakSanitizer",
        run: |runner| sanitize::run(runner, &sanitize::ADDRESS),
    },
    Step {
        name: "fuzz",
        what: "each fuzz target runs its corpus, and then new inputs",
        run: |runner| runner.script("fuzz/run"),
    },
    Step {
        name: "mutants",
        what: "tests notice a sample of the planted bugs; each commit has another sample",
        run: |runner| mutants(runner, &["--sample", SAMPLE, "--seed", "commit"]),
    },
    Step {
        name: "build",
        what: "benches and examples build",
        run: build,
    },
    Step {
        name: "examples",
        what: "every example runs",
        run: examples,
    },
    Step {
        name: "downstream",
        what: "a project that depends on the library builds, and gets no unexpected package",
        run: downstream::run,
    },
    Step {
        name: "smoke",
        what: "the binary does its main job, and refuses bad input",
        run: smoke,
    },
];

fn clippy(runner: &mut Runner<'_>) -> Result<(), String> {
    for selection in [
        &["--workspace"][..],
        &["-p", "framepool", "--no-default-features"],
        &["-p", "framepool", "--features", "serde"],
        &["-p", "framepool", "--features", "backtrace"],
    ] {
        let mut arguments = selection.to_vec();
        arguments.extend(["--all-targets", "--", "-D", "warnings"]);
        runner.cargo_locked("clippy", &arguments)?;
    }
    // Most programs build them without the features that the tests turn on.
    for member in ["framepool-tracy", "framepool-bevy"] {
        let arguments = ["-p", member, "--lib", "--", "-D", "warnings"];
        runner.cargo_locked("clippy", &arguments)?;
    }
    Ok(())
}

/// Selects every member except [`OTHER_BUILDS`], and adds these arguments.
fn plain_members<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["--workspace"];
    for member in OTHER_BUILDS {
        all.extend(["--exclude", member]);
    }
    all.extend(arguments);
    all
}

/// Runs the tests of a model checker. Each fails if it explored only one execution.
fn explore(runner: &mut Runner<'_>, method: &str) -> Result<(), String> {
    let member = format!("{method}-tests");
    runner.tests(&["--cargo-profile", CHECKS, "-p", &member, "--tests"])
}

fn mutants(runner: &Runner<'_>, arguments: &[&str]) -> Result<(), String> {
    if mutants::run(runner.workspace, arguments) == ExitCode::SUCCESS {
        return Ok(());
    }
    Err(format!(
        "`cargo xtask mutants {}` failed",
        arguments.join(" ")
    ))
}

/// The binary and the library have the same name, and so the same folder. The library's public pages are written last, so
/// they stay.
fn documentation(runner: &mut Runner<'_>) -> Result<(), String> {
    runner.set("RUSTDOCFLAGS", "-D warnings");
    for arguments in [
        &["-p", "xtask", "--bins", "--document-private-items"][..],
        &["-p", "framepool-cli", "--lib", "--document-private-items"],
        &["-p", "framepool", "--document-private-items"],
        &[
            "-p",
            "framepool",
            "--features",
            "allocator-api2,serde,backtrace",
        ],
    ] {
        let mut all = vec!["--no-deps"];
        all.extend(arguments);
        runner.cargo_locked("doc", &all)?;
    }
    Ok(())
}

/// Builds with the same features as the tests, so that no crate is built again.
fn build(runner: &mut Runner<'_>) -> Result<(), String> {
    let targets = ["--bins", "--benches", "--examples"];
    runner.cargo_locked("build", &plain_members(&targets))
}

fn examples(runner: &mut Runner<'_>) -> Result<(), String> {
    build(runner)?;
    let dir = runner.workspace.root.join("examples");
    let entries = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names.push(MEMBERS_EXAMPLE.to_owned());
    for name in &names {
        let code = runner.built(&format!("examples/{name}"), &[])?;
        if code != Some(0) {
            return Err(format!("the example {name} ended with exit code {code:?}"));
        }
    }
    println!("{} examples ran", names.len());
    Ok(())
}

/// Arguments of the binary, and the exit code that it must have.
const SMOKE: [(&[&str], i32); 4] = [
    (&["replay", "--quiet"], 0),
    (&["demo", "--seconds", "1", "--leak", "20"], 0),
    (&["replay", "no-such-file.csv"], 2),
    (&["replay", "src"], 2),
];

fn smoke(runner: &mut Runner<'_>) -> Result<(), String> {
    build(runner)?;
    for (arguments, wanted) in SMOKE {
        let code = runner.built("framepool", arguments)?;
        if code != Some(wanted) {
            return Err(format!(
                "`framepool {}` ended with exit code {code:?}, not {wanted}",
                arguments.join(" ")
            ));
        }
    }
    Ok(())
}
