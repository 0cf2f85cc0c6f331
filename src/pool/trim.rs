//! Gives idle memory back in small steps, at frame ends and between them. `pressure.rs` gives memory back at once,
//! for a request or on demand.
//!
//! Memory goes back to the system only under the aggregator's lock (L3, it adds up) and only from two places: the depot, whose
//! blocks belong to the thread that pops them, and the arenas of frames that are not open, which belong to the holder of the
//! frame's bit.
#![expect(
    unsafe_code,
    reason = "blocks popped from the depot lose their memory here"
)]

use crate::blocks::block::Block;
use crate::blocks::class::CLASSES;
use crate::blocks::depot::Batch;
use crate::clock::{self, Time};
use crate::memory::region::Region;
use crate::pool::aggregator::{Aggregator, Excess, TrimState, TrimTime};
use crate::pool::inner::PoolInner;
use std::time::Duration;

/// Trimming keeps this much idle memory in the depot, plus half of the pool's other memory.
const SLACK_BYTES: u64 = 2 << 20;
/// Too much must be idle for this many frame ends in a row before any of it is given back. A bit without an open frame for as
/// many gives the memory of its arenas back.
const PATIENCE_FRAMES: u64 = 128;
/// Or for this long, for slow frames.
const PATIENCE_TIME: Duration = Duration::from_secs(4);
/// Then one frame end gives back this part of the excess. docs/scaling.md has its time.
const STEP_BYTES: u64 = 4 << 20;
/// But at most this many blocks: each is a call to the system's allocator.
const STEP_BLOCKS: u64 = 1024;

impl PoolInner {
    /// A step of trimming.
    pub(crate) fn trim_step(&self, aggregator: &mut Aggregator, time: TrimTime) {
        let frames = u64::from(time == TrimTime::FrameEnd);
        self.evict_oversize(aggregator);
        self.trim_unused_frame(aggregator);
        aggregator.trim.frames = aggregator.trim.frames.wrapping_add(frames);
        let idle = self.depot_bytes();
        let elsewhere = self.budget.held().saturating_sub(idle);
        self.budget.note_busy(elsewhere);
        // Idle bytes in the depot beyond the kept amount.
        let too_much = idle.saturating_sub(elsewhere / 2 + SLACK_BYTES);
        if too_much == 0 {
            if aggregator.trim.excess_since.take().is_some() {
                aggregator.trim.surplus = [0; CLASSES];
            }
            return;
        }
        if self.has_lasted(&mut aggregator.trim, frames) {
            for class in 0..CLASSES {
                aggregator.trim.surplus[class] = self.depot.unused_since_asked(class);
            }
        }
        self.trim_surplus(aggregator, too_much);
    }

    /// Notes that too much is idle. Returns whether this has lasted for the whole patience; then the time begins
    /// again. `frames` are the frame ends since this was last called.
    fn has_lasted(&self, trim: &mut TrimState, frames: u64) -> bool {
        let Some(excess) = &mut trim.excess_since else {
            trim.excess_since = Some(Excess {
                since: clock::now(),
                frames,
            });
            for class in 0..CLASSES {
                self.depot.unused_since_asked(class);
            }
            return false;
        };
        excess.frames += frames;
        if excess.frames < PATIENCE_FRAMES && clock::since(excess.since) < PATIENCE_TIME {
            return false;
        }
        *excess = Excess {
            since: clock::now(),
            frames: 0,
        };
        true
    }

    /// Idle bytes in the depot.
    pub(crate) fn depot_bytes(&self) -> u64 {
        let of_classes: u64 = self
            .depot
            .idle_by_class()
            .filter(|&(class, _)| class < CLASSES)
            .map(|(class, blocks)| blocks * self.block_bytes(class) as u64)
            .sum();
        of_classes + self.depot.oversize_bytes()
    }

