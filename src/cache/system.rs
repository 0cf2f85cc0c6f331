//! Memory from the system and back: zeroed once at birth, so that whatever is read later was written by somebody.
#![expect(
    unsafe_code,
    reason = "the one place that calls the global allocator for lent memory"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::num::NonZero;
use std::ptr::NonNull;

/// The alignment that the global allocator gives without extra work.
const NATURAL: usize = 16;

/// A piece of memory from the system: `bytes` from `start`, which is aligned as asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) start: NonNull<u8>,
    pub(crate) bytes: usize,
    /// How far `start` is from where the system's own piece begins.
    pub(crate) offset: u16,
}

impl Piece {
    /// Takes `bytes` zeroed bytes aligned to `align`, a power of two up to 4096; `None` when the system has none.
    ///
    /// Asks for natural alignment and aligns inside: an over-aligned zeroed request makes the standard allocator
    /// write every byte, and touch every page, where a natural one gets pages the system zeroes when first used.
    pub(crate) fn take(bytes: usize, align: usize) -> Option<Self> {
        debug_assert!(align.is_power_of_two() && (NATURAL..=4096).contains(&align));
        if bytes == 0 {
            return Some(Self {
                start: NonNull::without_provenance(NonZero::new(align)?),
                bytes: 0,
                offset: 0,
            });
        }
        let layout = layout(bytes, align)?;
        // SAFETY: `bytes` is not zero, so the layout is not either.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let offset = base.align_offset(align);
        debug_assert!(offset <= align - NATURAL);
        // SAFETY: `offset` is at most `align - NATURAL`, by which the layout exceeds `bytes`.
        let start = unsafe { base.add(offset) };
        Some(Self {
            start,
            bytes,
            offset: offset as u16,
        })
    }

    /// Gives the piece back.
    ///
    /// # Safety
    ///
    /// The piece was taken with this `align`, nobody uses the memory any more, and it is given back once.
    pub(crate) unsafe fn give_back(self, align: usize) {
        if self.bytes == 0 {
            return;
        }
        let layout = layout(self.bytes, align).expect("it was valid when the piece was taken");
        // SAFETY: `start` is `offset` bytes into the allocation that `take` made with this very layout, and the
        // caller promises that this is its only return.
        unsafe { dealloc(self.start.as_ptr().sub(usize::from(self.offset)), layout) }
    }
}

fn layout(bytes: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(align - NATURAL)?, NATURAL).ok()
}
