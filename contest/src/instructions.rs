//! Instructions per operation, counted by callgrind and held against a checked-in baseline: a measurement without a clock.
//!
//! A path is run twice with different counts; the difference of the two totals over the difference of the counts is what
//! one operation takes once everything is warm, exactly.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::probe::{self, Build};

/// The paths: name of the probe's command, what callgrind looks for.
const PATHS: [(&str, &str); 5] = [
    ("pooled-pair", "*probe_pooled_pair*"),
    ("pooled-alloc", "*probe_pooled_alloc*"),
    ("pooled-drop", "*probe_pooled_drop*"),
    ("frame-alloc", "*probe_frame_alloc*"),
    ("frame-alloc-coloured", "*probe_frame_alloc*"),
];
const FEW: u64 = 1_000;
const MANY: u64 = 3_000;

const HEAD: &str = "\
# Instructions per operation, counted by callgrind on x86-64: `cargo run --release -p contest -- instructions`.
# Each includes the probe function's own call frame, the write of the buffer's first byte, and telemetry where it is on.
# Written by `--bless`. A compiler may change them; a change of ours that raises one has to say why.
";

/// Counts, prints, and compares; whether nothing got worse.
pub(crate) fn compare(bless: bool) -> Result<bool, String> {
    let baseline = Baseline::read()?;
    let mut fresh = String::from(HEAD);
    let mut good = true;
    println!(
        "{:<34} {:>8} {:>9}",
        "instructions per operation", "counted", "baseline"
    );
    for (build, section) in [
        (Build::WithTelemetry, "telemetry"),
        (Build::WithoutTelemetry, "no-telemetry"),
    ] {
        let program = probe::build(build)?;
        let _ = writeln!(fresh, "\n[{section}]");
        for (path, function) in PATHS {
            let counted = per_operation(&program, path, function)?;
            let _ = writeln!(fresh, "{path} = {counted:.1}");
            let before = baseline.get(section, path);
            // Half an instruction is less than any change of the code makes.
            let worse = before.is_some_and(|before| counted > before + 0.5);
            good &= !worse;
            let verdict = match before {
                None => "new",
                Some(_) if worse => "FAIL",
                Some(before) if counted < before - 0.5 => "better: --bless",
                Some(_) => "ok",
            };
            let before = before.map_or("-".to_owned(), |before| format!("{before:.1}"));
            println!(
                "{:<34} {counted:>8.1} {before:>9}  {verdict}",
                format!("{path}, {section}")
            );
        }
    }
    if bless {
        std::fs::write(baseline_path(), fresh).map_err(|error| format!("baseline: {error}"))?;
    }
    Ok(good || bless)
}

fn per_operation(program: &Path, path: &str, function: &str) -> Result<f64, String> {
    let few = total(program, path, function, FEW)?;
    let many = total(program, path, function, MANY)?;
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

/// Instructions executed within the function.
fn total(program: &Path, path: &str, function: &str, times: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={function}"))
        .arg(program)
        .args(["count", path, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing: {said}"))
}

/// The checked-in numbers.
struct Baseline(Vec<(String, String, f64)>);

fn baseline_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml")
}

impl Baseline {
    fn read() -> Result<Self, String> {
        let text = match std::fs::read_to_string(baseline_path()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("baseline: {error}")),
        };
        let mut section = String::new();
        let mut entries = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value
                    .trim()
                    .parse()
                    .map_err(|_| format!("baseline: `{line}` is no count"))?;
                entries.push((section.clone(), key.trim().to_owned(), value));
            }
        }
        Ok(Self(entries))
    }

    fn get(&self, section: &str, path: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(of, key, _)| of == section && key == path)
            .map(|entry| entry.2)
    }
}
