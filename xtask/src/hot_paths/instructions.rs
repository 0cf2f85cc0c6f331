//! Counts instructions per operation with callgrind, and compares them with the baseline.
//!
//! Each path runs twice, with different numbers of operations. The difference of the two totals, divided by the difference of
//! the numbers, is exactly the cost of one warm operation.

use std::path::Path;
use std::process::Command;

use super::programs::{self, Program};
use super::{BUILDS, Baseline, Weight};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The paths: the name for the probe, and the function whose instructions callgrind counts. An operation of `index-loop` is one
/// element.
const PATHS: [(&str, &str); 8] = [
    ("pooled-pair", "*probe_pooled_pair*"),
    ("pooled-alloc", "*probe_pooled_alloc*"),
    ("pooled-drop", "*probe_pooled_drop*"),
    ("index-loop", "*probe_index_loop*"),
    ("frame-alloc", "*probe_frame_alloc*"),
    ("frame-alloc-coloured", "*probe_frame_alloc*"),
    ("frame-alloc-sampled", "*probe_frame_alloc*"),
    ("arena-loop", "*probe_arena_loop*"),
];
const FEW: u64 = 1_000;
const MANY: u64 = 3_000;

/// The tolerance: a change of the code makes a larger difference. In the loop, so does reading the start again in each round.
const HALF: f64 = 0.5;

/// Counts, and fails if a path takes more instructions than in the baseline.
pub(crate) fn compare(workspace: &Workspace) -> Result<(), String> {
    let baseline = Baseline::read(workspace)?;
    let Some(weight) = Weight::of(&baseline)? else {
        return Ok(());
    };
    println!(
        "{:<34} {:>8} {:>9}",
        "instructions per operation", "counted", "baseline"
    );
    let mut more = 0;
    each_path(|section, path, counted| {
        let name = format!("{path}, {section}");
        let Some(before) = baseline.get(section, path) else {
            println!(
                "{name:<34} {counted:>8.1} {:>9}  new: add it with --bless",
                "-"
            );
            more += 1;
            return;
        };
        let verdict = if counted > before + HALF {
            more += 1;
            "MORE"
        } else if counted < before - HALF {
            "fewer: lower it with --bless"
        } else {
            "ok"
        };
        println!("{name:<34} {counted:>8.1} {before:>9.1}  {verdict}");
    })?;
    weight.outcome(
        more,
        "paths take more instructions than the baseline allows",
    )
}

/// Counts, and writes a new baseline.
pub(crate) fn bless(workspace: &Workspace) -> Result<(), String> {
    let mut fresh = Baseline::of(Toolchain::find()?.rustc);
    if Weight::of(&fresh)?.is_none() {
        return Err("nothing was counted, so no baseline was written".to_owned());
    }
    each_path(|section, path, counted| fresh.add(section, path, counted))?;
    fresh.write(workspace)
}

/// Counts every path of both builds.
fn each_path(mut counted: impl FnMut(&str, &str, f64)) -> Result<(), String> {
    for (build, section) in BUILDS {
        let program = programs::build(Program::HotPaths, build)?;
        for (path, function) in PATHS {
            let few = total(&program, path, function, FEW)?;
            let many = total(&program, path, function, MANY)?;
            let per_operation = (many - few) as f64 / (MANY - FEW) as f64;
            counted(section, path, per_operation);
        }
    }
    Ok(())
}

/// The number of instructions executed within the function.
fn total(program: &Path, path: &str, function: &str, times: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={function}"))
        .arg(program)
        .args(["count", path, &times.to_string()])
        .output()
        .map_err(|error| format!("`valgrind`: {error}; `cargo xtask ci setup` installs it"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing: {said}"))
}
