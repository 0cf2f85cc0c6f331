//! Contestants that give plain pointers: allocators called directly, and addresses planned beforehand.
//!
//! The only file of the program with unsafe code: it calls [`GlobalAlloc`] and writes through the returned pointers.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

pub(crate) use mimalloc::MiMalloc;
pub(crate) use std::alloc::System;

use super::pattern::{self, BOTH_ENDS, small};
use super::{Contestant, PAGE};
use crate::replay::{Plan, Work};

/// The alignment that `malloc` promises on the supported platforms.
const ALIGNMENT: usize = 16;

/// A buffer from a [`Heap`] or in the region of a [`Given`].
///
/// Invariant: `start` is valid for reads and writes of `bytes.max(1)` bytes until the buffer is freed, and nothing else
/// reads or writes them.
#[derive(Debug)]
pub(crate) struct RawBuffer {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a buffer is the only way to its memory (its invariant), and all contestants here allow a buffer to be
// freed by any thread.
unsafe impl Send for RawBuffer {}

impl RawBuffer {
    #[inline(always)]
    fn write(&mut self, pattern: u64) {
        let start = self.start.as_ptr();
        if self.bytes >= BOTH_ENDS {
            // SAFETY: the buffer has at least sixteen bytes, all ours to write; the writes need no alignment.
            unsafe {
                start.cast::<u64>().write_unaligned(pattern);
                start
                    .add(self.bytes - 8)
                    .cast::<u64>()
                    .write_unaligned(pattern);
            }
        } else {
            let source = small(pattern);
            // SAFETY: `bytes` is below sixteen, the source's length, and the buffer has that many bytes.
            unsafe { ptr::copy_nonoverlapping(source.as_ptr(), start, self.bytes) };
        }
    }

    #[inline(always)]
    fn holds(&self, pattern: u64) -> bool {
        let start = self.start.as_ptr();
        if self.bytes >= BOTH_ENDS {
            // SAFETY: the buffer has at least sixteen bytes, written at both ends when it was allocated.
            unsafe {
                start.cast::<u64>().read_unaligned() == pattern
                    && start.add(self.bytes - 8).cast::<u64>().read_unaligned() == pattern
            }
        } else {
            // SAFETY: all of the buffer's bytes, below sixteen, were written when it was allocated.
            let held = unsafe { std::slice::from_raw_parts(start, self.bytes) };
            *held == small(pattern)[..self.bytes]
        }
    }

    fn changed_end(&self, pattern: u64) -> Option<usize> {
        let read = |from: usize, count: usize| {
            // SAFETY: `changed_end` reads within the buffer and only what was written when it was allocated: eight bytes at
            // either end, or all of a small buffer.
            unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(from), count) }
        };
        pattern::changed_end(self.bytes, pattern, read)
    }

    fn fill(&mut self, pattern: u64) {
        for (offset, word) in (0..self.bytes).step_by(8).zip(pattern::words(pattern)) {
            let count = (self.bytes - offset).min(8);
            // SAFETY: `offset + count` is at most `bytes`, and `count` at most the source's length.
            unsafe {
                ptr::copy_nonoverlapping(word.as_ptr(), self.start.as_ptr().add(offset), count);
            }
        }
    }

    fn changed_byte(&self, pattern: u64) -> Option<usize> {
        // SAFETY: all of the buffer's bytes were written when it was allocated, by `fill`.
        let held = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) };
        pattern::changed_byte(held, pattern)
    }

    fn touch_pages(&mut self) {
        for offset in (0..self.bytes).step_by(PAGE) {
            // SAFETY: `offset` is below `bytes`. Volatile, so that a write that is overwritten later is not removed.
            unsafe { self.start.as_ptr().add(offset).write_volatile(1) };
        }
    }
}

/// No memory.
#[derive(Debug)]
pub(crate) struct NoMemory;

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the allocator gave no memory")
    }
}

/// A general allocator, called directly.
pub(crate) struct Heap<A>(pub(crate) A);

/// The layout of a buffer; an allocator may not be asked for zero bytes, so an empty buffer has one byte.
#[inline(always)]
fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
}

