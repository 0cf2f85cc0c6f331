//! The report as text: five short tables, the most important numbers to the right of their names.

use std::fmt::Write as _;

use framepool::text::{Align, Table, bytes, line, lines};

use super::data::{LeakSection, PoolSection, Report, TimingSection, TraceSection};
use super::words::{count, counted, share};
use crate::measure::Spread;
use crate::watch::AlertEntry;

/// The most rows of a table.
const MAX_ROWS: usize = 25;

/// The whole report in this many columns, ending in a line feed.
pub(crate) fn render(report: &Report, columns: usize) -> String {
    let mut text = String::new();
    let parts = [
        lines(&trace(&report.trace), columns),
        report.interrupted.as_ref().map_or_else(String::new, |it| {
            let said = format!("Interrupted by {it}. Below is what was measured until then.");
            lines(&said, columns)
        }),
        pool(&report.pool, report.leaks.as_ref(), &report.trace, columns),
        report
            .leaks
            .as_ref()
            .map_or_else(String::new, |it| leaks(it, columns)),
        alert_table(&report.alerts, columns),
        report
            .growth_not_judged
            .as_ref()
            .map_or_else(String::new, |why| {
                line(&format!("The recording is {why}."), columns)
            }),
        report
            .timing
            .as_ref()
            .map_or_else(String::new, |it| timing(it, columns)),
        report.advice.as_ref().map_or_else(String::new, |it| {
            let name = if report.trace.bundled {
                ""
            } else {
                &report.trace.name
            };
            it.in_report(name, columns)
        }),
        faults(&report.faults, columns),
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(part);
        text.push('\n');
    }
    text
}

fn trace(trace: &TraceSection) -> String {
    let mut text = format!(
        "{}{}\n{} ({}, {}, {} of them by another thread) on {}, {:.2} s recorded",
        trace.name,
        if trace.bundled { " (bundled)" } else { "" },
        counted(trace.operations, "operation"),
        counted(trace.allocs, "alloc"),
        counted(trace.frees, "free"),
        count(trace.freed_by_another_thread),
        counted(trace.recorded_threads, "thread"),
        trace.seconds,
    );
    if trace.replay_threads != trace.recorded_threads {
        let _ = write!(text, ", replayed on {}", count(trace.replay_threads));
    }
    let _ = write!(text, "\n{} ", counted(trace.frames, "frame"));
    match trace.frame_ms {
        Some(length) => {
            let _ = write!(text, "of {length} ms of recorded time");
        }
        None => text.push_str("as the trace marks them"),
    }
    if trace.idle_frames_left_out > 0 {
        let _ = write!(
            text,
            "; {} of idle stretches left out",
            counted(trace.idle_frames_left_out, "empty frame")
        );
    }
    for (at, left_out) in trace.lines_left_out.iter().enumerate() {
        let _ = write!(
            text,
            "{}{} × {} (first on line {})",
            if at == 0 { "\nleft out: " } else { ", " },
            count(left_out.count),
            left_out.what,
            count(left_out.first_line),
        );
    }
    text
}

