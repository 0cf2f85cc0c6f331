//! What a frame end publishes: the immutable snapshot, and the same numbers read between frame ends.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::counters::Counts;
use crate::telemetry::id::{FrameEnd, FrameId, PoolId};
use crate::telemetry::largest_miss::LargestMiss;

/// The state of a pool at one frame end, and what happened since the frame end before it.
///
/// Never changes once published. All byte numbers are rounded block sizes unless they say `requested`, so that
/// `pooled_bytes == in_use_bytes + idle_bytes` holds exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FrameSnapshot {
    /// The pool. No pool in what is published before the first frame end.
    pub pool_id: PoolId,
    /// Which frame end of the pool this is: the n-th.
    pub frame: FrameEnd,
    /// The frame that ended; none if no frame did: [`end_frame`](crate::BufferPool::end_frame).
    pub ended: Option<FrameId>,
    /// When the frame end began. All numbers of the snapshot are of this moment, or of `fold_duration` later at most.
    pub time: Timestamp,
    /// The period: the time from the frame end before this one, or from the making of the pool.
    pub duration: Duration,
    /// The time from the beginning of the frame that ended to its end; none if no frame ended. The time that a program
    /// waits between two frames, for the display for example, is in `duration` and not in here.
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
    /// Allocs of this frame that took memory from the system; `counts` has them by reason.
    pub misses: u64,
    /// Bytes taken from the system in this frame, for buffers: by misses, and by whatever else made the pool grow.
    pub system_bytes: u64,
    /// Pieces of memory taken from the system by misses, and regions returned to it, in this frame.
    pub system_calls: u64,
    /// The alloc of a pooled buffer that took the most memory from the system in this frame, if one did.
    pub largest_miss: Option<LargestMiss>,
    /// Buffers out at the frame end.
    pub in_use_buffers: u64,
    /// Bytes of the buffers out at the frame end.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that nobody uses.
    pub idle_bytes: u64,
    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// The most bytes the pool ever held from the system, seen at every growth.
    pub peak_bytes: u64,
    /// When a frame end, or another reading, first found `peak_bytes`.
    pub peak_at: Timestamp,
    /// Bytes that were asked for, of the buffers out at the frame end.
    pub requested_bytes: u64,
    /// Size classes for which the pool holds memory.
    pub pool_keys: u32,
    /// Frames begun and not ended.
    pub open_frames: u32,
    /// Threads that took a buffer in this frame.
    pub threads: u32,
    /// Bytes the bookkeeping itself occupies: slots, block records, history.
    pub telemetry_bytes: u64,
    /// How long this frame end took to end the frame, to read and sum up all slots, and to give idle memory back.
    pub fold_duration: Duration,
    /// Every counter of the table, for this frame.
    pub counts: Counts,
    /// Every counter of the table, since the pool was made.
    pub totals: Totals,
}

impl FrameSnapshot {
    /// Allocs minus releases of this frame: positive when buffers were taken and kept.
    pub fn imbalance(&self) -> i64 {
        self.allocs.wrapping_sub(self.releases) as i64
    }

    /// Bytes lost to rounding up to block sizes, of the buffers out at the frame end.
    pub fn rounding_bytes(&self) -> u64 {
        self.in_use_bytes.saturating_sub(self.requested_bytes)
    }

    /// The share of this frame's allocs that took memory from the system, 0 to 1.
    pub fn miss_ratio(&self) -> f64 {
        if self.allocs == 0 {
            0.0
        } else {
            self.misses as f64 / self.allocs as f64
        }
    }
}

/// What was counted since the pool was made.
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
    /// Allocs minus releases: the buffers out.
    pub fn imbalance(&self) -> i64 {
        self.allocs.wrapping_sub(self.releases) as i64
    }
}

/// A pool's numbers read between frame ends, by walking the slots now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PoolStats {
    /// When this was read.
    pub time: Timestamp,
    /// Buffers out.
    pub in_use_buffers: u64,
    /// Bytes of the buffers out.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that nobody uses.
    pub idle_bytes: u64,
    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// The most bytes the pool ever held from the system, seen at every growth.
    pub peak_bytes: u64,
    /// When this or an earlier reading first found `peak_bytes`.
    pub peak_at: Timestamp,
    /// Bytes that were asked for, of the buffers out.
    pub requested_bytes: u64,
    /// The budget, when there is one.
    pub limit_bytes: Option<u64>,
    /// Size classes for which the pool holds memory.
    pub pool_keys: u32,
    /// Frames begun and not ended.
    pub open_frames: u32,
    /// Slots that exist: the most threads that used the pool at once.
    pub slots: u32,
    /// Slots that a live thread owns now.
    pub claimed_slots: u32,
    /// Bytes the bookkeeping itself occupies: slots, block records, history.
    pub telemetry_bytes: u64,
    /// What was counted since the pool was made.
    pub totals: Totals,
}

impl PoolStats {
    /// Bytes lost to rounding up to block sizes, of the buffers out.
    pub fn rounding_bytes(&self) -> u64 {
        self.in_use_bytes.saturating_sub(self.requested_bytes)
    }
}

/// The levels and totals of a frame end as a reading of its own, for tests of what is made of given numbers.
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
