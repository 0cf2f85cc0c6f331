//! Allocating pooled blocks: magazine, then depot, then the system.
#![expect(unsafe_code, reason = "the slot's owner passes blocks on to buffers")]

use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{NO_CLASS, OVERSIZE, class_at_hand, class_for};
use crate::blocks::depot::Batch;
use crate::blocks::label::Label;
use crate::blocks::note::OVERSIZE_STEP;
use crate::error::AllocError;
#[cfg(feature = "backtrace")]
use crate::pool::backtraces::count_down;
use crate::pool::config::Attribution;
use crate::pool::inner::PoolInner;
#[cfg(not(feature = "backtrace"))]
use crate::pool::lookup::current;
#[cfg(feature = "backtrace")]
use crate::pool::lookup::current_for_alloc;
use crate::pool::new_blocks::Miss;
use crate::pool::pressure::Reach;
use crate::pool::refusal::{MAX_BYTES, Refusal, count_refusal, slot_refused};
use crate::pool::slot_guard::with_slot;
use crate::slot::state::Slot;

/// Allocates a block for `bytes` if the thread used this pool last and has one in its magazine.
///
/// # Safety
///
/// The pool is alive for the call.
#[inline(always)]
pub(crate) unsafe fn alloc_fast(
    inner: &PoolInner,
    bytes: usize,
    label: Label,
) -> Option<NonNull<Block>> {
    let class = class_at_hand(bytes)?;
    // SAFETY: the caller keeps the pool alive; the slot is the calling thread's own.
    unsafe {
        #[cfg(not(feature = "backtrace"))]
        let slot = current(NonNull::from(inner))?;
        #[cfg(feature = "backtrace")]
        let (slot, is_counted) = match current_for_alloc(NonNull::from(inner)) {
            Some(slot) => (slot, false),
            None => (count_down(inner, class)?, true),
        };
        let block = alloc_at_hand(inner, slot, class, bytes, label);
        #[cfg(feature = "backtrace")]
        if block.is_none() && is_counted {
            slot.countdown.take_back();
        }
        block
    }
}

/// Allocates a block from the magazine, unless the slow path must look at the label's tag first.
///
/// # Safety
///
/// The caller owns the slot, which is one of `inner`.
#[inline(always)]
pub(crate) unsafe fn alloc_at_hand(
    inner: &PoolInner,
    slot: &Slot,
    class: usize,
    bytes: usize,
    label: Label,
) -> Option<NonNull<Block>> {
    let tag = label.tag;
    let counters = match tag.is_some() {
        true if tag.is_limited() => return None,
        true => Some(slot.tags.own()?.of(tag.number())),
        false => None,
    };
    // SAFETY: as for this function.
    unsafe {
        slot.alloc_fast(
            (inner.stamp(), &inner.classes),
            class,
            bytes,
            label,
            counters,
        )
    }
}

/// Allocates a block of at least `bytes`, on the slow path.
///
/// # Errors
///
/// Why there is none.
///
/// # Safety
///
/// The pool is alive for the call.
pub(crate) unsafe fn alloc_slow(
    inner: &PoolInner,
    bytes: usize,
    label: Label,
) -> Result<NonNull<Block>, Refusal> {
    let class = class_or_oversize(bytes).ok_or(Refusal::Overflow)?;
    // SAFETY: the caller keeps the pool alive, and `with_slot` passes the calling thread's own slot.
    unsafe {
        with_slot(NonNull::from(inner), |slot| {
            let reserved = inner.reserve_for(slot, label.tag, class, bytes)?;
            let counters = slot.tags.counters(label.tag);
            let of_pool = (inner.stamp(), &inner.classes);
            let idle = (class < NO_CLASS)
                .then(|| slot.alloc_fast(of_pool, class, bytes, label, counters))
                .flatten();
            let lent = match idle {
                Some(block) => Ok(block),
                None => refill_or_grow(inner, slot, class, bytes, label)
                    .inspect_err(|_| inner.unreserve(slot, label.tag, reserved)),
            };
            #[cfg(feature = "backtrace")]
            if let Ok(block) = lent {
                inner.sample(slot, class, block.as_ref(), label.site);
            }
            lent
        })
        .unwrap_or_else(|| Err(slot_refused(inner)))
    }
}

