//! The immutable snapshot that a frame end publishes, and the same numbers read between frame ends.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::counters::Counts;
use crate::telemetry::id::{FrameEnd, FrameId, PoolId};
use crate::telemetry::largest_miss::LargestMiss;

/// The state of a pool at one frame end, and the counts since the previous frame end.
///
/// Never changes once published. All byte numbers are rounded block sizes unless they say `requested`, so that
/// `pooled_bytes == in_use_bytes + idle_bytes` holds exactly.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// frame.alloc::<u8>(100);
/// let kept = pool.alloc::<u8>(1000);
/// let snapshot = frame.release_all();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((snapshot.allocs, snapshot.releases, snapshot.imbalance()), (2, 1, 1));
/// assert_eq!((snapshot.in_use_bytes, snapshot.rounding_bytes()), (1024, 24));
/// # }
/// assert_eq!(snapshot.pooled_bytes, snapshot.in_use_bytes + snapshot.idle_bytes);
/// # drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FrameSnapshot {
    /// The pool; number 0 in the snapshot that is published before the first frame end.
    pub pool_id: PoolId,
    /// The number of this frame end in the pool.
    pub frame: FrameEnd,
    /// The frame that ended; `None` after [`end_frame`](crate::BufferPool::end_frame), which ends no
    /// [`Frame`](crate::Frame).
    pub ended: Option<FrameId>,
    /// When the frame end began. All numbers of the snapshot were read at this time or up to `fold_duration` later.
    pub time: Timestamp,
    /// The period: the time from the previous frame end, or from the creation of the pool.
    pub duration: Duration,
    /// The time from the beginning of the frame that ended to its end; `None` if no frame ended. The time that a
    /// program waits between two frames, for example for the display, counts in `duration` but not here.
    pub work: Option<Duration>,
    /// Buffers allocated in this frame, of both kinds.
    pub allocs: u64,
    /// Buffers released in this frame, of both kinds.
    pub releases: u64,
    /// Bytes allocated in this frame.
    pub alloc_bytes: u64,
    /// Bytes released in this frame.
    pub release_bytes: u64,
    /// Frame buffers allocated in this frame.
    pub frame_allocs: u64,
    /// Pooled buffers allocated in this frame.
    pub pooled_allocs: u64,
    /// Allocs of this frame served from the thread's own magazine or frame block.
    pub hits_thread: u64,
    /// Allocs of this frame served by a batch from the shared depot.
    pub hits_depot: u64,
    /// Allocs of this frame that took memory from the system; `counts` splits them by reason.
    pub misses: u64,
    /// Bytes taken from the system for buffers in this frame, by misses and by all other growth of the pool.
    pub system_bytes: u64,
    /// Pieces of memory taken from the system by misses, and regions returned to it, in this frame.
    pub system_calls: u64,
    /// The alloc of a pooled buffer that took the most memory from the system in this frame, if one did.
    pub largest_miss: Option<LargestMiss>,
    /// Buffers in use at the frame end.
    pub in_use_buffers: u64,
    /// Bytes of the buffers in use at the frame end.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that are not in use.
    pub idle_bytes: u64,
    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// The most bytes the pool ever held from the system, seen at every growth.
    pub peak_bytes: u64,
    /// When a frame end, or another reading, first found `peak_bytes`.
    pub peak_at: Timestamp,
    /// Requested bytes of the buffers in use at the frame end.
    pub requested_bytes: u64,
    /// Size classes for which the pool holds memory.
    pub pool_keys: u32,
    /// Frames that have begun and not ended.
    pub open_frames: u32,
    /// Threads that allocated a buffer in this frame.
    pub threads: u32,
    /// Bytes of the pool's own bookkeeping: slots, block records, history.
    pub telemetry_bytes: u64,
    /// The time that this frame end took to end the frame, sum up all slots, and give idle memory back.
    pub fold_duration: Duration,
    /// Every counter of the table, for this frame.
    pub counts: Counts,
    /// Every counter of the table, since the pool was made.
    pub totals: Totals,
}

impl FrameSnapshot {
    /// Allocs minus releases of this frame: positive if buffers were allocated and kept.
    pub fn imbalance(&self) -> i64 {
        self.allocs.wrapping_sub(self.releases) as i64
    }

