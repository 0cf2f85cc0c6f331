//! Prewarming: makes blocks in advance, touches their pages, and puts them where allocs find them.
#![expect(
    unsafe_code,
    reason = "new blocks are written to before they are handed on"
)]

use std::ptr::NonNull;

use crate::blocks::class::OVERSIZE;
use crate::memory::region::PAGE;
use crate::pool::inner::PoolInner;
use crate::pool::pooled::class_or_oversize;
use crate::pool::pressure::Reach;
use crate::pool::refusal::{Refusal, slot_refused};
use crate::pool::slot_guard::with_slot;
use crate::slot::state::Slot;

impl PoolInner {
    /// Prepares `count` blocks for `bytes`: in the calling thread's magazine as far as there is room, else in the
    /// depot.
    ///
    /// Idle blocks count too. A request that cannot be met takes and gives back nothing.
    pub(crate) fn prewarm(&self, bytes: usize, count: usize) -> Result<(), Refusal> {
        let class = class_or_oversize(bytes).ok_or(Refusal::Overflow)?;
        let block_bytes = self.block_bytes_for(class, bytes);
        // A block without bytes needs no preparation.
        if count == 0 || block_bytes == 0 {
            return Ok(());
        }
        if class == OVERSIZE {
            return self.out_of_reach(block_bytes as u64).map_or(Ok(()), Err);
        }
        // SAFETY: the caller's handle keeps the pool alive.
        unsafe {
            with_slot(NonNull::from(self), |slot| {
                self.prefill(slot, class, count as u64)
            })
        }
        .unwrap_or_else(|| Err(slot_refused(self)))
    }

    /// Prepares blocks in the slot that the caller owns, and in the depot.
    fn prefill(&self, slot: &Slot, class: usize, count: u64) -> Result<(), Refusal> {
        let bytes = self.block_bytes(class);
        // SAFETY: the caller owns the slot.
        let ready = self.depot.idle(class) + unsafe { slot.idle_blocks(class) };
        let missing = count.saturating_sub(ready);
        let all = missing.saturating_mul(bytes as u64);
        let beside = missing.saturating_mul(self.beside(bytes));
        if let Some(refusal) = self.out_of_reach(all) {
            return Err(refusal);
        }
        slot.forget_made_way(class);
        // First, so that neither trimming nor the new blocks' own pressure gives the idle ones back.
        let kept = self.depot.keep(class, count);
        if !self.may_make_way(all, beside, Reach::Beyond) {
            self.depot.keep_at_most(class, kept);
            return Err(Refusal::Budget(self.budget.wanted_with(all, beside)));
        }
        for made in 0..missing {
            let (batch, _) = self
                .new_blocks(class, bytes, 1, Reach::Beyond)
                .inspect_err(|_| self.depot.keep_at_most(class, kept.max(ready + made)))?;
            let block = batch.head();
            for at in (0..bytes).step_by(PAGE).chain([bytes - 1]) {
                // SAFETY: the block is new and ours, and has `bytes` bytes. Volatile, so that the compiler keeps the
                // write of a zero to zeroed memory, which brings the page in. The last byte may lie in another page.
                unsafe { block.start().add(at).write_volatile(0) };
            }
            // SAFETY: the caller owns the slot, and the block is ours.
            unsafe { slot.prefill(&self.exchange(), class, block) };
        }
        Ok(())
    }
}
