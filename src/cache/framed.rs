//! Lending frame buffers: the arena's cursor, then its next block, then the system.
#![expect(unsafe_code, reason = "the slot's owner lends from its arenas")]

use std::num::NonZero;
use std::ptr::NonNull;

use crate::cache::arena::LENT_WORD_BYTES;
use crate::cache::class::LINE;
use crate::cache::core::Core;
use crate::cache::pooled::{MOST_BYTES, Refusal, count_refusal};
use crate::cache::slot::Slot;
use crate::cache::tenancy::{current, with_slot};

/// From this size on a frame buffer takes one line more than it needs.
///
/// Buffers at strides of a power of two would all begin in the same few cache sets, and the caller's first writes would
/// evict each other. One line more moves each buffer's start to the next set.
const COLOURED_FROM: usize = 2048;

/// How far the cursor moves for `bytes`, at least 1 and at most half the address space.
#[inline(always)]
fn stride(bytes: usize, alignment: usize) -> usize {
    let rounded = (bytes + alignment - 1) & !(alignment - 1);
    if bytes >= COLOURED_FROM && alignment == LINE {
        rounded + LINE
    } else {
        rounded
    }
}

/// Lends `bytes` bytes until the end of the open frame `index` if the calling thread used this pool last, and its frame
/// block has room.
///
/// # Safety
///
/// The pool is alive for the call, and the frame is open for as long as the memory is used.
#[inline(always)]
pub(crate) unsafe fn lend_framed_at_once(
    core: NonNull<Core>,
    index: usize,
    alignment: usize,
    bytes: usize,
) -> Option<NonNull<u8>> {
    // One comparison for both: no bytes at all, and more than the lent word can count.
    if bytes.wrapping_sub(1) >= LENT_WORD_BYTES - 1 {
        return None;
    }
    // SAFETY: the caller keeps the pool alive; the slot is the calling thread's own.
    let arena = unsafe { current(core) }?.arena(index);
    arena.bump(stride(bytes, alignment), bytes)
}

/// Lends `bytes` bytes until the end of the open frame `index`, from wherever they can be had.
///
/// # Errors
///
/// Why there are none.
///
/// # Safety
///
/// As for [`lend_framed_at_once`].
pub(crate) unsafe fn lend_framed(
    core: NonNull<Core>,
    index: usize,
    alignment: usize,
    bytes: usize,
) -> Result<NonNull<u8>, Refusal> {
    // SAFETY: the caller keeps the pool alive, and `with_slot` passes the calling thread's own slot.
    unsafe {
        with_slot(core, |slot| {
            let lent = lend_from(core.as_ref(), slot, index, alignment, bytes);
            // An overflow is counted where it is put into words.
            if let Err(reason) = lent
                && reason != Refusal::Overflow
            {
                count_refusal(slot, reason);
            }
            lent
        })
    }
    .unwrap_or(Err(Refusal::Memory(size_of::<Slot>() as u64)))
}

/// # Safety
///
/// The caller owns the slot, which is one of `core`, and the arena's frame is open.
unsafe fn lend_from(
    core: &Core,
    slot: &Slot,
    index: usize,
    alignment: usize,
    bytes: usize,
) -> Result<NonNull<u8>, Refusal> {
    let arena = slot.arena(index);
    if bytes == 0 {
        arena.count_apart(0);
        let start = NonZero::new(alignment).expect("an alignment is not zero");
        return Ok(NonNull::without_provenance(start));
    }
    if bytes > MOST_BYTES {
        return Err(Refusal::Overflow);
    }
    if bytes >= LENT_WORD_BYTES {
        // Half a terabyte: beyond what the lent word counts, and beyond what any system here would give.
        return Err(Refusal::Memory(bytes as u64));
    }
    let stride = stride(bytes, alignment);
    if let Some(start) = arena.bump(stride, bytes) {
        return Ok(start);
    }
    if let Some(start) = arena.advance(stride, bytes, false) {
        return Ok(start);
    }
    let mut wanted = core.config.frame_block_bytes.max(stride);
    let mut taken = core.take_piece(wanted, Some(slot));
    if matches!(taken, Err(Refusal::Budget(_))) {
        // Not a whole block any more, but perhaps what is asked for.
        wanted = stride;
        taken = core.take_piece(wanted, Some(slot));
    }
    let (block, _) = taken?;
    core.in_flight.note_blocks(index);
    if let Err(block) = arena.add_block(block) {
        core.give_back_unused(block);
        return Err(Refusal::Memory(wanted as u64));
    }
    Ok(arena
        .advance(stride, bytes, true)
        .expect("the block just added has room"))
}