fn pool(
    pool: &PoolSection,
    leaks: Option<&LeakSection>,
    trace: &TraceSection,
    columns: usize,
) -> String {
    let mut counts = Table::new(&[
        ("what the pool counted", Align::Left),
        ("buffers", Align::Right),
        ("of allocs", Align::Right),
    ]);
    let mut row = |name: &str, number: u64| {
        let of_allocs = share(number, pool.allocs);
        counts.row([name.to_owned(), count(number), of_allocs]);
    };
    row("allocs", pool.allocs);
    row("releases", pool.releases);
    row("hits, thread's own magazine", pool.hits_thread);
    row("hits, shared depot", pool.hits_depot);
    row("misses", pool.misses);
    row("  cold: no idle block of the size class", pool.misses_cold);
    row(
        "  oversize: larger than any size class",
        pool.misses_oversize,
    );
    row(
        "  budget: after giving idle memory back",
        pool.misses_budget,
    );
    if pool.misses_frame_block > 0 {
        row(
            "  frame block: a new one was taken",
            pool.misses_frame_block,
        );
    }
    if pool.refusals > 0 {
        row("refusals", pool.refusals);
    }
    counts.row([
        "imbalance: allocs - releases".to_owned(),
        format!("{:+}", pool.imbalance),
    ]);
    counts.row(["frames of the trace".to_owned(), count(pool.frames)]);
    if let Some(leaks) = leaks {
        let frames = [
            ("quiet frames, after the trace's end", leaks.quiet_frames),
            ("frames in all", pool.frames + leaks.quiet_frames),
        ];
        for (name, number) in frames {
            counts.row([name.to_owned(), count(number)]);
        }
    }

    let mut memory = Table::new(&[
        ("memory, at most", Align::Left),
        ("bytes", Align::Right),
        ("", Align::Left),
    ]);
    let mut row = |name: &str, number: u64, note: String| {
        memory.row([name.to_owned(), bytes(number).to_string(), note]);
    };
    let ratio = pool
        .pooled_to_live
        .map(|ratio| format!("{ratio:.2} times what was asked for"));
    row(
        "asked for, at any moment of the trace",
        trace.peak_live_bytes,
        counted(trace.peak_live_buffers, "buffer"),
    );
    row(
        "in use, at a frame end",
        pool.peak_in_use_bytes,
        counted(pool.peak_in_use_buffers, "buffer"),
    );
    row(
        "from the system, at any moment",
        pool.peak_pooled_bytes,
        ratio.unwrap_or_default(),
    );
    row("idle, at a frame end", pool.peak_idle_bytes, String::new());
    row(
        "rounding, of what is in use",
        pool.peak_rounding_bytes,
        String::new(),
    );
    row(
        "the telemetry itself",
        pool.peak_telemetry_bytes,
        String::new(),
    );
    memory.row([
        "pool keys: size classes in use".to_owned(),
        pool.peak_pool_keys.to_string(),
    ]);
    format!("{counts:columns$}\n\n{memory:columns$}")
}

fn leaks(leaks: &LeakSection, columns: usize) -> String {
    if leaks.sites.is_empty() {
        return "Everything taken was given back by the trace's end.".to_owned();
    }
    let mut table = Table::new(&[
        ("never given back", Align::Site),
        ("buffers", Align::Right),
        ("asked for", Align::Right),
        ("in use", Align::Right),
        ("oldest, frames", Align::Right),
        ("taken at, s", Align::Right),
        ("thread", Align::Right),
        ("line", Align::Right),
    ])
    .spare(&[6, 5]);
    for site in leaks.sites.iter().take(MAX_ROWS) {
        table.row([
            site.site.clone(),
            count(site.buffers),
            bytes(site.bytes).to_string(),
            bytes(site.in_use_bytes).to_string(),
            count(site.oldest_age_frames),
            format!("{:.3}", site.oldest_taken_at_seconds),
            site.oldest_thread.to_string(),
            site.oldest_line.to_string(),
        ]);
    }
    let mut text = format!("{table:columns$}");
    if leaks.sites.len() > MAX_ROWS {
        let _ = write!(
            text,
            "\n… and {}; --json has them all",
            counted((leaks.sites.len() - MAX_ROWS) as u64, "more call site")
        );
    }
    let mut said = format!(
        "{}, {} asked for and {} in use, out for more than {} when {} had passed after the trace's end.",
        counted(leaks.suspects, "buffer"),
        bytes(leaks.suspect_bytes),
        bytes(leaks.suspect_in_use_bytes),
        counted(leaks.leak_after_frames, "frame"),
        counted(leaks.quiet_frames, "quiet frame"),
    );
    if leaks.pool_agrees {
        said.push_str(
            "\nThe pool was asked too: it holds as many buffers, as many bytes, and the oldest is as old.",
        );
    }
    text + "\n" + &lines(&said, columns)
}

