//! One judgement of a pool: immutable, for stores and exporters.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::scales::GrowthLimits;
use super::{
    Advice, Alert, FrameSpreads, FrameTimeSource, HealthStatus, Limits, PoolName, Rule,
    RuntimeHealthMetrics, SharedList, SiteVerdict, UsageHistogram, WorstFrames,
};
use crate::clock::Timestamp;
use crate::telemetry::breakdown::{SizeHolding, ThreadHolding};
use crate::telemetry::call_stack::StackHolding;
use crate::telemetry::frame_memory::{FrameSampling, FrameSite};
use crate::telemetry::id::PoolId;
use crate::telemetry::kept::Kept;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::SiteHolding;
use crate::telemetry::snapshot::PoolStats;
use crate::telemetry::stack_counts::StackSampling;
use crate::telemetry::tags::TagStats;
use crate::text::{bytes, columns, counted, line};

/// A pool's state at one moment, and the changes since the previous health snapshot.
///
/// `Display` gives a short report of a few lines.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, HealthStatus, Thresholds};
///
/// let pool = BufferPool::new();
/// let buffer = pool.alloc::<f32>(1_000);
/// let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
/// assert_eq!(health.status, HealthStatus::Healthy);
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(health.metrics.outstanding_buffers, 1);
/// assert_eq!(health.holders[0].location.file(), file!());
/// # }
/// println!("{health}");
/// # drop(buffer);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HealthSnapshot {
    /// The severity of the worst active alert.
    pub status: HealthStatus,
    /// The numbers.
    pub metrics: RuntimeHealthMetrics,
    /// The pool's own numbers at that time, with every counter. `metrics` has them too, flat, and is what gets
    /// serialised.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub stats: PoolStats,
    /// All frames since the previous health snapshot.
    pub interval: FrameSpreads,
    /// The worst frames since the monitor began.
    pub worst: WorstFrames,
    /// Alerts that were raised, and alerts that escalated; those have `escalated_from`.
    pub raised: Vec<Alert>,
    /// Alerts that resolved.
    pub resolved: Vec<Alert>,
    /// Every raised alert, with its current severity and value, the oldest first.
    pub active: Vec<Alert>,
    /// The verdict on every call site with old buffers: growing sites first, then overdue, filling and held ones;
    /// within each kind the largest first. At most 64 filling and held sites together.
    pub verdicts: SharedList<SiteVerdict>,
    /// The holdings of growing and overdue call sites, the largest first.
    pub leaks: Vec<SiteHolding>,
    /// The call sites that hold buffers marked as long-lived, the largest first, at most 16. Ages and threads date
    /// from the last change of the list.
    pub long_lived: SharedList<SiteHolding>,
    /// The holdings of call sites, the largest first, at most 256. A line that allocates with several tags has an
    /// entry for each. Ages, suspects and threads date from the last change of the list.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub holders: SharedList<SiteHolding>,
    /// The number of call sites and tags that hold buffers and are not in `holders`.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub holders_left_out: u64,
    /// The pooled buffers that are kept across frames, by holder.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) kept: Kept,
    /// The frames that have been open for too long, the oldest first.
    pub open_too_long: Vec<OpenFrame>,
    /// The pool's tags. A tag comes after the tag above it.
    pub tags: SharedList<TagStats>,
    /// The pool's blocks by size, the smallest first.
    pub sizes: SharedList<SizeHolding>,
    /// The holdings of each thread, the largest first, at most 256.
    pub threads: SharedList<ThreadHolding>,
    /// The call stacks of sampled buffers in use, those that represent the most bytes first, at most 64. Empty unless
    /// `Attribution::Backtraces` was on.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub stacks: SharedList<StackHolding>,
    /// Which buffers have their call stack recorded.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub stack_sampling: StackSampling,
    /// How frames are sampled, and the totals of the sampled frames. Dates from the last change of `frame_sites`.
    pub frame_sampling: FrameSampling,
    /// What fills frame memory: the call sites of the sampled frames, the largest first, at most 64. Rebuilt when a
    /// frame's mean changes.
    pub frame_sites: SharedList<FrameSite>,
    /// Advice on the pool's setup.
    pub advice: SharedList<Advice>,
    /// How the pool is used: bytes of each frame, and ages by tag. Dates from the last change of a median, 99th
    /// percentile or maximum, or from [`emit_now`](crate::HealthMonitor::emit_now).
    pub usage: SharedList<UsageHistogram>,
    /// The levels of every rule used for this judgement.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub limits: SharedList<(Rule, Limits)>,
    /// The pool's round at this judgement, which counts the age of buffers.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) round: u64,
    /// When growth counted as a leak in this judgement.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) growth: GrowthLimits,
    /// The time of this snapshot, since the monitor's first.
    pub at: Duration,
    /// The time of this snapshot, by the clocks.
    pub time: Timestamp,
    /// The pool's number.
    pub pool_id: PoolId,
    /// The pool.
    pub pool: PoolName,
}

