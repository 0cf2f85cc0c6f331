//! How the pool's handle allocates pooled buffers, and prepares them in advance.
#![expect(unsafe_code, reason = "a lent block becomes a buffer")]

use std::panic::Location;
use std::ptr::NonNull;

use bytemuck::Pod;

use crate::blocks::block::Block;
use crate::blocks::label::Label;
use crate::error::AllocError;
use crate::memory::region::NATURAL;
use crate::pool::buffer::Buffer;
use crate::pool::handle::BufferPool;
use crate::pool::lookup::switch_lane;
use crate::pool::pooled::{alloc_fast, alloc_slow};
use crate::pool::refusal::{Refusal, count_refusal, refused};
use crate::pool::slot_guard::with_slot;

impl BufferPool {
    /// Allocates a buffer of `len` elements, initialised with unspecified contents.
    ///
    /// Reports name the line that called this. In a wrapper that is the wrapper's own line, unless it is
    /// `#[track_caller]`; through a function pointer it is a line of this library. [`alloc_at`](Self::alloc_at)
    /// solves both.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let mut image = pool.alloc::<u8>(4096);
    /// image.fill(0); // contents are unspecified until written
    /// let address = image.as_ptr();
    /// drop(image);
    /// assert_eq!(pool.alloc::<u8>(4096).as_ptr(), address); // reused
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<T: Pod>(&self, len: usize) -> Buffer<T> {
        self.alloc_labelled(len, Label::untagged(Location::caller()))
    }

    /// Allocates a buffer of `len` zeroes.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let depth = pool.alloc_zeroed::<f32>(1024);
    /// assert!(depth.iter().all(|&value| value == 0.0));
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_zeroed<T: Pod>(&self, len: usize) -> Buffer<T> {
        self.alloc::<T>(len).zeroed()
    }

    /// Allocates a copy of `source`.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let quad = pool.alloc_copy(&[0_u32, 1, 2, 2, 3, 0]);
    /// assert_eq!(quad[3..], [2, 3, 0]);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_alloc`](Self::try_alloc) returns an error.
    #[inline]
    #[track_caller]
    pub fn alloc_copy<T: Pod>(&self, source: &[T]) -> Buffer<T> {
        self.alloc::<T>(source.len()).copied(source)
    }

    /// Allocates a buffer of `len` elements, initialised with unspecified contents.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(1 << 20).build()?;
    /// match pool.try_alloc::<u8>(2 << 20) {
    ///     Ok(image) => println!("{} bytes", image.len()),
    ///     Err(error) => println!("{error}"), // names what holds the memory, and says what to do
    /// }
    /// assert!(pool.try_alloc::<u8>(1000).is_ok());
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the size cannot be addressed, the element's alignment is coarser than the pool's, the pool's budget
    /// is used up, or the system has no memory.
    #[inline(always)]
    #[track_caller]
    pub fn try_alloc<T: Pod>(&self, len: usize) -> Result<Buffer<T>, AllocError> {
        self.try_alloc_labelled(len, Label::untagged(Location::caller()))
    }

