//! Histograms with one bucket per power of two.

/// One for zero, and one for each power of two.
const BUCKETS: usize = u64::BITS as usize + 1;

/// A histogram with a bucket for zero, and one for each power of two.
///
/// ```
/// use framepool::telemetry::Log2Histogram;
///
/// let histogram: Log2Histogram = [0, 1, 5, 7, 1000].into_iter().collect();
/// let buckets: Vec<_> = histogram.buckets().collect();
/// assert_eq!(buckets, [(0..=0, 1), (1..=1, 1), (4..=7, 2), (512..=1023, 1)]);
/// assert_eq!(histogram.at_most(0.8), Some(7));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Log2Histogram {
    /// Values in each bucket: bucket 0 counts zeroes, bucket `n` counts `2^(n - 1)` up to `2^n - 1`. Only as long as
    /// needed.
    counts: Vec<u64>,
}

impl Log2Histogram {
    /// Counts a value.
    ///
    /// ```
    /// use framepool::telemetry::Log2Histogram;
    ///
    /// let mut frame_times = Log2Histogram::default();
    /// frame_times.add(16_600); // microseconds
    /// frame_times.add(33_200);
    /// assert_eq!(frame_times.at_most(0.5), Some(32_767));
    /// ```
    pub fn add(&mut self, value: u64) {
        self.try_add(value);
    }

    /// Counts a value, unless there is no memory for its bucket.
    pub(crate) fn try_add(&mut self, value: u64) {
        let bucket = (u64::BITS - value.leading_zeros()) as usize;
        // Room for all buckets at once, so that later values take no memory.
        let room = BUCKETS - self.counts.len();
        if self.counts.len() > bucket || self.counts.try_reserve(room).is_ok() {
            let end = self.counts.len().max(bucket + 1);
            self.counts.resize(end, 0);
            self.counts[bucket] += 1;
        }
    }

    /// An empty histogram that takes no memory for its values.
    pub(crate) fn with_room() -> Self {
        Self {
            counts: Vec::with_capacity(BUCKETS),
        }
    }

    /// Upper bounds of the median, the 99th percentile and the maximum.
    pub(crate) fn shape(&self) -> [Option<u64>; 3] {
        [0.5, 0.99, 1.0].map(|share| self.at_most(share))
    }

    /// Resets all counts. Keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
    }

    /// Values counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().copied().fold(0, u64::saturating_add)
    }

    /// The buckets with a value, the smallest first: the range of the bucket, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (std::ops::RangeInclusive<u64>, u64)> {
        let buckets = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        buckets.map(|(bucket, &count)| (least(bucket)..=most(bucket), count))
    }

    /// An upper bound for this share of the values: the end of a bucket. `None` if nothing was counted.
    pub fn at_most(&self, share: f64) -> Option<u64> {
        let wanted = (share * self.count() as f64).ceil() as u64;
        let mut seen = 0;
        self.buckets().find_map(|(values, count)| {
            seen = count.saturating_add(seen);
            (seen >= wanted).then_some(*values.end())
        })
    }

    /// Adds the counts of another histogram.
    ///
    /// ```
    /// use framepool::telemetry::Log2Histogram;
    ///
    /// let mut ages: Log2Histogram = [1, 2].into_iter().collect();
    /// ages.merge(&[2, 100].into_iter().collect());
    /// assert_eq!((ages.count(), ages.at_most(1.0)), (4, Some(127)));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*other);
        }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Log2Histogram {
    /// The counts of the buckets, the smallest first. More than there are is an error.
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let counts = Vec::deserialize(from)?;
        if counts.len() > BUCKETS {
            let said = format!("{} buckets, at most {BUCKETS}", counts.len());
            return Err(serde::de::Error::custom(said));
        }
        Ok(Self { counts })
    }
}

impl FromIterator<u64> for Log2Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut histogram = Self::default();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }
}

/// The least value of a bucket.
fn least(bucket: usize) -> u64 {
    if bucket == 0 { 0 } else { 1 << (bucket - 1) }
}

/// The largest value of a bucket.
fn most(bucket: usize) -> u64 {
    if bucket == 0 {
        0
    } else {
        u64::MAX >> (u64::BITS as usize - bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket() {
        for value in [0, 1, 2, 3, 4, 1023, 1024, u64::MAX / 2, u64::MAX] {
            let histogram: Log2Histogram = [value].into_iter().collect();
            let (bucket, count) = histogram.buckets().next().unwrap();
            assert!(bucket.contains(&value) && count == 1, "{value}: {bucket:?}");
            assert!(bucket.end() / 2 <= value, "{value}: {bucket:?}");
            assert_eq!(histogram.at_most(1.0), Some(*bucket.end()));
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn more_buckets_than_there_are_is_an_error() {
        let read = |buckets| {
            let text = serde_json::to_string(&vec![u64::MAX; buckets]).unwrap();
            serde_json::from_str::<Log2Histogram>(&text)
        };
        let mut whole = read(BUCKETS).unwrap();
        whole.merge(&whole.clone());
        assert_eq!((whole.count(), whole.at_most(1.0)), (u64::MAX, Some(0)));
        assert!(read(BUCKETS + 1).is_err());
    }

    #[test]
    fn merged_histograms_count_both() {
        let all: Log2Histogram = [0, 9, 300, 9].into_iter().collect();
        let mut merged: Log2Histogram = [0, 9].into_iter().collect();
        merged.merge(&[300, 9].into_iter().collect());
        assert_eq!(merged, all);
        assert_eq!((all.count(), all.at_most(0.5)), (4, Some(15)));
        assert_eq!(Log2Histogram::default().at_most(0.5), None);
    }
}
