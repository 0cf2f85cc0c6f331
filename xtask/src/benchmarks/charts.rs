//! The charts: what each shows, and along which axes.

use super::chart;
use super::data::{Data, Point};
use super::scale::Scale;

/// A chart.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The name of its files and of its markers in the document.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What one operation is.
    pub(crate) subtitle: &'static str,
    /// What the places along it are, for the data's head.
    pub(crate) at: &'static str,
    /// The unit of the times.
    pub(crate) unit: &'static str,
    pub(crate) kind: Kind,
}

/// How it is drawn.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A line for each contestant; the places are numbers, each power of two as long as the next.
    Lines {
        times: Scale,
        /// What stands below the axis.
        below: &'static str,
        show: fn(u64) -> String,
        /// Whether the places are threads, of which no more than the cores run at once.
        threads: bool,
    },
    /// A group of bars for each place.
    Bars,
}

/// All charts.
pub(crate) const CHARTS: &[Chart] = &[
    Chart {
        name: "pooled-pair",
        title: "A pooled buffer taken, its first byte written, given back",
        subtitle: "nanoseconds per pair on one thread, lower is better; both axes logarithmic",
        at: "bytes of the buffer",
        unit: "ns per pair",
        kind: Kind::Lines {
            times: Scale::Log,
            below: "size of the buffer",
            show: size,
            threads: false,
        },
    },
    Chart {
        name: "frame-alloc-threads",
        title: "Frame buffers, all threads in one frame",
        subtitle: "nanoseconds per buffer of 256 B to 16 KiB, by a thread's own clock, first byte written; lower is better",
        at: "threads",
        unit: "ns per buffer",
        kind: Kind::Lines {
            times: Scale::Linear,
            below: "threads",
            show: |threads| threads.to_string(),
            threads: true,
        },
    },
    Chart {
        name: "producer-consumer",
        title: "Taken on one thread, given back on another",
        subtitle: "nanoseconds per buffer end to end, through a ring of 256; lower is better; both axes logarithmic",
        at: "bytes of the buffer",
        unit: "ns per buffer",
        kind: Kind::Lines {
            times: Scale::Log,
            below: "size of the buffer",
            show: size,
            threads: false,
        },
    },
    Chart {
        name: "telemetry",
        title: "What telemetry costs",
        subtitle: "nanoseconds per buffer, of three builds and settings of framepool; lower is better",
        at: "the path",
        unit: "ns per buffer",
        kind: Kind::Bars,
    },
    Chart {
        name: "frame-end-slots",
        title: "A frame end, by threads that have a slot of the pool",
        subtitle: "nanoseconds to begin and end a frame when at most 2 slots were used in it; both axes logarithmic",
        at: "slots",
        unit: "ns per frame",
        kind: Kind::Lines {
            times: Scale::Log,
            below: "slots",
            show: |slots| slots.to_string(),
            threads: false,
        },
    },
];

impl Chart {
    /// The names of its lines, in the data's order.
    pub(crate) fn lines<'d>(&self, data: &'d Data) -> Vec<&'d str> {
        let mut lines: Vec<&str> = Vec::new();
        for point in data.points.iter().filter(|point| point.chart == self.name) {
            if !lines.contains(&point.line.as_str()) {
                lines.push(&point.line);
            }
        }
        lines
    }

    /// The places along it as people read them, and as the data have them.
    pub(crate) fn places<'d>(&self, data: &'d Data) -> Result<Vec<(String, &'d str)>, String> {
        let mut places: Vec<&str> = Vec::new();
        for point in data.points.iter().filter(|point| point.chart == self.name) {
            if !places.contains(&point.at.as_str()) {
                places.push(&point.at);
            }
        }
        if places.is_empty() {
            return Err(format!("the chart {} has no points", self.name));
        }
        let Kind::Lines { show, .. } = self.kind else {
            return Ok(places.into_iter().map(|at| (at.to_owned(), at)).collect());
        };
        let mut numbers = Vec::new();
        for at in places {
            numbers.push((self.number(at)?, at));
        }
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|(n, at)| (show(n), at)).collect())
    }

    /// A place that is a number.
    pub(crate) fn number(&self, at: &str) -> Result<u64, String> {
        at.parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| format!("the chart {}: `{at}` is no place", self.name))
    }

    /// The points of a line, from left to right.
    pub(crate) fn points<'d>(&self, data: &'d Data, line: &str) -> Result<Vec<&'d Point>, String> {
        let mut points = Vec::new();
        for (_, at) in self.places(data)? {
            let found = data
                .points
                .iter()
                .find(|point| point.chart == self.name && point.line == line && point.at == at);
            points.extend(found);
        }
        Ok(points)
    }

    /// The picture.
    pub(crate) fn svg(&self, data: &Data) -> Result<String, String> {
        chart::draw(self, data).map_err(|error| format!("the chart {}: {error}", self.name))
    }
}

/// A number of bytes as people write it.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
