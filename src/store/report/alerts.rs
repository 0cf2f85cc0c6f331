//! The parts of the report on all pools: alerts, marks, and subscribers that missed alerts.

use std::fmt;

use super::{seconds, write};
use crate::health::AlertState;
use crate::store::past::event::EventKind;
use crate::store::saved::{SavedAlert, SavedHistory};
use crate::store::subscribers::{AlertSubscriber, SubscriberState};
use crate::text::{Align, Table};

/// The most resolved alerts listed.
const RESOLVED: usize = 5;

/// The most marks listed.
const MARKS: usize = 10;

pub(super) fn write_active(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let worst_first = history.active();
    if worst_first.is_empty() {
        return f.write_str("\n\nno alert is active");
    }
    let mut table = Table::new(&[
        ("active alert", Align::Left),
        ("severity", Align::Left),
        ("value", Align::Right),
        ("level", Align::Right),
        ("worst", Align::Right),
        ("since frame", Align::Right),
        ("for", Align::Right),
        ("times", Align::Right),
        ("pool", Align::Site),
    ])
    .spare(&[7, 4]);
    for alert in worst_first {
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
        ]);
        table.below(match &alert.site {
            Some(site) => format!("  at {site}: {}", alert.next_step),
            None => format!("  {}", alert.next_step),
        });
    }
    write(f, &table)
}

pub(super) fn write_resolved(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
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
        ("pool", Align::Site),
        ("call site", Align::Site),
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
    write(f, &table)
}

pub(super) fn write_marks(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let marks: Vec<_> = history
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Mark)
        .collect();
    if marks.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("mark", Align::Site),
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
    write(f, &table)
}

/// The subscribers that missed alerts.
pub(super) fn write_subscribers(f: &mut fmt::Formatter<'_>, history: &SavedHistory) -> fmt::Result {
    let missed = |it: &&AlertSubscriber| it.dropped > 0 || it.state == SubscriberState::Panicked;
    let mut missed = history.subscribers.iter().filter(missed).peekable();
    if missed.peek().is_none() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("told of alerts, not of all", Align::Site),
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
    write(f, &table)
}
