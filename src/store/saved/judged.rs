//! Verdicts, alerts and events, as a saved history has them.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::health::{AlertState, Growth, LeakVerdict, Rule, Severity};
use crate::store::past::event::EventKind;
use crate::telemetry::id::{FrameEnd, PoolId};

/// The verdict on one call site: see [`SiteVerdict`](crate::health::SiteVerdict).
///
/// ```
/// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
/// # let store = DiagnosticsStore::new();
/// let pool = BufferPool::builder().expect_release_within(2).build()?;
/// let late = pool.alloc::<u8>(1_000);
/// # (0..10).for_each(|_| drop(pool.end_frame()));
/// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
/// for site in &store.saved().pools[0].verdicts {
///     assert_eq!((site.verdict.name(), site.buffers), ("overdue", 1));
/// }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedVerdict {
    /// The line of code.
    pub location: String,
    /// The verdict on its old buffers.
    pub verdict: LeakVerdict,
    /// Old buffers; if they become larger, those of any age.
    pub buffers: u64,
    /// Bytes of these buffers.
    pub bytes: u64,
    /// The age of the oldest, in frames.
    pub oldest_age_frames: u64,
    /// The frame since which it has been growing or steady.
    pub since_frame: FrameEnd,
    /// The growth, if it grows.
    pub growth: Option<Growth>,
    /// The thread that allocated the oldest buffer.
    pub thread: String,
    /// The tag of the buffers; empty for none.
    #[cfg_attr(feature = "serde", serde(default))]
    pub tag: String,
}

/// An alert: see [`Alert`](crate::Alert).
///
/// ```
/// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Rule, Thresholds};
/// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
/// # let kept = pool.alloc::<u8>(10_000);
/// # let thresholds = Thresholds::default().pooled_bytes(1_000, 20_000);
/// # store.receive(HealthMonitor::new(thresholds).emit_now(&pool));
/// for alert in store.saved().alerts {
///     println!("{} {}", alert.time, alert.sentence);
///     assert_eq!(alert.rule, Rule::PooledBytes);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedAlert {
    /// The alert's number, as 16 hex digits.
    pub id: String,
    /// The rule that raised it.
    pub rule: Rule,
    /// Whether the condition still holds or has cleared.
    pub state: AlertState,
    /// The severity; for a resolved alert, the last one.
    pub severity: Severity,
    /// The value measured at this report.
    pub value: f64,
    /// The highest value measured.
    pub worst: f64,
    /// The level of this severity.
    pub threshold: f64,
    /// The latest frame at this report.
    pub frame: FrameEnd,
    /// The latest frame when the alert was raised.
    pub raised_frame: FrameEnd,
    /// The time of this report, since the monitor's first.
    pub at: Duration,
    /// The time at which it was raised, since the monitor's first report.
    pub raised_at: Duration,
    /// The time of this report, by the clocks.
    pub time: Timestamp,
    /// The time at which it was raised, by the clocks.
    pub raised_time: Timestamp,
    /// How many times the condition began.
    pub count: u64,
    /// The pool's number.
    pub pool_id: PoolId,
    /// The pool's name.
    pub pool: String,
    /// The line of code.
    pub site: Option<String>,
    /// What to do, as text.
    pub next_step: String,
    /// The alert in one sentence.
    pub sentence: String,
}

/// An event: see [`Event`](crate::store::Event).
///
/// ```
/// # let store = framepool::DiagnosticsStore::new();
/// store.mark("level 3 loaded");
/// assert_eq!(store.saved().events[0].text, "level 3 loaded");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SavedEvent {
    /// The kind.
    pub kind: EventKind,
    /// When it happened.
    pub time: Timestamp,
    /// The pool's number; `None` for a mark of all pools.
    pub pool_id: Option<PoolId>,
    /// The latest frame of the pool at that time.
    pub frame: Option<FrameEnd>,
    /// The mark, or the alert's sentence.
    pub text: String,
    /// The severity of the alert at that time; `None` for a mark.
    pub severity: Option<Severity>,
    /// What to do about the alert, as text; empty for a mark.
    #[cfg_attr(feature = "serde", serde(default))]
    pub next_step: String,
}
