//! The numbers of a sample: those of the table of metrics, and a few that only a history needs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::health::{HealthSnapshot, HealthStatus};
use crate::metrics::{Kind, METRICS, Metric, Reading};
use crate::sync::Arc;

/// How the values of two samples are merged.
///
/// ```
/// use framepool::store::{Merge, Sample};
///
/// let sums = Sample::columns().iter().filter(|column| column.merge == Merge::Sum);
/// let names: Vec<_> = sums.map(|column| column.metric).collect();
/// assert_eq!(names, ["frames", "frame_ms_sum"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Merge {
    /// The value of the sample in which the pool held the most memory, so that all levels at one point are from one sample.
    #[default]
    AtMostHeld,
    /// The later value, because it counts since the pool was made.
    Later,
    /// The larger value.
    Largest,
    /// The sum.
    Sum,
}

/// One number of a [`Sample`](super::sample::Sample).
///
/// ```
/// use framepool::store::Sample;
///
/// for column in Sample::columns() {
///     println!("{} {:?} in {}: {}", column.metric, column.labels, column.unit, column.help);
/// }
/// assert_eq!(Sample::columns()[0].unit, "By");
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Column {
    /// The name of its metric.
    pub metric: &'static str,
    /// The labels of the number.
    pub labels: BTreeMap<&'static str, String>,
    /// UCUM unit.
    pub unit: &'static str,
    /// What it means, in one sentence.
    pub help: &'static str,
    /// How values of samples are merged.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub merge: Merge,
}

impl Merge {
    /// Merges the values of two samples, NaN for missing ones. `after_held_more` tells which sample had the most memory.
    pub(crate) fn apply(self, before: f64, after: f64, after_held_more: bool) -> f64 {
        match self {
            Self::AtMostHeld if after_held_more => after,
            Self::AtMostHeld => before,
            // The larger of a number and NaN is the number.
            Self::Largest => before.max(after),
            _ if after.is_nan() => before,
            Self::Sum if !before.is_nan() => before + after,
            Self::Sum | Self::Later => after,
        }
    }
}

impl Column {
    /// Whether it is the number of this metric with these labels.
    pub(crate) fn is(&self, metric: &str, labels: &[(&str, &str)]) -> bool {
        let own = self.labels.iter();
        self.metric == metric
            && own
                .map(|(name, of)| (*name, &**of))
                .eq(labels.iter().copied())
    }
}

/// Room for numbers in a sample; some places are unused.
pub(crate) const PLACES: usize = 64;

/// A number that only a history needs.
struct Own {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    merge: Merge,
    read: fn(&HealthSnapshot) -> f64,
}

macro_rules! own {
    ($($name:literal, $unit:literal, $merge:ident, $help:literal, |$health:pat_param| $read:expr;)*) => {
        const OWN: &[Own] = &[
            $(Own { name: $name, unit: $unit, help: $help, merge: Merge::$merge, read: |$health| $read as f64 },)*
        ];
    };
}

// The first column decides which of two samples has the most memory.
own! {
    "pooled_bytes", "By", AtMostHeld, "Bytes the pool holds from the system: in use and idle together.", |health| health.metrics.pooled_bytes;
    "outstanding_bytes", "By", AtMostHeld, "Bytes of the pooled buffers that are out.", |health| health.metrics.outstanding_bytes;
    "outstanding_buffers", "{buffer}", AtMostHeld, "Pooled buffers that are out.", |health| health.metrics.outstanding_buffers;
    "in_flight_bytes", "By", AtMostHeld, "Bytes in use of frames in flight: frame buffers of open frames, and pooled buffers allocated since the oldest of these began. The rest of what is in use is kept across frames.", |health| health.metrics.in_flight_bytes;
    "status", "1", Largest, "0 is healthy, 1 warning, 2 critical.", |health| level(health.status);
    "frame", "{frame}", Later, "The latest frame end.", |health| health.metrics.frame.get();
    "frames", "{frame}", Sum, "Frames that ended since the sample before.", |health| health.interval.frames();
    "frame_ms_sum", "ms", Sum, "Their frame times, added up.", |health| health.interval.frame_time_ns.sum as f64 / 1e6;
    "frame_ms_worst", "ms", Largest, "The longest of their frame times.", |health| health.interval.frame_time_ns.max as f64 / 1e6;
}

