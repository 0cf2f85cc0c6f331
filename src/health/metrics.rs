//! The numbers of one health snapshot, flat, for exporters and dashboards.

use std::fmt;
use std::time::Duration;

use super::frame_times::FrameTimeSummary;
use super::misses::MissSummary;
use super::recent::FrameTimeSource;
use crate::clock::Timestamp;
use crate::telemetry::id::FrameEnd;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::resident::Resident;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};

impl fmt::Display for FrameTimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A pool's numbers at one health snapshot.
///
/// Each group of numbers has its own time:
///
/// - *the latest frame*: the frame end `frame`, at `frame_ended_at`;
/// - *now*: levels, outstanding buffers and totals, read at `read_at`, even if no frame ended;
/// - *the window*: the frames that ended in the last `window_ms` before `read_at`. When frames stop ending, `fps_estimate`
///   falls to zero within the window's length.
///
/// Bytes are rounded block sizes unless they say `requested`. In a build without telemetry everything reads zero.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
/// use std::time::Duration;
///
/// let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// let frame = pool.begin_frame();
/// frame.alloc::<f32>(1_000);
/// monitor.record_frame(&frame.release_all(), Duration::from_millis(16));
/// let metrics = monitor.emit_now(&pool).metrics;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((metrics.pool_allocs, metrics.imbalance, metrics.worst_frame_ms), (1, 0, 16.0));
/// # }
/// assert_eq!(metrics.pooled_bytes, metrics.in_use_bytes + metrics.idle_bytes);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct RuntimeHealthMetrics {
    /// The latest frame end recorded.
    pub frame: FrameEnd,
    /// When that frame ended.
    pub frame_ended_at: Timestamp,
    /// The time from the previous frame end to the latest one, in milliseconds.
    pub frame_period_ms: f64,
    /// The time from the beginning of the latest frame to its end, in milliseconds, if a frame ended.
    pub frame_work_ms: Option<f64>,
    /// The time since frames stopped ending, in milliseconds, as seen by the monitor: zero if a frame was recorded
    /// since its previous reading.
    pub since_frame_end_ms: f64,

    /// Buffers allocated in the latest frame, of both kinds.
    pub pool_allocs: u64,
    /// Buffers released in the latest frame, of both kinds.
    pub pool_releases: u64,
    /// Allocs minus releases of the latest frame.
    pub imbalance: i64,
    /// Bytes allocated in the latest frame.
    pub alloc_bytes: u64,
    /// Bytes released in the latest frame.
    pub release_bytes: u64,
    /// Frame buffers allocated in the latest frame.
    pub frame_allocs: u64,
    /// Pooled buffers allocated in the latest frame.
    pub pooled_allocs: u64,
    /// Allocs of the latest frame served by the thread's own memory.
    pub hits_thread: u64,
    /// Allocs of the latest frame served by the shared depot.
    pub hits_depot: u64,
    /// Allocs of the latest frame that took memory from the system.
    pub misses: u64,
    /// Bytes taken from the system in the latest frame.
    pub system_bytes: u64,
    /// Pieces of memory taken from the system and returned to it in the latest frame.
    pub system_calls: u64,
    /// Requests refused in the latest frame.
    pub refusals: u64,
    /// Threads that allocated a buffer in the latest frame.
    pub threads: u32,
    /// The duration of the latest frame end, in milliseconds.
    pub frame_end_ms: f64,

    /// When all fields below were read.
    pub read_at: Timestamp,
    /// Bytes the pool holds from the system: in use and idle.
    pub pooled_bytes: u64,
    /// Bytes of the buffers in use.
    pub in_use_bytes: u64,
    /// Bytes the pool holds that are not in use.
    pub idle_bytes: u64,
    /// An upper bound on the bytes that one frame of the last 10 s had in use at once: the bytes in use at its end
    /// plus those released in it.
    pub needed_bytes: u64,
    /// Bytes of blocks that `prewarm` made and that are kept until `trim` is called.
    pub prewarmed_bytes: u64,
    /// The most bytes the pool ever held from the system.
    pub peak_bytes: u64,
    /// When a reading first found `peak_bytes`.
    pub peak_at: Timestamp,
    /// Bytes of the pool that are in physical memory, as of `resident_at`. `None` if the system does not report it or
    /// was not asked. A [`Watch`](crate::Watch) asks about once a second.
    pub resident_bytes: Option<u64>,
    /// When `resident_bytes` was read.
    pub resident_at: Timestamp,
    /// Bytes in use of frames in flight: frame buffers of open frames, and pooled buffers allocated since the oldest of
    /// these began, or since the latest frame end. The rest of the bytes in use is kept across frames. If frames have
    /// stopped ending, all pooled buffers count as kept.
    pub in_flight_bytes: u64,
    /// Buffers in use of frames in flight, of both kinds.
    pub in_flight_buffers: u64,
    /// Requested bytes of the buffers in use.
    pub requested_bytes: u64,
    /// Bytes that the buffers in use lose to rounding up to block sizes.
    pub rounding_bytes: u64,
    /// Buffers in use, of both kinds.
    pub in_use_buffers: u64,
    /// Size classes for which the pool holds memory.
    pub pool_key_count: u32,
    /// Frames that have begun and not ended.
    pub open_frames: u32,
    /// Bytes of the pool's own bookkeeping.
    pub telemetry_bytes: u64,

    /// Pooled buffers in use when this was measured.
    pub outstanding_buffers: u64,
    /// Bytes of the pooled buffers in use when this was measured.
    pub outstanding_bytes: u64,
    /// Outstanding buffers that are marked as long-lived.
    pub long_lived_buffers: u64,
    /// Bytes of the long-lived buffers.
    pub long_lived_bytes: u64,
    /// Leak suspects: outstanding buffers past the leak age that are not marked as long-lived.
    pub leak_suspects: u64,
    /// Bytes of the leak suspects.
    pub leak_suspect_bytes: u64,

    /// The time that the window covers, in milliseconds: its length, or less while there were not enough frames.
    pub window_ms: f64,
    /// Frames in the window.
    pub frames_measured: u32,
    /// The kind of the frame times.
    pub frame_time_source: FrameTimeSource,
    /// Average frame time, in milliseconds. A frame that began before the window counts with its share inside.
    pub avg_frame_ms: f64,
    /// Median frame time, in milliseconds: an observed time, like the 99th percentile.
    pub p50_frame_ms: f64,
    /// 99th percentile of the frame times, in milliseconds: the observed time at index `⌊0.99 (n − 1)⌋` of the `n`
    /// sorted, so it is not the longest one unless there is only one.
    pub p99_frame_ms: f64,
    /// Longest frame time, in milliseconds.
    pub worst_frame_ms: f64,
    /// Frames a second: the frames in the window divided by the time it covers, the time since the latest frame included.
    pub fps_estimate: f64,
    /// Misses per alloc, 0 to 1, in the frames after the warm-up; zero until there are enough allocs.
    pub miss_ratio: f64,
    /// Bytes taken from the system per frame after the warm-up, in the quarter of the window's frames that took the least;
    /// zero until there are four frames.
    pub system_bytes_per_frame: f64,
    /// Pieces taken from the system and returned to it, per frame, after the warm-up, in the quarter of the window's frames with the
    /// fewest; zero until there are four frames.
    pub system_calls_per_frame: f64,

    /// Frame ends since the pool was made.
    pub total_frames: u64,
    /// Buffers allocated since the pool was made, of both kinds.
    pub total_allocs: u64,
    /// Buffers released since the pool was made, of both kinds.
    pub total_releases: u64,
    /// Bytes allocated since the pool was made.
    pub total_alloc_bytes: u64,
    /// Bytes released since the pool was made.
    pub total_release_bytes: u64,
    /// Allocs that took memory from the system, since the pool was made.
    pub total_misses: u64,
    /// Requests refused since the pool was made.
    pub total_refusals: u64,
    /// Bytes taken from the system since the pool was made.
    pub total_system_bytes: u64,
    /// Bytes returned to the system since the pool was made.
    pub total_evicted_bytes: u64,
    /// Frame records that were overwritten before the monitor read them.
    pub lost_records: u64,
}

