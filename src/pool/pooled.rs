//! Allocating pooled blocks: magazine, then depot, then the system.
#![expect(unsafe_code, reason = "the slot's owner passes blocks on to buffers")]

use std::ptr::NonNull;

use crate::blocks::block::Block;
use crate::blocks::class::{NO_CLASS, OVERSIZE, class_at_hand, class_for};
use crate::blocks::depot::Batch;
use crate::blocks::label::{Key, Label, TagMark};
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
use crate::pool::slot_guard::with_slot_unmarked;
use crate::slot::lane::Lane;
use crate::slot::state::Slot;

/// Allocates a block for `bytes` if the thread used the lane of this pool and tag last and has one in its magazine.
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
    let key = label.key.unwrap_or(Key::new(NonNull::from(inner), 0));
    // SAFETY: the caller keeps the pool alive; the lane is the calling thread's own.
    unsafe {
        #[cfg(not(feature = "backtrace"))]
        let lane = current(key)?;
        #[cfg(feature = "backtrace")]
        let (lane, is_counted) = match current_for_alloc(key) {
            Some(lane) => (lane, false),
            None => (count_down(inner, key, class)?, true),
        };
        let block = lane.alloc_fast(inner.stamp(), class, bytes, label);
        #[cfg(feature = "backtrace")]
        if block.is_none() && is_counted {
            lane.countdown.take_back();
        }
        block
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
    let this = NonNull::from(inner);
    // SAFETY: the caller keeps the pool alive, and `with_slot_unmarked` passes the calling thread's own slot.
    unsafe {
        let class = class_or_oversize(bytes).ok_or(Refusal::Overflow)?;
        with_slot_unmarked(this, |slot| {
            let tag = TagMark::new(label.tag());
            let lane = inner.lane_for(slot, tag).ok_or_else(|| {
                let refusal = Refusal::Memory(size_of::<Lane>() as u64);
                count_refusal(&slot.lane, refusal);
                slot.lane.mark_changed();
                refusal
            })?;
            let lent = inner
                .reserve_for(slot, tag, class, bytes)
                .and_then(|reserved| {
                    alloc_in_lane(inner, slot, lane, (class, bytes), label)
                        .inspect_err(|_| inner.unreserve(slot, tag, reserved))
                })
                .inspect_err(|&refusal| count_refusal(lane, refusal));
            lane.mark_changed();
            lent
        })
        .unwrap_or_else(|| Err(slot_refused(inner)))
    }
}

/// Allocates a block of this class, for this number of bytes, from the lane of the label's tag.
///
/// # Safety
///
/// The caller owns the slot, which is one of `inner` and has the lane.
unsafe fn alloc_in_lane(
    inner: &PoolInner,
    slot: &Slot,
    lane: &Lane,
    (class, bytes): (usize, usize),
    label: Label,
) -> Result<NonNull<Block>, Refusal> {
    // SAFETY: the caller owns the slot.
    unsafe {
        let idle = (class < NO_CLASS)
            .then(|| lane.alloc_fast(inner.stamp(), class, bytes, label))
            .flatten();
        let lent = match idle {
            Some(block) => Ok(block),
            None => refill_or_grow(inner, slot, lane, (class, bytes), label),
        };
        #[cfg(feature = "backtrace")]
        if let Ok(block) = lent {
            inner.sample(lane, class, block.as_ref(), label.site);
        }
        lent
    }
}

/// Allocates a block when the lane has no idle block of the class.
///
/// # Safety
///
/// The caller owns the slot, which is one of `inner` and has the lane, and [`Lane::alloc_fast`] found nothing.
unsafe fn refill_or_grow(
    inner: &PoolInner,
    slot: &Slot,
    lane: &Lane,
    (class, bytes): (usize, usize),
    label: Label,
) -> Result<NonNull<Block>, Refusal> {
    let exchange = &inner.exchange();
    let lend = |batch: &Batch<'_>| {
        // SAFETY: the caller owns the lane; each batch below is new or was taken from the depot, so it is ours.
        unsafe { lane.alloc_new((exchange, slot), inner.stamp(), batch, bytes, label) }
    };
    if class != OVERSIZE {
        // SAFETY: the caller owns the lane, whose active list is empty.
        let refill =
            || unsafe { lane.refill((exchange, slot), inner.stamp(), class, bytes, label) };
        let block = refill().or_else(|| {
            let bytes = inner.block_bytes(class);
            let must = inner.budget.missing(bytes as u64, inner.beside(bytes)) > 0;
            slot.make_way_for(lane, class, must, exchange)
                .then(refill)
                .flatten()
        });
        if let Some(block) = block {
            return Ok(block);
        }
        if let Some(batch) = inner.block_of_another_class(class) {
            lane.counters.depot_hits.increment();
            lane.counters.depot_exchanges.increment();
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
                Miss::Cold => lane.counters.cold_misses.increment(),
                Miss::Oversize => lane.counters.oversize_misses.increment(),
                Miss::Budget => lane.counters.budget_misses.increment(),
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
        Err(refusal) => Err(refusal),
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
