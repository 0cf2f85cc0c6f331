//! A growing list in frame memory.
#![expect(unsafe_code, reason = "a list owns the elements in its memory")]

mod elements;

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use crate::error::AllocError;
use crate::pool::frame::Frame;
use crate::pool::frame_values::assert_needs_no_drop;
use crate::pool::refusal::{Refusal, refused};

/// A list of values of any type in the memory of a [`Frame`].
///
/// It is used like a `Vec`, and it drops its elements, so they may own memory elsewhere. It cannot outlive the frame. The methods of
/// slices work too, such as `sort`.
///
/// ```
/// use framepool::{BufferPool, FrameVec};
///
/// let pool = BufferPool::new();
/// let frame = pool.begin_frame();
/// let mut visible = FrameVec::new_in(&frame);
/// visible.extend((0..100).filter(|id| id % 7 == 0));
/// visible.push(1000);
/// assert_eq!((visible.len(), visible[14]), (16, 98));
///
/// let mut names = FrameVec::with_capacity_in(2, &frame);
/// names.push(String::from("owned")); // dropped with the list
/// ```
///
/// Up to 32 KiB, the list grows in place if no other value of the thread lies behind it, and the thread used no other pool since. Otherwise it
/// moves to memory for twice as many elements, and its earlier memory stays in use until the frame ends. So give the capacity if
/// you know it. Each memory that it takes counts as one alloc of the frame.
pub struct FrameVec<'f, T> {
    start: NonNull<T>,
    len: usize,
    capacity: usize,
    frame: &'f Frame,
    elements: PhantomData<T>,
}

// SAFETY: the list owns its elements, and any thread may use the frame.
unsafe impl<T: Send> Send for FrameVec<'_, T> {}
// SAFETY: a shared list only gives shared elements and the frame, which is `Sync`.
unsafe impl<T: Sync> Sync for FrameVec<'_, T> {}

impl<'f, T> FrameVec<'f, T> {
    /// The fewest elements to make room for.
    const FEWEST: usize = 4;

    /// An empty list, which takes no memory yet.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let list = framepool::FrameVec::<u32>::new_in(&frame);
    /// assert!(list.is_empty());
    /// ```
    pub fn new_in(frame: &'f Frame) -> Self {
        Self {
            start: NonNull::dangling(),
            len: 0,
            capacity: if size_of::<T>() == 0 { usize::MAX } else { 0 },
            frame,
            elements: PhantomData,
        }
    }

    /// An empty list with room for `capacity` elements.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let list = framepool::FrameVec::<u32>::with_capacity_in(10, &frame);
    /// assert!(list.capacity() >= 10);
    /// ```
    ///
    /// # Panics
    ///
    /// Where [`try_reserve`](Self::try_reserve) returns an error.
    #[track_caller]
    pub fn with_capacity_in(capacity: usize, frame: &'f Frame) -> Self {
        let mut list = Self::new_in(frame);
        list.reserve(capacity);
        list
    }

