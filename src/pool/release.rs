//! Releasing pooled blocks: to the magazine, and from there to the depot.
#![expect(
    unsafe_code,
    reason = "the slot's owner takes blocks back from buffers"
)]

use std::hint::assert_unchecked;
use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{NO_CLASS, OVERSIZE, class_at_hand};
use crate::codegen::cold_path;
use crate::pool::inner::PoolInner;
use crate::pool::lookup::current;
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
    // SAFETY: the buffer that has the block keeps the pool alive; the slot is the calling thread's own.
    unsafe {
        let fast = class_at_hand(requested).is_some_and(|class| {
            current(PoolInner::of_untagged(block))
                .is_some_and(|slot| slot.release_fast(class, block.as_ref(), requested))
        });
        if !fast {
            cold_path();
            release_other(block, requested);
        }
    }
}

/// Releases a block that may have a tag, or could not be released by the fast path for another reason.
///
/// # Safety
///
/// As for [`release`].
#[cold]
#[inline(never)]
unsafe fn release_other(block: NonNull<Block>, requested: usize) {
    // SAFETY: as in `release`.
    unsafe {
        let is_released = class_at_hand(requested).is_some_and(|class| {
            try_release(PoolInner::of(block), block.as_ref(), class, requested)
        });
        if !is_released {
            cold_path();
            release_slow(block, requested);
        }
    }
}

/// Releases a block that may have a tag. `false` if the slow path must do it: the thread used another pool last, or has no room, or a
/// budget limits the tag, or the slot has no counters for tags. A tag that the block still has is then not counted yet.
///
/// # Safety
///
/// As for [`release`]. The block is of the class and of the pool `inner`.
#[inline(always)]
unsafe fn try_release(
    inner: NonNull<PoolInner>,
    block: &Block,
    class: usize,
    requested: usize,
) -> bool {
    // SAFETY: the buffer that has the block keeps the pool alive, and the thread's slot is of no other pool; the slot is the calling
    // thread's own.
    unsafe {
        let Some(slot) = current(inner) else {
            return false;
        };
        let tag = block.tag();
        if tag.is_limited() {
            return false;
        }
        if tag.is_some() {
            let Some(cells) = slot.tags.own() else {
                return false;
            };
            // No bounds check: it costs 3 % of a tagged pair. A class is at most `OVERSIZE`.
            assert_unchecked(class <= OVERSIZE);
            let bytes = inner.as_ref().classes.block_bytes(class);
            cells.of(tag.number()).count_release(bytes as u64);
            if !cfg!(feature = "telemetry") {
                // Nothing else clears the tag in this build: allocs without a tag store no state.
                block.mark_idle();
            }
        } else {
            block.clear_tag_hint();
        }
        slot.release_fast(class, block, requested)
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
            inner.release_tag(slot, block, bytes);
            if class >= NO_CLASS || !slot.release_fast(class, block, requested) {
                slot.release_slow(&inner.exchange(), class, block, requested);
            }
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
    /// The pool's address; not that of any pool if the block may have a tag.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory.
    #[inline(always)]
    unsafe fn of_untagged(block: NonNull<Block>) -> NonNull<Self> {
        // SAFETY: as for this function.
        unsafe { block.as_ref().pool_if_untagged() }.cast()
    }

    /// The pool of a block.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory.
    #[inline(always)]
    unsafe fn of(block: NonNull<Block>) -> NonNull<Self> {
        // SAFETY: as for this function; `new_block` wrote the pool's address.
        unsafe { block.as_ref().pool() }.cast()
    }
}
