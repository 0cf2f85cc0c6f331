//! Compacts an arena when its frame has ended: one block replaces several, and unneeded blocks are returned.
#![expect(
    unsafe_code,
    reason = "arenas of ended frames are emptied and filled here"
)]

use crate::arena::blocks::Ended;
use crate::arena::bump::Arena;
use crate::clock::Time;
use crate::memory::region::Region;
use crate::pool::aggregator::Aggregator;
use crate::pool::inner::PoolInner;

/// The most arenas in which one frame end replaces several blocks by one.
const ARENAS_PER_END: u32 = 8;
/// The most blocks that one look at an arena gives back.
const BLOCKS_PER_LOOK: usize = 8;

impl PoolInner {
    /// Notes that a frame ended under this bit.
    pub(crate) fn note_frame_ended(aggregator: &mut Aggregator, index: usize, now: Time) {
        aggregator.trim.last_used[index] = aggregator.trim.frames;
        aggregator.trim.last_used_at[index] = Some(now);
        aggregator.trim.compacted = 0;
    }

    /// Compacts an arena whose frame has just ended. One block replaces several that the frame used, in a few arenas
    /// at each frame end. A few blocks that recent frames did not need are returned.
    ///
    /// # Safety
    ///
    /// The caller has the frame's bit, and the frame's buffers are gone.
    pub(crate) unsafe fn compact(&self, aggregator: &mut Aggregator, arena: &Arena, ended: Ended) {
        let several = ended.several_bytes;
        if several == 0 || aggregator.trim.compacted == ARENAS_PER_END {
            // SAFETY: as for this function.
            unsafe { self.take_from_arena(aggregator, arena, false) };
            return;
        }
        aggregator.trim.compacted += 1;
        // SAFETY: the caller is alone with the arena.
        while let Some(block) = unsafe { arena.take_unneeded(0, true) } {
            self.give_back_region(aggregator, block);
        }
        if !self.budget.reserve(several as u64) {
            // Another thread took the memory that was just returned.
            return;
        }
        let Some(block) = Region::take(several, self.config.alignment) else {
            self.budget.cancel(several as u64);
            return;
        };
        self.budget.commit(several as u64);
        aggregator.trim.regions = aggregator.trim.regions.wrapping_add(1);
        // SAFETY: the caller is alone with the arena.
        unsafe { arena.refill_with(block) };
    }

    /// Gives back a few blocks of the arena; returns whether none is left to give back.
    ///
    /// # Safety
    ///
    /// The caller has the frame's bit, and no frame is open under it.
    pub(crate) unsafe fn take_from_arena(
        &self,
        aggregator: &mut Aggregator,
        arena: &Arena,
        all: bool,
    ) -> bool {
        let usual_bytes = self.config.frame_block_bytes;
        for _ in 0..BLOCKS_PER_LOOK {
            // SAFETY: the caller is alone with the arena.
            let Some(block) = (unsafe { arena.take_unneeded(usual_bytes, all) }) else {
                return true;
            };
            self.give_back_region(aggregator, block);
        }
        false
    }
}
