//! The charts: the lines and the axis of each.

use std::fmt::Display;

use super::data::{Data, Point};
use crate::measure::{Times, rounded};

/// The charts, by the names of their files.
pub(crate) const POOLED_PAIR: &str = "pooled-pair";
pub(crate) const FRAME_ALLOC: &str = "frame-alloc-threads";
pub(crate) const PRODUCER_CONSUMER: &str = "producer-consumer";
pub(crate) const TELEMETRY: &str = "telemetry";
pub(crate) const FRAME_END: &str = "frame-end-slots";

/// The points of all contestants at one place of a chart.
pub(crate) fn points(chart: &str, at: impl Display, times: &[Times]) -> Vec<Point> {
    let point = |times: &Times| Point {
        chart: chart.to_owned(),
        line: times.name.to_owned(),
        at: at.to_string(),
        least: rounded(times.least()),
        median: rounded(times.median()),
        upper: rounded(times.upper()),
        date: String::new(),
    };
    times.iter().map(point).collect()
}

/// A table in the document, and a chart above it where its places are numbers.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The name of its file and of its markers in the document.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The unit of the times.
    pub(crate) unit: &'static str,
    pub(crate) axis: Option<Axis>,
}

/// The axis of a chart.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) what: &'static str,
    pub(crate) show: fn(f64) -> String,
}

const SIZES: Axis = Axis {
    what: "size of the buffer",
    show: size,
};

/// All charts.
pub(crate) const CHARTS: &[Chart] = &[
    Chart {
        name: POOLED_PAIR,
        title: "A pooled buffer taken, its first byte written, given back",
        unit: "ns per pair",
        axis: Some(SIZES),
    },
    Chart {
        name: FRAME_ALLOC,
        title: "Frame buffers of 256 B to 16 KiB, all threads in one frame",
        unit: "ns per buffer",
        axis: Some(Axis {
            what: "threads",
            show: |threads| threads.to_string(),
        }),
    },
    Chart {
        name: PRODUCER_CONSUMER,
        title: "Taken on one thread, given back on another",
        unit: "ns per buffer",
        axis: Some(SIZES),
    },
    Chart {
        name: TELEMETRY,
        title: "What telemetry costs",
        unit: "ns per buffer",
        axis: None,
    },
    Chart {
        name: FRAME_END,
        title: "A frame end, by threads that have a slot of the pool",
        unit: "ns per frame",
        axis: Some(Axis {
            what: "slots",
            show: |slots| slots.to_string(),
        }),
    },
];

impl Chart {
    /// The names of its lines, in the data's order.
    pub(crate) fn lines<'d>(&self, data: &'d Data) -> Vec<&'d str> {
        distinct(data.points_of(self.name).map(|point| point.line.as_str()))
    }

    /// The places along the axis, as in the data and as shown.
    pub(crate) fn places<'d>(&self, data: &'d Data) -> Result<Vec<(&'d str, String)>, String> {
        let places = distinct(data.points_of(self.name).map(|point| point.at.as_str()));
        if places.is_empty() {
            return Err(format!("the chart {} has no points", self.name));
        }
        let Some(axis) = &self.axis else {
            return Ok(places.into_iter().map(|at| (at, at.to_owned())).collect());
        };
        let mut numbers = Vec::new();
        for at in places {
            numbers.push((number(at)?, at));
        }
        numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let shown = numbers.into_iter().map(|(n, at)| (at, (axis.show)(n)));
        Ok(shown.collect())
    }

    /// The points of a line, each with its place as a number, from left to right.
    pub(crate) fn points<'d>(
        &self,
        data: &'d Data,
        line: &str,
    ) -> Result<Vec<(f64, &'d Point)>, String> {
        let mut points = Vec::new();
        for point in &data.points {
            if point.chart == self.name && point.line == line {
                points.push((number(&point.at)?, point));
            }
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(points)
    }
}

fn distinct<'t>(all: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut seen: Vec<&str> = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

/// A place on an axis, which is logarithmic.
fn number(at: &str) -> Result<f64, String> {
    at.parse()
        .ok()
        .filter(|number| *number > 0.0)
        .ok_or_else(|| format!("`{at}` is not a place on an axis"))
}

/// A number of bytes as text.
fn size(bytes: f64) -> String {
    match bytes as u64 {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
