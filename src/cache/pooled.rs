//! Lending and taking back pooled blocks: magazine, then depot, then the system.
#![expect(
    unsafe_code,
    reason = "the slot's owner passes blocks on to buffers and back"
)]

use std::panic::Location;
use std::ptr::NonNull;

use crate::alloc::AllocError;
use crate::cache::block::Block;
use crate::cache::class::{MOST_CLASS_BYTES, OVERSIZE, class_of};
use crate::cache::core::{Core, Shape};
use crate::cache::slot::Slot;
use crate::cache::system::Piece;
use crate::cache::tenancy::{current, with_slot};

/// The unit by which blocks beyond the largest size class are rounded up.
const OVERSIZE_STEP: usize = 1 << 16;

/// Why a request could not be met, before it is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More bytes than can be addressed.
    Overflow,
    /// Elements aligned more coarsely than the pool's buffers.
    Alignment(usize),
    /// So many bytes more would exceed the budget.
    Budget(u64),
    /// The system did not give so many bytes.
    Memory(u64),
}

/// Why a block was not found idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    Cold,
    Oversize,
    /// Idle memory had to be given back first.
    Budget,
}

/// The most bytes an allocation can have, with room for rounding and alignment.
pub(crate) const MOST_BYTES: usize = isize::MAX as usize - (1 << 20);

/// Lends a block of at least `bytes`; with `None` it says in `refusal` why not.
///
/// The result fits a register, and the reason is written in cold code only: a `Result` with the reason in it would go
/// through memory in every alloc.
///
/// # Safety
///
/// The pool is alive for the call.
#[inline(always)]
pub(crate) unsafe fn lend(
    core: &Core,
    class: usize,
    bytes: usize,
    site: &'static Location<'static>,
    refusal: &mut Refusal,
) -> Option<NonNull<Block>> {
    // SAFETY: the caller keeps the pool alive; the slot is the calling thread's own.
    unsafe {
        let Some(slot) = current(NonNull::from(core)) else {
            return lend_anew(core, class, bytes, site, refusal);
        };
        match slot.take(core, class, bytes, site) {
            Some(block) => Some(block),
            None => lend_slow(core, slot, class, bytes, site, refusal),
        }
    }
}

/// The same when the thread last used another pool, or none.
///
/// # Safety
///
/// As for [`lend`].
#[cold]
#[inline(never)]
unsafe fn lend_anew(
    core: &Core,
    class: usize,
    bytes: usize,
    site: &'static Location<'static>,
    refusal: &mut Refusal,
) -> Option<NonNull<Block>> {
    *refusal = Refusal::Memory(size_of::<Slot>() as u64);
    // SAFETY: the caller keeps the pool alive, and `with_slot` passes the calling thread's own slot.
    unsafe {
        with_slot(NonNull::from(core), |slot| {
            slot.take(core, class, bytes, site)
                .or_else(|| lend_slow(core, slot, class, bytes, site, refusal))
        })?
    }
}

/// The same when the magazine has no active block of the class.
///
/// # Safety
///
/// The caller owns the slot, which is one of `core`, and [`Slot::take`] found nothing.
#[cold]
#[inline(never)]
unsafe fn lend_slow(
    core: &Core,
    slot: &Slot,
    class: usize,
    bytes: usize,
    site: &'static Location<'static>,
    refusal: &mut Refusal,
) -> Option<NonNull<Block>> {
    if class != OVERSIZE {
        // SAFETY: the caller owns the slot, whose active list is empty.
        let block = unsafe { slot.refill(core, class, bytes, site) };
        if block.is_some() {
            return block;
        }
    }
    match core.new_block(class, bytes, Some(slot)) {
        Ok((block, miss)) => {
            match miss {
                Miss::Cold => slot.counters.cold_misses.add(1),
                Miss::Oversize => slot.counters.oversize_misses.add(1),
                Miss::Budget => slot.counters.budget_misses.add(1),
            }
            // SAFETY: the caller owns the slot; the block is new, so it is ours.
            unsafe { slot.lend(core, block, block.bytes(), bytes, site) };
            Some(NonNull::from(block))
        }
        Err(reason) => {
            count_refusal(slot, reason);
            *refusal = reason;
            None
        }
    }
}

/// The class for `bytes` beyond the largest class, if an allocation can have so many.
#[cold]
#[inline(never)]
fn beyond_classes(bytes: usize) -> Option<usize> {
    (bytes <= MOST_BYTES).then_some(OVERSIZE)
}

/// The class for `bytes`, if an allocation can have so many.
#[inline(always)]
pub(crate) fn class_for(bytes: usize) -> Option<usize> {
    if bytes <= MOST_CLASS_BYTES {
        Some(class_of(bytes))
    } else {
        beyond_classes(bytes)
    }
}

