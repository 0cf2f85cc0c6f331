//! A general allocator as a contestant: a buffer is an `alloc`, its drop a `dealloc`.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

use super::{Lender, Lent};

const ALIGNMENT: usize = 16;

/// A general allocator.
#[derive(Clone, Copy, Debug)]
pub struct Heap<A>(pub A);

/// Memory of a general allocator.
#[derive(Debug)]
pub struct Allocation<'h, A: GlobalAlloc> {
    start: NonNull<u8>,
    bytes: usize,
    heap: &'h Heap<A>,
}

// SAFETY: memory from a `GlobalAlloc` may be used and freed on any thread.
unsafe impl<A: GlobalAlloc + Sync> Send for Allocation<'_, A> {}

#[inline(always)]
fn layout(bytes: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and no benchmark asks for more than a few MiB.
    unsafe { Layout::from_size_align_unchecked(bytes, ALIGNMENT) }
}

impl<A: GlobalAlloc> Lender for Heap<A> {
    type Lent<'l>
        = Allocation<'l, A>
    where
        A: 'l;

    #[inline(always)]
    fn lend(&self, bytes: usize) -> Allocation<'_, A> {
        // SAFETY: no benchmark asks for zero bytes.
        let start = unsafe { self.0.alloc(layout(bytes)) };
        Allocation {
            start: NonNull::new(start).expect("memory"),
            bytes,
            heap: self,
        }
    }
}

impl<A: GlobalAlloc> Lent for Allocation<'_, A> {
    #[inline(always)]
    fn start(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl<A: GlobalAlloc> Drop for Allocation<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: allocated by this heap with this layout, and given up here.
        unsafe { self.heap.0.dealloc(self.start.as_ptr(), layout(self.bytes)) }
    }
}
