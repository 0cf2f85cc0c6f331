//! The verdict on a call site with old buffers: a leak, or not.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::growth::Growth;
use crate::clock::Timestamp;
use crate::telemetry::id::FrameEnd;
use crate::text::{bytes, counted, one_line};

/// A verdict on the old buffers of a call site.
///
/// Only [`Growing`](Self::Growing) and [`Overdue`](Self::Overdue) raise alerts. The document `docs/verdicts.md` has the rules, and
/// how soon leaks are found.
///
/// ```
/// use framepool::health::LeakVerdict;
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::builder().expect_release_within(2).build()?;
/// let late = pool.alloc::<u8>(100);
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// for _ in 0..10 {
///     monitor.record(&pool.end_frame());
/// }
/// for site in monitor.emit_now(&pool).verdicts.iter() {
///     assert_eq!(site.verdict, LeakVerdict::Overdue);
///     assert!(site.verdict.is_alert());
/// }
/// # drop(late);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LeakVerdict {
    /// A leak: the minimum of buffers in use per window of time keeps rising, or that of their bytes.
    Growing,
    /// Buffers are older than [`expect_release_within`](crate::PoolBuilder::expect_release_within) allows.
    Overdue,
    /// The population rises, but not for long enough, or not evenly enough, for a leak. Caches and levels begin like this.
    Filling,
    /// Old buffers whose number is steady or falls.
    Held,
}

impl LeakVerdict {
    /// The verdict in labels and logs: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Growing => "growing",
            Self::Overdue => "overdue",
            Self::Filling => "filling",
            Self::Held => "held",
        }
    }

    /// Whether it raises an alert.
    pub fn is_alert(self) -> bool {
        matches!(self, Self::Growing | Self::Overdue)
    }
}

impl fmt::Display for LeakVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The verdict on one call site.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
/// use framepool::health::LeakVerdict;
/// use std::time::{Duration, Instant};
///
/// let pool = BufferPool::new();
/// // Without a warm-up, since this program has nothing to fill.
/// let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
/// let mut monitor = HealthMonitor::new(thresholds);
/// let (start, period) = (Instant::now(), Duration::from_millis(16));
/// let mut forgotten = Vec::new();
/// for frame in 0..60 {
///     if frame % 2 == 0 {
///         forgotten.push(pool.alloc::<u8>(1000));
///     }
///     let snapshot = pool.end_frame();
///     monitor.record_frame(&snapshot, period);
///     monitor.emit_at(&pool, start + frame * period);
/// }
/// let health = monitor.emit_now(&pool);
/// # if cfg!(feature = "telemetry") {
/// let site = &health.verdicts[0];
/// assert_eq!(site.verdict, LeakVerdict::Growing);
/// assert_eq!(site.location.file(), file!());
/// let growth = site.growth.unwrap();
/// assert!((growth.buffers_per_1000_frames - 500.0).abs() < 50.0);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SiteVerdict {
    /// The line that called `alloc`.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::telemetry::outstanding::serialize_location")
    )]
    pub location: &'static Location<'static>,
    /// The verdict on its old buffers.
    pub verdict: LeakVerdict,
    /// Buffers in use that are older than the leak age in frames and not marked as long-lived. If they become larger, those of any age,
    /// because a new one takes the place of an old one.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// Old buffers beyond the limit of [`expect_release_within`](crate::PoolBuilder::expect_release_within).
    pub overdue: u64,
    /// The age of the oldest of them, in frames, when the list of verdicts last changed.
    pub oldest_age_frames: u64,
    /// The frame since which it has been growing, if it has a `growth`, or steady.
    pub since_frame: FrameEnd,
    /// The time at which that began, since the monitor's first health snapshot.
    pub since: Duration,
    /// The time at which that began, by the clocks.
    pub since_time: Timestamp,
    /// The growth, if the verdict is [`Growing`](LeakVerdict::Growing) or [`Filling`](LeakVerdict::Filling), or if the number of overdue
    /// buffers rises.
    pub growth: Option<Growth>,
    /// Name of the thread that allocated the oldest buffer.
    pub thread: String,
    /// The tag of the buffers; empty for none. Each tag of a call site has its own verdict.
    pub tag: String,
    /// Its number in the pool.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) tag_number: usize,
    /// The round in which the oldest of them was allocated.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) oldest_round: u64,
}

impl SiteVerdict {
    /// Adds the buffers of another tag of the same line. The verdict stays.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.buffers += other.buffers;
        self.bytes += other.bytes;
        self.overdue += other.overdue;
        if other.oldest_age_frames > self.oldest_age_frames {
            self.oldest_age_frames = other.oldest_age_frames;
            self.thread.clone_from(&other.thread);
        }
        if other.tag != self.tag {
            self.tag.clear();
        }
        if other.verdict == self.verdict {
            // A growth has its own beginning.
            let grows = (other.growth.is_some(), self.growth.is_some());
            if (grows.0 == grows.1 && other.since < self.since) || grows == (true, false) {
                self.since = other.since;
                self.since_frame = other.since_frame;
                self.since_time = other.since_time;
            }
            self.growth = match (self.growth, other.growth) {
                (Some(all), Some(tag)) => Some(all.with(tag)),
                (all, tag) => all.or(tag),
            };
        }
        self
    }

    /// Leaked buffers, if the verdict is [`Growing`](LeakVerdict::Growing): those gained since the growth began. If a fixed number
    /// of buffers becomes larger, all of them.
    pub fn leaked(&self) -> u64 {
        match (self.verdict, &self.growth) {
            (LeakVerdict::Growing, Some(growth)) if growth.larger => self.buffers,
            (LeakVerdict::Growing, Some(growth)) => growth.buffers,
            _ => 0,
        }
    }

    /// Whether a fixed number of its buffers becomes larger.
    pub(super) fn becomes_larger(&self) -> bool {
        self.growth.is_some_and(|growth| growth.larger)
    }
}

/// One line: the call site, what it holds, and since when.
impl fmt::Display for SiteVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}, {}, oldest {}, thread `{}`",
            self.verdict,
            self.location,
            counted(self.buffers, "buffer"),
            bytes(self.bytes),
            counted(self.oldest_age_frames, "frame"),
            one_line(&self.thread)
        )?;
        if !self.tag.is_empty() {
            write!(f, ", tag `{}`", one_line(&self.tag))?;
        }
        if self.overdue > 0 {
            write!(f, ", {} overdue", self.overdue)?;
        }
        match &self.growth {
            Some(growth) => write!(f, ", growing since frame {} {growth}", self.since_frame),
            None => write!(f, ", steady since frame {}", self.since_frame),
        }
    }
}