impl fmt::Display for HealthSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_head(f, &self.pool, self.status, &self.metrics, self.time)?;
        write_metrics(f, &self.metrics)?;
        let columns = columns(f);
        let mut write = |text: String| write!(f, "\n{}", line(&text, columns));
        for alert in self.active.iter().chain(&self.resolved) {
            write(format!("  {alert}"))?;
        }
        for frame in &self.open_too_long {
            write(format!("  open: {frame}"))?;
        }
        for site in self.verdicts.iter() {
            write(format!("  {site}"))?;
        }
        for tag in self.tags.iter() {
            write(format!("  tag     {tag}"))?;
        }
        Ok(())
    }
}

/// Pool, status, frame and rate in one line.
pub(crate) fn write_head(
    f: &mut fmt::Formatter<'_>,
    pool: &str,
    status: HealthStatus,
    metrics: &RuntimeHealthMetrics,
    time: Timestamp,
) -> fmt::Result {
    let mut head = format!(
        "pool `{}`: {}, frame {}, {:.1} frames/s",
        pool, status, metrics.frame, metrics.fps_estimate
    );
    let silent = metrics.since_frame_end_ms / 1e3;
    if silent >= 1.0 {
        write!(head, ", no frame end for {silent:.1} s")?;
    }
    write!(head, ", at {time}")?;
    f.write_str(&line(&head, columns(f)))
}

/// Memory, flow and frame times, one line each; every line begins with a line break.
pub(crate) fn write_metrics(f: &mut fmt::Formatter<'_>, m: &RuntimeHealthMetrics) -> fmt::Result {
    let columns = columns(f);
    let mut write = |text: String| write!(f, "\n{}", line(&text, columns));
    write(format!(
        "  memory  {} in use by {} + {} idle = {} from the system, peak {}",
        bytes(m.in_use_bytes),
        counted(m.in_use_buffers, "buffer"),
        bytes(m.idle_bytes),
        bytes(m.pooled_bytes),
        bytes(m.peak_bytes)
    ))?;
    if m.long_lived_bytes > 0 {
        let held = bytes(m.long_lived_bytes);
        write(format!("  held    {held} in long-lived buffers"))?;
    }
    write(format!(
        "  sizes   {}, {} lost to rounding",
        counted(m.pool_key_count, "size class"),
        bytes(m.rounding_bytes)
    ))?;
    let mut flow = format!(
        "  flow    {}, {} ({:+}) by {} in the latest frame, {:.1} % from the system",
        counted(m.pool_allocs, "alloc"),
        counted(m.pool_releases, "release"),
        m.imbalance,
        counted(m.threads, "thread"),
        (1.0 - m.hit_ratio()) * 100.0
    );
    if m.total_refusals > 0 {
        write!(
            flow,
            "; {} refused so far",
            counted(m.total_refusals, "request")
        )?;
    }
    write(flow)?;
    write(format!("  frames  {}", frame_times(m)))
}

fn frame_times(m: &RuntimeHealthMetrics) -> String {
    if m.window_ms == 0.0 {
        return "none recorded".to_owned();
    }
    if m.frames_measured == 0 {
        return format!("none ended in the last {:.1} s", m.window_ms / 1e3);
    }
    let measured = match m.frame_time_source {
        FrameTimeSource::Work => "from begin to end",
        FrameTimeSource::Period => "from end to end",
        FrameTimeSource::Given => "as given",
        FrameTimeSource::Mixed => "timed in different ways",
    };
    format!(
        "{} in {:.1} s, {measured}: {:.2} ms on average, median {:.2}, p99 {:.2}, worst {:.2}",
        m.frames_measured,
        m.window_ms / 1e3,
        m.avg_frame_ms,
        m.p50_frame_ms,
        m.p99_frame_ms,
        m.worst_frame_ms
    )
}
