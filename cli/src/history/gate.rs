//! Gates: limits on a history, with which a CI job can fail.
//!
//! They judge counts and bytes, no times, so their result does not depend on the machine's speed.

use std::io::Write as _;

use framepool::health::LeakVerdict;
use framepool::store::{SavedHistory, SavedPool};
use framepool::text::bytes;

use super::peak::explained;
use super::{junit, lengths, next_steps};
use crate::args::history::Limits;
use crate::outcome::{Problem, warn};
use crate::outputs::write;
use crate::report::{counted, share};

/// Percent allowed above the peak of a baseline by default.
const PEAK_GROWTH: f64 = 10.0;

/// The failure of every gate on a history without pools.
const NO_POOL: &str =
    "the history has no pool to judge, limit 1 or more; save it while a watch judges a pool";

/// The history to compare with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before<'h> {
    /// The file of `--baseline`, with default gates.
    Baseline(&'h SavedHistory),
    /// The earlier file of `diff`, with only the requested gates.
    Earlier(&'h SavedHistory),
}

/// One gate that was judged.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The option that requested it.
    pub(crate) option: &'static str,
    pub(crate) pool: String,
    /// If it failed: the value, the limit, and what to do.
    pub(crate) failure: Option<String>,
    /// If it was not judged: why.
    pub(crate) skipped: Option<String>,
}

/// Judges, prints one line for each failure, and writes the requested files.
pub(crate) fn judge(
    history: &SavedHistory,
    limits: &Limits,
    before: Option<Before<'_>>,
) -> Result<(), Problem> {
    let gates = gates(history, limits, before);
    warn_of_skipped(&gates);
    if let Some(path) = &limits.junit {
        write(path, junit::document(&gates))?;
    }
    let failures: Vec<String> = gates.iter().filter_map(sentence).collect();
    if std::env::var_os("GITHUB_ACTIONS").is_some() {
        annotate(&failures);
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Problem::Gate(failures))
    }
}

/// Judges nothing, and writes the requested files.
pub(crate) fn skip(
    history: &SavedHistory,
    limits: &Limits,
    before: Option<Before<'_>>,
    why: &str,
) -> Result<(), Problem> {
    let Some(path) = &limits.junit else {
        return Ok(());
    };
    let mut gates = gates(history, limits, before);
    for gate in &mut gates {
        gate.failure = None;
        gate.skipped = Some(why.to_owned());
    }
    write(path, junit::document(&gates))
}

pub(super) fn gates(
    history: &SavedHistory,
    limits: &Limits,
    before: Option<Before<'_>>,
) -> Vec<Gate> {
    let mut gates = Vec::new();
    if history.pools.is_empty() {
        let requested = [
            ("--max-growing", limits.max_growing.is_some()),
            ("--max-peak", limits.max_peak.is_some()),
            ("--max-misses", limits.max_misses.is_some()),
            ("--max-peak-growth", limits.max_peak_growth.is_some()),
            ("--baseline", matches!(before, Some(Before::Baseline(_)))),
        ];
        gates.extend(
            requested
                .into_iter()
                .filter(|(_, is)| *is)
                .map(|(option, _)| Gate {
                    option,
                    pool: String::new(),
                    failure: Some(NO_POOL.to_owned()),
                    skipped: None,
                }),
        );
    }
    for pool in &history.pools {
        let first = gates.len();
        alone(pool, history, limits, &mut gates);
        if let Some(before) = before {
            compared(pool, history, before, limits, &mut gates);
        }
        skip_growth(pool, &mut gates[first..]);
    }
    gates
}

fn sentence(gate: &Gate) -> Option<String> {
    let failure = gate.failure.as_ref()?;
    if gate.pool.is_empty() {
        return Some(format!("{}: {failure}", gate.option));
    }
    Some(format!("{}: pool `{}`: {failure}", gate.option, gate.pool))
}

/// A growth gate of the pool that found nothing did not pass if the run was too short to find anything.
fn skip_growth(pool: &SavedPool, gates: &mut [Gate]) {
    for gate in gates {
        let judges_growth = matches!(gate.option, "--max-growing" | "--baseline");
        if judges_growth && gate.failure.is_none() {
            gate.skipped = pool.growth_not_judged();
        }
    }
}

/// Prints one line for each gate that was not judged.
fn warn_of_skipped(gates: &[Gate]) {
    for gate in gates {
        if let Some(why) = &gate.skipped {
            warn(&format!(
                "{}: pool `{}`: not judged: {why}",
                gate.option, gate.pool
            ));
        }
    }
}

