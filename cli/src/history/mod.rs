//! Saved histories: `framepool report`, `framepool diff`, and the gates that a job can fail on.

mod diff;
mod gate;
mod junit;
mod next_steps;
mod peak;

use std::collections::BTreeMap;

use framepool::store::{SavedHistory, SavedPool};

use crate::args::history::{DiffArgs, GateOptions, ReportArgs};
use crate::args::named;
use crate::outcome::{Problem, print};
use crate::outputs;
use crate::report::{columns_of_output, counted};
use crate::trace::is_trace;
use diff::Diff;
use gate::Before;

fn load(path: &std::path::Path) -> Result<SavedHistory, Problem> {
    if path.is_dir() {
        return Err(Problem::Input(format!(
            "{}: is a directory; give the path of a saved history",
            path.display()
        )));
    }
    SavedHistory::load(path).map_err(|error| {
        Problem::Input(if is_trace(path) {
            format!(
                "{}: is a trace, not a saved history; `framepool replay FILE` replays it and shows the report, and its \
                 `--save HISTORY` saves the history",
                path.display()
            )
        } else {
            error.to_string()
        })
    })
}

/// The pool of an earlier history that is compared with this one: that of the same name, and in the same place among the pools of
/// that name. If each history has one pool, the two are compared even under different names.
fn earlier<'h>(
    before: &'h SavedHistory,
    after: &SavedHistory,
    pool: &SavedPool,
) -> Option<&'h SavedPool> {
    let has_its_name = |it: &&SavedPool| it.name == pool.name;
    let mut same_names = after.pools.iter().filter(has_its_name);
    let place = same_names.position(|it| std::ptr::eq(it, pool))?;
    let named = before.pools.iter().filter(has_its_name).nth(place);
    match (&before.pools[..], after.pools.len()) {
        ([only], 1) => Some(named.unwrap_or(only)),
        _ => named,
    }
}

/// The frames and the time of two runs, if they differ by more than a tenth: then their totals do, and long runs have higher peaks.
fn lengths(before: &SavedPool, after: &SavedPool) -> Option<String> {
    let frames = [before, after].map(|it| it.metrics.total_frames);
    let seconds = [before, after].map(|it| it.at.as_secs_f64());
    let differ = |a: f64, b: f64| (a - b).abs() > 0.1 * a.min(b);
    let is_other = differ(frames[0] as f64, frames[1] as f64) || differ(seconds[0], seconds[1]);
    is_other.then(|| {
        let [before, after] =
            [0, 1].map(|at| format!("{} in {:.1} s", counted(frames[at], "frame"), seconds[at]));
        format!("the runs have different lengths: {before} before, {after} after")
    })
}

/// The buffers and bytes of each line of code, with all its tags.
fn by_line(pool: &SavedPool) -> BTreeMap<&str, (u64, u64)> {
    let mut held = BTreeMap::<_, (u64, u64)>::new();
    for holder in &pool.holders {
        let (buffers, bytes) = held.entry(&*holder.location).or_default();
        *buffers = buffers.saturating_add(holder.buffers);
        *bytes = bytes.saturating_add(holder.bytes);
    }
    held
}

/// Shows a saved history, and judges it.
pub(crate) fn report(args: &ReportArgs) -> Result<(), Problem> {
    let mut history = load(&args.file)?;
    let baseline = baseline(&args.gates)?;
    outputs::check(args.inputs(), &args.outputs())?;
    #[cfg(feature = "dashboard")]
    if let Some(path) = &args.html {
        outputs::write(path, framepool_dashboard::html(&history))?;
    }
    #[cfg(feature = "dashboard")]
    if let Some(path) = &args.pprof {
        let held = history.pools.iter().map(framepool_pprof::Held::saved);
        let profile = framepool_pprof::heap(&held.collect::<Vec<_>>());
        outputs::write(path, profile)?;
    }
    #[cfg(feature = "dashboard")]
    if let Some(path) = &args.firefox {
        outputs::write(path, framepool_firefox::profile(&history))?;
    }
    let shown = if args.json {
        // The text shows no single frames and samples.
        for pool in &mut history.pools {
            pool.frames.clear();
            pool.columns.clear();
            pool.spans.clear();
        }
        print(&(serde_json::to_string_pretty(&history).map_err(Problem::bug)? + "\n"))
    } else {
        let columns = columns_of_output();
        print(&format!("{history:columns$}\n"))
    };
    judge(&history, &args.gates, baseline.as_ref()).and(shown)
}

/// Shows the differences between two histories, and judges the later one.
pub(crate) fn diff(args: &DiffArgs) -> Result<(), Problem> {
    let (before, after) = (load(&args.before)?, load(&args.after)?);
    let junit = named([("--junit", &args.limits.junit)]);
    outputs::check([&*args.before, &*args.after], &junit)?;
    let diff = Diff::new(&before, &after);
    let shown = if args.json {
        print(&(serde_json::to_string_pretty(&diff).map_err(Problem::bug)? + "\n"))
    } else {
        let columns = columns_of_output();
        print(&format!("{diff:columns$}\n"))
    };
    if args.limits.is_any() {
        gate::judge(&after, &args.limits, Some(Before::Earlier(&before))).and(shown)
    } else {
        shown
    }
}

/// Loads the history to compare with, before a long run begins.
pub(crate) fn baseline(gates: &GateOptions) -> Result<Option<SavedHistory>, Problem> {
    if gates.baseline.is_none() && gates.limits.max_peak_growth.is_some() {
        return Err(Problem::Input(
            "--max-peak-growth compares with a saved history; name it with --baseline FILE"
                .to_owned(),
        ));
    }
    gates.baseline.as_deref().map(load).transpose()
}

/// Judges a history, if there are gates.
pub(crate) fn judge(
    history: &SavedHistory,
    gates: &GateOptions,
    baseline: Option<&SavedHistory>,
) -> Result<(), Problem> {
    if gates.is_any() {
        let before = baseline.map(Before::Baseline);
        gate::judge(history, &gates.limits, before)
    } else {
        Ok(())
    }
}

/// Judges nothing, because the run is not complete; the file of the gates says so.
pub(crate) fn skip(
    history: &SavedHistory,
    gates: &GateOptions,
    baseline: Option<&SavedHistory>,
) -> Result<(), Problem> {
    let before = baseline.map(Before::Baseline);
    gate::skip(
        history,
        &gates.limits,
        before,
        "a signal ended the run early",
    )
}

#[cfg(test)]
mod tests;
