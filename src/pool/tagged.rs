//! The extra work to allocate and release a buffer with a tag: the slot's counters, and the budgets.
#![expect(
    unsafe_code,
    reason = "the tag is read from a block that the caller holds"
)]

use crate::blocks::block::Block;
use crate::blocks::label::TagMark;
use crate::pool::inner::PoolInner;
use crate::pool::refusal::{Refusal, count_refusal};
use crate::slot::state::Slot;
use crate::slot::tags::TagCells;

impl PoolInner {
    /// Prepares the slot to allocate with a tag, and reserves the bytes in the tag's budgets; returns how many.
    pub(crate) fn reserve_for(
        &self,
        slot: &Slot,
        tag: TagMark,
        class: usize,
        bytes: usize,
    ) -> Result<u64, Refusal> {
        if !tag.is_some() {
            return Ok(0);
        }
        let refused = |refusal| {
            count_refusal(slot, refusal);
            refusal
        };
        let cells = slot
            .tags
            .own_or_new()
            .ok_or_else(|| refused(Refusal::Memory(size_of::<TagCells>() as u64)))?;
        if !tag.is_limited() {
            return Ok(0);
        }
        let block_bytes = self.block_bytes_for(class, bytes) as u64;
        match self
            .tag_budgets
            .take(&cells.credits, tag.number(), block_bytes)
        {
            Ok(()) => Ok(block_bytes),
            Err(by) => Err(refused(Refusal::TagBudget(by))),
        }
    }

    /// Returns the reservation of a buffer that was refused or released. Only for the slot's owner.
    pub(crate) fn unreserve(&self, slot: &Slot, tag: TagMark, bytes: u64) {
        if bytes > 0
            && let Some(cells) = slot.tags.own()
        {
            self.tag_budgets.give(&cells.credits, tag.number(), bytes);
        }
    }

    /// Counts the release of a block with this number of bytes for its tag, if it has one, and marks the block as idle.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of this pool, and holds the block.
    pub(crate) unsafe fn release_tag(&self, slot: &Slot, block: &Block, bytes: u64) {
        let tag = block.tag();
        if !tag.is_some() {
            return;
        }
        match slot.tags.own_or_new() {
            Some(cells) => {
                cells.of(tag.number()).count_release(bytes);
                if tag.is_limited() {
                    self.unreserve(slot, tag, bytes);
                }
            }
            None => self.count_stray(tag, bytes),
        }
        block.mark_idle();
    }

    /// Counts a release if there was no memory for the slot's counters of tags.
    #[cold]
    #[inline(never)]
    fn count_stray(&self, tag: TagMark, bytes: u64) {
        self.aggregator.lock().tags.count_stray(tag.number(), bytes);
        if tag.is_limited() {
            self.tag_budgets.give_back(tag.number(), bytes);
        }
    }
}
