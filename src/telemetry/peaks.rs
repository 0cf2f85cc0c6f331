//! The most bytes that the pool held: since it was made, and since each mark.
//!
//! Each growth reads the total and raises one maximum, in the [`Budget`]: the peak of the current *phase*. A mark begins a
//! new phase. Everything else happens under the aggregator's lock: the peak of a phase is merged into the all-time peak
//! and into every mark. All of them are at least as old as the phase.
//!
//! Growth during the making of a mark counts in the previous phase, in the next one, or in both. None is missed.

use crate::clock::Timestamp;
use crate::memory::budget::Budget;
use crate::sync::Arc;
use crate::telemetry::id::FrameEnd;

/// The most bytes that a pool held from the system during some time.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let level = pool.mark();
/// drop(pool.alloc::<u8>(1 << 20));
/// pool.trim();
/// let peak = pool.peak_since(&level);
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((peak.bytes, pool.stats().pooled_bytes), (1 << 20, 0));
/// # }
/// println!("the level needed {} bytes, at {}", peak.bytes, peak.time);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Peak {
    /// The bytes, observed on the total at every growth.
    pub bytes: u64,
    /// When a reading first found them: the first frame end or [`stats`](crate::BufferPool::stats) after the growth.
    pub time: Timestamp,
}

/// The beginning of a phase of a program, for [`peak_since`](crate::BufferPool::peak_since).
///
/// Made by [`BufferPool::mark`](crate::BufferPool::mark). Clones are the same mark.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// pool.end_frame();
/// let level = pool.mark();
/// pool.end_frame();
/// let frames = pool.snapshot().frame.get() - level.frame().get();
/// assert_eq!(frames, 1);
/// println!("{} bytes at most since {}", pool.peak_since(&level).bytes, level.time());
/// ```
#[derive(Clone, Debug)]
pub struct Mark {
    token: Arc<()>,
    time: Timestamp,
    frame: FrameEnd,
}

impl Mark {
    /// When the mark was made.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The latest frame end at that time.
    pub fn frame(&self) -> FrameEnd {
        self.frame
    }
}

/// The peaks of a pool. Only under the aggregator's lock.
#[derive(Debug, Default)]
pub(crate) struct Peaks {
    all_time: Peak,
    marks: Vec<(Arc<()>, Peak)>,
}

impl Peaks {
    /// Merges the peak of the current phase.
    pub(crate) fn observe(&mut self, budget: &Budget, now: Timestamp) {
        // A concurrent growth may not have raised the peak yet.
        budget.held_at_aggregation();
        self.enter(budget.peak(), now);
    }

    fn enter(&mut self, bytes: u64, time: Timestamp) {
        let marks = self.marks.iter_mut().map(|(_, peak)| peak);
        for peak in marks.chain([&mut self.all_time]) {
            if bytes > peak.bytes {
                *peak = Peak { bytes, time };
            }
        }
    }

    /// The peak since the pool was made, as of the last observation.
    pub(crate) fn all_time(&self) -> Peak {
        self.all_time
    }

    /// Begins a phase.
    pub(crate) fn mark(&mut self, budget: &Budget, time: Timestamp, frame: FrameEnd) -> Mark {
        self.enter(budget.begin_phase(), time);
        self.marks.retain(|(token, _)| Arc::strong_count(token) > 1);
        let mark = Mark {
            token: Arc::new(()),
            time,
            frame,
        };
        self.marks.push((Arc::clone(&mark.token), Peak::default()));
        self.observe(budget, time);
        mark
    }

    /// The peak since a mark, as of the last observation; none if the mark is another pool's.
    pub(crate) fn since(&self, mark: &Mark) -> Option<Peak> {
        let mut marks = self.marks.iter();
        let known = marks.find(|(token, _)| Arc::ptr_eq(token, &mark.token));
        known.map(|&(_, peak)| peak)
    }

    /// Bytes of the list of marks.
    pub(crate) fn bytes(&self) -> u64 {
        (self.marks.capacity() * size_of::<(Arc<()>, Peak)>()) as u64
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::Mark;
    use crate::BufferPool;

    const MIB: usize = 1 << 20;

    #[test]
    fn every_phase_has_its_own_peak() {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        let use_and_trim = |mebibytes: usize| {
            drop(pool.alloc::<u8>(mebibytes * MIB));
            pool.trim();
        };
        let all = pool.mark();
        use_and_trim(8);
        // A smaller peak before the first reading.
        use_and_trim(1);
        let first = pool.mark();
        use_and_trim(2);
        let second = pool.mark();
        use_and_trim(4);
        let third = pool.mark();
        let mebibytes = |mark: &Mark| pool.peak_since(mark).bytes / MIB as u64;
        assert_eq!([&all, &first, &second, &third].map(mebibytes), [8, 4, 4, 0]);
        assert_eq!(pool.stats().peak_bytes, 8 * MIB as u64);
        let peak = pool.peak_since(&first);
        assert!(peak.time >= first.time());
        drop(second);
        assert_eq!(pool.end_frame().peak_bytes, 8 * MIB as u64);
        assert_eq!(pool.mark().frame().get(), 1);
        assert_eq!(mebibytes(&third), 0);
    }

    #[test]
    fn a_phase_begins_with_what_is_held() {
        let pool = BufferPool::new();
        let held = pool.alloc::<u8>(3 * MIB);
        let mark = pool.mark();
        let pooled = pool.stats().pooled_bytes;
        drop(held);
        pool.trim();
        assert_eq!(pool.peak_since(&mark).bytes, pooled);
    }

    #[test]
    #[should_panic(expected = "another pool")]
    fn a_mark_belongs_to_its_pool() {
        let mark = BufferPool::new().mark();
        BufferPool::new().peak_since(&mark);
    }

    #[test]
    fn dropped_marks_leave_no_entries() {
        let pool = BufferPool::new();
        (0..1000).for_each(|_| drop(pool.mark()));
        assert!(pool.inner().aggregator.lock().peaks.marks.len() <= 1);
    }
}
