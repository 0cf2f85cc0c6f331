//! Replaces the slabs in a model. A model takes all memory from the global allocator, so that the checker sees each block
//! go back.

#![expect(unsafe_code, reason = "the interface of the slabs")]

use std::ptr::NonNull;

/// As of the real slabs.
pub(super) const MAX_SLABS: usize = 1 << 22;

pub(crate) fn keep_across_forks() {}

pub(super) fn stride(_bytes: usize, _align: usize) -> Option<usize> {
    None
}

pub(super) fn take(_stride: usize, _count: u32, _each: impl FnMut(NonNull<u8>, u32)) -> u32 {
    0
}

/// # Safety
///
/// [`take`] returned `start` and `slab` together: never.
pub(super) unsafe fn give_back(_start: NonNull<u8>, _slab: u32) {
    unreachable!("there are no slabs here");
}
