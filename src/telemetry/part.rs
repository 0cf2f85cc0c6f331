//! Links counters to the metrics that include them.

/// A counter's part in a metric: it is added to the sum with these labels, or subtracted.
///
/// ```
/// use framepool::telemetry::Counts;
///
/// let mut counters = Counts::DEFINITIONS.iter();
/// let hits = counters.find(|counter| counter.name == "thread_hits").unwrap();
/// assert_eq!(hits.parts[0].metric, "framepool.buffer.acquisitions");
/// assert_eq!(hits.parts[0].labels, [("kind", "pooled"), ("source", "thread_cache")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The name of the metric.
    pub metric: &'static str,
    /// The labels of the sum in that metric.
    pub labels: &'static [(&'static str, &'static str)],
    /// Whether the counter is subtracted from the sum instead of added to it.
    pub is_subtracted: bool,
}

impl Part {
    /// The sum with the counter's value applied, modulo 2^64 like the counter itself.
    pub(crate) fn count(&self, sum: u64, value: u64) -> u64 {
        if self.is_subtracted {
            sum.wrapping_sub(value)
        } else {
            sum.wrapping_add(value)
        }
    }
}

type Labels = &'static [(&'static str, &'static str)];

/// Added to the number with these labels.
pub(crate) const fn plus(metric: &'static str, labels: Labels) -> Part {
    Part {
        metric,
        labels,
        is_subtracted: false,
    }
}

/// Subtracted from the number with these labels.
pub(crate) const fn minus(metric: &'static str, labels: Labels) -> Part {
    Part {
        metric,
        labels,
        is_subtracted: true,
    }
}

pub(crate) const ACQUISITIONS: &str = "framepool.buffer.acquisitions";
pub(crate) const MISSES: &str = "framepool.buffer.misses";
pub(crate) const RELEASES: &str = "framepool.buffer.releases";
pub(crate) const REFUSALS: &str = "framepool.buffer.refusals";
pub(crate) const EXCHANGES: &str = "framepool.depot.exchanges";
pub(crate) const ACQUIRED: &str = "framepool.memory.acquired";
pub(crate) const RELEASED: &str = "framepool.memory.released";
pub(crate) const REQUESTED: &str = "framepool.memory.requested";
pub(crate) const REQUESTED_RELEASED: &str = "framepool.memory.requested.released";

pub(crate) const FRAME: (&str, &str) = ("kind", "frame");
pub(crate) const POOLED: (&str, &str) = ("kind", "pooled");
pub(crate) const THREAD_CACHE: (&str, &str) = ("source", "thread_cache");
pub(crate) const DEPOT: (&str, &str) = ("source", "depot");
pub(crate) const SYSTEM: (&str, &str) = ("source", "system");
