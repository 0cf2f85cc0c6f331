//! Memory and frame times over the store's health snapshots.

use std::sync::Arc;

use egui::{Color32, Rangef, Ui};
use egui_plot::{GridInput, GridMark, HoverPosition, Line, Plot, PlotPoints};
use framepool::text::bytes;
use framepool::{HealthSnapshot, RuntimeHealthMetrics};

const HEIGHT: f32 = 90.0;
/// Colours that are distinct for any colour vision, on dark and light backgrounds.
const BLUE: Color32 = Color32::from_rgb(0x33, 0x99, 0xdd);
const ORANGE: Color32 = Color32::from_rgb(0xdd, 0x77, 0x11);
const GREY: Color32 = Color32::from_rgb(0x88, 0x88, 0x88);

/// A line: its name, its colour, and its number.
type Course = (&'static str, Color32, fn(&RuntimeHealthMetrics) -> f64);

const MEMORY: [Course; 2] = [
    ("held", GREY, |m| m.pooled_bytes as f64),
    ("in use", BLUE, |m| m.in_use_bytes as f64),
];

const FRAME_TIMES: [Course; 2] = [
    ("worst", ORANGE, |m| m.worst_frame_ms),
    ("average", BLUE, |m| m.avg_frame_ms),
];

pub(crate) fn memory(ui: &mut Ui, history: &[Arc<HealthSnapshot>]) {
    chart(ui, "memory", history, &MEMORY, |value| {
        bytes(value.max(0.0) as u64).to_string()
    });
}

pub(crate) fn frame_times(ui: &mut Ui, history: &[Arc<HealthSnapshot>]) {
    chart(ui, "frame times", history, &FRAME_TIMES, |value| {
        format!("{value:.1} ms")
    });
}

/// Two to four marks, a power of two apart, so that sizes are round.
fn marks(input: &GridInput) -> Vec<GridMark> {
    let (from, to) = input.bounds;
    let step_size = ((to - from) / 4.0).log2().ceil().exp2();
    if !step_size.is_normal() {
        return Vec::new();
    }
    let places = (from / step_size).ceil() as i64..=(to / step_size).floor() as i64;
    let mark = |place| GridMark {
        value: place as f64 * step_size,
        step_size,
    };
    places.map(mark).collect()
}

fn chart(
    ui: &mut Ui,
    name: &str,
    history: &[Arc<HealthSnapshot>],
    courses: &[Course],
    text: fn(f64) -> String,
) {
    let Some(latest) = history.last() else {
        return;
    };
    ui.horizontal(|ui| {
        ui.label(name);
        for (name, colour, _) in courses {
            ui.colored_label(*colour, *name);
        }
    });
    let ago = |health: &HealthSnapshot| health.at.as_secs_f64() - latest.at.as_secs_f64();
    let plot = Plot::new(name)
        .height(HEIGHT)
        .include_y(0.0)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_grid([false, true])
        .grid_spacing(Rangef::new(8.0, 60.0))
        .y_grid_spacer(|input| marks(&input))
        .y_axis_min_width(64.0)
        .x_axis_formatter(|mark, _| format!("{:.0} s", mark.value))
        .y_axis_formatter(move |mark, _| text(mark.value))
        .label_formatter(move |at| match at {
            HoverPosition::NearDataPoint {
                plot_name,
                position,
                ..
            } => Some(format!(
                "{plot_name}: {}\n{:.1} s ago",
                text(position.y),
                -position.x
            )),
            HoverPosition::Elsewhere { .. } => None,
        });
    plot.show(ui, |plot| {
        for &(name, colour, number) in courses {
            let points = history
                .iter()
                .map(|health| [ago(health), number(&health.metrics)]);
            plot.line(Line::new(name, points.collect::<PlotPoints<'_>>()).color(colour));
        }
    });
}
