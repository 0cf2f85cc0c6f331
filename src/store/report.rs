//! The store's text report: status, memory, flow, frame times with their recent course, alerts, leaks.

mod stacks;
mod usage;

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use self::stacks::write_stacks;
use self::usage::{write_advice, write_usage};
use super::diagnostics::DiagnosticsStore;
use super::past::event::EventKind;
use super::saved::{SavedAlert, SavedHistory, SavedPool};
use super::subscribers::{AlertSubscriber, SubscriberState};
use crate::health::{AlertState, LeakVerdict, write_head, write_metrics};
use crate::telemetry::breakdown::{sizes_table, threads_table};
use crate::telemetry::frame_memory::{FrameRow, write_frame_memory};
use crate::telemetry::tags::table;
use crate::text::{Align, Table, bytes, counted, sparkline};

/// The most bars of a course.
const WIDTH: usize = 60;

/// The most resolved alerts listed.
const RESOLVED: usize = 5;

/// The most sizes, and threads, listed.
const LISTED: usize = 10;

/// The most marks listed.
const MARKS: usize = 10;

/// The headings of the lists of call sites.
const VERDICTS: [(LeakVerdict, &str); 4] = [
    (LeakVerdict::Growing, "growing: leaks by call site"),
    (LeakVerdict::Overdue, "overdue by call site"),
    (LeakVerdict::Filling, "filling by call site, no leak so far"),
    (LeakVerdict::Held, "held by call site, no leak"),
];

impl fmt::Display for DiagnosticsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SavedHistory::of(&self.kept(), self.alert_subscribers(), false).fmt(f)
    }
}

impl fmt::Display for SavedHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pools.is_empty() {
            return f.write_str("nothing received yet");
        }
        for (place, pool) in self.pools.iter().enumerate() {
            if place > 0 {
                f.write_str("\n\n")?;
            }
            write_head(f, &pool.name, pool.status, &pool.metrics, pool.time)?;
            write_metrics(f, &pool.metrics)?;
            write_courses(f, pool)?;
            write_worst(f, pool)?;
            write_verdicts(f, pool)?;
            write_long_lived(f, pool)?;
            write_open(f, pool)?;
            if !pool.tags.is_empty() {
                write!(f, "\n\n{}", table(&pool.tags))?;
            }
            write_sizes(f, pool)?;
            write_threads(f, pool)?;
            write_stacks(f, pool)?;
            write_frame_sites(f, pool)?;
            write_usage(f, pool)?;
            write_advice(f, pool)?;
        }
        write_active(f, self)?;
        write_resolved(f, self)?;
        write_marks(f, self)?;
        write_subscribers(f, self)
    }
}

/// The sizes with the most memory, the smallest first.
fn write_sizes(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let mut sizes = pool.sizes.clone();
    sizes.retain(|size| size.blocks() > 0);
    sizes.sort_by_key(|size| Reverse(size.total_bytes()));
    let left_out = sizes.len().saturating_sub(LISTED);
    sizes.truncate(LISTED);
    sizes.sort_by_key(|size| size.block_bytes.unwrap_or(u64::MAX));
    write_breakdown(f, &sizes_table(&sizes), sizes.len(), left_out)
}

fn write_threads(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let threads = &pool.threads[..pool.threads.len().min(LISTED)];
    let left_out = pool.threads.len() - threads.len();
    write_breakdown(f, &threads_table(threads), threads.len(), left_out)
}

/// What fills frame memory, if a sampled frame allocated anything.
fn write_frame_sites(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.frame_sites.is_empty() {
        return Ok(());
    }
    let (listed, left_out) = pool
        .frame_sites
        .split_at(pool.frame_sites.len().min(LISTED));
    let mut sampling = pool.frame_sampling;
    sampling.other = left_out
        .iter()
        .fold(sampling.other, |sum, site| sum.plus(site.counts));
    let rows = listed.iter().map(|site| FrameRow {
        location: site.location.clone(),
        tag: &site.tag,
        counts: site.counts,
        most_bytes: site.most_bytes,
    });
    f.write_str("\n\n")?;
    write_frame_memory(f, &sampling, rows)
}

fn write_breakdown(
    f: &mut fmt::Formatter<'_>,
    table: &Table,
    listed: usize,
    left_out: usize,
) -> fmt::Result {
    if listed == 0 {
        return Ok(());
    }
    write!(f, "\n\n{table}")?;
    if left_out > 0 {
        write!(f, "\n{} left out", counted(left_out as u64, "smaller one"))?;
    }
    Ok(())
}

fn write_courses(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let judgements = pool.courses.iter().map(|it| it.values.len()).max();
    let head = format!("course, latest {} judgements", judgements.unwrap_or(0));
    let mut table = Table::new(&[
        (&head, Align::Left),
        ("least", Align::Right),
        ("most", Align::Right),
        ("oldest to latest", Align::Left),
    ]);
    let mut is_empty = true;
    for course in pool.courses.iter().filter(|course| course.values.len() > 1) {
        let words = |number: f64| match &*course.unit {
            "By" => bytes(number as u64).to_string(),
            unit => format!("{number:.2} {unit}"),
        };
        let values = course.values.iter().copied();
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(0.0, f64::max);
        table.row([
            course.name.clone(),
            words(least),
            words(most),
            sparkline(&course.values, WIDTH).to_string(),
        ]);
        is_empty = false;
    }
    if is_empty {
        return Ok(());
    }
    write!(f, "\n\n{table}")
}