fn alone(pool: &SavedPool, history: &SavedHistory, limits: &Limits, gates: &mut Vec<Gate>) {
    let mut gate = |option, failure: Option<String>| {
        gates.push(Gate {
            option,
            pool: pool.name.clone(),
            failure,
            skipped: None,
        });
    };
    if let Some(limit) = limits.max_growing {
        let growing: Vec<_> = growing(pool).collect();
        let failure = (growing.len() as u64 > limit).then(|| {
            format!(
                "{} growing, limit {limit}: {}; {}",
                growing_sites(growing.len()),
                growing.join(", "),
                next_steps::of_growth(history, pool, &growing)
            )
        });
        gate("--max-growing", failure);
    }
    let m = &pool.metrics;
    if let Some(limit) = limits.max_peak {
        let failure = (m.peak_bytes > limit).then(|| {
            format!(
                "{} from the system at the peak, limit {}{}",
                bytes(m.peak_bytes),
                bytes(limit),
                explained(pool)
            )
        });
        gate("--max-peak", failure);
    }
    if let Some(limit) = limits.max_misses {
        let percent = 100.0 * m.total_misses as f64 / m.total_allocs.max(1) as f64;
        let failure = (percent > limit).then(|| {
            format!(
                "{} of {} took memory from the system ({}), limit {limit} %; {}",
                m.total_misses,
                counted(m.total_allocs, "alloc"),
                share(m.total_misses, m.total_allocs),
                next_steps::of_misses(history, pool)
            )
        });
        gate("--max-misses", failure);
    }
}

fn compared(
    pool: &SavedPool,
    history: &SavedHistory,
    before: Before<'_>,
    limits: &Limits,
    gates: &mut Vec<Gate>,
) {
    let (is_baseline, before) = match before {
        Before::Baseline(before) => (true, before),
        Before::Earlier(before) => (false, before),
    };
    let mut gate = |option, failure: Option<String>| {
        gates.push(Gate {
            option,
            pool: pool.name.clone(),
            failure,
            skipped: None,
        });
    };
    let growth = limits
        .max_peak_growth
        .or(is_baseline.then_some(PEAK_GROWTH));
    let Some(growth) = growth else { return };
    let Some(earlier) = super::earlier(before, history, pool) else {
        let names = before.pools.iter().map(|it| format!("`{}`", it.name));
        let names: Vec<_> = names.collect();
        let failure = format!(
            "it is not in the history compared with, which has {}; save that history again, with this pool in it, limit 0",
            if names.is_empty() {
                "no pool".to_owned()
            } else {
                names.join(", ")
            }
        );
        gate("--baseline", Some(failure));
        return;
    };
    let (peak, peak_before) = (pool.metrics.peak_bytes, earlier.metrics.peak_bytes);
    let most = peak_before as f64 * (1.0 + growth / 100.0);
    let failure = (peak as f64 > most).then(|| {
        format!(
            "{} from the system at the peak, limit {} ({} before, and {growth} %){}{}",
            bytes(peak),
            bytes(most as u64),
            bytes(peak_before),
            explained(pool),
            lengths(earlier, pool).map_or_else(String::new, |it| format!("; {it}"))
        )
    });
    gate("--max-peak-growth", failure);
    if !is_baseline {
        return;
    }
    let known: Vec<_> = growing(earlier).collect();
    let new: Vec<_> = growing(pool).filter(|site| !known.contains(site)).collect();
    let failure = (!new.is_empty()).then(|| {
        format!(
            "{} growing that did not before, limit 0: {}; {}{}",
            growing_sites(new.len()),
            new.join(", "),
            next_steps::of_growth(history, pool, &new),
            earlier
                .growth_not_judged()
                .map_or_else(String::new, |why| format!("; before: {why}"))
        )
    });
    gate("--baseline", failure);
}

/// The call sites that leak.
pub(super) fn growing(pool: &SavedPool) -> impl Iterator<Item = &str> {
    pool.with(LeakVerdict::Growing).map(|it| &*it.location)
}

fn growing_sites(number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(number as u64, "call site"))
}

/// Lines that GitHub shows next to the tested change.
fn annotate(failures: &[String]) {
    let mut out = std::io::stderr().lock();
    for failure in failures {
        let escaped = failure
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        // Standard error may be closed.
        let _ = writeln!(out, "::error title=framepool::{escaped}");
    }
}
