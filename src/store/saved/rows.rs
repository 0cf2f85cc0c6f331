//! Samples as rows, short in a file.

use std::collections::BTreeMap;

use crate::store::past::sample::Sample;
use crate::store::past::{Rollup, Span};

/// What a value of a sample is: see [`Column`](crate::store::Column).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedColumn {
    /// The name of its metric.
    pub metric: String,
    /// Which of the metric's numbers it is.
    pub labels: BTreeMap<String, String>,
    /// UCUM unit.
    pub unit: String,
    /// What it means, in one sentence.
    pub help: String,
}

/// The numbers of a pool over one span.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedSpan {
    /// The span.
    pub span: Span,
    /// Samples within this time are merged, in milliseconds.
    pub bucket_ms: u64,
    /// What the places of holders are called.
    pub sites: Vec<String>,
    /// The oldest first.
    pub samples: Vec<SavedSample>,
}

/// A pool at one moment of its history. In a file: `[time_ms, [values], [[site, bytes, buffers], …]]`.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SavedSample(
    /// When it was, in milliseconds since 1970.
    pub u64,
    /// The values, in the order of the columns; none where there was no number.
    pub Vec<Option<f64>>,
    /// Who held the most: the place of the name, bytes, buffers.
    pub Vec<(u16, u64, u64)>,
);

impl SavedSpan {
    /// The span with this many samples at most. Of samples that fall together, the one with the most memory stands for all: the
    /// first column says how much.
    #[must_use]
    pub fn merged(&self, most: usize) -> Self {
        let spare = self.samples.len().div_ceil(most.max(1)).max(1);
        let held = |sample: &&SavedSample| sample.1.first().copied().flatten().unwrap_or(0.0);
        let largest = |samples: &[SavedSample]| {
            let by_memory = |a: &&SavedSample, b: &&SavedSample| held(a).total_cmp(&held(b));
            samples.iter().max_by(by_memory).cloned()
        };
        Self {
            bucket_ms: self.bucket_ms * spare as u64,
            samples: self.samples.chunks(spare).filter_map(largest).collect(),
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
    });
    columns.collect()
}

impl From<&Rollup> for SavedSpan {
    fn from(rollup: &Rollup) -> Self {
        let samples = rollup.samples.iter().map(|sample| {
            let number = |&value: &f64| value.is_finite().then_some(value);
            SavedSample(
                sample.time_ms,
                sample.values().iter().map(number).collect(),
                sample
                    .held()
                    .map(|held| (held.site, held.bytes, held.buffers))
                    .collect(),
            )
        });
        Self {
            span: rollup.span,
            bucket_ms: rollup.bucket_ms,
            sites: rollup.site_names(),
            samples: samples.collect(),
        }
    }
}
