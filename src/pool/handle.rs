//! The pool's handle: its clones, the pool's settings, frame ends, snapshots and trimming.
#![expect(
    unsafe_code,
    reason = "handles share a pool, whose `Lifetime` counts them"
)]

use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

use crate::memory::alignment::Alignment;
use crate::pool::builder::PoolBuilder;
use crate::pool::config::{Attribution, Config};
use crate::pool::inner::PoolInner;
use crate::pool::pooled::class_or_oversize;
use crate::pool::slot_guard::with_slot;
use crate::sync::Arc;
use crate::telemetry::feed::FrameFeed;
use crate::telemetry::id::PoolId;
use crate::telemetry::snapshot::FrameSnapshot;

/// A frame-scoped buffer pool. This is a handle: clones are the same pool.
///
/// ```
/// use framepool::BufferPool;
///
/// let pool = BufferPool::new();
/// for _ in 0..3 {
///     let frame = pool.begin_frame();
///     let scratch = frame.alloc::<f32>(1024); // gone at the frame's end
///     let mut kept = pool.alloc::<u8>(4096); // goes back when dropped, on any thread
///     scratch.fill(0.5);
///     kept[0] = 1;
///     let snapshot = frame.release_all();
///     # if cfg!(feature = "telemetry") {
///     assert_eq!(snapshot.in_use_buffers, 1); // `kept`
///     # }
/// }
/// ```
///
/// # Forks
///
/// A child process made by `fork` has a copy of the pool, and of all threads only the one that forked. There the pool can
/// be used as before: the locks of all pools and stores are held during the fork, so in the child their data is consistent
/// and the locks are free. In the child, the other threads' buffers and open frames stay in use for ever, the idle memory
/// in their caches is not reused, and the pool is not freed before the child exits. A [`Watch`](crate::Watch) is stopped in
/// the child; start another one there. A fork waits for frame ends, walks and trimming that are in progress. The standard
/// library does not promise this for its own locks: starting a thread (or a watch) in the child can hang if another thread
/// of the parent began or ended at the moment of the fork. This holds for the C library's `fork` on Unix. A `fork` in a
/// signal handler may interrupt a frame end of the same thread; then it waits for ever.
pub struct BufferPool {
    inner: NonNull<PoolInner>,
}

// SAFETY: a handle is a counted reference to a `PoolInner`, which is `Send` and `Sync`.
unsafe impl Send for BufferPool {}
// SAFETY: as above.
unsafe impl Sync for BufferPool {}

impl BufferPool {
    /// Makes a pool with the default settings.
    pub fn new() -> Self {
        Self::from_config(PoolBuilder::new().into_config())
    }

