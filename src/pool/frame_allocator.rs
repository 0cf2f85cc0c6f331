//! A frame as the allocator of collections.
#![expect(unsafe_code, reason = "an allocator promises that its memory is good")]

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use allocator_api2::alloc::{AllocError, Allocator};

use crate::pool::frame::Frame;

/// Collections that take an allocator can live in a frame, with the feature `allocator-api2`: those of the crate of that name, and
/// `hashbrown`'s.
///
/// ```
/// use framepool::{BufferPool, Frame};
/// use hashbrown::{DefaultHashBuilder, HashMap};
///
/// let pool = BufferPool::new();
/// let frame = pool.begin_frame();
/// let mut seen: HashMap<&str, u32, DefaultHashBuilder, &Frame> = HashMap::new_in(&frame);
/// for word in "the frame of the frames".split(' ') {
///     *seen.entry(word).or_default() += 1;
/// }
/// assert_eq!(seen["the"], 2);
/// ```
///
/// Memory that a collection frees stays in use until the frame ends. So give the capacity if you know it. A refusal is an
/// `AllocError` without a reason; the pool's counters have it.
// SAFETY: the memory is the frame's, so it stays where it is and is nobody else's until the frame ends, which needs that this borrow
// has ended.
unsafe impl Allocator for &Frame {
    #[inline]
    #[track_caller]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start = self.value_memory(layout).map_err(|_| AllocError)?;
        Ok(NonNull::slice_from_raw_parts(start, layout.size()))
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}

    #[track_caller]
    unsafe fn grow(
        &self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let end = start.as_ptr().wrapping_add(old.size());
        let more = new.size() - old.size();
        let in_place = old.size() > 0
            && start.addr().get().is_multiple_of(new.align())
            && self.grow_value(end, more);
        if in_place {
            return Ok(NonNull::slice_from_raw_parts(start, new.size()));
        }
        let grown = self.allocate(new)?;
        // SAFETY: the caller has `old.size()` bytes at `start`, and the new memory is another one with more bytes.
        unsafe { ptr::copy_nonoverlapping(start.as_ptr(), grown.cast().as_ptr(), old.size()) };
        Ok(grown)
    }

    unsafe fn shrink(
        &self,
        start: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if start.addr().get().is_multiple_of(new.align()) {
            return Ok(NonNull::slice_from_raw_parts(start, new.size()));
        }
        let shrunk = self.allocate(new)?;
        // SAFETY: the caller has at least `new.size()` bytes at `start`, and the new memory is another one.
        unsafe { ptr::copy_nonoverlapping(start.as_ptr(), shrunk.cast().as_ptr(), new.size()) };
        Ok(shrunk)
    }
}
