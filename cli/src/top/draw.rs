//! The picture: head, alerts, numbers, chart, table of call sites, tags, keys. Parts without room are left out, the table
//! last.

use std::time::Instant;

use framepool::HealthStatus;
use framepool::store::SavedAlert;
use framepool::text::{fitted, wrapped};
use framepool_dashboard::api::PoolUpdate;
use ratatui_core::terminal::Frame;

use super::chart;
use super::keys::KEYS;
use super::model::{Connection, Model};
use super::numbers::{age, milliseconds, percent, rate, size};
use super::paper::{Page, field, fields};
use super::sites::{sites, tag_table};
use super::small;
use super::style::Style;
use crate::report::{count, counted};

/// The smallest window with room for all important parts.
pub(super) const SMALLEST: (u16, u16) = (60, 15);

/// Draws the model.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model, style: Style, now: Instant) {
    let area = frame.area();
    let mut page = Page {
        buffer: frame.buffer_mut(),
        area,
        y: area.y,
    };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        small::draw(&mut page, model, style, now);
        return;
    }
    head(&mut page, model, style);
    connection(&mut page, model, style, now);
    if model.has_help {
        help(&mut page, style);
    } else if let Some(pool) = model.pool() {
        // The space between the alerts and the keys is divided: a third for the chart, the rest for the tables.
        let rows = usize::from(page.left());
        alerts(&mut page, &pool.active, rows / 5, style);
        numbers(&mut page, model, pool, style);
        let chart_rows = (page.left() * 2 / 5).clamp(3, 20);
        chart_of(&mut page, model, chart_rows, style);
        let below = page.left() - 1;
        // The call sites come first: tags get a third if both have room.
        let tags = pool.health.as_ref().map_or(0, |health| health.tags.len());
        let tag_rows = if tags > 0 && below >= 9 {
            (tags as u16 + 1).min(below / 3)
        } else {
            0
        };
        let shown = sites(&mut page, model, below - tag_rows, style);
        if tag_rows > 0 {
            tag_table(&mut page, model, tag_rows, style);
        }
        model.page = shown;
    }
    footer(&mut page, model, style);
}

pub(super) fn sign(status: Option<HealthStatus>) -> &'static str {
    match status {
        Some(HealthStatus::Healthy) => "●",
        Some(HealthStatus::Warning) => "▲",
        Some(HealthStatus::Critical) => "◆",
        None => "·",
    }
}

pub(super) fn word(status: Option<HealthStatus>) -> String {
    status.map_or_else(|| "not judged yet".to_owned(), |status| status.to_string())
}

fn head(page: &mut Page<'_>, model: &Model, style: Style) {
    let Some(pool) = model.pool() else {
        page.line(&[("framepool top", style.strong())]);
        page.at_right(&model.source, style.quiet());
        return;
    };
    let status = pool.pool.status;
    let alerts = match pool.active.len() {
        0 => "no alerts".to_owned(),
        many => counted(many as u64, "alert"),
    };
    let pools = model.pools().len();
    let of = if pools > 1 {
        format!(" ({} of {pools}, Tab: next)", model.place() + 1)
    } else {
        String::new()
    };
    let name = fitted(&pool.pool.name, 24, false);
    page.line(&[
        (
            &format!("{} {}", sign(status), word(status)),
            style.status(status),
        ),
        (&format!(", {alerts}"), style.plain()),
        ("   pool ", style.quiet()),
        (&name, style.strong()),
        (&of, style.quiet()),
    ]);
    page.at_right(&format!(" {}", model.source), style.quiet());
}

/// A bar with the problem, if the shown numbers are stale; else nothing.
pub(super) fn connection(page: &mut Page<'_>, model: &Model, style: Style, now: Instant) {
    match &model.connection {
        Connection::Connecting => page.bar("connecting …", style.quiet()),
        Connection::Lost { since, why } => {
            let for_long = age(now.saturating_duration_since(*since));
            let old = if model.pool().is_some() {
                " The numbers are the last that came."
            } else {
                ""
            };
            let said = format!("NO CONNECTION for {for_long}, trying every second: {why}.{old}");
            for line in wrapped(&said, page.width(), 3) {
                page.bar(&line, style.bar());
            }
        }
        Connection::Live if model.is_paused() => {
            page.bar("PAUSED: the picture stands still; p goes on", style.bar());
        }
        Connection::Live => {
            if let Some(time) = model.unjudged() {
                let said = format!("NOT JUDGED for {}: the pool's watch has stopped", age(time));
                page.bar(&said, style.bar());
            }
        }
    }
}