    /// The frame.
    pub fn frame(&self) -> &'f Frame {
        self.frame
    }

    /// The elements for which there is memory.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for `more` elements, at least.
    ///
    /// # Panics
    ///
    /// Where [`try_reserve`](Self::try_reserve) returns an error.
    #[track_caller]
    pub fn reserve(&mut self, more: usize) {
        if let Err(error) = self.try_reserve(more) {
            refused(&error);
        }
    }

    /// Makes room for `more` elements, at least, or returns an error. Then the list is as it was.
    ///
    /// A full list asks for twice its capacity, so it may be refused while there is memory for `more`.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().max_bytes(1 << 20).build()?;
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::<u64>::new_in(&frame);
    /// assert!(list.try_reserve(1 << 20).is_err());
    /// assert!(list.try_reserve(100).is_ok());
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the size cannot be addressed, the pool's budget is used up, or the system has no memory.
    #[track_caller]
    pub fn try_reserve(&mut self, more: usize) -> Result<(), AllocError> {
        if more <= self.capacity - self.len {
            return Ok(());
        }
        self.grow(more)
    }

    #[cold]
    #[track_caller]
    fn grow(&mut self, more: usize) -> Result<(), AllocError> {
        let pool = self.frame.pool();
        let wanted = self.len.saturating_add(more);
        let too_large = || pool.explain::<T>(Refusal::Overflow, wanted);
        let needed = self.len.checked_add(more).ok_or_else(too_large)?;
        let capacity = needed
            .max(self.capacity.saturating_mul(2))
            .max(Self::FEWEST);
        let layout = Layout::array::<T>(capacity).map_err(|_| too_large())?;
        let old_bytes = self.capacity * size_of::<T>();
        if self.capacity > 0 && self.extends(old_bytes, layout.size()) {
            self.capacity = capacity;
            return Ok(());
        }
        let start = self.frame.value_memory(layout)?.cast::<T>();
        // SAFETY: the new memory is another one and has room for more elements. The elements move.
        unsafe { ptr::copy_nonoverlapping(self.start.as_ptr(), start.as_ptr(), self.len) };
        self.start = start;
        self.capacity = capacity;
        Ok(())
    }

    /// Takes the memory behind the list, if nothing lies there.
    #[track_caller]
    fn extends(&self, old_bytes: usize, bytes: usize) -> bool {
        let end = self.start.as_ptr().wrapping_add(self.capacity).cast::<u8>();
        self.frame.grow_value(end, bytes - old_bytes)
    }

    /// Appends an element.
    ///
    /// # Panics
    ///
    /// Where [`try_reserve`](Self::try_reserve) returns an error.
    #[inline]
    #[track_caller]
    pub fn push(&mut self, element: T) {
        if self.len == self.capacity {
            self.reserve(1);
        }
        // SAFETY: there is room for one more element.
        unsafe { self.start.add(self.len).write(element) };
        self.len += 1;
    }

    /// Removes the last element.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.push('a');
    /// assert_eq!((list.pop(), list.pop()), (Some('a'), None));
    /// ```
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the element was the last one, and is not one any more.
        Some(unsafe { self.start.add(self.len).read() })
    }

    /// Drops all elements but the first `len`.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend([1, 2, 3]);
    /// list.truncate(1);
    /// assert_eq!(*list, [1]);
    /// ```
    pub fn truncate(&mut self, len: usize) {
        let surplus = self.len.saturating_sub(len);
        if surplus == 0 {
            return;
        }
        // Before the drops: if one panics, the others are forgotten.
        self.len = len;
        // SAFETY: these elements belong to the list no more, and are dropped once.
        unsafe {
            let first = self.start.as_ptr().add(len);
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(first, surplus));
        }
    }

    /// Drops all elements. The list keeps its memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// The elements as a slice that lives as long as the frame. They must need no drop.
    ///
    /// ```
    /// let pool = framepool::BufferPool::new();
    /// let frame = pool.begin_frame();
    /// let mut list = framepool::FrameVec::new_in(&frame);
    /// list.extend([3, 1, 2]);
    /// let slice: &mut [i32] = list.into_slice();
    /// slice.sort_unstable();
    /// assert_eq!(slice, [1, 2, 3]);
    /// ```
    pub fn into_slice(self) -> &'f mut [T] {
        const { assert_needs_no_drop::<T>() }
        let list = ManuallyDrop::new(self);
        // SAFETY: these elements are initialised, their memory is that of the frame, and the list gives them up.
        unsafe { slice::from_raw_parts_mut(list.start.as_ptr(), list.len) }
    }

    /// Appends the items, with the caller's line.
    #[track_caller]
    pub(super) fn extend_from(&mut self, items: impl IntoIterator<Item = T>) {
        let items = items.into_iter();
        self.reserve(items.size_hint().0);
        // No closure: it would hide the line of the caller.
        for item in items {
            self.push(item);
        }
    }
}

impl<T> Extend<T> for FrameVec<'_, T> {
    #[track_caller]
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.extend_from(items);
    }
}

impl<T> Deref for FrameVec<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the list owns this many elements at this place.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for FrameVec<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the list is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: fmt::Debug> fmt::Debug for FrameVec<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> Drop for FrameVec<'_, T> {
    fn drop(&mut self) {
        self.clear();
    }
}