/// The alerts with their times, each with its sentence below it; used by the demo too.
pub(crate) fn alert_table(alerts: &[AlertEntry], columns: usize) -> String {
    if alerts.is_empty() {
        return "No alerts were raised.".to_owned();
    }
    let mut table = Table::new(&[
        ("alert", Align::Left),
        ("severity", Align::Left),
        ("raised, s", Align::Right),
        ("frame", Align::Right),
        ("resolved, s", Align::Right),
        ("frame", Align::Right),
    ]);
    for entry in alerts.iter().take(MAX_ROWS) {
        let (seconds, frame) = match entry.resolved {
            Some(moment) => (format!("{:.2}", moment.seconds), count(moment.frame)),
            None => ("active".to_owned(), String::new()),
        };
        table.row([
            entry.name.to_owned(),
            entry.severity.to_owned(),
            format!("{:.2}", entry.raised.seconds),
            count(entry.raised.frame),
            seconds,
            frame,
        ]);
        table.below(format!("  {}", entry.text));
    }
    let mut text = format!("{table:columns$}");
    if alerts.len() > MAX_ROWS {
        let _ = write!(
            text,
            "\n… and {}; --json has them all",
            counted((alerts.len() - MAX_ROWS) as u64, "more alert")
        );
    }
    text
}

fn timing(timing: &TimingSection, columns: usize) -> String {
    let mut table = Table::new(&[
        ("ns per operation", Align::Left),
        ("median", Align::Right),
        ("min..max", Align::Right),
        ("net of null", Align::Right),
        ("first round", Align::Right),
        ("ratio", Align::Right),
        ("net ratio", Align::Right),
        ("peak memory", Align::Right),
    ])
    .spare(&[6, 2, 4, 3]);
    let dash = || "–".to_owned();
    let number = |number: f64| format!("{number:.1}");
    let ratio = |spread: Spread| format!("{spread:.2}");
    for it in &timing.contestants {
        let memory = it.peak_memory_bytes.map(|peak| bytes(peak).to_string());
        table.row([
            it.name.to_owned(),
            it.ns_per_operation
                .map_or_else(dash, |spread| number(spread.median)),
            it.ns_per_operation.map_or_else(dash, |spread| {
                format!("{:.1}..{:.1}", spread.min, spread.max)
            }),
            it.net_ns_per_operation
                .map_or_else(dash, |spread| number(spread.median)),
            it.first_round_ns_per_operation.map_or_else(dash, number),
            it.framepool_to_this.map_or_else(dash, ratio),
            it.net_framepool_to_this.map_or_else(dash, ratio),
            memory.unwrap_or_else(dash),
        ]);
    }
    let frame_ends = timing
        .contestants
        .first()
        .and_then(|it| it.frame_end_ns_per_operation)
        .map_or(0.0, |spread| spread.median);
    let mut text = format!(
        "An operation is an alloc with a write to both ends, or a check of both ends with a free. Counted is the threads' time, \
         without waiting for one another; {frame_ends:.1} ns of framepool's are its frame ends. {} after a first, cold one, \
         contestants in turn on {}; pool and heaps live through all of them. A ratio is framepool's time over the row's, taken round by round.\n\
         `null` has all addresses given beforehand: it is what the replay itself costs.",
        counted(u64::from(timing.rounds), "round"),
        counted(timing.cores, "core"),
    );
    let mut all = timing.contestants.iter();
    let unavailable = all.find_map(|it| it.peak_memory_unavailable.as_ref());
    let mut all = timing.contestants.iter();
    let is_measured = all.any(|it| it.peak_memory_bytes.is_some());
    match unavailable {
        Some(why) => {
            let _ = write!(text, "\nPeak memory is unavailable: {why}.");
        }
        None if is_measured => text.push_str(
            "\nPeak memory is what became resident in one replay that touches every page, in a process of its own.",
        ),
        None => text.push_str("\nPeak memory was not measured."),
    }
    format!("{table:columns$}\n{}", lines(&text, columns))
}

fn faults(faults: &[String], columns: usize) -> String {
    let written: Vec<String> = faults
        .iter()
        .map(|fault| line(&format!("FAULT: {fault}"), columns))
        .collect();
    written.join("\n")
}
