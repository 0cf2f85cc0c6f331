//! The global allocator of this binary: the system's, with a count of the library's bytes.
//!
//! Shuttle also allocates while a scenario runs, so not everything can be counted. The library's requests are recognised by
//! their kind: memory for buffers is zeroed and naturally aligned, and pools, slots and block records are aligned to a
//! cache line or more. The scenarios check the rest, the snapshots, themselves.
//!
//! Counts are per system thread: each scenario runs on one, with all of its threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    // Without destructor, so that it counts to a thread's end.
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// The library's live bytes, as counted on the calling thread.
pub(super) fn live() -> i64 {
    LIVE.get()
}

fn count(bytes: i64) {
    LIVE.set(LIVE.get() + bytes);
}

/// The alignment of the library's requests for buffer memory, before it aligns inside.
const NATURAL: usize = 16;
/// The least alignment of its bookkeeping.
const LINE: usize = 64;

/// The layout with room in front for the mark, which records whether the request was zeroed.
fn with_mark(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size() + NATURAL, NATURAL).expect("16 bytes more fit")
}

/// Allocates a naturally aligned piece with its mark.
///
/// # Safety
///
/// The layout's alignment is `NATURAL`.
unsafe fn take(layout: Layout, zeroed: bool) -> *mut u8 {
    // SAFETY: the size is not zero, with the mark.
    let base = unsafe { System.alloc_zeroed(with_mark(layout)) };
    if base.is_null() {
        return base;
    }
    if zeroed {
        count(layout.size() as i64);
    }
    // SAFETY: the piece begins with room for the mark.
    unsafe {
        base.write(u8::from(zeroed));
        base.add(NATURAL)
    }
}

// SAFETY: every request goes to the system's allocator, as it came or with room for a mark in front, and back the same way:
// which of both depends on the layout alone. `realloc` is the default one, made of the others.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() == NATURAL {
            // SAFETY: so it is.
            return unsafe { take(layout, false) };
        }
        if layout.align() >= LINE {
            count(layout.size() as i64);
        }
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() == NATURAL {
            // SAFETY: so it is.
            return unsafe { take(layout, true) };
        }
        if layout.align() >= LINE {
            count(layout.size() as i64);
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if layout.align() == NATURAL {
            // SAFETY: `take` made it, with a mark in front.
            unsafe {
                let base = start.sub(NATURAL);
                if base.read() == 1 {
                    count(-(layout.size() as i64));
                }
                System.dealloc(base, with_mark(layout));
            }
            return;
        }
        if layout.align() >= LINE {
            count(-(layout.size() as i64));
        }
        // SAFETY: as above.
        unsafe { System.dealloc(start, layout) }
    }
}
