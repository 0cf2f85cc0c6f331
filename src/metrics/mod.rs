//! The description of every metric: name, unit, kind, help and labels, and how its numbers are read.
//!
//! Every outlet is built from [`METRICS`]: Prometheus, the series of the page, the tables in the documents. Names and units
//! follow OpenTelemetry (UCUM units, no unit and no `total` in a name); each outlet translates them to its own conventions.
//!
//! A metric that counts is a sum of counters: each line of the table of counters
//! ([`Counts::DEFINITIONS`](crate::telemetry::Counts::DEFINITIONS)) names the metrics that include it. So a new counter
//! appears in every outlet without a change there.
//!
//! ```
//! use framepool::BufferPool;
//! use framepool::metrics::{METRICS, Reading};
//!
//! let pool = BufferPool::new();
//! let image = pool.alloc::<u8>(4096);
//! let reading = Reading::now(&pool, None);
//! for metric in METRICS {
//!     metric.read(&reading, &mut |labels, value| println!("{} {labels:?} = {value:?} {}", metric.name, metric.unit));
//! }
//! # drop(image);
//! ```

mod reading;
mod table;
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;

pub use reading::Reading;
pub use table::METRICS;

use crate::telemetry::counters::Counts;
use crate::telemetry::part::Part;
use crate::telemetry::snapshot::FrameSnapshot;

/// The kind of a metric.
///
/// ```
/// use framepool::metrics::{Kind, METRICS};
///
/// for metric in METRICS {
///     let suffix = match metric.kind {
///         Kind::Counter => "_total",
///         Kind::Histogram => "_bucket",
///         _ => "",
///     };
///     println!("{}{suffix}", metric.name.replace('.', "_"));
/// }
/// assert_eq!(Kind::UpDownCounter.name(), "up_down_counter");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Kind {
    /// Only rises. It wraps at 2^64, like the counters that it sums.
    Counter,
    /// Rises and falls, and adds up over pools and processes.
    UpDownCounter,
    /// Rises and falls. A sum over pools or processes has no meaning.
    Gauge,
    /// One value for every frame, counted by size.
    Histogram,
}

impl Kind {
    /// Its name in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up_down_counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The label of the numbers of tags.
const TAG: &str = "tag";

/// One metric: one or several numbers of a pool that differ by their labels.
///
/// ```
/// use framepool::metrics::METRICS;
///
/// let usage = METRICS.iter().find(|metric| metric.name == "framepool.memory.usage").unwrap();
/// assert_eq!((usage.unit, usage.kind.name()), ("By", "up_down_counter"));
/// assert_eq!(usage.labels, ["state"]);
/// println!("{}", usage.help);
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Metric {
    /// The name, in parts separated by dots.
    pub name: &'static str,
    /// UCUM unit: `By` for bytes, `s` for seconds, or what is counted in braces.
    pub unit: &'static str,
    /// The kind of its numbers.
    pub kind: Kind,
    /// What it means, in one sentence.
    pub help: &'static str,
    /// The labels of its numbers.
    pub labels: &'static [&'static str],
    #[cfg_attr(feature = "serde", serde(skip))]
    source: Source,
}

/// The callback for each number of a metric, with its labels and value. `None` means that the number has no value now.
///
/// ```
/// use framepool::BufferPool;
/// use framepool::metrics::{Each, METRICS, Reading};
///
/// let mut lines = Vec::new();
/// let each: &mut Each<'_> = &mut |labels, value| lines.push(format!("{labels:?} {value:?}"));
/// METRICS[0].read(&Reading::now(&BufferPool::new(), None), each);
/// assert_eq!(lines[0], r#"[("state", "in_use")] Some(0.0)"#);
/// ```
pub type Each<'a> = dyn FnMut(&[(&'static str, &str)], Option<f64>) + 'a;

/// The source of a metric's numbers.
#[derive(Debug)]
enum Source {
    /// The counters that name the metric.
    Counters,
    Levels(fn(&Reading, &mut Each<'_>)),
    Frames(fn(&FrameSnapshot) -> f64, &'static [f64]),
}

impl Metric {
    /// Passes every number of the metric to `each`, including zeros, in the same order at every reading. A histogram has
    /// none here. A metric of tags has one set for each existing tag.
    ///
    /// ```
    /// use framepool::BufferPool;
    /// use framepool::metrics::{METRICS, Reading};
    ///
    /// let pool = BufferPool::new();
    /// let image = pool.alloc::<u8>(4096);
    /// let usage = METRICS.iter().find(|metric| metric.name == "framepool.memory.usage").unwrap();
    /// let mut sum = 0.0;
    /// usage.read(&Reading::now(&pool, None), &mut |_state, value| sum += value.unwrap_or(0.0));
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(sum, 4096.0);
    /// # }
    /// # drop(image);
    /// ```
    pub fn read(&self, reading: &Reading, each: &mut Each<'_>) {
        match self.source {
            Source::Counters => self.read_counters(&reading.stats.totals.counts, each),
            Source::Levels(read) => read(reading, each),
            Source::Frames(..) => {}
        }
    }

    /// The value that one frame adds to a histogram; `None` for any other metric.
    ///
    /// ```
    /// use framepool::metrics::METRICS;
    ///
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// frame.alloc::<u8>(4096);
    /// let snapshot = frame.release_all();
    /// let memory = METRICS.iter().find(|metric| metric.name == "framepool.frame.memory").unwrap();
    /// # if cfg!(feature = "telemetry") {
    /// assert!(memory.of_frame(&snapshot) >= Some(4096.0));
    /// # }
    /// ```
    pub fn of_frame(&self, frame: &FrameSnapshot) -> Option<f64> {
        match self.source {
            Source::Frames(read, _) => Some(read(frame)),
            _ => None,
        }
    }

    /// The upper ends of a histogram's buckets. They are the same in every pool and process, so that buckets add up.
    ///
    /// ```
    /// use framepool::metrics::METRICS;
    ///
    /// let memory = METRICS.iter().find(|metric| metric.name == "framepool.frame.memory").unwrap();
    /// let bucket = memory.buckets().iter().position(|&end| 5000.0 <= end);
    /// assert_eq!(bucket.map(|at| memory.buckets()[at]), Some(8192.0));
    /// ```
    pub fn buckets(&self) -> &'static [f64] {
        match self.source {
            Source::Frames(_, ends) => ends,
            _ => &[],
        }
    }

    /// Whether its set of numbers differs between pools and over time, like that of tags.
    pub fn is_open_ended(&self) -> bool {
        self.labels.contains(&TAG)
    }

    fn read_counters(&self, counts: &Counts, each: &mut Each<'_>) {
        let parts = || parts_of(self.name, counts);
        for (at, (first, _)) in parts().enumerate() {
            let is_new = |labels| parts().take(at).all(|(part, _)| part.labels != labels);
            if is_new(first.labels) {
                let same = parts().filter(|(part, _)| part.labels == first.labels);
                let sum = same.fold(0, |sum, (part, value)| part.count(sum, value));
                each(first.labels, Some(sum as f64));
            }
        }
    }
}

/// The parts of one metric, with the counters' values.
fn parts_of(metric: &str, counts: &Counts) -> impl Iterator<Item = (&'static Part, u64)> {
    Counts::DEFINITIONS
        .iter()
        .zip(counts.values())
        .flat_map(|(counter, value)| counter.parts.iter().map(move |part| (part, value)))
        .filter(move |(part, _)| part.metric == metric)
}
