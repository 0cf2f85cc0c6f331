//! The panel of `framepool-egui` in a window.

use egui::{Context, Window};

use crate::PoolHealth;

/// Shows the panel in a window of this context, between its `begin_pass` and `end_pass`: with `bevy_egui` from a system that has the context.
/// `is_open` is false once the user closed it.
///
/// ```
/// # use bevy_app::App;
/// # use framepool::BufferPool;
/// use framepool_bevy::{FramepoolPlugin, PoolHealth};
///
/// # let mut app = App::new();
/// # app.add_plugins(FramepoolPlugin::new(&BufferPool::new()));
/// # let context = egui::Context::default();
/// let mut is_open = true;
/// # let output = context.run_ui(egui::RawInput::default(), |ui| {
/// # let context = ui.ctx();
/// framepool_bevy::window(context, app.world().resource::<PoolHealth>(), &mut is_open);
/// # });
/// # let mut output = output;
/// # output.textures_delta.clear();
/// assert!(is_open);
/// ```
pub fn window(context: &Context, health: &PoolHealth, is_open: &mut bool) {
    let window = Window::new(format!("pool {}", health.pool().name()));
    let window = window.open(is_open).default_size([420.0, 520.0]);
    window.show(context, |ui| framepool_egui::ui(ui, health.store()));
}
