//! The numbers of one health snapshot, flat, for exporters and dashboards.

use super::frame_times::FrameTimeSummary;
use crate::fold::{FrameId, FrameSnapshot, Outstanding};

/// A pool's numbers at one health snapshot: of the latest frame recorded, of the recent frames, and since the pool
/// was made.
///
/// Bytes are rounded block sizes unless they say `requested`. In a build without telemetry everything reads zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct RuntimeHealthMetrics {
    /// The latest frame recorded.
    pub frame: FrameId,

    /// Buffers lent in the latest frame, of both kinds.
    pub pool_allocs: u64,
    /// Buffers given back in the latest frame, of both kinds.
    pub pool_releases: u64,
    /// Allocs minus releases of the latest frame.
    pub imbalance: i64,
    /// Bytes lent in the latest frame.
    pub alloc_bytes: u64,
    /// Bytes given back in the latest frame.
    pub release_bytes: u64,
    /// Frame buffers lent in the latest frame.
    pub frame_allocs: u64,
    /// Pooled buffers lent in the latest frame.
    pub pooled_allocs: u64,
    /// Allocs of the latest frame served by the thread's own memory.
    pub hits_thread: u64,
    /// Allocs of the latest frame served by the shared depot.
    pub hits_depot: u64,
    /// Allocs of the latest frame that took memory from the system.
    pub misses: u64,
    /// Requests refused in the latest frame.
    pub refusals: u64,
    /// Threads that took a buffer in the latest frame.
    pub threads: u32,
    /// How long the latest frame end took, in milliseconds.
    pub frame_end_ms: f64,

    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// Bytes of the buffers out.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that nobody uses.
    pub idle_bytes: u64,
    /// The most bytes the pool ever held from the system.
    pub peak_bytes: u64,
    /// Bytes that were asked for, of the buffers out.
    pub requested_bytes: u64,
    /// Bytes lost to rounding up to block sizes, of the buffers out.
    pub rounding_bytes: u64,
    /// Buffers out, of both kinds.
    pub in_use_buffers: u64,
    /// Size classes for which the pool holds memory.
    pub pool_key_count: u32,
    /// Frames begun and not ended.
    pub open_frames: u32,
    /// Bytes the bookkeeping itself occupies.
    pub telemetry_bytes: u64,

    /// Pooled buffers out when this was measured.
    pub outstanding_buffers: u64,
    /// Bytes of the pooled buffers out when this was measured.
    pub outstanding_bytes: u64,
    /// Of them, buffers marked as long-lived.
    pub long_lived_buffers: u64,
    /// Of them, buffers past the leak age that are not marked as long-lived.
    pub leak_suspects: u64,
    /// Bytes of the leak suspects.
    pub leak_suspect_bytes: u64,

    /// Frames the frame times below are taken from: the latest 512, or as many as there were.
    pub frames_measured: u32,
    /// Average frame time of these frames, in milliseconds.
    pub avg_frame_ms: f64,
    /// Longest frame time of these frames, in milliseconds.
    pub worst_frame_ms: f64,
    /// 99th percentile of these frames' times, in milliseconds: the observed time at index `⌊0.99 (n − 1)⌋` of the `n`
    /// sorted, so it is not the longest one unless there is only one.
    pub p99_frame_ms: f64,
    /// Frames a second at the average frame time.
    pub fps_estimate: f64,
    /// Misses per alloc over the last 120 frames after the warm-up, 0 to 1; zero until there are enough allocs.
    pub miss_ratio: f64,

    /// Frame ends since the pool was made.
    pub total_frames: u64,
    /// Buffers lent since the pool was made, of both kinds.
    pub total_allocs: u64,
    /// Buffers given back since the pool was made, of both kinds.
    pub total_releases: u64,
    /// Bytes lent since the pool was made.
    pub total_alloc_bytes: u64,
    /// Bytes given back since the pool was made.
    pub total_release_bytes: u64,
    /// Allocs that took memory from the system, since the pool was made.
    pub total_misses: u64,
    /// Requests refused since the pool was made.
    pub total_refusals: u64,
    /// Bytes taken from the system since the pool was made.
    pub total_system_bytes: u64,
    /// Bytes given back to the system since the pool was made.
    pub total_evicted_bytes: u64,
    /// Frame records the monitor was told it lost.
    pub lost_records: u64,
}

impl RuntimeHealthMetrics {
    pub(crate) fn new(
        frame: &FrameSnapshot,
        outstanding: &Outstanding,
        times: FrameTimeSummary,
        miss_ratio: f64,
        lost_records: u64,
    ) -> Self {
        let totals = &frame.totals;
        Self {
            frame: frame.frame,
            pool_allocs: frame.allocs,
            pool_releases: frame.releases,
            imbalance: frame.imbalance(),
            alloc_bytes: frame.alloc_bytes,
            release_bytes: frame.release_bytes,
            frame_allocs: frame.frame_allocs,
            pooled_allocs: frame.pooled_allocs,
            hits_thread: frame.hits_thread,
            hits_depot: frame.hits_depot,
            misses: frame.misses,
            refusals: frame.counts.refusals(),
            threads: frame.threads,
            frame_end_ms: frame.fold_duration.as_secs_f64() * 1e3,
            pooled_bytes: frame.pooled_bytes,
            in_use_bytes: frame.in_use_bytes,
            idle_bytes: frame.idle_bytes,
            peak_bytes: frame.peak_bytes,
            requested_bytes: frame.requested_bytes,
            rounding_bytes: frame.rounding_bytes(),
            in_use_buffers: frame.in_use_buffers,
            pool_key_count: frame.pool_keys,
            open_frames: frame.open_frames,
            telemetry_bytes: frame.telemetry_bytes,
            outstanding_buffers: outstanding.buffers,
            outstanding_bytes: outstanding.bytes,
            long_lived_buffers: outstanding.long_lived,
            leak_suspects: outstanding.suspects,
            leak_suspect_bytes: outstanding.suspect_bytes,
            frames_measured: times.frames,
            avg_frame_ms: times.avg_ms,
            worst_frame_ms: times.worst_ms,
            p99_frame_ms: times.p99_ms,
            fps_estimate: times.fps,
            miss_ratio,
            total_frames: totals.frames,
            total_allocs: totals.allocs,
            total_releases: totals.releases,
            total_alloc_bytes: totals.alloc_bytes,
            total_release_bytes: totals.release_bytes,
            total_misses: totals.counts.misses(),
            total_refusals: totals.counts.refusals(),
            total_system_bytes: totals.system_bytes,
            total_evicted_bytes: totals.evicted_bytes,
            lost_records,
        }
    }

    /// The share of the latest frame's allocs that were served from memory the pool already had, 0 to 1; 1 when
    /// there were none.
    pub fn hit_ratio(&self) -> f64 {
        if self.pool_allocs == 0 {
            1.0
        } else {
            1.0 - self.misses as f64 / self.pool_allocs as f64
        }
    }
}