    /// A buffer of `len` elements with this label.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn alloc_labelled<T: Pod>(&self, len: usize, label: Label) -> Buffer<T> {
        let block = match self.alloc_fast::<T>(len, label) {
            Some(block) => block,
            None => self.alloc_or_panic::<T>(len, label),
        };
        // SAFETY: the block was just allocated for these elements, and their alignment was checked.
        unsafe { Buffer::new(block, len) }
    }

    /// Allocates a buffer of `len` elements under this label, or returns why it cannot.
    #[inline(always)]
    pub(crate) fn try_alloc_labelled<T: Pod>(
        &self,
        len: usize,
        label: Label,
    ) -> Result<Buffer<T>, AllocError> {
        let block = match self.alloc_fast::<T>(len, label) {
            Some(block) => block,
            None => self.alloc_other::<T>(len, label)?,
        };
        // SAFETY: as in `alloc_labelled`.
        Ok(unsafe { Buffer::new(block, len) })
    }

    /// A block for `len` elements if the calling thread's magazine has one.
    #[inline(always)]
    pub(crate) fn alloc_fast<T: Pod>(&self, len: usize, label: Label) -> Option<NonNull<Block>> {
        let bytes = self.bytes_fast::<T>(len)?;
        // SAFETY: the handle keeps the pool alive.
        unsafe { alloc_fast(self.inner(), bytes, label) }
    }

    /// A block for `len` elements if the lane of the label's tag has one and the thread last used another.
    #[inline]
    fn alloc_switched<T: Pod>(&self, len: usize, label: Label) -> Option<NonNull<Block>> {
        // SAFETY: the handle keeps the pool alive.
        unsafe { switch_lane(self.inner_ptr(), label.tag()) }
            .then(|| self.alloc_fast::<T>(len, label))
            .flatten()
    }

    /// Allocates a block for `len` elements if the hot path found none, or returns the error.
    #[cold]
    #[inline(never)]
    fn alloc_other<T: Pod>(&self, len: usize, label: Label) -> Result<NonNull<Block>, AllocError> {
        match self.alloc_switched::<T>(len, label) {
            Some(block) => Ok(block),
            None => self.alloc_slow::<T>(len, label),
        }
    }

    /// Allocates a block for `len` elements on the slow path, or returns the error. Separate from the hot path, with
    /// all code for refusals.
    #[cold]
    #[inline(never)]
    pub(crate) fn alloc_slow<T: Pod>(
        &self,
        len: usize,
        label: Label,
    ) -> Result<NonNull<Block>, AllocError> {
        self.checked_bytes::<T>(len)
            // SAFETY: the handle keeps the pool alive.
            .and_then(|bytes| unsafe { alloc_slow(self.inner(), bytes, label) })
            .map_err(|refusal| self.explain::<T>(refusal, len))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn alloc_or_panic<T: Pod>(&self, len: usize, label: Label) -> NonNull<Block> {
        if let Some(block) = self.alloc_switched::<T>(len, label) {
            return block;
        }
        // Not a closure, which would name its own line.
        match self.alloc_slow::<T>(len, label) {
            Ok(block) => block,
            Err(error) => refused(&error),
        }
    }

    /// Whether this pool's buffers start where a `T` may.
    #[inline(always)]
    pub(crate) fn is_aligned_for<T>(&self) -> bool {
        align_of::<T>() <= NATURAL || align_of::<T>() <= self.inner().config.alignment
    }

    /// The bytes of `len` elements, if this pool can allocate them.
    #[inline(always)]
    pub(crate) fn bytes_fast<T: Pod>(&self, len: usize) -> Option<usize> {
        if !self.is_aligned_for::<T>() {
            return None;
        }
        len.checked_mul(size_of::<T>())
    }

    /// The bytes of `len` elements, or why a buffer cannot have them.
    pub(crate) fn checked_bytes<T: Pod>(&self, len: usize) -> Result<usize, Refusal> {
        if !self.is_aligned_for::<T>() {
            return Err(Refusal::Alignment(align_of::<T>()));
        }
        len.checked_mul(size_of::<T>()).ok_or(Refusal::Overflow)
    }

    /// Makes the error for a refusal. Counts the refusal if it happened before a slot was found.
    #[cold]
    #[inline(never)]
    pub(crate) fn explain<T>(&self, refusal: Refusal, len: usize) -> AllocError {
        if matches!(refusal, Refusal::Overflow | Refusal::Alignment(_)) {
            // SAFETY: the handle keeps the pool alive.
            let _ =
                unsafe { with_slot(self.inner_ptr(), |slot| count_refusal(&slot.lane, refusal)) };
        }
        self.inner().explain(refusal, len, size_of::<T>())
    }

    /// Prepares `count` buffers of `len` elements, with their pages touched, and keeps them from being trimmed until
    /// [`trim`](Self::trim) is called.
    ///
    /// The calling thread's magazine takes as many as it may keep; the others go to the depot, where any thread finds
    /// them. Idle buffers in either already count, so a second call only tops up to `count`. Buffers without bytes
    /// need no preparation.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// pool.prewarm::<f32>(1 << 16, 8); // while a level loads
    /// let images: Vec<_> = (0..8).map(|_| pool.alloc::<f32>(1 << 16)).collect();
    /// assert_eq!(pool.end_frame().misses, 0);
    /// # drop(images);
    /// ```
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

    /// Prepares `count` buffers of `len` elements as [`prewarm`](Self::prewarm) does, or returns an error.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(1 << 20).build()?;
    /// assert!(pool.try_prewarm::<u8>(256 << 10, 5).is_err());
    /// assert_eq!(pool.stats().pooled_bytes, 0); // all or none
    /// assert!(pool.try_prewarm::<u8>(256 << 10, 4).is_ok());
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`try_alloc`](Self::try_alloc). If all `count` cannot fit the budget, nothing is allocated and
    /// nothing is returned. If the system has no memory for one of them, the earlier ones stay ready. Buffers beyond
    /// the largest size class (1 GiB) are not kept, so preparing them does nothing.
    pub fn try_prewarm<T: Pod>(&self, len: usize, count: usize) -> Result<(), AllocError> {
        self.checked_bytes::<T>(len)
            .and_then(|bytes| self.inner().prewarm(bytes, count))
            .map_err(|refusal| self.explain::<T>(refusal, len))
    }
}
