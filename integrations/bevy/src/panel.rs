//! The panel of `framepool-egui` in a window.

use egui::{Context, Window};

use crate::PoolHealth;

/// Shows the panel in a window of this context, between its `begin_pass` and `end_pass`: with `bevy_egui` from a system that has the context.
/// `is_open` is false once the user closed it.
pub fn window(context: &Context, health: &PoolHealth, is_open: &mut bool) {
    let window = Window::new(format!("pool {}", health.pool().name()));
    let window = window.open(is_open).default_size([420.0, 520.0]);
    window.show(context, |ui| framepool_egui::ui(ui, health.store()));
}
