//! A pooled buffer: an owned slice that goes back to the dropping thread's magazine.
#![expect(
    unsafe_code,
    reason = "a buffer is the exclusive view of its block's memory"
)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use bytemuck::Pod;

use crate::blocks::block::Block;
use crate::pool::release::release;

/// An owned slice of `T` from a [`BufferPool`](crate::BufferPool); dropping it gives the memory back for reuse.
///
/// It may cross threads and frames, and may outlive the pool's handles. Its memory goes to the magazine of the thread
/// that drops it.
///
/// Three words in size, like a `Vec`. It stores the address and the number of its elements, so a loop over indices
/// compiles as for a slice, and an access needs no load from the block's record.
///
/// ```
/// use framepool::{Buffer, BufferPool};
///
/// let pool = BufferPool::new();
/// let mut samples: Buffer<f32> = pool.alloc_zeroed(1024);
/// samples[0] = 1.0; // it is a slice
/// let mixer = std::thread::spawn(move || samples.iter().sum::<f32>()); // released on that thread
/// assert_eq!(mixer.join().unwrap(), 1.0);
/// pool.assert_no_leaks();
/// ```
#[must_use = "a buffer that is not kept goes back at once"]
pub struct Buffer<T: Pod> {
    start: NonNull<T>,
    len: usize,
    block: NonNull<Block>,
    owned: PhantomData<T>,
}

const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(size_of::<Buffer<u8>>() == 3 * WORD && size_of::<Option<Buffer<u8>>>() == 3 * WORD);
};

// SAFETY: a buffer owns its memory like a boxed slice; the block's record may be used from any thread, and only the
// buffer uses its parts that are not atomic. `T` must be `Send` since the elements move along.
unsafe impl<T: Pod + Send> Send for Buffer<T> {}
// SAFETY: as above; through a shared buffer one gets `&[T]`, hence `T: Sync`.
unsafe impl<T: Pod + Sync> Sync for Buffer<T> {}

impl<T: Pod> Buffer<T> {
    /// The buffer of `len` elements in a block that was just allocated for them.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has room for `len` elements, is aligned for `T`, and was allocated for
    /// `len * size_of::<T>()` bytes.
    #[inline(always)]
    pub(crate) unsafe fn new(block: NonNull<Block>, len: usize) -> Self {
        Self {
            // SAFETY: the caller holds the block, whose record lives while it is in use.
            start: unsafe { block.as_ref().start() }.cast(),
            len,
            block,
            owned: PhantomData,
        }
    }

    /// Copies `source`, which is as long as the buffer, into it, and returns the buffer.
    #[inline]
    pub(crate) fn copied(mut self, source: &[T]) -> Self {
        self.copy_from_slice(source);
        self
    }

    /// Fills the buffer with zeroes, and returns it.
    #[inline]
    pub(crate) fn zeroed(mut self) -> Self {
        if size_of::<T>() > 0 {
            self.fill(T::zeroed());
        }
        self
    }

    /// Marks this buffer as intentionally long-lived; it is never reported as a leak.
    ///
    /// [`outstanding`](crate::BufferPool::outstanding) still lists it. The mark ends when the buffer is dropped.
    /// This is an associated function, so that it hides no method of the slice: `Buffer::mark_long_lived(&buffer)`.
    ///
    /// ```
    /// use framepool::{Buffer, BufferPool};
    ///
    /// let pool = BufferPool::new();
    /// let table = pool.alloc::<u32>(1 << 16);
    /// Buffer::mark_long_lived(&table);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(pool.outstanding().long_lived, 1);
    /// # }
    /// ```
    pub fn mark_long_lived(this: &Self) {
        // SAFETY: the record lives while a buffer is in use.
        unsafe { this.block.as_ref() }.mark_long_lived();
    }
}

impl<T: Pod> Drop for Buffer<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the buffer held the block and ends here; the block was allocated for this many bytes.
        unsafe { release(self.block, self.len * size_of::<T>()) }
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the block has room for `len` elements, aligned; block memory is zeroed at birth and only ever written
        // through types without padding, so it is initialised, and any bytes are a `T: Pod`. The buffer holds the
        // block, so nobody else has this memory, and `&self` keeps it from being written.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Pod> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes the view exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Pod> AsRef<[T]> for Buffer<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Pod> AsMut<[T]> for Buffer<T> {
    fn as_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'b, T: Pod> IntoIterator for &'b Buffer<T> {
    type Item = &'b T;
    type IntoIter = std::slice::Iter<'b, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'b, T: Pod> IntoIterator for &'b mut Buffer<T> {
    type Item = &'b mut T;
    type IntoIter = std::slice::IterMut<'b, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
