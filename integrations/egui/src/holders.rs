//! The holders of memory: call sites and their verdicts.

use egui::{Grid, RichText, ScrollArea, Ui};
use framepool::health::SiteVerdict;
use framepool::text::bytes;
use framepool::{HealthSnapshot, HealthStatus, SiteHolding};

use crate::colour;

/// The most call sites that are shown. Further ones are only counted.
const MOST: usize = 10;

pub(crate) fn show(ui: &mut Ui, health: &HealthSnapshot) {
    if health.holders.is_empty() {
        return;
    }
    // The table keeps its width; the text around it wraps.
    ScrollArea::horizontal()
        .id_salt("holders")
        .show(ui, |ui| table(ui, health));
    let beyond = health.holders.len().saturating_sub(MOST);
    if beyond > 0 {
        ui.weak(format!("and {beyond} more call sites"));
    }
}

fn table(ui: &mut Ui, health: &HealthSnapshot) {
    Grid::new("holders")
        .num_columns(4)
        .striped(true)
        .show(ui, |ui| {
            for head in ["held by", "bytes", "buffers", "verdict"] {
                ui.weak(head);
            }
            ui.end_row();
            for site in health.holders.iter().take(MOST) {
                let verdict = verdict_of(health, site);
                let is_leak = verdict.is_some_and(|it| it.verdict.is_alert());
                let place = place(site);
                let text = if is_leak {
                    RichText::new(place).color(colour(ui, HealthStatus::Critical))
                } else {
                    RichText::new(place)
                };
                let thread = format!(
                    "{}\nThe oldest was taken by thread `{}`.",
                    site.location, site.thread
                );
                ui.label(text).on_hover_text(thread);
                ui.monospace(bytes(site.bytes).to_string());
                ui.monospace(site.buffers.to_string());
                ui.label(verdict.map_or("", |it| it.verdict.name()));
                ui.end_row();
            }
        });
}

fn verdict_of<'h>(health: &'h HealthSnapshot, site: &SiteHolding) -> Option<&'h SiteVerdict> {
    let mut verdicts = health.verdicts.iter();
    verdicts.find(|it| it.location == site.location && it.tag == site.tag)
}

/// The call site in short form: the end of its path, its line, and its tag.
fn place(site: &SiteHolding) -> String {
    let (file, line) = (site.location.file(), site.location.line());
    let ends = file.rmatch_indices(['/', '\\']).map(|(at, _)| at + 1);
    let short = &file[ends.take(2).last().unwrap_or(0)..];
    if site.tag.is_empty() {
        format!("{short}:{line}")
    } else {
        format!("{short}:{line} [{}]", site.tag)
    }
}