/// The alerts, the worst first: the problem, and what to do.
fn alerts(page: &mut Page<'_>, active: &[SavedAlert], rows: usize, style: Style) {
    let mut active: Vec<&SavedAlert> = active.iter().collect();
    active.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.raised_at));
    let mut left = rows.max(2);
    let width = page.width() - 2;
    for (at, alert) in active.iter().enumerate() {
        let others = active.len() - at;
        if left < 2 && others > 1 {
            let more = format!(
                "  and {}: the page has them all",
                counted(others as u64, "more alert")
            );
            page.line(&[(&more, style.quiet())]);
            return;
        }
        let status = Some(HealthStatus::from(alert.severity));
        let said = said(alert);
        let reserved = usize::from(others > 1);
        let lines = wrapped(&said, width, (left - reserved).clamp(1, 3));
        left -= lines.len();
        for (at, line) in lines.iter().enumerate() {
            let sign = if at == 0 { sign(status) } else { " " };
            page.line(&[
                (sign, style.status(status)),
                (" ", style.plain()),
                (line, style.plain()),
            ]);
        }
        if left > reserved && !alert.next_step.is_empty() {
            let step = fitted(&alert.next_step, width - 2, false);
            page.line(&[("  → ", style.quiet()), (&step, style.quiet())]);
            left -= 1;
        }
        if left == 0 {
            return;
        }
    }
}

/// The problem, without the next step, and without the pool, which the head has.
pub(super) fn said(alert: &SavedAlert) -> String {
    let text = alert.sentence.strip_suffix(&alert.next_step);
    let text = text.map_or(&*alert.sentence, |text| text.trim_end_matches("; "));
    text.replace(&format!(" in pool `{}`", alert.pool), "")
}

fn numbers(page: &mut Page<'_>, model: &Model, pool: &PoolUpdate, style: Style) {
    let Some(health) = &pool.health else {
        page.line(&[("Nothing has been judged yet.", style.quiet())]);
        return;
    };
    let m = &health.metrics;
    let resident = m.resident_bytes.map_or_else(|| "–".to_owned(), size);
    let flow = model.flow().unwrap_or_default();
    let hits = percent(flow.allocs - flow.misses, flow.allocs);
    let per_second = |number: f64| {
        if flow.seconds > 0.0 {
            rate(number / flow.seconds)
        } else {
            "–".to_owned()
        }
    };
    let lines = [
        vec![
            field("in use", 8, &size(m.in_use_bytes)),
            field("idle", 8, &size(m.idle_bytes)),
            field("pooled", 8, &size(m.pooled_bytes)),
            field("resident", 8, &resident),
            field("most pooled", 8, &size(m.peak_bytes)),
        ],
        vec![
            field("hits", 8, &hits),
            field("misses", 8, &per_second(flow.misses)),
            field("allocs", 8, &per_second(flow.allocs)),
            field("releases", 8, &per_second(flow.releases)),
            field("frames", 8, &per_second(m.fps_estimate * flow.seconds)),
        ],
        vec![
            field("frame time", 8, &milliseconds(m.avg_frame_ms)),
            field("99 % below", 8, &milliseconds(m.p99_frame_ms)),
            field("worst", 8, &milliseconds(m.worst_frame_ms)),
            field("frame", 10, &count(m.total_frames)),
            field("watched for", 12, &age(health.at)),
        ],
    ];
    fields(page, lines, style);
}

fn chart_of(page: &mut Page<'_>, model: &Model, rows: u16, style: Style) {
    if rows < 3 {
        return;
    }
    page.line(&[
        ("memory, last 2 minutes   ", style.quiet()),
        ("█", style.in_use()),
        (" in use  ", style.quiet()),
        ("░", style.idle()),
        (" idle  ", style.quiet()),
        ("─", style.resident()),
        (" resident", style.quiet()),
    ]);
    let area = page.take(rows - 1);
    chart::draw(area, page.buffer, model.points(), style);
}

fn help(page: &mut Page<'_>, style: Style) {
    page.line(&[]);
    for (key, does) in KEYS {
        if page.left() <= 1 {
            break;
        }
        page.line(&[
            (&format!("  {key:<12}"), style.strong()),
            (does, style.plain()),
        ]);
    }
}

/// The keys that are always shown, as far as there is room.
const FOOTER: [&str; 7] = [
    "q quit",
    "h help",
    "s sort",
    "r reverse",
    "/ filter",
    "v verdict",
    "p pause",
];

/// The keys, in the last line.
fn footer(page: &mut Page<'_>, model: &Model, style: Style) {
    page.y = page.area.bottom() - 1;
    if model.is_typing {
        let said = "type to filter   Enter keeps it   Esc clears it";
        page.line(&[(said, style.quiet())]);
    } else if model.has_help {
        page.line(&[("any key goes back", style.quiet())]);
    } else {
        let mut text = String::new();
        for does in FOOTER {
            let gap = if text.is_empty() { "" } else { "   " };
            if text.len() + gap.len() + does.len() <= page.width() {
                text += gap;
                text += does;
            }
        }
        page.line(&[(&text, style.quiet())]);
    }
}