impl<A: GlobalAlloc + Send + Sync + 'static> Contestant for Heap<A> {
    type Buffer = RawBuffer;
    type Seat = ();
    type Refusal = NoMemory;

    fn seat(&self, _work: &Work) {}

    #[inline(always)]
    fn alloc(&self, _seat: &mut (), bytes: usize, _buffer: u32) -> Result<RawBuffer, NoMemory> {
        let layout = layout(bytes).ok_or(NoMemory)?;
        // SAFETY: the layout's size is not zero.
        let start = unsafe { self.0.alloc(layout) };
        let start = NonNull::new(start).ok_or(NoMemory)?;
        Ok(RawBuffer { start, bytes })
    }

    #[inline(always)]
    fn free(&self, buffer: RawBuffer) {
        if let Some(layout) = layout(buffer.bytes) {
            // SAFETY: `alloc` of the same allocator returned this pointer for the same layout, and the buffer is consumed.
            unsafe { self.0.dealloc(buffer.start.as_ptr(), layout) };
        }
    }

    #[inline(always)]
    fn write(buffer: &mut RawBuffer, pattern: u64) {
        buffer.write(pattern);
    }

    #[inline(always)]
    fn holds(buffer: &RawBuffer, pattern: u64) -> bool {
        buffer.holds(pattern)
    }

    fn changed_end(buffer: &RawBuffer, pattern: u64) -> Option<usize> {
        buffer.changed_end(pattern)
    }

    fn fill(buffer: &mut RawBuffer, pattern: u64) {
        buffer.fill(pattern);
    }

    fn changed_byte(buffer: &RawBuffer, pattern: u64) -> Option<usize> {
        buffer.changed_byte(pattern)
    }

    fn touch_pages(buffer: &mut RawBuffer) {
        buffer.touch_pages();
    }
}

/// All addresses are planned beforehand, so only the cost of the replay itself remains, including cache misses of the
/// buffers' first and last bytes.
#[derive(Debug)]
pub(crate) struct Given {
    region: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the region is reached only through the buffers, which never overlap: see `alloc`.
unsafe impl Send for Given {}
// SAFETY: as above; `Given` itself never reads or writes the region.
unsafe impl Sync for Given {}

/// The planned offsets of one thread's allocs, and how many it has used.
#[derive(Debug)]
pub(crate) struct GivenSeat {
    offsets: Arc<Vec<usize>>,
    next: usize,
}

impl Given {
    /// Memory for a plan's region.
    pub(crate) fn new(plan: &Plan) -> Result<Self, NoMemory> {
        let layout =
            Layout::from_size_align(plan.region_bytes.max(1), PAGE).map_err(|_| NoMemory)?;
        // SAFETY: the layout's size is not zero.
        let region = unsafe { System.alloc(layout) };
        let region = NonNull::new(region).ok_or(NoMemory)?;
        Ok(Self { region, layout })
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout. The engine drops no contestant while its buffers are in use, and
        // freeing one of these buffers touches no memory.
        unsafe { System.dealloc(self.region.as_ptr(), self.layout) };
    }
}

impl Contestant for Given {
    type Buffer = RawBuffer;
    type Seat = GivenSeat;
    type Refusal = NoMemory;

    fn seat(&self, work: &Work) -> GivenSeat {
        GivenSeat {
            offsets: Arc::clone(&work.offsets),
            next: 0,
        }
    }

    #[inline(always)]
    fn alloc(
        &self,
        seat: &mut GivenSeat,
        bytes: usize,
        _buffer: u32,
    ) -> Result<RawBuffer, NoMemory> {
        let &offset = seat.offsets.get(seat.next).ok_or(NoMemory)?;
        seat.next += 1;
        // SAFETY: the plan's offsets lie within its region, with room for the size planned for this alloc. The layout
        // reuses memory only in an order that every replay keeps, so no two live buffers overlap.
        let start = unsafe { self.region.add(offset) };
        Ok(RawBuffer { start, bytes })
    }

    #[inline(always)]
    fn free(&self, _buffer: RawBuffer) {}

    #[inline(always)]
    fn write(buffer: &mut RawBuffer, pattern: u64) {
        buffer.write(pattern);
    }

    #[inline(always)]
    fn holds(buffer: &RawBuffer, pattern: u64) -> bool {
        buffer.holds(pattern)
    }

    fn changed_end(buffer: &RawBuffer, pattern: u64) -> Option<usize> {
        buffer.changed_end(pattern)
    }

    fn fill(buffer: &mut RawBuffer, pattern: u64) {
        buffer.fill(pattern);
    }

    fn changed_byte(buffer: &RawBuffer, pattern: u64) -> Option<usize> {
        buffer.changed_byte(pattern)
    }

    fn touch_pages(buffer: &mut RawBuffer) {
        buffer.touch_pages();
    }
}
