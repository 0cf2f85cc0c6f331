//! The store's text report: status, memory, flow, frame times with their recent course, alerts, leaks.

mod alerts;
mod stacks;
mod usage;

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use self::alerts::{write_active, write_marks, write_resolved, write_subscribers};
use self::stacks::write_stacks;
use self::usage::{write_advice, write_usage};
use super::diagnostics::DiagnosticsStore;
use super::saved::{SavedHistory, SavedPool};
use crate::health::{LeakVerdict, write_head, write_metrics};
use crate::telemetry::breakdown::{sizes_table, threads_table};
use crate::telemetry::frame_memory::{FrameRow, write_frame_memory};
use crate::telemetry::tags::table;
use crate::text::{Align, Table, bytes, columns, counted, line, sparkline};

/// The most bars of a course.
const WIDTH: usize = 60;

/// The most sizes, and threads, listed.
const LISTED: usize = 10;

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
            write_run(f, pool)?;
            write_courses(f, pool)?;
            write_worst(f, pool)?;
            write_verdicts(f, pool)?;
            write_long_lived(f, pool)?;
            write_open(f, pool)?;
            if !pool.tags.is_empty() {
                write(f, &table(&pool.tags))?;
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
    write(f, table)?;
    if left_out > 0 {
        write!(f, "\n{} left out", counted(left_out as u64, "smaller one"))?;
    }
    Ok(())
}

/// The most memory in use, and whether growth was judged.
fn write_run(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let columns = columns(f);
    let mut write = |text: String| write!(f, "\n{}", line(&text, columns));
    // The first of several equally high ones.
    let highest = pool.frames.iter().rev().max_by_key(|it| it.in_use_bytes);
    if let Some(highest) = highest {
        write(format!(
            "  most    {} in use at the end of frame {}, of the latest {}",
            bytes(highest.in_use_bytes),
            highest.frame,
            counted(pool.frames.len() as u64, "frame")
        ))?;
    }
    match pool.growth_not_judged() {
        Some(why) => write(format!("  growth  {why}")),
        None => Ok(()),
    }
}

fn write_courses(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let longest = pool.courses.iter().max_by_key(|it| it.values.len());
    let head = longest.map_or_else(String::new, |it| {
        let judgements = it.values.len();
        format!("last {:.1} s, {judgements} readings", it.span.as_secs_f64())
    });
    let mut table = Table::new(&[
        (&head, Align::Left),
        ("least", Align::Right),
        ("most", Align::Right),
        ("oldest to latest", Align::Left),
    ]);
    // What the other columns leave.
    let width = columns(f).saturating_sub(54).clamp(10, WIDTH);
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
            sparkline(&course.values, width).to_string(),
        ]);
        is_empty = false;
    }
    if is_empty {
        return Ok(());
    }
    write(f, &table)
}

/// The worst frame of each kind.
fn write_worst(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.worst.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("worst frame after the warm-up", Align::Left),
        ("value", Align::Right),
        ("frame end", Align::Right),
        ("at", Align::Left),
        ("largest miss", Align::Site),
    ])
    .spare(&[3]);
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
    write(f, &table)
}

fn write_long_lived(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.long_lived.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("long-lived buffers by call site", Align::Site),
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
    write(f, &table)
}

fn write_open(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.open_too_long.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("frames open for too long", Align::Left),
        ("for", Align::Right),
        ("for, frames", Align::Right),
        ("begun at", Align::Site),
    ]);
    for frame in &pool.open_too_long {
        table.row([
            format!("frame {}", frame.id),
            seconds(frame.age),
            frame.age_frames.to_string(),
            frame.location.clone(),
        ]);
    }
    write(f, &table)
}

/// The call sites with old buffers, under a heading for each verdict.
fn write_verdicts(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    for (verdict, heading) in VERDICTS {
        let mut sites = pool.with(verdict).peekable();
        if sites.peek().is_none() {
            continue;
        }
        let since = match verdict {
            LeakVerdict::Growing | LeakVerdict::Filling => "growing since frame",
            LeakVerdict::Overdue => "growing or steady since frame",
            LeakVerdict::Held => "steady since frame",
        };
        let mut table = Table::new(&[
            (heading, Align::Site),
            ("buffers", Align::Right),
            ("in use", Align::Right),
            ("oldest, frames", Align::Right),
            (since, Align::Right),
            ("thread", Align::Site),
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
        write(f, &table)?;
    }
    Ok(())
}

/// A table after a blank line.
fn write(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let columns = columns(f);
    write!(f, "\n\n{table:columns$}")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
