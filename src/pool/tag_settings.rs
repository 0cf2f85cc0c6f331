//! The settings of a tag, made when its pool is built.

/// Budgets and the expected lifetime of a tag: [`PoolBuilder::tag`](crate::PoolBuilder::tag).
///
/// They apply to the tag and all tags below it.
///
/// ```
/// use framepool::{BufferPool, TagSettings};
///
/// let settings = TagSettings::new().warn_bytes(48 << 20).max_bytes(64 << 20);
/// let pool = BufferPool::builder().tag("textures", settings).build()?;
/// let textures = pool.tags().get("textures").cloned().unwrap();
/// assert_eq!((textures.warn_bytes, textures.max_bytes), (Some(48 << 20), Some(64 << 20)));
/// # Ok::<(), framepool::ConfigError>(())
/// ```
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
    ///
    /// ```
    /// use framepool::{AllocError, BufferPool, TagSettings};
    ///
    /// let settings = TagSettings::new().max_bytes(1 << 20);
    /// let pool = BufferPool::builder().tag("textures", settings).build()?;
    /// match pool.tag("textures").try_alloc::<u8>(2 << 20) {
    ///     Err(AllocError::TagBudgetExceeded { tag, .. }) => assert_eq!(tag, "textures"),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets the soft budget: live bytes, of both kinds of buffer, above which
    /// [`Rule::TagBudget`](crate::Rule::TagBudget) raises an alert. Judged is the peak of the last one to two seconds
    /// ([`TagStats::recent_peak_bytes`](crate::telemetry::TagStats::recent_peak_bytes)), so what a frame takes and releases counts too.
    /// It may be larger than the hard budget, in which frame buffers do not count.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Rule, TagSettings, Thresholds};
    ///
    /// let settings = TagSettings::new().warn_bytes(1 << 20);
    /// let pool = BufferPool::builder().tag("textures", settings).build()?;
    /// let atlas = pool.tag("textures").alloc::<u8>(2 << 20);
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// monitor.record(&pool.end_frame());
    /// let health = monitor.emit_now(&pool);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(health.raised[0].rule, Rule::TagBudget);
    /// # }
    /// # drop(atlas);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn warn_bytes(mut self, bytes: u64) -> Self {
        self.warn_bytes = Some(bytes);
        self
    }

    /// Sets the age in frames beyond which a buffer with this tag is overdue: [`Rule::Overdue`](crate::Rule::Overdue). It replaces the
    /// limit of the tag above, and [that of the pool](crate::PoolBuilder::expect_release_within).
    ///
    /// ```
    /// use framepool::{BufferPool, TagSettings};
    ///
    /// let settings = TagSettings::new().expect_release_within(3);
    /// let pool = BufferPool::builder().tag("uploads", settings).build()?;
    /// let upload = pool.tag("uploads").alloc::<u8>(4096);
    /// let level = pool.alloc::<u8>(4096); // without a limit
    /// for _ in 0..8 {
    ///     pool.end_frame();
    /// }
    /// let overdue: u64 = pool.outstanding().sites.iter().map(|site| site.overdue).sum();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(overdue, 1);
    /// # }
    /// # drop((upload, level));
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn expect_release_within(mut self, frames: u64) -> Self {
        self.overdue_after_frames = Some(frames);
        self
    }
}
