//! Samples as compact rows in a file.

use std::collections::BTreeMap;

use crate::store::past::columns::Merge;
use crate::store::past::holders::{HolderKind, HolderNames};
use crate::store::past::sample::Sample;
use crate::store::past::{Rollup, Span};

/// The meaning of a value in a sample: see [`Column`](crate::store::Column).
///
/// ```
/// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
/// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
/// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
/// let pool = &store.saved().pools[0];
/// let frames = pool.columns.iter().position(|column| column.metric == "frames").unwrap();
/// assert_eq!(pool.columns[frames].unit, "{frame}");
/// let values = pool.spans[0].samples.iter().map(|sample| sample.1[frames]);
/// assert_eq!(values.count(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedColumn {
    /// The name of its metric.
    pub metric: String,
    /// The labels of the number.
    pub labels: BTreeMap<String, String>,
    /// UCUM unit.
    pub unit: String,
    /// What it means, in one sentence.
    pub help: String,
    /// How values of samples are merged.
    #[cfg_attr(feature = "serde", serde(default))]
    pub merge: Merge,
}

/// The numbers of a pool over one span.
///
/// ```
/// use framepool::store::Span;
/// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
/// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
/// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
///
/// let pool = &store.saved().pools[0];
/// let hour = pool.span(Span::Hour).expect("a store keeps every span");
/// assert_eq!((hour.bucket_ms, hour.samples.len()), (1_000, 1));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedSpan {
    /// The span.
    pub span: Span,
    /// Samples within this time are merged, in milliseconds.
    pub bucket_ms: u64,
    /// The names of holders by place.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub names: HolderNames,
    /// The oldest first.
    pub samples: Vec<SavedSample>,
}

/// Holders: the place of the name, bytes, buffers.
type Held = Vec<(u16, u64, u64)>;

/// A pool at one moment of its history. In a file: `[time_ms, [values], [[site, bytes, buffers], …]]`, followed by the same
/// lists for tags, threads and block sizes.
///
/// ```
/// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
/// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
/// # let kept = pool.alloc::<u8>(1_000);
/// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
/// let span = &store.saved().pools[0].spans[0];
/// for &(site, bytes, buffers) in &span.samples[0].2 {
///     println!("{}: {bytes} bytes in {buffers} buffers", span.names.sites[site as usize]);
///     assert_eq!(bytes, 1_024);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SavedSample(
    /// The time, in milliseconds since 1970.
    pub u64,
    /// The values, in the order of the columns; `None` for missing numbers.
    pub Vec<Option<f64>>,
    /// The call sites that held the most: the place of the name, bytes, buffers.
    pub Held,
    /// The tags that held the most.
    #[cfg_attr(feature = "serde", serde(default))]
    pub Held,
    /// The threads that held the most.
    #[cfg_attr(feature = "serde", serde(default))]
    pub Held,
    /// The block sizes that held the most.
    #[cfg_attr(feature = "serde", serde(default))]
    pub Held,
);

impl SavedSample {
    /// Merges a later sample by the rules of the columns. The holders are those of the sample with the most memory, by the
    /// first column.
    fn merge(&mut self, later: &Self, columns: &[SavedColumn]) {
        let memory = |sample: &Self| sample.1.first().copied().flatten().unwrap_or(0.0);
        let later_held_more = memory(later) >= memory(self);
        if later_held_more {
            self.0 = self.0.max(later.0);
            self.2.clone_from(&later.2);
            self.3.clone_from(&later.3);
            self.4.clone_from(&later.4);
            self.5.clone_from(&later.5);
        }
        for ((value, &later), column) in self.1.iter_mut().zip(&later.1).zip(columns) {
            let [before, after] = [*value, later].map(|it| it.unwrap_or(f64::NAN));
            let merged = column.merge.apply(before, after, later_held_more);
            *value = (!merged.is_nan()).then_some(merged);
        }
    }
}

impl SavedSpan {
    /// The span with at most this many samples: those of each bucket of time are merged by the rules of the columns.
    ///
    /// ```
    /// use framepool::store::Span;
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
    ///
    /// // A day for a chart of 96 points: one for each quarter of an hour.
    /// let pool = &store.saved().pools[0];
    /// let day = pool.span(Span::Day).unwrap().merged(&pool.columns, 96);
    /// assert_eq!(day.bucket_ms, 15 * 60_000);
    /// ```
    #[must_use]
    pub fn merged(&self, columns: &[SavedColumn], most: usize) -> Self {
        let fewest_ms = self.span.length_ms().div_ceil(most.max(1) as u64);
        // A multiple of the span's bucket, so that all buckets have the same number of samples.
        let bucket_ms = fewest_ms.next_multiple_of(self.bucket_ms.max(1));
        let mut samples: Vec<SavedSample> = Vec::new();
        for sample in &self.samples {
            match samples.last_mut() {
                Some(last) if sample.0 / bucket_ms <= last.0 / bucket_ms => {
                    last.merge(sample, columns);
                }
                _ => samples.push(sample.clone()),
            }
        }
        Self {
            bucket_ms,
            samples,
            ..self.clone()
        }
    }
}

pub(super) fn columns() -> Vec<SavedColumn> {
    let columns = Sample::columns().iter().map(|column| SavedColumn {
        metric: column.metric.to_owned(),
        labels: column
            .labels
            .iter()
            .map(|(&name, of)| (name.to_owned(), of.clone()))
            .collect(),
        unit: column.unit.to_owned(),
        help: column.help.to_owned(),
        merge: column.merge,
    });
    columns.collect()
}

impl From<&Rollup> for SavedSpan {
    fn from(rollup: &Rollup) -> Self {
        let samples = rollup.samples.iter().map(|sample| {
            let number = |&value: &f64| value.is_finite().then_some(value);
            let held = |by| {
                let held = sample.held(by);
                held.map(|held| (held.site, held.bytes, held.buffers))
                    .collect()
            };
            SavedSample(
                sample.time_ms,
                sample.values().iter().map(number).collect(),
                held(HolderKind::Site),
                held(HolderKind::Tag),
                held(HolderKind::Thread),
                held(HolderKind::Size),
            )
        });
        Self {
            span: rollup.span,
            bucket_ms: rollup.bucket_ms,
            names: rollup.names.clone(),
            samples: samples.collect(),
        }
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn merged_span_keeps_spikes_counts_and_holders() {
        let columns = [Merge::AtMostHeld, Merge::Largest, Merge::Sum, Merge::Later].map(|merge| {
            SavedColumn {
                merge,
                ..SavedColumn::default()
            }
        });
        let sample = |time_ms, values: [f64; 4]| {
            let held = vec![(2, values[0] as u64, 1)];
            let values = values.map(Some).to_vec();
            SavedSample(time_ms, values, held, Vec::new(), Vec::new(), Vec::new())
        };
        let span = SavedSpan {
            span: Span::Hour,
            bucket_ms: 1_000,
            names: HolderNames::default(),
            samples: vec![
                sample(60_000, [5.0, 1.0, 2.0, 10.0]),
                sample(61_000, [3.0, 9.0, 4.0, 11.0]),
                sample(70_000, [1.0, 1.0, 1.0, 12.0]),
            ],
        };
        let merged = span.merged(&columns, 720);
        assert_eq!(merged.bucket_ms, 5_000);
        let expected = [
            sample(60_000, [5.0, 9.0, 6.0, 11.0]),
            sample(70_000, [1.0, 1.0, 1.0, 12.0]),
        ];
        assert_eq!(merged.samples, expected);
        assert_eq!(span.merged(&columns, 3_600).samples, span.samples);
    }
}
