//! Points of the charts: what a contestant takes at one place of the axis.

use std::fmt::Display;

use crate::measure::Times;

/// The charts, by the names of their files.
pub(crate) const POOLED_PAIR: &str = "pooled-pair";
pub(crate) const FRAME_ALLOC: &str = "frame-alloc-threads";
pub(crate) const PRODUCER_CONSUMER: &str = "producer-consumer";
pub(crate) const TELEMETRY: &str = "telemetry";
pub(crate) const FRAME_END: &str = "frame-end-slots";

/// One point: nanoseconds per operation.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) chart: &'static str,
    /// Whose it is.
    pub(crate) line: &'static str,
    /// The place on the axis: a number, or a word where the chart has bars.
    pub(crate) at: String,
    pub(crate) least: f64,
    pub(crate) median: f64,
    /// What three quarters of the repetitions stayed below.
    pub(crate) upper: f64,
}

/// The points of all contestants at one place.
pub(crate) fn points(chart: &'static str, at: impl Display, times: &[Times]) -> Vec<Point> {
    times
        .iter()
        .map(|times| Point {
            chart,
            line: times.name,
            at: at.to_string(),
            least: times.least(),
            median: times.median(),
            upper: times.upper(),
        })
        .collect()
}