    /// Settings for a new pool.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    pub(crate) fn from_config(config: Config) -> Self {
        Self {
            inner: PoolInner::create(config),
        }
    }

    #[inline(always)]
    pub(crate) fn inner_ptr(&self) -> NonNull<PoolInner> {
        self.inner
    }

    #[inline(always)]
    pub(crate) fn inner(&self) -> &PoolInner {
        // SAFETY: a handle keeps the pool alive.
        unsafe { self.inner.as_ref() }
    }

    /// The name under which the pool reports.
    pub fn name(&self) -> &str {
        &self.inner().name
    }

    /// The pool's number, which is unique in the process.
    pub fn id(&self) -> PoolId {
        self.inner().id
    }

    /// The size of the block that a pooled buffer of `bytes` gets; `None` for more than can be addressed.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// assert_eq!(pool.rounded_bytes(1000), Some(1024));
    /// assert_eq!(pool.rounded_bytes(1024), Some(1024));
    /// ```
    pub fn rounded_bytes(&self, bytes: usize) -> Option<u64> {
        let class = class_or_oversize(bytes)?;
        Some(self.inner().block_bytes_for(class, bytes) as u64)
    }

    /// The age, in frames, beyond which an unreleased buffer is a leak suspect.
    pub fn leak_after_frames(&self) -> u64 {
        self.inner().config.leak_after_frames
    }

    /// The age, in frames, beyond which a buffer is overdue; none if there is no limit.
    pub fn expect_release_within(&self) -> Option<u64> {
        self.inner().config.overdue_after_frames
    }

    /// The time after which an unreleased buffer is a leak suspect, if it is that old in frames too.
    pub fn leak_after(&self) -> Duration {
        self.inner().config.leak_after
    }

    /// The boundary on which every buffer starts.
    pub fn alignment(&self) -> Alignment {
        Alignment::from_bytes(self.inner().config.alignment).unwrap_or_default()
    }

    /// Ends a frame of a loop that uses no [`Frame`](crate::Frame), and publishes its snapshot.
    ///
    /// The snapshot counts what happened since the previous frame end. This releases nothing and ends no open
    /// [`Frame`](crate::Frame): those end with [`Frame::release_all`](crate::Frame::release_all).
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let samples = pool.alloc::<f32>(1024);
    /// let snapshot = pool.end_frame();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(snapshot.in_use_buffers, 1);
    /// # }
    /// # drop(samples);
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most loops do not look")]
    pub fn end_frame(&self) -> Arc<FrameSnapshot> {
        self.inner().end_frame(None)
    }

    /// The latest published snapshot. Takes no lock and slows no worker.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// pool.end_frame();
    /// let overlay = std::thread::scope(|scope| scope.spawn(|| pool.snapshot()).join().unwrap());
    /// assert_eq!(overlay.frame.get(), 1);
    /// ```
    #[inline]
    pub fn snapshot(&self) -> Arc<FrameSnapshot> {
        self.inner().published.load()
    }

    /// The snapshots of all frame ends from now on.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut feed = pool.subscribe();
    /// for _ in 0..3 {
    ///     pool.end_frame();
    /// }
    /// let ends: Vec<_> = std::iter::from_fn(|| feed.next()).map(|snapshot| snapshot.frame.get()).collect();
    /// assert_eq!(ends, [1, 2, 3]);
    /// ```
    pub fn subscribe(&self) -> FrameFeed {
        let frames = self.inner().config.history_frames;
        // Made before the lock is taken: a frame end does not wait for the allocation.
        let (subscriber, feed) = FrameFeed::new(frames);
        self.inner().aggregator.lock().feeds.add(subscriber);
        feed
    }

    /// Whether call sites are recorded.
    pub fn attribution(&self) -> Attribution {
        self.inner().attribution()
    }

    /// Records call sites from now on, or stops. Buffers allocated while it is off do not appear in
    /// [`outstanding`](Self::outstanding).
    ///
    /// ```
    /// use framepool::{Attribution, BufferPool};
    ///
    /// let pool = BufferPool::new();
    /// pool.set_attribution(Attribution::Off);
    /// let hidden = pool.alloc::<u8>(4096);
    /// assert_eq!(pool.outstanding().buffers, 0);
    /// # drop(hidden);
    /// ```
    pub fn set_attribution(&self, attribution: Attribution) {
        self.inner().set_attribution(attribution);
    }

    /// Gives idle memory back to the system now: the depot's, the calling thread's, and that of frames that are not
    /// open. Returns the number of bytes. Other threads keep their caches (`thread_cache_bytes` each at most).
    ///
    /// Idle memory also goes back automatically, in steps: at frame ends, and between them if the pool is watched
    /// ([`Watch`](crate::Watch)). A pool that is not watched and ends no frame keeps idle memory until you call this,
    /// the pool grows, or a request is refused.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// drop(pool.alloc::<u8>(4 << 20)); // idle now, kept for reuse
    /// assert_eq!(pool.trim(), 4 << 20);
    /// ```
    #[expect(clippy::must_use_candidate, reason = "the effect is the point")]
    pub fn trim(&self) -> u64 {
        // SAFETY: the handle keeps the pool alive.
        unsafe { with_slot(self.inner, |slot| self.inner().trim_now(Some(slot))) }
            .unwrap_or_else(|| self.inner().trim_now(None))
    }
}

impl Default for BufferPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for BufferPool {
    fn clone(&self) -> Self {
        self.inner().lifetime.add_handle();
        Self { inner: self.inner }
    }
}

impl Drop for BufferPool {
    fn drop(&mut self) {
        // SAFETY: this handle ends here.
        unsafe { PoolInner::drop_handle(self.inner) }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("name", &self.name())
            .field("frame", &self.inner().frame().get())
            .finish_non_exhaustive()
    }
}
