//! Releasing pooled blocks: to the magazine, and from there to the depot.
#![expect(
    unsafe_code,
    reason = "the slot's owner takes blocks back from buffers"
)]

use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{NO_CLASS, OVERSIZE, class_at_hand};
use crate::codegen::cold_path;
use crate::pool::inner::PoolInner;
use crate::pool::lookup::{current, switch_lane};
use crate::pool::pooled::class_or_oversize;
use crate::pool::slot_guard::release_in_slot;
use crate::slot::list::NoSlot;

/// Releases the block of a dropped buffer.
///
/// # Safety
///
/// The caller holds the block, does not use its memory any more, and allocated it for `requested` bytes.
#[inline(always)]
pub(crate) unsafe fn release(block: NonNull<Block>, requested: usize) {
    // SAFETY: as for this function.
    unsafe {
        if !release_fast(block, requested) {
            cold_path();
            release_other(block, requested);
        }
    }
}

/// Releases the block if the thread used its lane last, and the lane has room for it; else `false`.
///
/// # Safety
///
/// As for [`release`].
#[inline(always)]
unsafe fn release_fast(block: NonNull<Block>, requested: usize) -> bool {
    // SAFETY: the buffer that has the block keeps the pool alive; the lane is the calling thread's own.
    class_at_hand(requested).is_some_and(|class| unsafe {
        current(block.as_ref().key())
            .is_some_and(|lane| lane.release_fast(class, block.as_ref(), requested))
    })
}

/// Releases a block of a lane that the thread did not use last, or for which its last used lane has no room.
///
/// # Safety
///
/// As for [`release`].
#[cold]
#[inline(never)]
unsafe fn release_other(block: NonNull<Block>, requested: usize) {
    // SAFETY: as for this function; the caller holds the block.
    unsafe {
        let is_other = switch_lane(PoolInner::of(block), block.as_ref().key().tag());
        if !is_other || !release_fast(block, requested) {
            cold_path();
            release_slow(block, requested);
        }
    }
}

/// Releases a block that the fast path could not release. For example the thread last used another pool, the magazine has no
/// room, or a budget limits the block's tag.
///
/// Without memory even for a slot, the release cannot be counted, so the block stays in use and keeps the pool alive.
/// That is a leak, so it is reported; this runs in a drop, so it does not panic.
///
/// # Safety
///
/// As for [`release`].
#[cold]
#[inline(never)]
unsafe fn release_slow(block: NonNull<Block>, requested: usize) {
    // SAFETY: the buffer that has the block keeps the pool alive, and `release_in_slot` passes the thread's own slot.
    unsafe {
        let inner = PoolInner::of(block);
        let given = release_in_slot(inner, |slot| {
            let (inner, block) = (inner.as_ref(), block.as_ref());
            let class = class_or_oversize(requested).unwrap_or(OVERSIZE);
            let bytes = inner.block_bytes_for(class, requested) as u64;
            let lane = inner.lane_to_release(slot, block, bytes);
            if class >= NO_CLASS || !lane.release_fast(class, block, requested) {
                lane.release_slow((&inner.exchange(), slot), class, block, requested);
            }
            lane.mark_changed();
        });
        match given {
            Ok(()) => {}
            Err(NoSlot::Closed) => PoolInner::release_closed(inner, block),
            Err(NoSlot::Memory) => eprintln!(
                "framepool: no memory for a thread's slot; a buffer's memory is not returned to its pool"
            ),
        }
    }
}

impl PoolInner {
    /// The pool of a block.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory.
    #[inline(always)]
    unsafe fn of(block: NonNull<Block>) -> NonNull<Self> {
        // SAFETY: as for this function; the block was bound to memory of a pool.
        unsafe { block.as_ref().pool() }.cast()
    }
}