/// The worst frame of each kind.
fn write_worst(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.worst.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("worst frame by", Align::Left),
        ("value", Align::Right),
        ("frame end", Align::Right),
        ("at", Align::Left),
        ("largest miss", Align::Left),
    ]);
    for frame in &pool.worst {
        let value = match &*frame.unit {
            "ns" => format!("{:.2} ms", frame.value as f64 / 1e6),
            "By" => bytes(frame.value).to_string(),
            _ => frame.value.to_string(),
        };
        table.row([
            frame.kind.clone(),
            value,
            frame.frame.to_string(),
            frame.time.to_string(),
            frame.site.clone().unwrap_or_default(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_long_lived(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.long_lived.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("long-lived buffers by call site", Align::Left),
        ("buffers", Align::Right),
        ("bytes", Align::Right),
    ]);
    for site in &pool.long_lived {
        table.row([
            site.location.clone(),
            site.buffers.to_string(),
            bytes(site.bytes).to_string(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_open(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.open_too_long.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("frames open for too long", Align::Left),
        ("for", Align::Right),
        ("for, frames", Align::Right),
        ("begun at", Align::Left),
    ]);
    for frame in &pool.open_too_long {
        table.row([
            format!("frame {}", frame.id),
            seconds(frame.age),
            frame.age_frames.to_string(),
            frame.location.clone(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_active(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let worst_first = history.active();
    if worst_first.is_empty() {
        return f.write_str("\n\nno alert is active");
    }
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
        let site = alert.site.clone().unwrap_or_default();
        table.row([
            alert.rule.to_string(),
            alert.severity.to_string(),
            alert.rule.in_words(alert.value),
            alert.rule.in_words(alert.threshold),
            alert.rule.in_words(alert.worst),
            alert.raised_frame.to_string(),
            seconds(alert.at.saturating_sub(alert.raised_at)),
            alert.count.to_string(),
            alert.pool.clone(),
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
fn write_verdicts(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    for (verdict, heading) in VERDICTS {
        let mut sites = pool.with(verdict).peekable();
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
        ]);
        for site in sites {
            table.row([
                site.location.clone(),
                site.buffers.to_string(),
                bytes(site.bytes).to_string(),
                site.oldest_age_frames.to_string(),
                site.since_frame.to_string(),
                site.thread.clone(),
            ]);
            if let Some(growth) = site.growth {
                // The rate, and the time at which memory is full.
                for part in format!("grows {growth}").split("; ") {
                    table.below(format!("  {part}"));
                }
            }
        }
        write!(f, "\n\n{table}")?;
    }
    Ok(())
}

fn write_resolved(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let now = |alert: &SavedAlert| {
        let pool = history.pools.iter().find(|pool| pool.id == alert.pool_id);
        pool.map_or(alert.at, |pool| pool.at)
    };
    let latest_first = history.alerts.iter().rev();
    let mut latest_first = latest_first
        .filter(|alert| alert.state == AlertState::Resolved)
        .take(RESOLVED);
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
        let site = alert.site.clone().unwrap_or_default();
        table.row([
            alert.rule.to_string(),
            alert.severity.to_string(),
            alert.rule.in_words(alert.worst),
            seconds(alert.at.saturating_sub(alert.raised_at)),
            alert.count.to_string(),
            seconds(now(alert).saturating_sub(alert.at)),
            alert.pool.clone(),
            site,
        ]);
    }
    write!(f, "\n\n{table}")
}

fn write_marks(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let marks: Vec<_> = history
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Mark)
        .collect();
    if marks.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("mark", Align::Left),
        ("at", Align::Left),
        ("frame", Align::Right),
    ]);
    for mark in &marks[marks.len().saturating_sub(MARKS)..] {
        let frame = mark.frame.map(|frame| frame.to_string());
        table.row([
            mark.text.clone(),
            mark.time.to_string(),
            frame.unwrap_or_default(),
        ]);
    }
    write!(f, "\n\n{table}")
}

/// The subscribers that missed alerts.
fn write_subscribers(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let missed = |it: &&AlertSubscriber| it.dropped > 0 || it.state == SubscriberState::Panicked;
    let mut missed = history.subscribers.iter().filter(missed).peekable();
    if missed.peek().is_none() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("told of alerts, not of all", Align::Left),
        ("state", Align::Left),
        ("dropped", Align::Right),
    ]);
    for it in missed {
        table.row([
            it.name.clone(),
            it.state.to_string(),
            it.dropped.to_string(),
        ]);
    }
    write!(f, "\n\n{table}")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
