//! The pool's handle: where buffers and frames come from, and where its state is read.
#![expect(
    unsafe_code,
    reason = "handles share a pool whose lifetime is counted by its ledger"
)]

use std::fmt;
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Duration;

use bytemuck::Pod;

use crate::blocks::block::Block;
use crate::blocks::class::LINE;
use crate::error::{AllocError, FrameError};
use crate::pool::buffer::Buffer;
use crate::pool::builder::{Alignment, Attribution, Config, PoolBuilder};
use crate::pool::frame::Frame;
use crate::pool::frame::refused;
use crate::pool::inner::Core;
use crate::pool::lookup::with_slot;
use crate::pool::pooled::{Refusal, count_refusal, lend, lend_at_once};
use crate::pool::reader::SnapshotReader;
use crate::sync::Arc;
use crate::telemetry::feed::FrameFeed;
use crate::telemetry::id::PoolId;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::peaks::{Mark, Peak};
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
/// be used as before: the locks of all pools and stores are held during the fork, so each is whole and free in the child.
/// What the other threads had stays as it was at the fork: buffers and open frames of theirs are out for ever, the idle
/// memory in their caches is not reused, and the pool is not freed before the child exits. A [`Watch`](crate::Watch) is
/// stopped in the child; start another one there. A fork waits for frame ends, walks and trimming that are in progress.
/// The standard library makes no such promise for its own locks: starting a thread in the child, a watch too, can hang if
/// another thread of the parent began or ended at the moment of the fork.
/// This holds for `fork` of the C library on Unix. A `fork` in a signal handler may interrupt a frame end of its own thread
/// and then waits for ever.
pub struct BufferPool {
    core: NonNull<Core>,
}

// SAFETY: a handle is a counted reference to a `Core`, which is `Send` and `Sync`.
unsafe impl Send for BufferPool {}
// SAFETY: as above.
unsafe impl Sync for BufferPool {}

impl BufferPool {
    /// A pool with the default settings.
    pub fn new() -> Self {
        Self::from_config(PoolBuilder::new().into_config())
    }