/// Enters a refusal in the counters.
pub(crate) fn count_refusal(slot: &Slot, refusal: Refusal) {
    match refusal {
        Refusal::Overflow | Refusal::Alignment(_) => slot.counters.overflow_refusals.add(1),
        Refusal::Budget(_) => slot.counters.budget_refusals.add(1),
        Refusal::Memory(_) => slot.counters.memory_refusals.add(1),
    }
}

/// Takes back the block of a dropped buffer.
///
/// # Safety
///
/// The caller holds the block and uses its memory no more; it was lent for `requested` bytes.
#[inline(always)]
pub(crate) unsafe fn take_back(block: NonNull<Block>, requested: usize) {
    // SAFETY: the buffer that has the block keeps the pool alive; the slot is the calling thread's own.
    unsafe {
        let shape = block.as_ref().shape();
        match current(shape.core) {
            Some(slot) => slot.give(shape, block.as_ref(), requested),
            None => take_back_anew(shape, block, requested),
        }
    }
}

/// The same when the thread last used another pool, or none.
///
/// With no memory even for a slot the block cannot be counted as given back, so it stays out, and with it the pool. That
/// is a leak, so it is said; and this is a drop, so it does not panic.
///
/// # Safety
///
/// As for [`take_back`].
#[cold]
#[inline(never)]
unsafe fn take_back_anew(shape: &Shape, block: NonNull<Block>, requested: usize) {
    // SAFETY: the buffer that has the block keeps the pool alive, and `with_slot` passes the thread's own slot.
    let given = unsafe {
        with_slot(shape.core, |slot| {
            slot.give(shape, block.as_ref(), requested);
        })
    };
    if given.is_none() {
        eprintln!(
            "framepool: no memory for a thread's slot; a buffer's memory is not returned to its pool"
        );
    }
}

impl Core {
    /// A block with new memory, held by the caller.
    pub(crate) fn new_block(
        &self,
        class: usize,
        bytes: usize,
        slot: Option<&Slot>,
    ) -> Result<(&Block, Miss), Refusal> {
        let (block_bytes, miss) = if class == OVERSIZE {
            let step = OVERSIZE_STEP.max(self.config.alignment);
            (bytes.next_multiple_of(step), Miss::Oversize)
        } else {
            (self.block_bytes(class), Miss::Cold)
        };
        let block = self
            .bare
            .pop(&self.table)
            .or_else(|| self.table.grow())
            .ok_or(Refusal::Memory(size_of::<Block>() as u64))?;
        match self.take_piece(block_bytes, slot) {
            Ok((piece, evicted)) => {
                // SAFETY: a bare record belongs to whoever popped or grew it.
                unsafe { block.bind(piece, self.shape(class)) };
                self.depot.note_bound(class);
                Ok((block, if evicted { Miss::Budget } else { miss }))
            }
            Err(refusal) => {
                self.bare.push(block);
                Err(refusal)
            }
        }
    }

    /// Memory from the system, within the budget; whether idle memory had to go for it.
    pub(crate) fn take_piece(
        &self,
        bytes: usize,
        slot: Option<&Slot>,
    ) -> Result<(Piece, bool), Refusal> {
        let wanted = bytes as u64;
        self.shed_before_growing(wanted);
        let mut evicted = false;
        if !self.budget.reserve(wanted) {
            evicted = true;
            self.make_way(wanted, slot);
            if !self.budget.reserve(wanted) {
                return Err(Refusal::Budget(wanted));
            }
        }
        let align = self.config.alignment;
        let piece = Piece::take(bytes, align).or_else(|| {
            self.give_back_all_idle(slot);
            Piece::take(bytes, align)
        });
        if let Some(piece) = piece {
            self.budget.confirm();
            Ok((piece, evicted))
        } else {
            self.budget.cancel(wanted);
            Err(Refusal::Memory(wanted))
        }
    }

    /// Puts a refusal into words: for the budget, with who holds the most.
    #[cold]
    pub(crate) fn explain(&self, refusal: Refusal, len: usize, element_bytes: usize) -> AllocError {
        match refusal {
            Refusal::Overflow => AllocError::SizeOverflow { len, element_bytes },
            Refusal::Alignment(required) => AllocError::Alignment {
                required,
                provided: self.config.alignment,
            },
            Refusal::Memory(requested) => AllocError::OutOfMemory { requested },
            Refusal::Budget(requested) => {
                let mut holders = self.outstanding().sites;
                holders.truncate(5);
                AllocError::BudgetExceeded {
                    requested,
                    in_use: self.stats().in_use_bytes,
                    limit: self.budget.limit().unwrap_or(u64::MAX),
                    holders,
                }
            }
        }
    }
}
