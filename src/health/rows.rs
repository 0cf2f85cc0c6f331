//! What every rule measures, from the numbers of one judgement.

use std::panic::Location;
use std::time::Duration;

use super::Severity;
use super::next_step::Situation;
use super::rules::Rule;
use crate::telemetry::open_frames::OpenFrame;

/// One measurement of a rule, for one call site or for the whole pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) rule: Rule,
    pub(crate) site: Option<&'static Location<'static>>,
    /// The number of the tag, if the rule judges tags; else zero.
    pub(crate) tag: usize,
    /// The line of code to look at, if the rule judges the whole pool.
    pub(crate) blamed: Option<&'static Location<'static>>,
    pub(crate) value: f64,
    /// The highest severity that the evidence allows.
    pub(crate) at_most: Severity,
}

impl Row {
    /// A measurement of one call site, or of the whole pool.
    fn new(rule: Rule, site: Option<&'static Location<'static>>, value: f64) -> Self {
        Self {
            rule,
            site,
            tag: 0,
            blamed: None,
            value,
            at_most: Severity::Critical,
        }
    }
}

/// What only the monitor knows of the frames since its previous judgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinceJudged {
    /// Frame records that were lost.
    pub(crate) lost: u64,
    /// Requests that were refused.
    pub(crate) refused: u64,
    /// The time since frames stopped ending.
    pub(crate) stalled: Duration,
    /// The call site of the largest miss.
    pub(crate) missed: Option<&'static Location<'static>>,
}

/// The current measurements of every rule.
pub(crate) fn rows<'a>(
    now: Situation<'a>,
    since: SinceJudged,
    open_too_long: &'a [OpenFrame],
) -> impl Iterator<Item = Row> {
    let metrics = now.metrics;
    let needed = metrics.needed_bytes.max(metrics.in_use_bytes);
    let spare = metrics
        .pooled_bytes
        .saturating_sub(needed)
        .saturating_sub(metrics.prewarmed_bytes);
    let of_pool = [
        (Rule::PooledBytes, metrics.pooled_bytes as f64),
        (Rule::Refusals, since.refused as f64),
        (Rule::PoolKeys, f64::from(metrics.pool_key_count)),
        (Rule::Bloat, if spare > needed { spare as f64 } else { 0.0 }),
        (Rule::FrameBudget, metrics.p99_frame_ms),
        (Rule::Stalled, since.stalled.as_secs_f64()),
        (Rule::TelemetryLost, since.lost as f64),
    ];
    let of_misses = [
        (Rule::Misses, metrics.miss_ratio),
        (Rule::MissedBytes, metrics.system_bytes_per_frame),
        (Rule::SystemCalls, metrics.system_calls_per_frame),
    ];
    let leaks = now.verdicts.iter().flat_map(move |site| {
        let has_lasted = site.growth.is_some_and(|growth| growth.lasted);
        let at_most = if has_lasted && !site.becomes_larger() {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let row = |rule, buffers: u64| Row::new(rule, Some(site.location), buffers as f64);
        let leaked = if now.counts(site) { site.leaked() } else { 0 };
        let leak = Row {
            at_most,
            ..row(Rule::Leak, leaked)
        };
        [leak, row(Rule::Overdue, site.overdue)]
    });
    let open = open_too_long
        .iter()
        .map(|frame| Row::new(Rule::OpenFrame, Some(frame.location), 1.0));
    let over_budget = now.tags.iter().enumerate().filter_map(|(at, tag)| {
        let share = tag.recent_peak_bytes as f64 / tag.warn_bytes?.max(1) as f64;
        Some(Row {
            tag: at + 1,
            ..Row::new(Rule::TagBudget, None, share)
        })
    });
    let of_pool = of_pool
        .into_iter()
        .map(|(rule, value)| Row::new(rule, None, value));
    let of_misses = of_misses.into_iter().map(move |(rule, value)| {
        let keeper = now.keeper(rule).map(|site| site.location);
        Row {
            blamed: keeper.or(since.missed),
            ..Row::new(rule, None, value)
        }
    });
    leaks
        .chain(open)
        .chain(over_budget)
        .chain(of_pool)
        .chain(of_misses)
}