    /// Settings for a new pool.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    pub(crate) fn from_config(config: Config) -> Self {
        Self {
            core: Core::create(config),
        }
    }

    #[inline(always)]
    pub(crate) fn core_ptr(&self) -> NonNull<Core> {
        self.core
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> &Core {
        // SAFETY: a handle keeps the pool alive.
        unsafe { self.core.as_ref() }
    }

    /// The name under which the pool reports.
    pub fn name(&self) -> &str {
        &self.core().name
    }

    /// The pool's number, by which it is told apart from all others of the process.
    pub fn id(&self) -> PoolId {
        self.core().id
    }

    /// The age, in frames, beyond which an unreleased buffer is a leak suspect.
    pub fn leak_after_frames(&self) -> u64 {
        self.core().config.leak_after_frames
    }

    /// The time after which an unreleased buffer is a leak suspect, if it is that old in frames too.
    pub fn leak_after(&self) -> Duration {
        self.core().config.leak_after
    }

    /// The boundary on which every buffer starts.
    pub fn alignment(&self) -> Alignment {
        Alignment::from_bytes(self.core().config.alignment).unwrap_or_default()
    }

    /// Begins a frame.
    ///
    /// # Panics
    ///
    /// If as many frames are open as the pool allows; [`try_begin_frame`](Self::try_begin_frame) returns that.
    #[track_caller]
    pub fn begin_frame(&self) -> Frame {
        match self.try_begin_frame() {
            Ok(frame) => frame,
            Err(error) => panic!("framepool: {error}"),
        }
    }

    /// Begins a frame.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooManyInFlight`] if as many frames are open as the pool allows.
    #[track_caller]
    pub fn try_begin_frame(&self) -> Result<Frame, FrameError> {
        let core = self.core();
        let index = if let Some(index) = core.in_flight.claim() {
            index
        } else {
            // Trimming may have one for a moment, under the fold's lock; and no frame ends while it is held.
            let _fold = core.fold.lock();
            let claimed = core.in_flight.claim();
            claimed.ok_or_else(|| core.in_flight.refusal(core.round()))?
        };
        let id = core
            .in_flight
            .begin(index, Location::caller(), core.round());
        Ok(Frame::new(self.clone(), index, id))
    }

    /// The frames that are open, the oldest first.
    pub fn open_frames(&self) -> Vec<OpenFrame> {
        let mut open = Vec::new();
        self.core().open_frames_into(&mut open);
        open
    }

    /// A buffer of `len` elements. Contents: initialised, otherwise unspecified.
    ///
    /// Reports name the line that called this. In a wrapper that is the wrapper's line, unless it is `#[track_caller]`;
    /// through a function pointer it is a line of this library. See [`alloc_at`](Self::alloc_at) for the cure.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> Buffer<T> {
        let block = match self.lend_at_once::<T>(len, Location::caller()) {
            Some(block) => block,
            None => self.lend_or_panic::<T>(len, Location::caller()),
        };
        // SAFETY: the block was lent to us just now, for these elements; their alignment was checked.
        unsafe { Buffer::new(block, len) }
    }

    /// A buffer of `len` zeroes.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> Buffer<T> {
        let mut buffer = self.alloc::<T>(len);
        if size_of::<T>() > 0 {
            buffer.fill(T::zeroed());
        }
        buffer
    }

    /// A copy of `source`.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> Buffer<T> {
        let mut buffer = self.alloc::<T>(source.len());
        buffer.copy_from_slice(source);
        buffer
    }

    /// A buffer of `len` elements. Contents: initialised, otherwise unspecified.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the size cannot be addressed, the element's alignment is coarser than the pool's, the pool's budget
    /// is used up, or the system has no memory.
    #[inline(always)]
    #[track_caller]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<Buffer<T>, AllocError> {
        let block = match self.lend_at_once::<T>(len, Location::caller()) {
            Some(block) => block,
            None => self.lend::<T>(len, Location::caller())?,
        };
        // SAFETY: as in `alloc`.
        Ok(unsafe { Buffer::new(block, len) })
    }

    /// A block for `len` elements if the calling thread has one at hand.
    #[inline(always)]
    pub(crate) fn lend_at_once<T: Pod>(
        &self,
        len: usize,
        site: &'static Location<'static>,
    ) -> Option<NonNull<Block>> {
        let bytes = self.bytes_at_once::<T>(len)?;
        // SAFETY: the handle keeps the pool alive.
        unsafe { lend_at_once(self.core(), bytes, site) }
    }

    /// A block for `len` elements from wherever it can be had. Apart from the hot path, with all that refusals need.
    #[cold]
    #[inline(never)]
    pub(crate) fn lend<T: Pod>(
        &self,
        len: usize,
        site: &'static Location<'static>,
    ) -> Result<NonNull<Block>, AllocError> {
        self.checked_bytes::<T>(len)
            // SAFETY: the handle keeps the pool alive.
            .and_then(|bytes| unsafe { lend(self.core(), bytes, site) })
            .map_err(|refusal| self.explain::<T>(refusal, len))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lend_or_panic<T: Pod>(
        &self,
        len: usize,
        site: &'static Location<'static>,
    ) -> NonNull<Block> {
        self.lend::<T>(len, site)
            .unwrap_or_else(|error| refused(&error))
    }

    /// Whether this pool's buffers start where a `T` may.
    #[inline(always)]
    pub(crate) fn is_aligned_for<T>(&self) -> bool {
        align_of::<T>() <= LINE || align_of::<T>() <= self.core().config.alignment
    }

    /// The bytes of `len` elements, if this pool can lend such.
    #[inline(always)]
    pub(crate) fn bytes_at_once<T: Pod>(&self, len: usize) -> Option<usize> {
        if !self.is_aligned_for::<T>() {
            return None;
        }
        len.checked_mul(size_of::<T>())
    }

    /// The same, or why it cannot.
    pub(crate) fn checked_bytes<T: Pod>(&self, len: usize) -> Result<usize, Refusal> {
        if !self.is_aligned_for::<T>() {
            return Err(Refusal::Alignment(align_of::<T>()));
        }
        len.checked_mul(size_of::<T>()).ok_or(Refusal::Overflow)
    }

    /// Puts a refusal into words; counts it if no slot did: what is refused before a slot is looked for.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain<T>(&self, refusal: Refusal, len: usize) -> AllocError {
        if matches!(refusal, Refusal::Overflow | Refusal::Alignment(_)) {
            // SAFETY: the handle keeps the pool alive.
            let _ = unsafe { with_slot(self.core, |slot| count_refusal(slot, refusal)) };
        }
        self.core().explain(refusal, len, size_of::<T>())
    }

    /// Ends a frame of a loop that uses no [`Frame`], and publishes its snapshot.
    ///
    /// It counts what happened since the frame end before. It releases nothing and ends no open [`Frame`]: those end with
    /// [`Frame::release_all`].
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let samples = pool.alloc::<f32>(1024);
    /// let snapshot = pool.end_frame();
    /// assert_eq!(snapshot.in_use_buffers, 1);
    /// # drop(samples);
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most loops do not look")]
    pub fn end_frame(&self) -> Arc<FrameSnapshot> {
        self.core().end_frame(None)
    }

    /// The latest published snapshot. Takes no lock and slows no worker.
    #[inline]
    pub fn snapshot(&self) -> Arc<FrameSnapshot> {
        self.core().published.load()
    }

    /// A reader that looks at the latest snapshot for less than [`snapshot`](Self::snapshot) does.
    pub fn snapshot_reader(&self) -> SnapshotReader {
        SnapshotReader::new(self.clone())
    }

    /// The snapshots of all frame ends from now on.
    pub fn subscribe(&self) -> FrameFeed {
        let frames = self.core().config.history_frames;
        // Made before the lock is taken: a frame end does not wait for the allocation.
        let (subscriber, feed) = FrameFeed::new(frames);
        self.core().fold.lock().feeds.add(subscriber);
        feed
    }

    /// The pool's numbers now. Waits for frame ends and other walks, never for workers.
    pub fn stats(&self) -> PoolStats {
        self.core().stats()
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
        self.core().mark()
    }

    /// The most bytes that the pool held from the system since a mark.
    ///
    /// A growth that runs while the mark is made may count or not. The peak since the pool was made is in every
    /// [`FrameSnapshot`] and in [`stats`](Self::stats).
    ///
    /// # Panics
    ///
    /// If the mark was made by another pool.
    #[track_caller]
    pub fn peak_since(&self, mark: &Mark) -> Peak {
        let peak = self.core().peak_since(mark);
        peak.expect("framepool: the mark was made by another pool; keep each pool's own marks")
    }

    /// Which pooled buffers are out: by call site, with age in frames, the largest first.
    pub fn outstanding(&self) -> Outstanding {
        self.core().outstanding()
    }

    /// The same, into an earlier result whose memory is used again.
    pub fn outstanding_into(&self, outstanding: &mut Outstanding) {
        self.core().outstanding_into(outstanding);
    }

    /// Whether call sites are recorded.
    pub fn attribution(&self) -> Attribution {
        self.core().attribution()
    }

    /// Records call sites from now on, or stops. Buffers taken while it is off are in no list of
    /// [`outstanding`](Self::outstanding).
    pub fn set_attribution(&self, attribution: Attribution) {
        self.core().set_attribution(attribution);
    }

    /// Has `count` buffers of `len` elements ready, with their pages touched, and keeps them from being trimmed until
    /// [`trim`](Self::trim) is called.
    ///
    /// As many as the calling thread may keep lie in its magazine, the others in the depot, where any thread finds them. What lies
    /// in either already counts: calling it again tops up to `count`. Buffers without bytes need no preparation.
    ///
    /// # Panics
    ///
    /// Where [`try_prewarm`](Self::try_prewarm) returns an error.
    #[track_caller]
    pub fn prewarm<T: Pod>(&self, len: usize, count: usize) {
        if let Err(error) = self.try_prewarm::<T>(len, count) {
            refused(&error);
        }
    }

    /// The same as [`prewarm`](Self::prewarm).
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc). If all `count` cannot fit the budget, nothing is made and nothing is given back. If
    /// the system has no memory for one of them, those made so far stay ready. Buffers beyond the largest size class (1 GiB) are not
    /// kept, so preparing them does nothing.
    pub fn try_prewarm<T: Pod>(&self, len: usize, count: usize) -> Result<(), AllocError> {
        self.checked_bytes::<T>(len)
            .and_then(|bytes| self.core().prewarm(bytes, count))
            .map_err(|refusal| self.explain::<T>(refusal, len))
    }

    /// Gives idle memory back to the system now: the depot's, the calling thread's, and that of frames not open. Returns
    /// how many bytes. What other threads keep (`thread_cache_bytes` each at most) stays with them.
    ///
    /// Idle memory also goes back by itself, in steps: at frame ends, and at times without frame ends if the pool is watched
    /// ([`Watch`](crate::Watch)). A pool that is not watched and ends no frame keeps it until this is called, the pool grows,
    /// or a request is refused.
    #[expect(clippy::must_use_candidate, reason = "the effect is the point")]
    pub fn trim(&self) -> u64 {
        // SAFETY: the handle keeps the pool alive.
        unsafe { with_slot(self.core, |slot| self.core().trim_now(Some(slot))) }
            .unwrap_or_else(|| self.core().trim_now(None))
    }

    /// For tests: that no pooled buffer is out, long-lived ones excepted. A buffer taken while attribution was off cannot be
    /// known to be long-lived.
    ///
    /// # Panics
    ///
    /// If buffers are out, with the report of [`outstanding`](Self::outstanding).
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

impl Default for BufferPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for BufferPool {
    fn clone(&self) -> Self {
        self.core().ledger.add_handle();
        Self { core: self.core }
    }
}

impl Drop for BufferPool {
    fn drop(&mut self) {
        // SAFETY: this handle ends here.
        unsafe { Core::drop_handle(self.core) }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("name", &self.name())
            .field("frame", &self.core().frame().get())
            .finish_non_exhaustive()
    }
}