impl RuntimeHealthMetrics {
    pub(crate) fn new(
        frame: &FrameSnapshot,
        now: &PoolStats,
        outstanding: &Outstanding,
        times: FrameTimeSummary,
        misses: MissSummary,
        since_frame_end: Duration,
        lost_records: u64,
    ) -> Self {
        let totals = &now.totals;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Self {
            frame: frame.frame,
            frame_ended_at: frame.time,
            frame_period_ms: ms(frame.duration),
            frame_work_ms: frame.work.map(ms),
            since_frame_end_ms: ms(since_frame_end),
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
            system_bytes: frame.system_bytes,
            system_calls: frame.system_calls,
            refusals: frame.counts.refusals(),
            threads: frame.threads,
            frame_end_ms: ms(frame.fold_duration),
            read_at: now.time,
            pooled_bytes: now.pooled_bytes,
            in_use_bytes: now.in_use_bytes,
            idle_bytes: now.idle_bytes,
            needed_bytes: 0,
            prewarmed_bytes: 0,
            peak_bytes: now.peak_bytes,
            peak_at: now.peak_at,
            resident_bytes: None,
            resident_at: Timestamp::default(),
            in_flight_bytes: now.in_use_bytes.saturating_sub(outstanding.kept.all.bytes),
            in_flight_buffers: now
                .in_use_buffers
                .saturating_sub(outstanding.kept.all.buffers),
            requested_bytes: now.requested_bytes,
            rounding_bytes: now.rounding_bytes(),
            in_use_buffers: now.in_use_buffers,
            pool_key_count: now.pool_keys,
            open_frames: now.open_frames,
            telemetry_bytes: now.telemetry_bytes,
            outstanding_buffers: outstanding.buffers,
            outstanding_bytes: outstanding.bytes,
            long_lived_buffers: outstanding.long_lived,
            long_lived_bytes: outstanding.long_lived_bytes,
            leak_suspects: outstanding.suspects,
            leak_suspect_bytes: outstanding.suspect_bytes,
            window_ms: times.window_ms,
            frames_measured: times.frames,
            frame_time_source: times.source,
            avg_frame_ms: times.avg_ms,
            p50_frame_ms: times.p50_ms,
            p99_frame_ms: times.p99_ms,
            worst_frame_ms: times.worst_ms,
            fps_estimate: times.fps,
            miss_ratio: misses.ratio,
            system_bytes_per_frame: misses.bytes_per_frame,
            system_calls_per_frame: misses.calls_per_frame,
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

    /// Sets what was resident when the system was last asked, if it was.
    pub(crate) fn note_resident(&mut self, resident: Option<Resident>) {
        if let Some(resident) = resident {
            (self.resident_bytes, self.resident_at) = (Some(resident.bytes), resident.time);
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