/// Every number of a sample.
pub(crate) static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let own = OWN.iter().map(|own| Column {
        metric: own.name,
        labels: BTreeMap::new(),
        unit: own.unit,
        help: own.help,
        merge: own.merge,
    });
    let mut columns: Vec<Column> = own.collect();
    let reading = Reading::none();
    for metric in recorded() {
        metric.read(&reading, &mut |labels, _| {
            columns.push(Column {
                metric: metric.name,
                labels: labels
                    .iter()
                    .map(|&(name, of)| (name, of.to_owned()))
                    .collect(),
                unit: metric.unit,
                help: metric.help,
                merge: match metric.kind {
                    Kind::Counter => Merge::Later,
                    Kind::UpDownCounter => Merge::AtMostHeld,
                    _ => Merge::Largest,
                },
            });
        });
    }
    columns
});

/// The recorded metrics: all that have the same set of numbers in every pool. Alerts are in the log.
fn recorded() -> impl Iterator<Item = &'static Metric> {
    METRICS
        .iter()
        .filter(|metric| !metric.labels.contains(&"rule") && !metric.is_open_ended())
}

/// A status as a number: 0 healthy, 1 warning, 2 critical.
fn level(status: HealthStatus) -> u8 {
    match status {
        HealthStatus::Healthy => 0,
        HealthStatus::Warning => 1,
        HealthStatus::Critical => 2,
    }
}

/// The values of one sample, in the order of [`COLUMNS`]; NaN for missing ones.
pub(crate) type Values = [f64; PLACES];

/// Reads every column.
pub(crate) fn read(health: &Arc<HealthSnapshot>) -> Values {
    let mut values = [f64::NAN; PLACES];
    let mut places = values.iter_mut();
    let mut add = |value| {
        if let Some(place) = places.next() {
            *place = value;
        }
    };
    for own in OWN {
        add((own.read)(health));
    }
    let reading = Reading::of(Arc::clone(health));
    for metric in recorded() {
        metric.read(&reading, &mut |_, value| add(value.unwrap_or(f64::NAN)));
    }
    values
}

/// Merges the values of two samples.
pub(crate) fn merge(before: &Values, after: &Values) -> Values {
    let after_held_more = after[0] >= before[0];
    let mut merged = *after;
    for (at, column) in COLUMNS.iter().enumerate().take(PLACES) {
        merged[at] = column.merge.apply(before[at], after[at], after_held_more);
    }
    merged
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;
    use crate::telemetry::counters::Counts;

    fn at(metric: &str, label: &str) -> usize {
        let is_it = |column: &Column| {
            column.metric == metric
                && (label.is_empty() || column.labels.values().any(|of| of == label))
        };
        let found = COLUMNS.iter().position(is_it);
        found.unwrap_or_else(|| panic!("no column {metric} {label}"))
    }

    #[test]
    fn merged_levels_belong_to_one_sample() {
        let sample = |held: f64, in_use: f64, frames, worst, given_back| {
            let mut values = [0.0; PLACES];
            let named = [
                (at("pooled_bytes", ""), held),
                (at("framepool.memory.usage", "in_use"), in_use),
                (at("framepool.memory.usage", "idle"), held - in_use),
                (at("frames", ""), frames),
                (at("frame_ms_worst", ""), worst),
                (at("framepool.buffer.releases", "pooled"), given_back),
            ];
            for (at, value) in named {
                values[at] = value;
            }
            values
        };
        let merged = merge(
            &sample(10.0, 2.0, 3.0, 9.0, 100.0),
            &sample(7.0, 6.0, 4.0, 1.0, 150.0),
        );
        let expected = sample(10.0, 2.0, 7.0, 9.0, 150.0);
        let differences = merged.iter().zip(expected).map(|(a, b)| (a - b).abs());
        assert!(differences.sum::<f64>() < f64::EPSILON, "{merged:?}");
    }

    #[test]
    fn the_first_column_decides_which_sample_held_most() {
        assert_eq!(COLUMNS[0].metric, "pooled_bytes");
    }

    #[test]
    fn every_counter_has_a_column() {
        for counter in Counts::DEFINITIONS {
            for part in counter.parts {
                let has = |column: &Column| column.is(part.metric, part.labels);
                assert!(COLUMNS.iter().any(has), "{}", counter.name);
            }
        }
    }

    #[test]
    fn every_column_has_a_place() {
        assert!(COLUMNS.len() <= PLACES, "{} columns", COLUMNS.len());
    }
}
