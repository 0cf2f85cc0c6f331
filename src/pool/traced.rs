//! How many pooled buffers were allocated while backtraces were on. Under the aggregator's lock.

use crate::telemetry::counters::Counts;

/// Pooled buffers that were allocated while backtraces were on.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    /// Buffers and bytes of the earlier periods.
    before: (u64, u64),
    /// The pool's counts when backtraces were switched on, while they are on.
    since: Option<(u64, u64)>,
}

impl Traced {
    /// Notes whether backtraces are on from now on.
    pub(crate) fn switch(&mut self, is_on: bool, now: &Counts) {
        self.before = self.until(now);
        self.since = is_on.then(|| pooled(now));
    }

    /// Buffers and bytes of all periods, up to these counts of the pool.
    pub(crate) fn until(&self, now: &Counts) -> (u64, u64) {
        let now = pooled(now);
        // While threads allocate, a later reading can be slightly lower.
        let since = self.since.unwrap_or(now);
        (
            self.before.0 + now.0.saturating_sub(since.0),
            self.before.1 + now.1.saturating_sub(since.1),
        )
    }
}

/// Pooled buffers allocated, and their bytes.
fn pooled(counts: &Counts) -> (u64, u64) {
    (counts.pooled_allocs(), counts.pooled_alloc_bytes)
}
