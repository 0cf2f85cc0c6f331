//! A frame: its buffers live until it ends, and are released all at once.
#![expect(
    unsafe_code,
    reason = "a frame lends its arenas' memory for as long as it is borrowed"
)]
#![expect(
    clippy::mut_from_ref,
    reason = "every call lends other memory, as an arena does"
)]

use std::panic::Location;
use std::ptr::{self, NonNull};

use bytemuck::Pod;

use crate::error::{AllocError, FrameError};
use crate::pool::framed::{
    FrameLayout, Request, frame_alloc_fast, frame_alloc_sampled, frame_alloc_slow,
};
use crate::pool::handle::BufferPool;
use crate::pool::refusal::refused;
use crate::sync::Arc;
use crate::telemetry::id::FrameId;
use crate::telemetry::snapshot::FrameSnapshot;

/// An open frame of a [`BufferPool`].
///
/// Any number of threads may take buffers from it at once; each buffer borrows the frame, so none outlives it:
///
/// ```compile_fail,E0505
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// let samples = frame.alloc::<f32>(64);
/// frame.release_all(); // error: `samples` still borrows the frame
/// samples[0] = 1.0;
/// ```
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let frame = pool.begin_frame();
/// let samples = frame.alloc::<f32>(64);
/// samples[0] = 1.0;
/// frame.release_all();
/// ```
///
/// Dropping a frame ends it like [`release_all`](Self::release_all). A frame that is forgotten ([`std::mem::forget`])
/// stays open and keeps the pool's memory.
#[derive(Debug)]
#[must_use = "a frame that is not kept ends at once"]
pub struct Frame {
    pub(crate) pool: BufferPool,
    pub(crate) layout: FrameLayout,
    id: FrameId,
}

impl Frame {
    pub(crate) fn new(pool: BufferPool, index: usize, id: FrameId) -> Self {
        let layout = FrameLayout::of(pool.inner(), index);
        Self { pool, layout, id }
    }

    /// The frame's number, in the order in which frames of the pool began.
    pub fn id(&self) -> FrameId {
        self.id
    }

    /// The pool.
    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// Allocates a buffer of `len` elements that lives as long as the frame, initialised with unspecified contents.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let (a, b) = (frame.alloc::<f32>(64), frame.alloc::<f32>(64));
    /// a.fill(1.0); // contents are unspecified until written
    /// b.copy_from_slice(a);
    /// assert_eq!(b[63], 1.0);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> &mut [T] {
        let fast = self.alloc_fast::<T>(len);
        // SAFETY: the memory was allocated for these elements, and is ours until the frame ends.
        unsafe { self.view_or_panic(fast, len) }
    }

    /// Allocates a buffer of `len` zeroes that lives as long as the frame.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let histogram = frame.alloc_zeroed::<u32>(256);
    /// histogram[7] += 1;
    /// assert_eq!(histogram.iter().sum::<u32>(), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> &mut [T] {
        zeroed(self.alloc::<T>(len))
    }

    /// Allocates a copy of `source` that lives as long as the frame.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let sorted = frame.alloc_copy(&[3, 1, 2]);
    /// sorted.sort_unstable();
    /// assert_eq!(sorted, [1, 2, 3]);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> &mut [T] {
        copied(self.alloc::<T>(source.len()), source)
    }

    /// Allocates a buffer of `len` elements that lives as long as the frame, initialised with unspecified contents.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(1 << 20).build()?;
    /// let frame = pool.begin_frame();
    /// match frame.try_alloc::<u8>(2 << 20) {
    ///     Ok(scratch) => scratch.fill(0),
    ///     Err(error) => println!("{error}"), // names what holds the memory, and says what to do
    /// }
    /// assert!(frame.try_alloc::<u8>(1000).is_ok());
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the size cannot be addressed, the element's alignment is coarser than the pool's, the pool's budget
    /// is used up, or the system has no memory.
    #[inline]
    #[track_caller]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<&mut [T], AllocError> {
        let fast = self.alloc_fast::<T>(len);
        // SAFETY: as in `alloc`.
        unsafe { self.view_or_error(fast, len) }
    }

    /// Turns the memory into a slice; without memory, takes the slow path, and panics if that is refused too.
    ///
    /// # Safety
    ///
    /// The memory, if any, was allocated from this frame for `len` elements, and nobody else has it.
    #[inline(always)]
    #[track_caller]
    pub(crate) unsafe fn view_or_panic<T: Pod>(
        &self,
        fast: Option<NonNull<u8>>,
        len: usize,
    ) -> &mut [T] {
        let start = match fast {
            Some(start) => start,
            None => self.alloc_or_panic::<T>(len),
        };
        // SAFETY: just allocated for these elements, until the frame ends.
        unsafe { view(start, len) }
    }

    /// The memory as a slice of `len` elements, or why there is none.
    ///
    /// # Safety
    ///
    /// As for [`view_or_panic`](Self::view_or_panic).
    #[inline(always)]
    #[track_caller]
    pub(crate) unsafe fn view_or_error<T: Pod>(
        &self,
        fast: Option<NonNull<u8>>,
        len: usize,
    ) -> Result<&mut [T], AllocError> {
        let start = match fast {
            Some(start) => start,
            None => self.alloc_slow::<T>(len)?,
        };
        // SAFETY: as in `view_or_panic`.
        Ok(unsafe { view(start, len) })
    }

    /// Memory for `len` elements if the calling thread's arena has room.
    #[inline(always)]
    fn alloc_fast<T: Pod>(&self, len: usize) -> Option<NonNull<u8>> {
        let bytes = self.pool.bytes_fast::<T>(len)?;
        // SAFETY: the handle keeps the pool alive; the frame stays open for the slice's lifetime, which is that of
        // `&self`.
        unsafe { frame_alloc_fast(self.pool.inner_ptr(), &self.layout, bytes) }
    }

    /// Memory for `len` elements in a sampled frame, if the calling thread's arena has room.
    #[inline]
    #[track_caller]
    fn alloc_sampled<T: Pod>(&self, len: usize) -> Option<NonNull<u8>> {
        let (bytes, site) = (self.pool.bytes_fast::<T>(len)?, Location::caller());
        // SAFETY: as in `alloc_fast`.
        unsafe { frame_alloc_sampled(self.pool.inner_ptr(), &self.layout, bytes, site) }
    }

    /// Allocates memory for `len` elements on the slow path. Separate from the hot path, with all code for refusals.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn alloc_slow<T: Pod>(&self, len: usize) -> Result<NonNull<u8>, AllocError> {
        let site = Location::caller();
        let inner = self.pool.inner_ptr();
        self.pool
            .checked_bytes::<T>(len)
            // SAFETY: as in `alloc_fast`.
            .and_then(|bytes| unsafe {
                frame_alloc_slow(inner, &self.layout, Request::Buffer(bytes), site)
            })
            .map_err(|refusal| self.pool.explain::<T>(refusal, len))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn alloc_or_panic<T: Pod>(&self, len: usize) -> NonNull<u8> {
        if let Some(start) = self.alloc_sampled::<T>(len) {
            return start;
        }
        // Not a closure, which would name its own line.
        match self.alloc_slow::<T>(len) {
            Ok(start) => start,
            Err(error) => refused(&error),
        }
    }

    /// Ends the frame: releases all its buffers at once, and publishes a snapshot of what happened since the previous
    /// frame end.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// frame.alloc::<f32>(1024);
    /// frame.alloc::<u8>(100);
    /// let snapshot = frame.release_all();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((snapshot.frame_allocs, snapshot.in_use_buffers), (2, 0));
    /// # }
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most loops do not look")]
    pub fn release_all(self) -> Arc<FrameSnapshot> {
        let frame = std::mem::ManuallyDrop::new(self);
        let snapshot = frame.pool.inner().end_frame(Some(frame.layout.index()));
        // SAFETY: the frame is not dropped, so its handle is moved out once.
        drop(unsafe { ptr::read(&raw const frame.pool) });
        snapshot
    }
}

