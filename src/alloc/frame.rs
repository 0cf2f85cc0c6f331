//! A frame: buffers that live until its end and are released all at once.
#![expect(
    unsafe_code,
    reason = "a frame lends its arenas' memory for as long as it is borrowed"
)]
#![expect(
    clippy::mut_from_ref,
    reason = "every call lends other memory, as an arena does"
)]

use std::ptr::{self, NonNull};

use bytemuck::Pod;

use crate::alloc::{AllocError, BufferPool};
use crate::cache::{Lane, lend_framed, lend_framed_at_once};
use crate::fold::{FrameId, FrameSnapshot};
use crate::sync::Arc;

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
/// Dropping a frame ends it like [`release_all`](Self::release_all). A frame that is forgotten
/// ([`std::mem::forget`]) stays open, and with it its pool's memory.
#[derive(Debug)]
#[must_use = "a frame that is not kept ends at once"]
pub struct Frame {
    pool: BufferPool,
    lane: Lane,
    id: FrameId,
}

impl Frame {
    pub(crate) fn new(pool: BufferPool, index: usize, id: FrameId) -> Self {
        let lane = Lane::of(pool.core(), index);
        Self { pool, lane, id }
    }

    /// The frame's number, in the order in which frames of the pool began.
    pub fn id(&self) -> FrameId {
        self.id
    }

    /// The pool.
    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// A buffer of `len` elements that lives as long as the frame. Contents: initialised, otherwise unspecified.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> &mut [T] {
        let start = match self.lend_at_once::<T>(len) {
            Some(start) => start,
            None => self.lend_or_panic::<T>(len),
        };
        // SAFETY: lent to us just now, for these elements, until the frame ends.
        unsafe { view(start, len) }
    }

    /// A buffer of `len` zeroes that lives as long as the frame.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> &mut [T] {
        let buffer = self.alloc::<T>(len);
        if size_of::<T>() > 0 {
            buffer.fill(T::zeroed());
        }
        buffer
    }

    /// A copy of `source` that lives as long as the frame.
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> &mut [T] {
        let buffer = self.alloc::<T>(source.len());
        buffer.copy_from_slice(source);
        buffer
    }

    /// A buffer of `len` elements that lives as long as the frame. Contents: initialised, otherwise unspecified.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the size cannot be addressed, the element's alignment is coarser than the pool's, the pool's budget
    /// is used up, or the system has no memory.
    #[inline]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<&mut [T], AllocError> {
        let start = match self.lend_at_once::<T>(len) {
            Some(start) => start,
            None => self.lend::<T>(len)?,
        };
        // SAFETY: as in `alloc`.
        Ok(unsafe { view(start, len) })
    }

    /// Memory for `len` elements if the calling thread has it at hand.
    #[inline(always)]
    fn lend_at_once<T: Pod>(&self, len: usize) -> Option<NonNull<u8>> {
        if !self.pool.is_aligned_for::<T>() {
            return None;
        }
        let bytes = len.checked_mul(size_of::<T>())?;
        // SAFETY: the handle keeps the pool alive; the frame stays open while the slice's lifetime, that of `&self`, lasts.
        unsafe { lend_framed_at_once(self.pool.core_ptr(), &self.lane, bytes) }
    }

    /// Memory for `len` elements from wherever it can be had. Apart from the hot path, with all that refusals need.
    #[cold]
    #[inline(never)]
    fn lend<T: Pod>(&self, len: usize) -> Result<NonNull<u8>, AllocError> {
        let core = self.pool.core_ptr();
        self.pool
            .checked_bytes::<T>(len)
            // SAFETY: as in `lend_at_once`.
            .and_then(|bytes| unsafe { lend_framed(core, &self.lane, bytes) })
            .map_err(|refusal| self.pool.explain::<T>(refusal, len))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lend_or_panic<T: Pod>(&self, len: usize) -> NonNull<u8> {
        self.lend::<T>(len).unwrap_or_else(|error| refused(&error))
    }

    /// Ends the frame: releases all its buffers at once, and publishes what happened since the frame end before.
    #[expect(clippy::must_use_candidate, reason = "most loops do not look")]
    pub fn release_all(self) -> Arc<FrameSnapshot> {
        let frame = std::mem::ManuallyDrop::new(self);
        let snapshot = frame.pool.core().end_frame(Some(frame.lane.index()));
        // SAFETY: the frame is not dropped, so its handle is moved out once.
        drop(unsafe { ptr::read(&raw const frame.pool) });
        snapshot
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.pool.core().end_frame(Some(self.lane.index()));
    }
}

/// Frame memory at `start` as a slice.
///
/// # Safety
///
/// It was lent for `len` elements of `T`, and nothing else uses it while `'f` lasts.
#[inline(always)]
unsafe fn view<'f, T: Pod>(start: NonNull<u8>, len: usize) -> &'f mut [T] {
    // SAFETY: the memory has room for `len` elements and is aligned for `T`. It is zeroed at birth and only ever written
    // through types without padding, so it is initialised, and any bytes are a `T: Pod`. Nobody else has it before
    // the frame ends, for which this borrow must have ended (law L6).
    unsafe { &mut *ptr::slice_from_raw_parts_mut(start.cast::<T>().as_ptr(), len) }
}

#[cold]
#[inline(never)]
#[track_caller]
pub(super) fn refused(error: &AllocError) -> ! {
    panic!("framepool: {error}")
}