/// Allocates a block when the magazine has no active block of the class.
///
/// # Safety
///
/// The caller owns the slot, which is one of `inner`, and [`Slot::alloc_fast`] found nothing.
unsafe fn refill_or_grow(
    inner: &PoolInner,
    slot: &Slot,
    class: usize,
    bytes: usize,
    label: Label,
) -> Result<NonNull<Block>, Refusal> {
    let lend = |batch: &Batch<'_>| {
        // SAFETY: the caller owns the slot; each batch below is new or was taken from the depot, so it is ours.
        unsafe { slot.alloc_new(&inner.exchange(), inner.stamp(), batch, bytes, label) }
    };
    if class != OVERSIZE {
        // SAFETY: the caller owns the slot, whose active list is empty.
        let block = unsafe { slot.refill(&inner.exchange(), inner.stamp(), class, bytes, label) };
        if let Some(block) = block {
            return Ok(block);
        }
        if let Some(batch) = inner.block_of_another_class(class) {
            slot.counters.depot_hits.increment();
            slot.counters.depot_exchanges.increment();
            inner.depot.sample_requested(class, bytes);
            return Ok(lend(&batch));
        }
    }
    match inner.new_blocks(
        class,
        bytes,
        inner.blocks_to_make(class),
        Reach::Thread(slot),
    ) {
        Ok((batch, miss)) => {
            match miss {
                Miss::Cold => slot.counters.cold_misses.increment(),
                Miss::Oversize => slot.counters.oversize_misses.increment(),
                Miss::Budget => slot.counters.budget_misses.increment(),
            }
            if cfg!(feature = "telemetry") {
                inner.depot.note_miss(class);
                inner.depot.sample_requested(class, bytes);
                let block_bytes = inner.block_bytes_for(class, bytes) as u64;
                let is_recorded = inner.attribution() != Attribution::Off;
                inner
                    .misses
                    .note(block_bytes, is_recorded.then_some(label.site));
            }
            Ok(lend(&batch))
        }
        Err(refusal) => {
            count_refusal(slot, refusal);
            Err(refusal)
        }
    }
}

/// The class for `bytes`, or `OVERSIZE`; `None` if no allocation can be that large.
pub(crate) fn class_or_oversize(bytes: usize) -> Option<usize> {
    class_for(bytes).or((bytes <= MAX_BYTES).then_some(OVERSIZE))
}

impl PoolInner {
    /// Bytes of a block of `class` for `bytes`.
    pub(crate) fn block_bytes_for(&self, class: usize, bytes: usize) -> usize {
        if class == OVERSIZE {
            bytes.next_multiple_of(OVERSIZE_STEP.max(self.config.alignment))
        } else {
            self.block_bytes(class)
        }
    }

    /// Takes an idle block of another class with blocks of the same size, and makes it one of `class`. Prewarmed
    /// blocks are not taken.
    fn block_of_another_class(&self, class: usize) -> Option<Batch<'_>> {
        let mut others = self.classes.as_large_as(class);
        let (other, batch) = others.find_map(|other| {
            let batch = (self.depot.spare(other) > 0)
                .then(|| self.depot.pop(other, &self.exchange()))
                .flatten();
            Some((other, batch?))
        })?;
        let (block, rest) = (batch.head(), batch.len() - 1);
        // SAFETY: popping the batch gave us its blocks: the first, and `rest` that follow it along the records of the table.
        unsafe {
            if rest > 0 {
                let rest = Batch::new(&*block.next(), rest, other);
                self.depot.push(rest, &self.exchange());
            }
            let record = self.table.record(block);
            record.bind(record.unbind(&self.classes), self.this().cast(), class);
        }
        self.depot.note_unbound(other);
        self.depot.note_bound(class, 1);
        // SAFETY: as above.
        Some(unsafe { Batch::new(block, 1, class) })
    }

    /// Makes the error for a refusal; for the budget, with the largest holders.
    #[cold]
    pub(crate) fn explain(&self, refusal: Refusal, len: usize, element_bytes: usize) -> AllocError {
        match refusal {
            Refusal::Overflow => AllocError::SizeOverflow { len, element_bytes },
            Refusal::Alignment(required) => AllocError::Alignment {
                required,
                provided: self.config.alignment,
            },
            Refusal::Memory(requested) => AllocError::OutOfMemory { requested },
            Refusal::TagBudget(by) => self.explain_tag(by),
            Refusal::Budget(requested) => {
                let holdings = self.holdings();
                AllocError::BudgetExceeded {
                    requested,
                    in_use: holdings.in_use,
                    limit: self.budget.limit().unwrap_or(u64::MAX),
                    held: holdings.held,
                    parts: holdings.parts,
                    holders: holdings.holders,
                    holders_age: holdings.holders_age,
                }
            }
        }
    }
}
