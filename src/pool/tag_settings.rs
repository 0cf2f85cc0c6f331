//! The settings of a tag, made when its pool is built.

/// Budgets and the expected lifetime of a tag: [`PoolBuilder::tag`](crate::PoolBuilder::tag).
///
/// They apply to the tag and all tags below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "settings do nothing until they are given to a builder"]
pub struct TagSettings {
    pub(crate) warn_bytes: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) overdue_after_frames: Option<u64>,
}

impl TagSettings {
    /// No budget, and the pool's own limit on lifetimes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the hard budget: the most bytes of pooled buffers with this tag that may be in use at once.
    ///
    /// Only bytes in use count, as block sizes. Idle memory belongs to the pool and not to a tag, so nothing is reclaimed when the budget
    /// is exhausted. Frame buffers are not limited, because frame memory is taken in blocks that serve many frames.
    ///
    /// The limit is never exceeded, however many threads allocate at once. A request can be refused early: up to
    /// eight threads each keep a 128th of the limit as credit, which others cannot use. A refusal is
    /// [`AllocError::TagBudgetExceeded`](crate::AllocError::TagBudgetExceeded).
    ///
    /// With a hard budget a buffer takes the slow path, which costs tens of nanoseconds more.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets the soft budget: live bytes, of both kinds of buffer, above which
    /// [`Rule::TagBudget`](crate::Rule::TagBudget) raises an alert.
    pub fn warn_bytes(mut self, bytes: u64) -> Self {
        self.warn_bytes = Some(bytes);
        self
    }

    /// Sets the age in frames beyond which a buffer with this tag is overdue: [`Rule::Overdue`](crate::Rule::Overdue). It replaces the
    /// limit of the tag above, and [that of the pool](crate::PoolBuilder::expect_release_within).
    pub fn expect_release_within(mut self, frames: u64) -> Self {
        self.overdue_after_frames = Some(frames);
        self
    }
}
