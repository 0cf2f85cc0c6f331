//! The picture for small windows: status, memory, the worst alerts with their lines of code, and how to quit.

use std::time::Instant;

use framepool::HealthStatus;
use framepool::store::SavedAlert;
use framepool::text::{fitted, wrapped};

use super::draw::{SMALLEST, connection, said, sign, word};
use super::model::Model;
use super::numbers::size;
use super::paper::Page;
use super::style::Style;

/// Draws the model. The last row is for the keys.
pub(super) fn draw(page: &mut Page<'_>, model: &Model, style: Style, now: Instant) {
    if let Some(pool) = model.pool() {
        let status = pool.pool.status;
        let said = format!("{} {}", sign(status), word(status));
        let left = page.width().saturating_sub(said.chars().count() + 2);
        let name = fitted(&pool.pool.name, left, false);
        page.line(&[
            (&said, style.status(status)),
            (&format!("  {name}"), style.strong()),
        ]);
        if let Some(health) = &pool.health {
            let m = &health.metrics;
            let memory = format!(
                "in use {} of {}",
                size(m.in_use_bytes),
                size(m.pooled_bytes)
            );
            page.line(&[(&memory, style.plain())]);
        }
    }
    connection(page, model, style, now);
    if let Some(pool) = model.pool() {
        let mut active: Vec<_> = pool.active.iter().collect();
        active.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.raised_at));
        for alert in &active {
            write_alert(page, alert, style);
        }
        // What is left of the window says what to do about the worst.
        let rows = usize::from(page.left().saturating_sub(1));
        if let Some(worst) = active.first().filter(|_| rows > 0) {
            for line in wrapped(&worst.next_step, page.width(), rows) {
                page.line(&[(&line, style.quiet())]);
            }
        }
    }
    let (width, height) = SMALLEST;
    page.y = page.area.bottom().saturating_sub(1);
    let keys = format!("q quit   {width} x {height} shows more");
    page.line(&[(&keys, style.quiet())]);
}

/// An alert above the last row: the line of code, or the problem if it is about none.
fn write_alert(page: &mut Page<'_>, alert: &SavedAlert, style: Style) {
    let left = usize::from(page.left().saturating_sub(1));
    let width = page.width().saturating_sub(2);
    if left == 0 || width == 0 {
        return;
    }
    let status = Some(HealthStatus::from(alert.severity));
    let rule = format!("{} at ", alert.rule);
    let left_for_site = width.saturating_sub(rule.len());
    let lines = match &alert.site {
        Some(site) => vec![rule + &fitted(site, left_for_site, true)],
        None => wrapped(&said(alert), width, left.min(3)),
    };
    for (at, line) in lines.iter().take(left).enumerate() {
        let sign = if at == 0 { sign(status) } else { " " };
        page.line(&[
            (sign, style.status(status)),
            (" ", style.plain()),
            (line, style.plain()),
        ]);
    }
}