    /// Gives back one step of the excess, the largest classes first. The last block may exceed the step.
    fn trim_surplus(&self, aggregator: &mut Aggregator, too_much: u64) {
        let step = too_much.min(STEP_BYTES);
        let before = self.budget.evicted_bytes();
        let gone = || self.budget.evicted_since(before);
        let mut left = STEP_BLOCKS;
        for class in (0..CLASSES).rev() {
            let block_bytes = (self.block_bytes(class) as u64).max(1);
            while left.min(aggregator.trim.surplus[class]) > 0 && gone() < step {
                let max = (step - gone())
                    .div_ceil(block_bytes)
                    .min(left)
                    .min(aggregator.trim.surplus[class]);
                let blocks = self.evict_batch(aggregator, class, max);
                if blocks == 0 {
                    break;
                }
                aggregator.trim.surplus[class] -= blocks;
                left -= blocks;
            }
        }
    }

    /// Gives back blocks beyond the largest class, which are never kept.
    fn evict_oversize(&self, aggregator: &mut Aggregator) {
        while self.evict_batch(aggregator, CLASSES, u64::MAX) > 0 {}
    }

    /// Gives back a few blocks of each arena under one bit that has had no open frame for long.
    fn trim_unused_frame(&self, aggregator: &mut Aggregator) {
        let limit = self.in_flight.limit() as usize;
        let index = aggregator.trim.next_index % limit;
        aggregator.trim.next_index = index + 1;
        let unused = aggregator
            .trim
            .frames
            .wrapping_sub(aggregator.trim.last_used[index]);
        let is_long = |used: Time| clock::since(used) >= PATIENCE_TIME;
        if unused < PATIENCE_FRAMES && !aggregator.trim.last_used_at[index].is_some_and(is_long)
            || !self.in_flight.may_have_blocks(index)
            || !self.in_flight.claim_index(index)
        {
            return;
        }
        // SAFETY: we have the frame's bit, and the frame is not open.
        if unsafe { self.take_from_arenas(aggregator, index) } {
            self.in_flight.note_no_blocks(index);
        }
        self.in_flight.free(index);
    }

    /// Gives back a few blocks of each arena of the frame `index`; returns whether none is left.
    ///
    /// # Safety
    ///
    /// The caller has the frame's bit, and no frame is open under it.
    unsafe fn take_from_arenas(&self, aggregator: &mut Aggregator, index: usize) -> bool {
        let mut none_left = true;
        for slot in self.slots.iter() {
            for (_, arena) in slot.arenas_among(1 << index) {
                // SAFETY: as for this function.
                none_left &= unsafe { self.take_from_arena(aggregator, arena, true) };
            }
        }
        none_left
    }

    /// Gives back the memory of one batch, or of `max` of its blocks; returns the number of blocks.
    pub(crate) fn evict_batch(&self, aggregator: &mut Aggregator, class: usize, max: u64) -> u64 {
        let Some(batch) = self.depot.pop(class, &self.exchange()) else {
            return 0;
        };
        let len = batch.len();
        let going = max.min(u64::from(len)) as u32;
        let mut block: &Block = batch.head();
        for left in (0..len).rev() {
            let next = block.next();
            // SAFETY: the batch holds its blocks, which are idle.
            let region = unsafe { self.table.record(block).unbind(&self.classes) };
            self.depot.note_unbound(class);
            let beside = self.beside(region.bytes);
            self.give_back_region(aggregator, region);
            // SAFETY: as above, and it no longer has memory.
            unsafe { self.table.release(block) };
            self.budget.evicted_beside(beside);
            if left == 0 {
                break;
            }
            // SAFETY: a batch has `len` blocks along `next`, records of the table.
            block = unsafe { &*next };
            if len - left == going {
                // SAFETY: popping the batch gave us its blocks, and these are the ones that stay.
                let rest = unsafe { Batch::new(block, left, class) };
                self.depot.push(rest, &self.exchange());
                break;
            }
        }
        u64::from(going)
    }

    /// Gives memory back to the system. The `aggregator` argument proves that the caller has its lock.
    pub(crate) fn give_back_region(&self, aggregator: &mut Aggregator, region: Region) {
        aggregator.trim.regions = aggregator.trim.regions.wrapping_add(1);
        let bytes = region.bytes as u64;
        // SAFETY: the callers took the region off a block or an arena that nobody uses, so it is ours alone.
        unsafe { region.give_back(self.config.alignment) };
        self.budget.evicted(bytes);
    }
}
