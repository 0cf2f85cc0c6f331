//! The lower bound: a thread-local stack of free buffers per size, without counters, call sites, limits or transfer between
//! threads.
//!
//! This is what one would write by hand for one thread. The list is linked through the free buffers' first word. Every
//! buffer is as large as the next power of two, which makes the class one shift.

use std::alloc::{Layout, alloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::{Lender, Lent};

const CLASSES: usize = 32;
const ALIGNMENT: usize = 64;

thread_local! {
    static FREE: [Cell<*mut Free>; CLASSES] = const { [const { Cell::new(ptr::null_mut()) }; CLASSES] };
}

struct Free {
    next: *mut Free,
}

/// The thread's own free lists. Their memory is never given back.
#[derive(Clone, Copy, Debug)]
pub struct FreeList;

/// A buffer from the thread's own free lists.
#[derive(Debug)]
pub struct Listed {
    start: NonNull<u8>,
    class: usize,
}

#[inline(always)]
fn class_of(bytes: usize) -> usize {
    ((bytes - 1) | (ALIGNMENT - 1)).ilog2() as usize + 1
}

#[cold]
#[inline(never)]
fn fresh(class: usize) -> NonNull<u8> {
    let layout = Layout::from_size_align(1 << class, ALIGNMENT).expect("a small layout");
    // SAFETY: the layout has at least 64 bytes.
    NonNull::new(unsafe { alloc(layout) }).expect("memory")
}

impl Lender for FreeList {
    type Lent<'l> = Listed;

    #[inline(always)]
    fn lend(&self, bytes: usize) -> Listed {
        let class = class_of(bytes);
        let start = FREE.with(|free| {
            let head = &free[class];
            match NonNull::new(head.get()) {
                Some(first) => {
                    // SAFETY: what is in a list was put there by `drop` below and has not been taken since.
                    head.set(unsafe { first.as_ref() }.next);
                    first.cast()
                }
                None => fresh(class),
            }
        });
        Listed { start, class }
    }
}

impl Lent for Listed {
    #[inline(always)]
    fn start(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Listed {
    #[inline(always)]
    fn drop(&mut self) {
        FREE.with(|free| {
            let head = &free[self.class];
            let first = self.start.cast::<Free>();
            // SAFETY: the buffer is given up here, aligned to 64 bytes and at least as long.
            unsafe { first.write(Free { next: head.get() }) };
            head.set(first.as_ptr());
        });
    }
}
