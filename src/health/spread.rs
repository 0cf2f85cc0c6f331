//! Minimum, maximum and sum of each number over all frames since the previous health snapshot.

use std::time::Duration;

use crate::telemetry::snapshot::FrameSnapshot;

/// The minimum, the maximum and the sum of a number over some frames. All zero if there were none.
///
/// ```
/// # use framepool::health::Spread;
/// let spread: Spread = [3, 1, 8].into_iter().collect();
/// assert_eq!((spread.min, spread.max, spread.sum, spread.count), (1, 8, 12, 3));
/// assert_eq!(spread.mean(), 4.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Spread {
    /// The minimum.
    pub min: u64,
    /// The maximum.
    pub max: u64,
    /// The sum, saturated at the largest `u64`.
    pub sum: u64,
    /// The number of frames.
    pub count: u64,
}

impl Spread {
    fn add(&mut self, value: u64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    /// The sum divided by the count; 0 if there were no frames.
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum as f64 / self.count as f64
        }
    }
}

impl FromIterator<u64> for Spread {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut spread = Self::default();
        values.into_iter().for_each(|value| spread.add(value));
        spread
    }
}

/// Every frame that ended since the previous health snapshot, in one [`Spread`] per number. So a history of health
/// snapshots misses no frame, however many end between two of them.
///
/// `count` is the same in all spreads. Times are in nanoseconds.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// for allocs in [1, 5, 3] {
///     let frame = pool.begin_frame();
///     (0..allocs).for_each(|_| drop(frame.alloc::<u8>(100)));
///     monitor.record(&frame.release_all());
/// }
/// let interval = monitor.emit_now(&pool).interval;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((interval.frames(), interval.allocs.max, interval.allocs.mean()), (3, 5, 3.0));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct FrameSpreads {
    /// Frames whose records were overwritten before the monitor read them. They are in no spread.
    pub lost: u64,
    /// The frame time, of the kind in [`frame_time_source`](crate::RuntimeHealthMetrics::frame_time_source).
    pub frame_time_ns: Spread,
    /// The time from the previous frame end.
    pub period_ns: Spread,
    /// Buffers allocated, of both kinds.
    pub allocs: Spread,
    /// Buffers released, of both kinds.
    pub releases: Spread,
    /// Bytes allocated.
    pub alloc_bytes: Spread,
    /// Bytes of frame buffers allocated.
    pub frame_bytes: Spread,
    /// Bytes released.
    pub release_bytes: Spread,
    /// Allocs that took memory from the system.
    pub misses: Spread,
    /// Bytes taken from the system.
    pub system_bytes: Spread,
    /// Pieces of memory taken from the system and returned to it.
    pub system_calls: Spread,
    /// Bytes of the buffers in use at the frame end.
    pub in_use_bytes: Spread,
    /// Bytes the pool held from the system at the frame end.
    pub pooled_bytes: Spread,
}

impl FrameSpreads {
    pub(crate) fn add(&mut self, frame: &FrameSnapshot, frame_time: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.frame_time_ns.add(nanos(frame_time));
        self.period_ns.add(nanos(frame.duration));
        self.allocs.add(frame.allocs);
        self.releases.add(frame.releases);
        self.alloc_bytes.add(frame.alloc_bytes);
        self.frame_bytes.add(frame.counts.frame_alloc_bytes);
        self.release_bytes.add(frame.release_bytes);
        self.misses.add(frame.misses);
        self.system_bytes.add(frame.system_bytes);
        self.system_calls.add(frame.system_calls);
        self.in_use_bytes.add(frame.in_use_bytes);
        self.pooled_bytes.add(frame.pooled_bytes);
    }

    /// The number of frames in the spreads.
    pub fn frames(&self) -> u64 {
        self.allocs.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_and_maximum_are_of_one_frame_each() {
        let spread: Spread = [5, 3, 8, u64::MAX].into_iter().collect();
        let all = (spread.min, spread.max, spread.sum, spread.count);
        assert_eq!(all, (3, u64::MAX, u64::MAX, 4));
        assert!((Spread::default().mean()).abs() < f64::EPSILON);
    }
}
