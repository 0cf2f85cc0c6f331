//! The options about saved histories: reports, differences, gates.

use std::path::{Path, PathBuf};

use clap::Args;

use super::named;
use crate::outputs::Output;

pub(crate) const REPORT_ABOUT: &str =
    "Show a saved history: as text, as data, as a page, as a profile; judge it by gates";
pub(crate) const REPORT_LONG: &str = "\
Show a saved history like the live program's report: as text, as data, as a page for the browser, or as a profile for pprof or the Firefox Profiler.

A history is saved by `replay --save`, by `demo --save`, or by a program with `store.save(path)`.";

pub(crate) const DIFF_ABOUT: &str =
    "Compare two saved histories: growth, slower times, new call sites";
pub(crate) const DIFF_LONG: &str = "\
Compare two saved histories: growth, slower times, new and gone call sites, leaks.

Pools are compared by name. If each history has one pool, the two are compared even under different names. Times depend on the machine: they are shown, but no gate judges them.";

/// `framepool report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The saved history, or a page that was saved
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write the page with this history into one file that opens from disk
    #[cfg(feature = "dashboard")]
    #[arg(long, value_name = "PAGE")]
    pub html: Option<PathBuf>,
    /// Write the call sites that hold buffers as a profile for `go tool pprof`
    #[cfg(feature = "dashboard")]
    #[arg(long, value_name = "PROFILE")]
    pub pprof: Option<PathBuf>,
    /// Write the holders of memory, and memory and alerts over time, as a profile for the Firefox Profiler
    #[cfg(feature = "dashboard")]
    #[arg(long, value_name = "PROFILE")]
    pub firefox: Option<PathBuf>,
    /// The gates.
    #[command(flatten)]
    pub gates: GateOptions,
}

impl ReportArgs {
    /// The files to read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let baseline = self.gates.baseline.as_deref();
        [Some(&*self.file), baseline].into_iter().flatten()
    }

    /// The files to write, with their options.
    pub(crate) fn outputs(&self) -> Vec<Output<'_>> {
        named([
            #[cfg(feature = "dashboard")]
            ("--html", &self.html),
            #[cfg(feature = "dashboard")]
            ("--pprof", &self.pprof),
            #[cfg(feature = "dashboard")]
            ("--firefox", &self.firefox),
            ("--junit", &self.gates.limits.junit),
        ])
    }
}

/// `framepool diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The history to compare with
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The history that is judged
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Print the differences as one JSON object
    #[arg(long)]
    pub json: bool,
    /// The gates.
    #[command(flatten)]
    pub limits: Limits,
}

/// The gates, alone and against another history.
#[derive(Clone, Debug, Default, Args)]
pub struct GateOptions {
    /// The gates.
    #[command(flatten)]
    pub limits: Limits,
    /// Fail if the peak is 10 % (see --max-peak-growth) above that of this saved history, or if a call site leaks that did not
    #[arg(long, value_name = "FILE", help_heading = GATES)]
    pub baseline: Option<PathBuf>,
}

const GATES: &str = "Gates: exit code 3 if one fails";

/// The gates. Counts and bytes only: they are the same on a slow machine.
#[derive(Clone, Debug, Default, Args)]
pub struct Limits {
    /// Fail if more call sites than this are growing: leaks
    #[arg(long, value_name = "N", help_heading = GATES, value_parser = sites, allow_negative_numbers = true)]
    pub max_growing: Option<u64>,
    /// Fail if a pool ever held more from the system: bytes, or with a unit such as 180MiB or 200MB
    #[arg(long, value_name = "SIZE", help_heading = GATES, value_parser = size, allow_negative_numbers = true)]
    pub max_peak: Option<u64>,
    /// Fail if a larger share of all allocs took memory from the system, such as 1%
    #[arg(long, value_name = "PERCENT", help_heading = GATES, value_parser = part, allow_negative_numbers = true)]
    pub max_misses: Option<f64>,
    /// Fail if the peak exceeds that of the other history by more than this, such as 10%
    #[arg(long, value_name = "PERCENT", help_heading = GATES, value_parser = percent, allow_negative_numbers = true)]
    pub max_peak_growth: Option<f64>,
    /// The file for the gates as test cases.
    #[arg(long, help = "Write the gates as test cases in JUnit's format", value_name = "FILE", help_heading = GATES)]
    pub junit: Option<PathBuf>,
}

impl GateOptions {
    /// Whether there is any gate.
    pub(crate) fn is_any(&self) -> bool {
        self.baseline.is_some() || self.limits.is_any()
    }
}

impl Limits {
    pub(crate) fn is_any(&self) -> bool {
        self.max_growing.is_some()
            || self.max_peak.is_some()
            || self.max_misses.is_some()
            || self.max_peak_growth.is_some()
            || self.junit.is_some()
    }
}

/// Units of sizes. Among units with the same letter, the longer comes first.
const UNITS: [(&str, u64); 7] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("b", 1),
];

pub(super) fn size(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let with_unit = UNITS
        .iter()
        .find_map(|&(unit, bytes)| Some((lower.strip_suffix(unit)?, bytes)));
    let (number, unit) = with_unit.unwrap_or((&lower, 1));
    let number = number.trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .map(|number| (number * unit as f64) as u64)
        .ok_or_else(|| "bytes, or a size such as 180MiB, 200MB, 1.5GiB".to_owned())
}

fn sites(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| "a whole number of call sites, such as `--max-growing 0`".to_owned())
}

/// A percentage of a whole.
fn part(text: &str) -> Result<f64, String> {
    let part = percent(text).ok().filter(|part| *part <= 100.0);
    part.ok_or_else(|| "a percentage from 0% to 100%, such as 1% or 0.5%".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "a percentage such as 1% or 0.5%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_percentages_are_read() {
        assert_eq!(size("180MiB"), Ok(180 << 20));
        assert_eq!(size("1.5 gb"), Ok(1_500_000_000));
        assert_eq!((size("4096"), size("7B")), (Ok(4096), Ok(7)));
        for wrong in ["", "MiB", "-1", "12 potatoes", "nan"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!((percent("1%"), percent("0.5")), (Ok(1.0), Ok(0.5)));
        assert_eq!((part("100%"), percent("200%")), (Ok(100.0), Ok(200.0)));
        assert!(part("200%").is_err() && part("-1").is_err() && sites("-1").is_err());
        assert!(percent("all").is_err() && percent("-1%").is_err());
    }
}
