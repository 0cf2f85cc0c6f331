//! Allocates and releases blocks with a tag; `tags.rs` has the steps.
#![expect(unsafe_code, reason = "the slot's owner writes to the blocks it holds")]

use crate::blocks::block::Block;
use crate::blocks::label::TagMark;
use crate::slot::state::Slot;

impl Slot {
    /// Counts the alloc of a block for its tag, and writes the tag into the record.
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

    /// Releases a block with a tag that no budget limits; `false` if nothing happened, or if only the tag was
    /// removed.
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
