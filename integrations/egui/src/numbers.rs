//! The main numbers of a pool.

use egui::{Grid, Ui};
use framepool::metrics::METRICS;
use framepool::text::bytes;
use framepool::{HealthSnapshot, RuntimeHealthMetrics};

/// One number: its name, its value, and the metric that explains it.
struct Number(&'static str, String, &'static str);

fn numbers(m: &RuntimeHealthMetrics) -> [Number; 9] {
    let size = |count: u64| bytes(count).to_string();
    [
        Number("in use", size(m.in_use_bytes), "framepool.memory.usage"),
        Number("idle", size(m.idle_bytes), "framepool.memory.usage"),
        Number("peak", size(m.peak_bytes), "framepool.memory.peak"),
        Number(
            "buffers out",
            m.in_use_buffers.to_string(),
            "framepool.buffer.count",
        ),
        Number(
            "misses",
            format!("{:.1} %", m.miss_ratio * 100.0),
            "framepool.buffer.misses",
        ),
        Number(
            "refusals",
            m.total_refusals.to_string(),
            "framepool.buffer.refusals",
        ),
        Number(
            "frame",
            format!("{:.2} ms", m.avg_frame_ms),
            "framepool.frame.duration",
        ),
        Number(
            "p99",
            format!("{:.2} ms", m.p99_frame_ms),
            "framepool.frame.duration",
        ),
        Number(
            "frames/s",
            format!("{:.1}", m.fps_estimate),
            "framepool.frames",
        ),
    ]
}

pub(crate) fn show(ui: &mut Ui, health: &HealthSnapshot) {
    // As many columns as fit: a name and a value take about this width.
    let columns = ((ui.available_width() / 150.0) as usize).clamp(1, 3);
    Grid::new("numbers")
        .num_columns(2 * columns)
        .show(ui, |ui| {
            for row in numbers(&health.metrics).chunks(columns) {
                for Number(name, value, metric) in row {
                    let help = help(metric);
                    ui.weak(*name).on_hover_text(help);
                    ui.monospace(value).on_hover_text(help);
                }
                ui.end_row();
            }
        });
}

/// The meaning of a metric.
pub(crate) fn help(name: &str) -> &'static str {
    let metric = METRICS.iter().find(|metric| metric.name == name);
    metric.map_or("", |metric| metric.help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use framepool::{BufferPool, HealthMonitor, Thresholds};

    #[test]
    fn every_number_is_of_a_metric() {
        let mut monitor = HealthMonitor::new(Thresholds::default());
        let health = monitor.emit_now(&BufferPool::new());
        for Number(name, _, metric) in numbers(&health.metrics) {
            assert!(!help(metric).is_empty(), "{name}: {metric}");
        }
    }
}
