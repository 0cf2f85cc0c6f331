//! One alert: its rule, place, severity and times.
#![cfg_attr(
    feature = "serde",
    expect(
        clippy::ref_option_ref,
        reason = "serde passes every field by reference"
    )
)]

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::{PoolName, Rule, Severity, SiteVerdict};
use crate::clock::Timestamp;
use crate::telemetry::id::{FrameEnd, PoolId};

/// The number of an alert. It stays the same while the condition holds, and when the condition returns.
///
/// It is the 64-bit FNV-1a hash (offset basis `0xcbf29ce484222325`, prime `0x100000001b3`) of the pool's number as a
/// little-endian `u64` and the [rule's name](Rule::name), then, for a call site, a byte `0xff`, the file's path as
/// the compiler gives it, and the line and the column as little-endian `u32`; then, for a tag, a byte `0xfe` and its
/// name. So it needs no state. It is the same after a restart if the program makes its pools in the same order, and
/// it changes when the line of code moves. Written as 16 hex digits.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// # let pool = BufferPool::new();
/// # let buffer = pool.alloc::<u8>(10_000);
/// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
/// let before = monitor.emit_now(&pool).active;
/// let more = pool.alloc::<u8>(20_000); // makes the alert critical
/// let after = monitor.emit_now(&pool).active;
/// # if cfg!(feature = "telemetry") {
/// assert!(after[0].severity > before[0].severity);
/// assert_eq!(after[0].id, before[0].id);
/// # }
/// # drop((buffer, more));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(u64);

impl AlertId {
    pub(crate) fn new(pool: PoolId, rule: Rule, site: Option<&Location<'_>>, tag: &str) -> Self {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        add(&pool.get().to_le_bytes());
        add(rule.name().as_bytes());
        if let Some(site) = site {
            add(&[0xff]);
            add(site.file().as_bytes());
            add(&site.line().to_le_bytes());
            add(&site.column().to_le_bytes());
        }
        if !tag.is_empty() {
            add(&[0xfe]);
            add(tag.as_bytes());
        }
        Self(hash)
    }

    /// This number.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for AlertId {
    /// As text, because not every JSON reader keeps 64 bits of a number.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether an alert is raised or resolved.
///
/// ```
/// use framepool::health::AlertState;
/// # use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// # let pool = BufferPool::new();
/// # let buffer = pool.alloc::<u8>(10_000);
/// # let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
/// for alert in monitor.emit_now(&pool).active {
///     let text = match alert.state {
///         AlertState::Raised => format!("open: {alert}"),
///         AlertState::Resolved => format!("closed after {:?}", alert.lasted()),
///     };
///     assert!(text.starts_with("open"));
/// }
/// # drop(buffer);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AlertState {
    /// The condition still holds.
    Raised,
    /// The condition has cleared.
    Resolved,
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raised => "raised",
            Self::Resolved => "resolved",
        })
    }
}

/// One report of one alert. Values and levels are in the rule's [unit](Rule::unit).
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Rule, Severity, Thresholds};
///
/// let pool = BufferPool::new();
/// let buffer = pool.alloc::<u8>(10_000);
/// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 1_000_000));
/// for alert in monitor.emit_now(&pool).raised {
///     assert_eq!((alert.rule, alert.severity), (Rule::PooledBytes, Severity::Warning));
///     assert!(alert.value > alert.threshold);
///     println!("{alert}"); // one sentence, and the next step
/// }
/// # drop(buffer);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Alert {
    /// The alert's number; it does not depend on the severity.
    pub id: AlertId,
    /// The rule that raised it.
    pub rule: Rule,
    /// The tag, if the rule judges tags; else empty.
    pub tag: String,
    /// Whether the condition still holds or has cleared.
    pub state: AlertState,
    /// The severity; for a resolved alert, the last one.
    pub severity: Severity,
    /// The previous severity, if this report raises it to a higher one.
    pub escalated_from: Option<Severity>,
    /// The value measured at this report.
    pub value: f64,
    /// The highest value measured since the condition began.
    pub worst: f64,
    /// The level of this severity.
    pub threshold: f64,
    /// The latest frame at this report.
    pub frame: FrameEnd,
    /// The latest frame when the alert was raised.
    pub raised_frame: FrameEnd,
    /// The time of this report, since the monitor's first report.
    pub at: Duration,
    /// The time at which the alert was raised, since the monitor's first report.
    pub raised_at: Duration,
    /// The time of this report, by the clocks.
    pub time: Timestamp,
    /// The time at which the alert was raised, by the clocks.
    pub raised_time: Timestamp,
    /// How many times the condition began: the alert was raised, or [damping](crate::Thresholds::damping) kept it
    /// raised and the value returned to its level.
    pub count: u64,
    /// The latest frame when the condition began for the first time.
    pub first_frame: FrameEnd,
    /// The time at which it began for the first time, since the monitor's first report.
    pub first_at: Duration,
    /// What to do, as text.
    pub next_step: String,
    /// The pool's number.
    pub pool_id: PoolId,
    /// The pool.
    pub pool: PoolName,
    /// The verdict on the call site, for a raised [`Rule::Leak`] or [`Rule::Overdue`].
    pub verdict: Option<SiteVerdict>,
    /// The line of code that is judged, or the one that took the most memory from the system.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::telemetry::largest_miss::serialize_site")
    )]
    pub site: Option<&'static Location<'static>>,
}

impl Alert {
    /// How long the alert has been raised, at this report.
    pub fn lasted(&self) -> Duration {
        self.at.saturating_sub(self.raised_at)
    }
}
