//! The active alerts, each with its next step.

use egui::{RichText, Ui};
use framepool::{HealthSnapshot, HealthStatus};

use crate::colour;

/// The most alerts that are shown. Further ones are only counted.
const MOST: usize = 8;

pub(crate) fn show(ui: &mut Ui, health: &HealthSnapshot) {
    let mut alerts: Vec<_> = health.active.iter().collect();
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    for alert in alerts.iter().take(MOST) {
        let colour = colour(ui, HealthStatus::from(alert.severity));
        ui.label(RichText::new(alert.to_string()).color(colour));
    }
    let beyond = alerts.len().saturating_sub(MOST);
    if beyond > 0 {
        ui.weak(format!("and {beyond} more alerts"));
    }
}
