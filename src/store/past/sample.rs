//! A pool at one moment of its history: the shown numbers, and the largest holders of memory.

use super::columns::{COLUMNS, Column, PLACES, Values, merge};
use super::holders::{HELD, HolderKind};

/// Words of a row for each holder.
const WORDS_OF_HOLDER: usize = 2;
/// Words of a sample's row in a ring.
pub(crate) const WORDS: usize = 1 + PLACES + HELD * WORDS_OF_HOLDER;

/// The low bits of a word, which count buffers; the bits above have the holder's place.
const BUFFER_BITS: u32 = 48;

/// What one holder in a [`Sample`] keeps across frames: the memory of a call site, a tag, a thread, or the blocks of one size.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool::store::{HeldShare, HolderKind, Span};
///
/// # let pool = BufferPool::new();
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// let kept = pool.alloc::<u8>(1_000);
/// watch.stop();
/// let hour = watch.store().rollup_of(pool.id(), Span::Hour, 0).unwrap();
/// for share in hour.samples.last().unwrap().held(HolderKind::Site) {
///     let Some(location) = hour.sites[share.site as usize] else { continue };
///     assert_eq!((location.file(), share.bytes), (file!(), 1_024));
/// }
/// assert_eq!(hour.sites[HeldShare::REST as usize], None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldShare {
    /// The place of its name in the list of its kind in [`Rollup::names`](super::Rollup::names); for a call site also in
    /// [`Rollup::sites`](super::Rollup::sites).
    pub site: u16,
    /// Bytes of its buffers that are kept across frames, as rounded block sizes: those of frames in flight, see
    /// [`SiteHolding::in_flight`](crate::SiteHolding::in_flight), are not counted.
    pub bytes: u64,
    /// These buffers.
    pub buffers: u64,
}

impl HeldShare {
    /// The place for all holders that a sample does not name.
    pub const OTHERS: u16 = 0;
    /// The place for the rest of what is kept: buffers without such a holder.
    pub const REST: u16 = 1;
}

/// A pool at one moment, or at several that were merged.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool::store::Span;
///
/// # let pool = BufferPool::new();
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// pool.end_frame();
/// watch.stop();
/// let recent = watch.store().rollup_of(pool.id(), Span::Recent, 0).unwrap();
/// let frames: Option<f64> = recent.samples.iter().map(|it| it.value("frames", &[])).sum();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(frames, Some(1.0));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// When the levels were read, in milliseconds since 1970.
    pub time_ms: u64,
    values: Values,
    held: [HeldShare; HELD],
}

impl Sample {
    /// The table of all numbers and how they are merged.
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

    /// The numbers, in the order of [`columns`](Self::columns). A missing one, such as the limit of a pool without a limit,
    /// is NaN.
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

    /// The largest holders, the other holders, and the rest, of what is kept across frames. Together with the column
    /// `in_flight_bytes` they are all memory in use.
    pub fn held(&self, by: HolderKind) -> impl Iterator<Item = &HeldShare> {
        let held = self.held[by.begin()..].iter().take(by.places());
        held.filter(|held| held.buffers > 0 || held.bytes > 0)
    }

    /// Merges a later sample. The time and the holders are those of the sample with more memory, but if the wall clock went
    /// back, the time stays.
    pub(crate) fn merge(&mut self, later: &Self) {
        if later.values[0] >= self.values[0] {
            self.time_ms = self.time_ms.max(later.time_ms);
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

/// Merges the samples of each bucket of this width into one.
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

/// Whether a sample belongs to the bucket of the previous one. If the wall clock went back, the sample counts in the latest
/// bucket.
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
