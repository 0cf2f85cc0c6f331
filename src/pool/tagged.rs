//! The extra work of the slow paths for buffers with a tag: the lane of the tag, and the budgets.
#![expect(
    unsafe_code,
    reason = "the tag is read from a block that the caller holds"
)]

use crate::blocks::block::Block;
use crate::blocks::label::{Key, TAG_BITS, TagMark};
use crate::pool::inner::PoolInner;
use crate::pool::lookup::remember_lane_of;
use crate::pool::refusal::Refusal;
use crate::slot::lane::Lane;
use crate::slot::state::Slot;
use crate::sync::Ordering;

// A pool's address has the bits of a tag clear.
const _: () = assert!(align_of::<PoolInner>() > TAG_BITS);

impl PoolInner {
    /// Whether a budget limits a tag, or a tag above it.
    fn is_limited(&self, tag: TagMark) -> bool {
        tag.is_some() && self.tag_budgets.is_limited(tag.number())
    }

    /// The lane of a tag, which becomes the last used one if the fast paths may use it; `None` if there is no memory for it. Only for the slot's owner.
    pub(crate) fn lane_for<'s>(&self, slot: &'s Slot, tag: TagMark) -> Option<&'s Lane> {
        let lane = match slot.own_lane(tag.number()) {
            Some(lane) => lane,
            None => self.new_lane(slot, tag)?,
        };
        if !self.is_limited(tag) {
            remember_lane_of(slot, lane);
        }
        Some(lane)
    }

    /// Adds the lane of a tag.
    #[cold]
    fn new_lane<'s>(&self, slot: &'s Slot, tag: TagMark) -> Option<&'s Lane> {
        let lane = slot.add_lane(tag)?;
        if !self.is_limited(tag) && lane.tag().is_some() {
            // The fast paths know nothing of budgets.
            let key = Key::new(self.this(), tag.number());
            // Relaxed: the owner's to read.
            lane.key.store(key.word(), Ordering::Relaxed);
            #[cfg(feature = "backtrace")]
            self.open_lane(lane);
        }
        Some(lane)
    }

    /// Reserves the bytes of a buffer in the tag's budgets; returns how many. The slot has what it needs for the tag.
    pub(crate) fn reserve_for(
        &self,
        slot: &Slot,
        tag: TagMark,
        class: usize,
        bytes: usize,
    ) -> Result<u64, Refusal> {
        let (true, Some(by_tag)) = (self.is_limited(tag), slot.by_tag.own()) else {
            return Ok(0);
        };
        let block_bytes = self.block_bytes_for(class, bytes) as u64;
        match self
            .tag_budgets
            .take(&by_tag.credits, tag.number(), block_bytes)
        {
            Ok(()) => Ok(block_bytes),
            Err(by) => Err(Refusal::TagBudget(by)),
        }
    }

    /// Returns the reservation of a buffer that was refused or released. Only for the slot's owner.
    pub(crate) fn unreserve(&self, slot: &Slot, tag: TagMark, bytes: u64) {
        if bytes > 0
            && let Some(by_tag) = slot.by_tag.own()
        {
            self.tag_budgets.give(&by_tag.credits, tag.number(), bytes);
        }
    }

    /// The lane to which a block with this number of bytes goes back. Returns the bytes to the tag's budgets.
    ///
    /// Without memory for the lane it is the one without a tag, and the release is counted for the tag elsewhere.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of this pool, and holds the block.
    pub(crate) unsafe fn lane_to_release<'s>(
        &self,
        slot: &'s Slot,
        block: &Block,
        bytes: u64,
    ) -> &'s Lane {
        // SAFETY: the caller holds the block.
        let tag = TagMark::new(unsafe { block.key() }.tag());
        let lane = self.lane_for(slot, tag);
        match lane {
            Some(_) if self.is_limited(tag) => self.unreserve(slot, tag, bytes),
            Some(_) => {}
            None => self.count_stray(tag, bytes),
        }
        let lane = lane.unwrap_or(&slot.lane);
        if !lane.tag().is_some() {
            // SAFETY: the caller holds the block.
            unsafe { block.clear_tag() };
        }
        lane
    }

    /// Counts a release if there was no memory for the lane of its tag.
    #[cold]
    #[inline(never)]
    fn count_stray(&self, tag: TagMark, bytes: u64) {
        self.aggregator.lock().tags.count_stray(tag.number(), bytes);
        if self.is_limited(tag) {
            self.tag_budgets.give_back(tag.number(), bytes);
        }
    }
}
