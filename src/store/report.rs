//! The store as a page of text: status, memory, flow, frame times with their recent course, alerts, leaks.

use std::fmt;
use std::time::Duration;

use super::diagnostics::{DiagnosticsStore, Kept};
use crate::health::{
    Alert, AlertState, HealthSnapshot, LeakVerdict, RuntimeHealthMetrics, write_head, write_metrics,
};
use crate::sync::Arc;
use crate::text::{Align, Table, bytes, sparkline};

/// Bars of a course.
const WIDTH: usize = 60;

/// Resolved alerts listed.
const RESOLVED: usize = 5;

/// The headings of the lists of call sites.
const VERDICTS: [(LeakVerdict, &str); 4] = [
    (LeakVerdict::Growing, "growing: leaks by call site"),
    (LeakVerdict::Overdue, "overdue by call site"),
    (LeakVerdict::Filling, "filling by call site, no leak so far"),
    (LeakVerdict::Held, "held by call site, no leak"),
];

/// What the courses show: name, number, and the number in words.
type Course = (
    &'static str,
    fn(&RuntimeHealthMetrics) -> f64,
    fn(f64) -> String,
);

const COURSES: [Course; 3] = [
    (
        "p99 frame time",
        |m| m.p99_frame_ms,
        |ms| format!("{ms:.2} ms"),
    ),
    (
        "in use",
        |m| m.in_use_bytes as f64,
        |count| bytes(count as u64).to_string(),
    ),
    (
        "pooled",
        |m| m.pooled_bytes as f64,
        |count| bytes(count as u64).to_string(),
    ),
];

impl fmt::Display for DiagnosticsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        if kept.pools.is_empty() {
            return f.write_str("nothing received yet");
        }
        for (place, pool) in kept.pools.iter().enumerate() {
            if place > 0 {
                f.write_str("\n\n")?;
            }
            let latest = pool.latest();
            write_head(f, latest)?;
            write_metrics(f, &latest.metrics)?;
            write_courses(f, &pool.history())?;
            write_worst(f, latest)?;
            write_verdicts(f, latest)?;
            write_long_lived(f, latest)?;
            write_open(f, latest)?;
        }
        write_active(f, &kept)?;
        write_resolved(f, &kept)
    }
}

fn write_courses(f: &mut fmt::Formatter<'_>, history: &[Arc<HealthSnapshot>]) -> fmt::Result {
    if history.len() < 2 {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("course", Align::Left),
        ("least", Align::Right),
        ("most", Align::Right),
        ("oldest to latest", Align::Left),
    ]);
    for (name, number, words) in COURSES {
        let series: Vec<f64> = history.iter().map(|h| number(&h.metrics)).collect();
        let least = series.iter().copied().fold(f64::INFINITY, f64::min);
        let most = series.iter().copied().fold(0.0, f64::max);
        table.row([
            name.to_owned(),
            words(least),
            words(most),
            sparkline(&series, WIDTH).to_string(),
        ]);
    }
    write!(f, "\n\n{table}")
}

