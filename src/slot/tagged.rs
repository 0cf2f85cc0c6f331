//! Lending and taking back blocks with a tag; the steps are those of `tags.rs`.
#![expect(unsafe_code, reason = "the slot's owner writes to the blocks it holds")]

use crate::blocks::block::Block;
use crate::blocks::label::TagMark;
use crate::slot::state::Slot;

impl Slot {
    /// Counts a block that goes out with a tag, and writes the tag into its record.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which has cells, and holds the block, which has no tag.
    #[inline(always)]
    pub(crate) unsafe fn attach_tag(&self, block: &Block, tag: TagMark) {
        // SAFETY: the caller holds the block.
        let bytes = unsafe { block.set_tag(tag) };
        debug_assert!(self.tags.own().is_some());
        if let Some(cells) = self.tags.own() {
            let counters = cells.of(tag.number());
            counters.allocs.increment();
            counters.alloc_bytes.add(bytes);
        }
    }

    /// Takes back a block with a tag that no budget limits; `false` if nothing has happened, or if only the tag was taken off.
    ///
    /// # Safety
    ///
    /// As for [`release_fast`](Self::release_fast).
    #[inline(always)]
    pub(crate) unsafe fn release_tagged_fast(&self, block: &Block, requested: usize) -> bool {
        let (tag, bytes) = block.tag_and_bytes();
        if tag.is_limited() {
            return false;
        }
        let Some(cells) = self.tags.own() else {
            return false;
        };
        block.mark_idle();
        cells.count_release(tag, bytes);
        // SAFETY: as for the caller.
        unsafe {
            block.clear_tag(bytes);
            self.release_fast(block.class(), block, requested)
        }
    }
}