    /// Bytes that the buffers in use at the frame end lose to rounding up to block sizes.
    pub fn rounding_bytes(&self) -> u64 {
        self.in_use_bytes.saturating_sub(self.requested_bytes)
    }

    /// The share of this frame's allocs that took memory from the system, 0 to 1.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// for _ in 0..4 {
    ///     drop(pool.alloc::<u8>(4096)); // the first is a miss
    /// }
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.end_frame().miss_ratio(), 0.25);
    /// # }
    /// ```
    pub fn miss_ratio(&self) -> f64 {
        if self.allocs == 0 {
            0.0
        } else {
            self.misses as f64 / self.allocs as f64
        }
    }
}

/// The counts since the pool was made.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let kept = pool.alloc::<u8>(100);
/// for _ in 0..10 {
///     drop(pool.alloc::<u8>(100));
///     pool.end_frame();
/// }
/// let totals = pool.snapshot().totals;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((totals.frames, totals.allocs, totals.imbalance()), (10, 11, 1));
/// # }
/// # drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Frame ends.
    pub frames: u64,
    /// Buffers allocated, of both kinds.
    pub allocs: u64,
    /// Buffers released, of both kinds. Never more than `allocs`.
    pub releases: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Bytes released. Never more than `alloc_bytes`.
    pub release_bytes: u64,
    /// Bytes taken from the system.
    pub system_bytes: u64,
    /// Bytes returned to the system.
    pub evicted_bytes: u64,
    /// Every counter of the table.
    pub counts: Counts,
}

impl Totals {
    /// Allocs minus releases: the buffers in use.
    pub fn imbalance(&self) -> i64 {
        self.allocs.wrapping_sub(self.releases) as i64
    }
}

/// A pool's numbers, read between frame ends by a walk over the slots.
///
/// ```
/// let pool = framepool::BufferPool::builder().max_bytes(64 << 20).build()?;
/// let image = pool.alloc::<u8>(1 << 20);
/// let stats = pool.stats(); // no frame has ended yet
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((stats.in_use_buffers, stats.in_use_bytes), (1, 1 << 20));
/// # }
/// if let Some(limit) = stats.limit_bytes {
///     println!("{} of {limit} bytes are held", stats.pooled_bytes);
/// }
/// # drop(image);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PoolStats {
    /// When this was read.
    pub time: Timestamp,
    /// Buffers in use.
    pub in_use_buffers: u64,
    /// Bytes of the buffers in use.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that are not in use.
    pub idle_bytes: u64,
    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// The most bytes the pool ever held from the system, seen at every growth.
    pub peak_bytes: u64,
    /// When this or an earlier reading first found `peak_bytes`.
    pub peak_at: Timestamp,
    /// Requested bytes of the buffers in use.
    pub requested_bytes: u64,
    /// The budget, if there is one.
    pub limit_bytes: Option<u64>,
    /// Size classes for which the pool holds memory.
    pub pool_keys: u32,
    /// Frames that have begun and not ended.
    pub open_frames: u32,
    /// Slots that exist: the most threads that used the pool at once.
    pub slots: u32,
    /// Slots that a live thread owns now.
    pub claimed_slots: u32,
    /// Bytes of the pool's own bookkeeping: slots, block records, history.
    pub telemetry_bytes: u64,
    /// The counts since the pool was made.
    pub totals: Totals,
}

impl PoolStats {
    /// Bytes that the buffers in use lose to rounding up to block sizes.
    pub fn rounding_bytes(&self) -> u64 {
        self.in_use_bytes.saturating_sub(self.requested_bytes)
    }
}

/// The levels and totals of a frame end as a separate reading, for tests with given numbers.
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
impl From<&FrameSnapshot> for PoolStats {
    fn from(frame: &FrameSnapshot) -> Self {
        Self {
            time: frame.time,
            in_use_buffers: frame.in_use_buffers,
            in_use_bytes: frame.in_use_bytes,
            idle_bytes: frame.idle_bytes,
            pooled_bytes: frame.pooled_bytes,
            peak_bytes: frame.peak_bytes,
            requested_bytes: frame.requested_bytes,
            pool_keys: frame.pool_keys,
            open_frames: frame.open_frames,
            totals: frame.totals,
            ..Self::default()
        }
    }
}
