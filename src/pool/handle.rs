//! The pool's handle: allocates buffers, begins frames, and reads the pool's state.
#![expect(
    unsafe_code,
    reason = "handles share a pool, whose `Lifetime` counts them"
)]

use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

use crate::pool::config::{Alignment, Attribution, Config};
use crate::pool::inner::PoolInner;
use crate::pool::pooled::class_or_oversize;
use crate::pool::slot_guard::with_slot;
use crate::sync::Arc;
use crate::telemetry::feed::FrameFeed;
use crate::telemetry::holdings::Holding;
use crate::telemetry::id::PoolId;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::peaks::{Mark, Peak};
use crate::telemetry::place::Place;
use crate::telemetry::resident::Resident;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};

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

    /// The frames that are open, the oldest first.
    pub fn open_frames(&self) -> Vec<OpenFrame> {
        let mut open = Vec::new();
        self.inner().open_frames_into(&mut open);
        open
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

    /// The pool's numbers now. Waits for frame ends and other walks, never for workers.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// drop(pool.alloc::<u8>(4096));
    /// let stats = pool.stats();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((stats.in_use_bytes, stats.idle_bytes), (0, 4096));
    /// # }
    /// ```
    pub fn stats(&self) -> PoolStats {
        self.inner().stats()
    }

    /// Marks the beginning of a phase, such as a level or a request, for [`peak_since`](Self::peak_since).
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// drop(pool.alloc::<u8>(8 << 20));
    /// pool.trim();
    /// let level = pool.mark();
    /// drop(pool.alloc::<u8>(1 << 20));
    /// let peak = pool.peak_since(&level);
    /// # if cfg!(feature = "telemetry") {
    /// assert!(peak.bytes >= 1 << 20 && peak.bytes < 8 << 20);
    /// assert!(pool.stats().peak_bytes >= 8 << 20);
    /// # }
    /// ```
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.inner().mark()
    }

    /// The most bytes that the pool held from the system since a mark.
    ///
    /// Growth that happens while the mark is made may or may not count. The peak since the pool was made is in every
    /// [`FrameSnapshot`] and in [`stats`](Self::stats).
    ///
    /// # Panics
    ///
    /// If the mark was made by another pool.
    #[track_caller]
    pub fn peak_since(&self, mark: &Mark) -> Peak {
        let peak = self.inner().peak_since(mark);
        peak.expect("framepool: the mark was made by another pool; keep each pool's own marks")
    }

    /// The pooled buffers in use: by call site, with age in frames, the largest first.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let image = pool.alloc::<u8>(4096);
    /// let outstanding = pool.outstanding();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((outstanding.sites[0].buffers, outstanding.sites[0].bytes), (1, 4096));
    /// # }
    /// println!("{outstanding}"); // a table of call sites, with bytes and ages
    /// # drop(image);
    /// ```
    pub fn outstanding(&self) -> Outstanding {
        self.inner().outstanding()
    }

    /// Writes what [`outstanding`](Self::outstanding) returns into an earlier result, and reuses its memory.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut outstanding = pool.outstanding();
    /// let image = pool.alloc::<u8>(4096);
    /// pool.outstanding_into(&mut outstanding);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(outstanding.buffers, 1);
    /// # }
    /// # drop(image);
    /// ```
    pub fn outstanding_into(&self, outstanding: &mut Outstanding) {
        self.inner().outstanding_into(outstanding);
    }

    /// All memory that the pool holds now, part by part: memory in use, idle memory by place, and the bookkeeping
    /// that counts against a budget.
    ///
    /// The parts in use and idle add up to [`pooled_bytes`](PoolStats::pooled_bytes) at one moment. The five largest
    /// call sites, frames and threads are named. When many buffers are in use, the call sites may be a moment old.
    /// Without telemetry the list is empty.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::new();
    /// let image = pool.alloc::<u8>(1 << 20);
    /// for part in pool.holdings() {
    ///     println!("{:>9} {:7} {}", part.bytes, part.by.state(), part.by);
    /// }
    /// # drop(image);
    /// ```
    pub fn holdings(&self) -> Vec<Holding> {
        self.inner().holdings().parts
    }

    /// Lists the addresses of memory in use, and reuses the memory of an earlier list. It has the block of every
    /// pooled buffer in use, and, for every open frame, the block from which each thread allocates.
    ///
    /// The list is exact where the threads rest. Use the addresses only for display, as in a map of memory: the
    /// memory behind one may be returned at any time. It reads the record of every block, as
    /// [`outstanding`](Self::outstanding) does. A frame that outgrows its block has several; the latest of each
    /// thread is listed. Without telemetry the list is empty.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::new();
    /// let image = pool.alloc::<u8>(1 << 20);
    /// let mut places = Vec::new();
    /// pool.places_into(&mut places);
    /// for place in &places {
    ///     println!("{:#x}: {} bytes, {:?}", place.address, place.bytes, place.kind);
    /// }
    /// # drop(image);
    /// ```
    pub fn places_into(&self, places: &mut Vec<Place>) {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        self.inner().places_into(places);
        #[cfg(any(framepool_loom, framepool_shuttle))]
        places.clear();
    }

    /// How many of the pool's bytes are in physical memory now, as reported by the operating system for blocks in use
    /// and idle blocks, page by page.
    ///
    /// Memory that was never touched, and memory that was swapped out, is not resident. While a frame outgrows its block, only
    /// the latest block of each thread counts; a steady frame has one. It asks the system about every block: 0.3 ms for a
    /// gigabyte of large blocks, more for many small ones. It takes no lock, so no worker waits for it. A watched pool has the
    /// answer in its health snapshots, about once a second
    /// ([`RuntimeHealthMetrics::resident_bytes`](crate::RuntimeHealthMetrics::resident_bytes)).
    ///
    /// `None` without telemetry, and on all systems except 64-bit Linux on x86, Arm and RISC-V.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut image = pool.alloc::<u8>(4 << 20);
    /// image.fill(1);
    /// if let Some(resident) = pool.resident() {
    ///     println!("{} bytes were resident at {}", resident.bytes, resident.time);
    /// }
    /// ```
    pub fn resident(&self) -> Option<Resident> {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        return self.inner().resident();
        #[cfg(any(framepool_loom, framepool_shuttle))]
        return None;
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

    /// Asserts, in tests, that no pooled buffer is in use, except long-lived ones. A buffer allocated while attribution was
    /// off counts as in use even if it was marked as long-lived.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let image = pool.alloc::<u8>(4096);
    /// drop(image); // without this, the next line panics
    /// pool.assert_no_leaks();
    /// ```
    ///
    /// # Panics
    ///
    /// If buffers are in use; the message has the report of [`outstanding`](Self::outstanding).
    #[track_caller]
    pub fn assert_no_leaks(&self) {
        let out = self.outstanding();
        let counts = self.stats().totals.counts;
        let pooled = counts.pooled_allocs().wrapping_sub(counts.pooled_releases);
        assert!(
            pooled <= out.long_lived,
            "framepool: {pooled} pooled buffers of pool `{}` were not released, {} of them long-lived: {out}",
            self.name(),
            out.long_lived,
        );
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
