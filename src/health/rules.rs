//! The rules, and how their values are written.

use std::fmt;

use crate::text::{bytes, counted};

/// What an alert is about. Its levels are in [`Thresholds`](crate::Thresholds).
///
/// ```
/// use framepool::Rule;
///
/// fn team(rule: Rule) -> &'static str {
///     match rule {
///         Rule::Leak | Rule::Overdue | Rule::OpenFrame => "memory",
///         Rule::FrameBudget | Rule::Stalled => "frame time",
///         _ => "engine",
///     }
/// }
/// assert_eq!(team(Rule::Overdue), "memory");
/// assert_eq!((Rule::FrameBudget.name(), Rule::FrameBudget.unit()), ("frame_budget", "ms"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Rule {
    /// Buffers that a call site gained since the number of its old buffers began to grow: [`LeakVerdict::Growing`](crate::health::LeakVerdict::Growing).
    /// If a fixed number of buffers becomes larger: all buffers of the site.
    Leak,
    /// Buffers of one call site that are in use for longer than the pool
    /// [expects](crate::PoolBuilder::expect_release_within).
    Overdue,
    /// The recent peak of a tag, with the tags below it, as a share of its soft budget
    /// ([`TagStats::recent_peak_bytes`](crate::telemetry::TagStats::recent_peak_bytes),
    /// [`TagSettings::warn_bytes`](crate::TagSettings::warn_bytes)).
    TagBudget,
    /// Bytes the pool holds from the system.
    PooledBytes,
    /// Requests that were refused since the previous health snapshot: the pool's or a tag's limit was reached, the system gave no memory,
    /// or no system can address so much.
    Refusals,
    /// Size classes for which the pool holds memory, of 100.
    PoolKeys,
    /// Idle bytes beyond what recent frames needed at once and what was prewarmed, while they are more than that need.
    Bloat,
    /// Frames begun at one line that have been open for too long, in frames and in time
    /// ([`Thresholds::open_frame_age`](crate::Thresholds::open_frame_age)).
    OpenFrame,
    /// The share of recent allocs that took memory from the system, once the pool is warm, 0 to 1.
    Misses,
    /// The 99th percentile of recent frame times, in milliseconds.
    FrameBudget,
    /// Bytes that recent frames took from the system, per frame, once the pool is warm.
    MissedBytes,
    /// Pieces of memory that recent frames took from the system and gave back, per frame, once the pool is warm.
    SystemCalls,
    /// Seconds without a frame end, in a program that ended frames before.
    Stalled,
    /// Frame records that were overwritten before the monitor read them, since the previous health snapshot.
    TelemetryLost,
}

impl Rule {
    /// Every rule, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Leak,
        Self::Overdue,
        Self::TagBudget,
        Self::PooledBytes,
        Self::Refusals,
        Self::PoolKeys,
        Self::Bloat,
        Self::OpenFrame,
        Self::Misses,
        Self::FrameBudget,
        Self::MissedBytes,
        Self::SystemCalls,
        Self::Stalled,
        Self::TelemetryLost,
    ];

    /// The rule's name in labels and logs: lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Overdue => "overdue",
            Self::TagBudget => "tag_budget",
            Self::PooledBytes => "pooled_bytes",
            Self::Refusals => "refusals",
            Self::PoolKeys => "pool_keys",
            Self::Bloat => "bloat",
            Self::OpenFrame => "open_frame",
            Self::Misses => "misses",
            Self::FrameBudget => "frame_budget",
            Self::MissedBytes => "missed_bytes",
            Self::SystemCalls => "system_calls",
            Self::Stalled => "stalled",
            Self::TelemetryLost => "telemetry_lost",
        }
    }

    /// UCUM unit of the rule's values and levels: `By`, `ms`, `s`, `1` for a ratio, or what is counted in braces.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Leak | Self::Overdue => "{buffer}",
            Self::PooledBytes | Self::Bloat | Self::MissedBytes => "By",
            Self::Refusals => "{request}",
            Self::PoolKeys => "{class}",
            Self::OpenFrame => "{frame}",
            Self::TagBudget | Self::Misses => "1",
            Self::FrameBudget => "ms",
            Self::SystemCalls => "{call}",
            Self::Stalled => "s",
            Self::TelemetryLost => "{record}",
        }
    }

    /// Whether a value at the level has reached it ("from 1"), or only one above it ("above 50 MB").
    pub(crate) fn is_from(self) -> bool {
        matches!(
            self,
            Self::Leak | Self::Overdue | Self::Refusals | Self::OpenFrame | Self::TelemetryLost
        )
    }

    /// A value of this rule as text.
    pub(crate) fn in_words(self, value: f64) -> String {
        let count = value.round() as u64;
        match self {
            Self::Leak | Self::Overdue => counted(count, "buffer"),
            Self::PooledBytes | Self::Bloat | Self::MissedBytes => bytes(count).to_string(),
            Self::Refusals => counted(count, "request"),
            Self::PoolKeys => counted(count, "size class"),
            Self::OpenFrame => counted(count, "frame"),
            Self::TagBudget => format!("{:.0} %", value * 100.0),
            Self::Misses => format!("{:.1} %", value * 100.0),
            Self::FrameBudget => format!("{value:.2} ms"),
            Self::SystemCalls => format!("{value:.1} calls"),
            Self::Stalled => format!("{value:.1} s"),
            Self::TelemetryLost => counted(count, "record"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
