//! Makes blocks with new memory, several small ones at a time.
//!
//! A cold alloc takes two locks, and most of its other steps change words that all threads share. Blocks that are made together share these
//! steps. The first block is lent. The others are idle, like those of a batch from the depot, and serve later allocs.
//!
//! # How many
//!
//! A class gets a part of the blocks that it has beyond those that one thread can keep. So what is made in advance stays a small part of
//! the class, hundreds of threads that use a few blocks each share it, and a program with few buffers has none.
#![expect(unsafe_code, reason = "a new record is bound to its memory")]

use std::ptr;

use crate::blocks::block::Block;
use crate::blocks::class::{MAX_PER_BATCH, OVERSIZE};
use crate::blocks::depot::Batch;
use crate::blocks::note::is_noted;
use crate::memory::region::Region;
use crate::pool::inner::PoolInner;
use crate::pool::pressure::Reach;
use crate::pool::refusal::Refusal;

/// Blocks of up to this many bytes are made several at a time. Those of more take less time for the locks than for their pages.
const TOGETHER_UP_TO: usize = 1 << 10;
/// The most bytes of blocks that are made at once.
const TOGETHER_BYTES: usize = 4 << 10;
/// Blocks of a class that are made at once are at most this part of those that it has beyond [`MANY`].
const TOGETHER_PART: u64 = 16;
/// The blocks of a class that one thread can keep. With idle blocks beyond these, a thread that uses all would exchange some in every round.
const MANY: u64 = 2 * MAX_PER_BATCH as u64;

/// Why no idle block was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    Cold,
    Oversize,
    /// Other idle memory had to be given back first.
    Budget,
}

impl PoolInner {
    /// How many blocks of a class to make at once.
    pub(crate) fn blocks_to_make(&self, class: usize) -> u32 {
        let bytes = self.block_bytes(class);
        if bytes == 0 || bytes > TOGETHER_UP_TO {
            return 1;
        }
        let part = self.depot.held(class).saturating_sub(MANY) / TOGETHER_PART;
        let most = (TOGETHER_BYTES / bytes).min(MAX_PER_BATCH);
        part.clamp(1, most as u64) as u32
    }

    /// Blocks with new memory: up to `count` of them if they fit the budget, else one.
    pub(crate) fn new_blocks(
        &self,
        class: usize,
        bytes: usize,
        count: u32,
        reach: Reach<'_>,
    ) -> Result<(Batch<'_>, Miss), Refusal> {
        if count > 1
            && let Ok(made) = self.new_batch(class, bytes, count, Reach::Nothing)
        {
            return Ok(made);
        }
        self.new_batch(class, bytes, 1, reach)
    }

    /// Up to `count` blocks with new memory, at least one.
    fn new_batch(
        &self,
        class: usize,
        bytes: usize,
        count: u32,
        reach: Reach<'_>,
    ) -> Result<(Batch<'_>, Miss), Refusal> {
        let miss = if class == OVERSIZE {
            Miss::Oversize
        } else {
            Miss::Cold
        };
        let block_bytes = self.block_bytes_for(class, bytes);
        if class == OVERSIZE && !is_noted(block_bytes) {
            return Err(Refusal::Memory(block_bytes as u64));
        }
        // Before a record is made for it.
        if let Some(refusal) = self.out_of_reach(block_bytes as u64) {
            return Err(refusal);
        }
        // The claimed records are a list, not an array: hundreds of threads may need a page more of their stacks for that.
        let (mut first, mut last): (Option<&Block>, Option<&Block>) = (None, None);
        let claimed = self
            .table
            .claim_some(count, |record| match last.replace(record.block) {
                Some(last) => last.set_next(ptr::from_ref(record.block).cast_mut()),
                None => first = Some(record.block),
            });
        let first = first.ok_or(Refusal::Memory(self.table.record_bytes()))?;
        let beside = self.beside(block_bytes);
        self.budget.add_beside(u64::from(claimed) * beside);
        let (mut end, mut free) = (first, ptr::from_ref(first));
        let mut bound = 0;
        let taken = self.take_regions(block_bytes, claimed, reach, |region| {
            // SAFETY: there are no more regions than claimed records, which belong to the thread that claimed them.
            unsafe {
                end = &*free;
                self.table
                    .record(end)
                    .bind(region, self.this().cast(), class);
            }
            free = end.next();
            bound += 1;
        });
        for _ in bound..claimed {
            self.budget.cancel_beside(beside);
            // SAFETY: claimed above, and bound to nothing.
            unsafe {
                let block = &*free;
                free = block.next();
                self.table.release(block);
            }
        }
        let (blocks, evicted) = taken.map_err(|refusal| match refusal {
            Refusal::Budget(bytes) => Refusal::Budget(self.budget.wanted_with(bytes, beside)),
            other => other,
        })?;
        end.set_next(ptr::null_mut());
        if class != OVERSIZE {
            let below_peak = self
                .depot
                .peak(class)
                .saturating_sub(self.depot.held(class));
            let regrown = below_peak.min(u64::from(blocks));
            self.budget.note_regrown(regrown * block_bytes as u64);
        }
        self.depot.note_bound(class, blocks);
        // SAFETY: claimed, bound and linked above.
        let batch = unsafe { Batch::new(first, blocks, class) };
        Ok((batch, if evicted { Miss::Budget } else { miss }))
    }

    /// The overhead of a block of `block_bytes`.
    pub(crate) fn beside(&self, block_bytes: usize) -> u64 {
        self.table.record_bytes() + Region::beside(block_bytes, self.config.alignment) as u64
    }
}