/// The worst frame of each kind.
fn write_worst(f: &mut fmt::Formatter<'_>, latest: &HealthSnapshot) -> fmt::Result {
    let worst = &latest.worst;
    let kinds = [
        ("frame time", worst.by_time[0]),
        ("bytes from the system", worst.by_system_bytes[0]),
        ("misses", worst.by_misses[0]),
    ];
    if kinds.iter().all(|(_, frame)| frame.is_none()) {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("worst frame by", Align::Left),
        ("value", Align::Right),
        ("frame end", Align::Right),
        ("at", Align::Left),
        ("largest miss", Align::Left),
    ]);
    for (place, (kind, frame)) in kinds.into_iter().enumerate() {
        let Some(frame) = frame else { continue };
        let value = match place {
            0 => format!("{:.2} ms", frame.value as f64 / 1e6),
            1 => bytes(frame.value).to_string(),
            _ => frame.value.to_string(),
        };
        table.row([
            kind.to_owned(),
            value,
            frame.frame.to_string(),
            frame.time.to_string(),
            frame.site.map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_long_lived(f: &mut fmt::Formatter<'_>, latest: &HealthSnapshot) -> fmt::Result {
    if latest.long_lived.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("long-lived buffers by call site", Align::Left),
        ("buffers", Align::Right),
        ("bytes", Align::Right),
    ]);
    for site in latest.long_lived.iter() {
        table.row([
            site.location.to_string(),
            site.long_lived.to_string(),
            bytes(site.long_lived_bytes).to_string(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_open(f: &mut fmt::Formatter<'_>, latest: &HealthSnapshot) -> fmt::Result {
    if latest.open_too_long.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("frames open for too long", Align::Left),
        ("for", Align::Right),
        ("for, frames", Align::Right),
        ("begun at", Align::Left),
    ]);
    for frame in &latest.open_too_long {
        table.row([
            format!("frame {}", frame.id),
            seconds(frame.age),
            frame.age_frames.to_string(),
            frame.location.to_string(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_active(f: &mut fmt::Formatter<'_>, kept: &Kept) -> fmt::Result {
    let mut worst_first: Vec<&Alert> = kept.active().collect();
    if worst_first.is_empty() {
        return f.write_str("\n\nno alert is active");
    }
    worst_first.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    let mut table = Table::new(&[
        ("active alert", Align::Left),
        ("severity", Align::Left),
        ("value", Align::Right),
        ("limit", Align::Right),
        ("worst", Align::Right),
        ("since frame", Align::Right),
        ("for", Align::Right),
        ("times", Align::Right),
        ("pool", Align::Left),
        ("call site", Align::Left),
    ]);
    for alert in &worst_first {
        let site = alert.site.map(ToString::to_string).unwrap_or_default();
        table.row([
            alert.rule.to_string(),
            alert.severity.to_string(),
            alert.rule.in_words(alert.value),
            alert.rule.in_words(alert.threshold),
            alert.rule.in_words(alert.worst),
            alert.raised_frame.to_string(),
            seconds(alert.lasted()),
            alert.count.to_string(),
            alert.pool.to_string(),
            site,
        ]);
    }
    write!(f, "\n\n{table}")?;
    for alert in worst_first {
        write!(f, "\n{}: {}", alert.rule, alert.next_step)?;
    }
    Ok(())
}

/// The call sites with old buffers, under a heading for each verdict.
fn write_verdicts(f: &mut fmt::Formatter<'_>, latest: &HealthSnapshot) -> fmt::Result {
    for (verdict, heading) in VERDICTS {
        let mut sites = latest.verdicts.with(verdict).peekable();
        if sites.peek().is_none() {
            continue;
        }
        let mut table = Table::new(&[
            (heading, Align::Left),
            ("buffers", Align::Right),
            ("bytes", Align::Right),
            ("oldest, frames", Align::Right),
            ("since frame", Align::Right),
            ("thread", Align::Left),
            ("rate", Align::Left),
        ]);
        for site in sites {
            table.row([
                site.location.to_string(),
                site.buffers.to_string(),
                bytes(site.bytes).to_string(),
                site.oldest_age_frames.to_string(),
                site.since_frame.to_string(),
                site.thread.clone(),
                site.growth.map(|it| it.to_string()).unwrap_or_default(),
            ]);
        }
        write!(f, "\n\n{table}")?;
    }
    Ok(())
}

fn write_resolved(f: &mut fmt::Formatter<'_>, kept: &Kept) -> fmt::Result {
    let resolved = |alert: &&Alert| alert.state == AlertState::Resolved;
    let log = kept.log();
    let now = |alert: &Alert| {
        kept.pool(alert.pool_id)
            .map_or(alert.at, |pool| pool.latest().at)
    };
    let mut latest_first = log.iter().rev().filter(resolved).take(RESOLVED);
    let Some(latest) = latest_first.next() else {
        return Ok(());
    };
    let mut table = Table::new(&[
        ("resolved", Align::Left),
        ("severity", Align::Left),
        ("worst", Align::Right),
        ("lasted", Align::Right),
        ("times", Align::Right),
        ("ago", Align::Right),
        ("pool", Align::Left),
        ("call site", Align::Left),
    ]);
    for alert in std::iter::once(latest).chain(latest_first) {
        let site = alert.site.map(ToString::to_string).unwrap_or_default();
        table.row([
            alert.rule.to_string(),
            alert.severity.to_string(),
            alert.rule.in_words(alert.worst),
            seconds(alert.lasted()),
            alert.count.to_string(),
            seconds(now(alert).saturating_sub(alert.at)),
            alert.pool.to_string(),
            site,
        ]);
    }
    write!(f, "\n\n{table}")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
