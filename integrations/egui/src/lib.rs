//! A panel with framepool's health for a program's own egui debug UI.
//!
//! [`ui`] draws a store's contents into any container of egui: status, alerts with their next step, memory and frame times
//! of the last minute, and holders. Tooltips explain the numbers with the texts of [`framepool::metrics::METRICS`].
//!
//! ```
//! use framepool::{BufferPool, HealthConfig, Watch};
//!
//! let pool = BufferPool::new();
//! let watch = Watch::start(&pool, HealthConfig::default());
//! let context = egui::Context::default();
//! let output = context.run_ui(egui::RawInput::default(), |ui| {
//!     egui::Window::new("memory").show(ui.ctx(), |ui| framepool_egui::ui(ui, watch.store()));
//! });
//! # let mut output = output;
//! # output.textures_delta.clear();
//! ```
//!
//! Drawing reads the store and never the pool: no worker is slowed, and a closed panel costs nothing.
#![forbid(unsafe_code)]

mod alerts;
mod charts;
mod holders;
mod numbers;

use std::time::Duration;

use egui::{CollapsingHeader, Color32, RichText, ScrollArea, Ui};
use framepool::{DiagnosticsStore, HealthSnapshot, HealthStatus, PoolId, Timestamp};

/// Numbers older than this are shown with their age.
const OLD: Duration = Duration::from_secs(3);

/// Draws the panel: every pool of the store, those with the worst status first.
///
/// ```
/// use framepool::DiagnosticsStore;
///
/// # let store = DiagnosticsStore::new();
/// # let output = egui::Context::default().run_ui(egui::RawInput::default(), |ui| {
/// framepool_egui::ui(ui, &store);
/// assert!(ui.min_rect().height() > 0.0); // that no pool was judged yet
/// # });
/// # let mut output = output;
/// # output.textures_delta.clear();
/// ```
pub fn ui(ui: &mut Ui, store: &DiagnosticsStore) {
    let mut pools: Vec<_> = store
        .pools()
        .into_iter()
        .filter_map(|id| store.latest_of(id))
        .collect();
    pools.sort_by_key(|health| std::cmp::Reverse(health.status));
    if pools.is_empty() {
        ui.weak("No pool was judged yet.");
        return;
    }
    let is_only = pools.len() == 1;
    ScrollArea::vertical()
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for health in &pools {
                let id = ui.make_persistent_id(health.pool_id.get());
                if is_only {
                    ui.label(title(ui, health));
                    pool(ui, store, health);
                } else {
                    CollapsingHeader::new(title(ui, health))
                        .id_salt(id)
                        .default_open(health.status != HealthStatus::Healthy)
                        .show(ui, |ui| pool(ui, store, health));
                }
            }
        });
}

/// Draws one pool; nothing if the store does not know it.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// # let pool = BufferPool::new();
/// let watch = Watch::start(&pool, HealthConfig::default());
/// # watch.stop();
/// # let output = egui::Context::default().run_ui(egui::RawInput::default(), |ui| {
/// framepool_egui::pool_ui(ui, watch.store(), pool.id());
/// assert!(ui.min_rect().height() > 0.0); // something was drawn
/// # });
/// # let mut output = output;
/// # output.textures_delta.clear();
/// ```
pub fn pool_ui(ui: &mut Ui, store: &DiagnosticsStore, id: PoolId) {
    if let Some(health) = store.latest_of(id) {
        ui.label(title(ui, &health));
        pool(ui, store, &health);
    }
}

/// A pool's name and status.
fn title(ui: &Ui, health: &HealthSnapshot) -> RichText {
    let text = format!("{}: {}", health.pool, health.status);
    RichText::new(text)
        .strong()
        .color(colour(ui, health.status))
}

fn pool(ui: &mut Ui, store: &DiagnosticsStore, health: &HealthSnapshot) {
    ui.push_id(health.pool_id.get(), |ui| {
        let age = Timestamp::now().since(health.time);
        if age > OLD {
            let text = format!(
                "These numbers are {:.0} s old: nobody judges the pool.",
                age.as_secs_f64()
            );
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
        alerts::show(ui, health);
        numbers::show(ui, health);
        let history = store.history_of(health.pool_id);
        charts::memory(ui, &history);
        charts::frame_times(ui, &history);
        holders::show(ui, health);
    });
}

/// The colour of a status, readable on the panel's background.
fn colour(ui: &Ui, status: HealthStatus) -> Color32 {
    let visuals = ui.visuals();
    match status {
        HealthStatus::Healthy => visuals.strong_text_color(),
        HealthStatus::Warning => visuals.warn_fg_color,
        HealthStatus::Critical => visuals.error_fg_color,
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
