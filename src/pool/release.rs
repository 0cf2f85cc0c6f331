//! Releasing pooled blocks: to the magazine, and from there to the depot.
#![expect(
    unsafe_code,
    reason = "the slot's owner takes blocks back from buffers"
)]

use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{class_at_hand, is_small};
use crate::codegen::cold_path;
use crate::pool::inner::PoolInner;
use crate::pool::lookup::current;
use crate::pool::slot_guard::release_in_slot;
use crate::slot::list::NoSlot;
use crate::slot::state::Slot;

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

/// Releases a block that has the tag hint, is of a small class, or could not be released by the fast path for another reason.
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
            slot_for_tagged(block.as_ref())
                .is_some_and(|slot| slot.release_fast(class, block.as_ref(), requested))
        });
        if !is_released {
            cold_path();
            release_small(block, requested);
        }
    }
}

/// Releases a block of a small class, or any other block on the slow path. If the block still has a tag, the release is not counted
/// for it yet, and the slow path counts it.
///
/// # Safety
///
/// As for [`release`].
#[inline(never)]
unsafe fn release_small(block: NonNull<Block>, requested: usize) {
    // SAFETY: as in `release`.
    unsafe {
        let of = block.as_ref();
        let class = of.class();
        let is_released = is_small(class)
            && !of.tag().is_some()
            && current(PoolInner::of(block))
                .is_some_and(|slot| slot.release_fast(class, of, requested));
        if !is_released {
            cold_path();
            release_slow(block, requested);
        }
    }
}

/// The thread's slot for the release of a block that may have a tag. The release is then counted for the tag; the caller must call
/// [`release_fast`](Slot::release_fast). `None` if the slow path must count it: the thread used another pool last, or a budget limits
/// the tag, or the slot has no counters for tags.
///
/// # Safety
///
/// As for [`release`].
#[inline(always)]
unsafe fn slot_for_tagged<'s>(block: &Block) -> Option<&'s Slot> {
    // SAFETY: the buffer that has the block keeps the pool alive; the slot is the calling thread's own.
    let slot = unsafe { current(PoolInner::of(NonNull::from(block))) }?;
    let tag = block.tag();
    if tag.is_limited() {
        return None;
    }
    if !tag.is_some() {
        // SAFETY: the caller holds the block.
        unsafe { block.clear_tag_hint() };
        return Some(slot);
    }
    let cells = slot.tags.own()?;
    cells.of(tag.number()).count_release(block.bytes());
    if !cfg!(feature = "telemetry") {
        // Nothing else clears the tag in this build: allocs without a tag store no state.
        block.mark_idle();
    }
    Some(slot)
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
            let block = block.as_ref();
            inner.as_ref().release_tag(slot, block);
            if !slot.release_fast(block.class(), block, requested) {
                slot.release_slow(&inner.as_ref().exchange(), block, requested);
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
