//! What only slow paths need of a block: its size class, and where its memory comes from.
//!
//! ```text
//!   size class   0 │ class (7 bits) │ slab (22 bits) │ kind (2 bits)
//!   oversize     1 │ size in steps of 64 KiB (29 bits) │ kind (2 bits)
//! ```
//!
//! The bytes of a block follow from its class. A note of zero is valid: that of a block without memory. The walker reads a note while
//! the holder writes it; `block.rs` says how.
#![expect(unsafe_code, reason = "a note describes memory that its holder owns")]

use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{CLASSES, Classes, OVERSIZE};
use crate::blocks::state::Seen;
use crate::memory::region::{Origin, Region};
use crate::sync::{AtomicU32, Ordering};

/// The unit of sizes beyond the largest class.
pub(crate) const OVERSIZE_STEP: usize = 1 << 16;

const OVERSIZED: u32 = 1 << 31;
const CLASS_SHIFT: u32 = 24;
/// A kind and the number of a slab.
const ORIGIN: u32 = (1 << CLASS_SHIFT) - 1;
const KIND: u32 = 3;
/// The most bytes of a block beyond the largest class: 32 TiB.
const MAX_STEPS: usize = (1 << 29) - 1;
const _: () = assert!(CLASSES < 1 << 7 && Origin::MAX <= ORIGIN);

/// The note of one block.
#[derive(Debug)]
pub(crate) struct Note(AtomicU32);

impl Note {
    /// The note of a block without memory.
    #[cfg(any(framepool_loom, framepool_shuttle))]
    pub(crate) fn empty() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Clears the note, which nobody else writes.
    pub(super) fn clear(&self) {
        // Release: pairs with the Acquire in `bytes`; a walker that sees it sees the idle state before it.
        self.0.store(0, Ordering::Release);
    }

    /// Bytes of the block.
    fn bytes(&self, classes: &Classes) -> u64 {
        // Acquire: pairs with the Releases in `Record::bind` and `clear`; for the walker, see the head of `block.rs`.
        bytes_of(self.0.load(Ordering::Acquire), classes)
    }
}

fn bytes_of(note: u32, classes: &Classes) -> u64 {
    if note & OVERSIZED == 0 {
        classes.block_bytes((note >> CLASS_SHIFT) as usize) as u64
    } else {
        u64::from((note & !OVERSIZED) >> 2) * OVERSIZE_STEP as u64
    }
}

/// Whether a note can describe a block with this number of bytes beyond the largest class.
pub(crate) fn is_noted(oversize: usize) -> bool {
    oversize / OVERSIZE_STEP <= MAX_STEPS
}

/// A block with its note.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'t> {
    pub(crate) block: &'t Block,
    pub(super) note: &'t Note,
}

impl Record<'_> {
    /// Bytes of the block.
    pub(crate) fn bytes(&self, classes: &Classes) -> u64 {
        self.note.bytes(classes)
    }

    /// Address and bytes of the memory, as numbers: the memory may already be returned. A mismatch of the two only makes a level
    /// slightly wrong.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(crate) fn place(&self, classes: &Classes) -> (usize, u64) {
        (self.block.address(), self.bytes(classes))
    }

    /// Reads who has the block. Only for the one walker.
    pub(crate) fn read(&self, classes: &Classes) -> Seen {
        self.block.read(|| self.note.bytes(classes))
    }

    /// Binds the block to `region`, as one of this size class, or `OVERSIZE`.
    ///
    /// # Safety
    ///
    /// The caller holds the block, and it is bound to no memory.
    pub(crate) unsafe fn bind(&self, region: Region, pool: NonNull<()>, class: usize) {
        let origin = region.origin.to_bits();
        let note = if class == OVERSIZE {
            debug_assert!(is_noted(region.bytes) && region.bytes.is_multiple_of(OVERSIZE_STEP));
            OVERSIZED | ((region.bytes / OVERSIZE_STEP) as u32) << 2 | origin & KIND
        } else {
            (class as u32) << CLASS_SHIFT | origin
        };
        // SAFETY: as for this function.
        unsafe { self.block.bind(region.start, pool) };
        // Release: pairs with the Acquire in `bytes`; a walker that sees the new size sees the idle state before it.
        self.note.0.store(note, Ordering::Release);
    }

    /// Unbinds the memory from the block, and returns it. A block without memory gives an empty region.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    pub(crate) unsafe fn unbind(&self, classes: &Classes) -> Region {
        // Relaxed: the holder wrote it, or had it passed on with the block.
        let note = self.note.0.load(Ordering::Relaxed);
        self.note.clear();
        let of = if note & OVERSIZED == 0 {
            note & ORIGIN
        } else {
            note & KIND
        };
        Region {
            start: self.block.start_if_bound().unwrap_or(NonNull::dangling()),
            bytes: bytes_of(note, classes) as usize,
            origin: Origin::from_bits(of),
        }
    }
}
