//! A pool at one moment of its history: the shown numbers, and who held the most memory.

use super::columns::{COLUMNS, Column, PLACES, Values, merge};
use super::holders::{HELD, HolderKind};

/// Numbers that a row of a ring has for each holder.
const WORDS_OF_HOLDER: usize = 2;
/// Numbers of a sample as a row of a ring.
pub(crate) const WORDS: usize = 1 + PLACES + HELD * WORDS_OF_HOLDER;

/// Bits of a word that count buffers; those above number the holder.
const BUFFER_BITS: u32 = 48;

/// What one holder held in a [`Sample`]: a call site, a tag, a thread, or the blocks of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldShare {
    /// The place of its name in the list of its kind in [`Rollup::names`](super::Rollup::names); of a call site also in
    /// [`Rollup::sites`](super::Rollup::sites).
    pub site: u16,
    /// Bytes of its buffers, as rounded block sizes.
    pub bytes: u64,
    /// Its buffers. Of a thread the pooled ones only.
    pub buffers: u64,
}

impl HeldShare {
    /// The place of all holders that a sample does not name.
    pub const OTHERS: u16 = 0;
    /// The place of the rest of what is in use: frame buffers where call sites or sizes hold the pooled ones.
    pub const REST: u16 = 1;
}

/// A pool at one moment, or at several that were merged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// When the levels were read, in milliseconds since 1970.
    pub time_ms: u64,
    values: Values,
    held: [HeldShare; HELD],
}

impl Sample {
    /// The table: what every number is, and how it is merged.
    pub fn columns() -> &'static [Column] {
        &COLUMNS
    }

    pub(crate) fn new(time_ms: u64, values: &Values, held: &[HeldShare; HELD]) -> Self {
        Self {
            time_ms,
            values: *values,
            held: *held,
        }
    }

    /// The numbers, in the order of [`columns`](Self::columns). One that does not exist, such as the limit of a pool without
    /// one, is NaN.
    pub fn values(&self) -> &[f64] {
        &self.values[..COLUMNS.len().min(PLACES)]
    }

    /// The number of a metric with these labels, in the order of the labels' names.
    pub fn value(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let at = COLUMNS
            .iter()
            .position(|column| column.is(metric, labels))?;
        self.values()
            .get(at)
            .copied()
            .filter(|value| !value.is_nan())
    }

    /// Who held the most of the memory in use then, the other holders, and the rest. Together they are what was in use.
    pub fn held(&self, by: HolderKind) -> impl Iterator<Item = &HeldShare> {
        let held = self.held[by.begin()..].iter().take(by.places());
        held.filter(|held| held.buffers > 0 || held.bytes > 0)
    }

    /// Takes in a sample that is later, or of the same time. What it held counts if it held at least as much.
    pub(crate) fn merge(&mut self, later: &Self) {
        if later.values[0] >= self.values[0] && later.time_ms >= self.time_ms {
            self.time_ms = later.time_ms;
            self.held = later.held;
        }
        self.values = merge(&self.values, &later.values);
    }

    pub(crate) fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[0] = self.time_ms;
        let (values, held) = words[1..].split_at_mut(PLACES);
        for (word, value) in values.iter_mut().zip(self.values) {
            *word = value.to_bits();
        }
        for (words, held) in held.chunks_exact_mut(WORDS_OF_HOLDER).zip(&self.held) {
            let buffers = held.buffers.min((1 << BUFFER_BITS) - 1);
            words[0] = u64::from(held.site) << BUFFER_BITS | buffers;
            words[1] = held.bytes;
        }
        words
    }

    pub(crate) fn from_words(words: &[u64; WORDS]) -> Self {
        let (values, held) = words[1..].split_at(PLACES);
        Self {
            time_ms: words[0],
            values: std::array::from_fn(|at| f64::from_bits(values[at])),
            held: std::array::from_fn(|at| HeldShare {
                site: (held[at * WORDS_OF_HOLDER] >> BUFFER_BITS) as u16,
                buffers: held[at * WORDS_OF_HOLDER] % (1 << BUFFER_BITS),
                bytes: held[at * WORDS_OF_HOLDER + 1],
            }),
        }
    }
}

/// The samples of a list as fewer: those of each bucket of this width as one.
pub(crate) fn merged(samples: impl IntoIterator<Item = Sample>, bucket_ms: u64) -> Vec<Sample> {
    let mut merged: Vec<Sample> = Vec::new();
    for sample in samples {
        match merged.last_mut() {
            Some(last) if is_same_bucket(last, &sample, bucket_ms) => last.merge(&sample),
            _ => merged.push(sample),
        }
    }
    merged
}

/// Whether a sample belongs to the bucket of the one before. The wall clock may go back: such a sample counts as of the
/// latest bucket.
pub(crate) fn is_same_bucket(before: &Sample, sample: &Sample, bucket_ms: u64) -> bool {
    sample.time_ms / bucket_ms <= before.time_ms / bucket_ms
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_all_of_a_sample() {
        let holders = std::array::from_fn(|at| HeldShare {
            site: at as u16 * 1_300,
            bytes: u64::MAX - at as u64,
            buffers: (1 << BUFFER_BITS) - 1 - at as u64,
        });
        let values = std::array::from_fn(|at| at as f64 / 3.0);
        let sample = Sample::new(1_234_567, &values, &holders);
        assert_eq!(Sample::from_words(&sample.words()), sample);
        let kinds = HolderKind::ALL.iter().copied();
        assert_eq!(
            kinds.map(|kind| sample.held(kind).count()).sum::<usize>(),
            HELD
        );
        assert_eq!(sample.value("outstanding_bytes", &[]), Some(1.0 / 3.0));
    }
}