impl BufferPool {
    /// Begins a frame.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let simulate = pool.begin_frame();
    /// let render = pool.begin_frame(); // up to three are open at once
    /// assert!(simulate.id() < render.id());
    /// ```
    ///
    /// # Panics
    ///
    /// If as many frames are open as the pool allows; [`try_begin_frame`](Self::try_begin_frame) returns an error
    /// then.
    #[track_caller]
    pub fn begin_frame(&self) -> Frame {
        self.begin_tagged(0)
    }

    /// Begins a frame.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_frames_in_flight(1).build()?;
    /// let upload = pool.begin_frame();
    /// assert!(pool.try_begin_frame().is_err());
    /// upload.release_all();
    /// assert!(pool.try_begin_frame().is_ok());
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FrameError::TooManyInFlight`] if as many frames are open as the pool allows.
    #[track_caller]
    pub fn try_begin_frame(&self) -> Result<Frame, FrameError> {
        self.try_begin_tagged(0)
    }

    /// Begins a frame with a tag, by its number, or panics as [`begin_frame`](Self::begin_frame) does.
    #[track_caller]
    pub(crate) fn begin_tagged(&self, tag: usize) -> Frame {
        match self.try_begin_tagged(tag) {
            Ok(frame) => frame,
            Err(error) => panic!("framepool: {error}"),
        }
    }

    /// Begins a frame with a tag, by its number; zero for none.
    #[track_caller]
    pub(crate) fn try_begin_tagged(&self, tag: usize) -> Result<Frame, FrameError> {
        let inner = self.inner();
        let index = if let Some(index) = inner.in_flight.claim() {
            index
        } else {
            // Trimming may hold a bit for a moment, under the aggregator's lock. No frame ends while we hold that
            // lock.
            let _aggregator = inner.aggregator.lock();
            let claimed = inner.in_flight.claim();
            claimed.ok_or_else(|| inner.in_flight.refusal(inner.round()))?
        };
        let id = inner
            .in_flight
            .begin(index, Location::caller(), inner.round(), tag);
        inner.sample_frame(index, id);
        Ok(Frame::new(self.clone(), index, id))
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.pool.inner().end_frame(Some(self.layout.index()));
    }
}

/// The buffer filled with zeroes.
#[inline]
pub(crate) fn zeroed<T: Pod>(buffer: &mut [T]) -> &mut [T] {
    if size_of::<T>() > 0 {
        buffer.fill(T::zeroed());
    }
    buffer
}

/// The buffer filled with a copy of `source`, which is as long.
#[inline]
pub(crate) fn copied<'f, T: Pod>(buffer: &'f mut [T], source: &[T]) -> &'f mut [T] {
    buffer.copy_from_slice(source);
    buffer
}

/// Frame memory at `start` as a slice.
///
/// # Safety
///
/// The memory was allocated for `len` elements of `T`, and nothing else uses it during `'f`.
#[inline(always)]
unsafe fn view<'f, T: Pod>(start: NonNull<u8>, len: usize) -> &'f mut [T] {
    // SAFETY: the memory has room for `len` elements and is aligned for `T`. It is zeroed at birth and only ever written
    // through types without padding, so it is initialised, and any bytes are a `T: Pod`. Nobody else has it before the
    // frame ends, and the frame cannot end before this borrow (L6, one owner).
    unsafe { &mut *ptr::slice_from_raw_parts_mut(start.cast::<T>().as_ptr(), len) }
}
