//! Takes memory from the system for a request, and returns idle memory to make room for it: under the limit, after a
//! refusal, and on demand.
//!
//! # A request
//!
//! ```text
//!   out of reach?  ── yes ──▶ refused at once
//!   reserve        ── over the limit ──▶ enough idle memory within reach?  ── no ──▶ refused, nothing is returned
//!                                        yes: return it, reserve again, until it fits or nothing more is found
//!   ask the system ── refused ──▶ would the system give the rest?  ── no ──▶ refused, nothing is returned
//!                                 yes: return all idle memory within reach, ask again
//!   unless memory was returned for it, return what the growth makes superfluous; commit
//! ```
//!
//! Memory is returned only under the aggregator's lock (L3, it adds up). The sum of the memory within reach is
//! computed under the same lock. Other threads may take idle memory meanwhile. Then less is returned than computed,
//! and the request is checked again.
//!
//! # Which memory is within reach
//!
//! The depot, the calling thread's own magazine, the blocks of frames that are not open, and, in a pool with a limit,
//! the unused blocks of open frames (parked arenas, `arena/parking.rs`). From its own arenas the caller also returns
//! blocks that their frames have not used. The magazines of other threads are not within reach; their size is bounded
//! instead (`max_kept_by_thread`).
#![expect(
    unsafe_code,
    reason = "the asking thread gives back what its own slot keeps"
)]

use crate::arena::bump::Arena;
use crate::blocks::class::CLASSES;
use crate::memory::region::Region;
use crate::pool::aggregator::Aggregator;
use crate::pool::inner::PoolInner;
use crate::pool::refusal::Refusal;
use crate::slot::state::Slot;

/// More than any system gives to a process: a quarter of the largest address space of today's processors.
const MAX_ASKED: u64 = 1 << 46;

/// What a growing pool gives back at least: to look for it takes as long as to give back some blocks.
const SHED_BYTES: u64 = 16 << 10;

/// The bytes that a growing pool may hold if it needs this many: a 32nd and 256 KiB more.
fn with_slack(needed: u64) -> u64 {
    needed + needed / 32 + (256 << 10)
}

/// The idle memory that may be returned for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach<'s> {
    /// Nothing.
    Nothing,
    /// For a prewarm: idle memory, except blocks that an earlier prewarm keeps.
    Beyond,
    /// For an alloc by the owner of this slot: all idle memory within reach.
    Thread(&'s Slot),
}

impl PoolInner {
    /// The refusal of a size that can never be allocated, however much is given back.
    pub(crate) fn out_of_reach(&self, bytes: u64) -> Option<Refusal> {
        if self.budget.limit().is_some_and(|limit| bytes > limit) {
            return Some(Refusal::Budget(bytes));
        }
        (bytes >= MAX_ASKED).then_some(Refusal::Memory(bytes))
    }

    /// Takes up to `count` regions from the system within the budget, and passes each to the caller. Returns how many, and whether idle
    /// memory was given back for them. For more than one nothing is given back within the budget.
    pub(crate) fn take_regions(
        &self,
        bytes: usize,
        count: u32,
        reach: Reach<'_>,
        mut each: impl FnMut(Region),
    ) -> Result<(u32, bool), Refusal> {
        if count == 1 {
            let (region, evicted) = self.take_region(bytes, reach)?;
            each(region);
            return Ok((1, evicted));
        }
        let of = |regions: u32| bytes as u64 * u64::from(regions);
        if !self.budget.reserve(of(count)) {
            return Err(Refusal::Budget(of(count)));
        }
        let taken = Region::take_some(bytes, self.config.alignment, count, each);
        self.budget.cancel(of(count - taken));
        if taken == 0 {
            return Err(Refusal::Memory(of(count)));
        }
        self.shed_before_growing(of(taken));
        self.budget.commit(of(taken));
        Ok((taken, false))
    }

    /// Takes memory from the system within the budget; also returns whether idle memory was given back for it.
    pub(crate) fn take_region(
        &self,
        bytes: usize,
        reach: Reach<'_>,
    ) -> Result<(Region, bool), Refusal> {
        let wanted = bytes as u64;
        if let Some(refusal) = self.out_of_reach(wanted) {
            return Err(refusal);
        }
        let fits = self.budget.reserve(wanted);
        if !fits && !self.make_way(wanted, reach) {
            return Err(Refusal::Budget(wanted));
        }
        let taken = Region::take(bytes, self.config.alignment)
            .or_else(|| self.take_after_giving_back(bytes, reach));
        let Some(region) = taken else {
            self.budget.cancel(wanted);
            return Err(Refusal::Memory(wanted));
        };
        if fits {
            self.shed_before_growing(wanted);
        }
        self.budget.commit(wanted);
        Ok((region, !fits))
    }

    /// Before the pool grows by `wanted`: gives back as much idle memory of the depot, or [`SHED_BYTES`], if the pool would hold more than
    /// it needs, with some slack, and more than the slack is idle in the depot. Skipped while an aggregation is running. So a program that
    /// changes from one buffer size to another does not pay for both.
    fn shed_before_growing(&self, wanted: u64) {
        let (before, held) = (self.budget.needed(), self.budget.held());
        if held + wanted <= with_slack(before) {
            return;
        }
        let idle = self.depot_bytes();
        let needed = before.max(held.saturating_sub(idle));
        if held + wanted <= with_slack(needed) || needed + idle <= with_slack(needed) {
            return;
        }
        if let Some(mut aggregator) = self.aggregator.try_lock() {
            self.evict(&mut aggregator, wanted.max(SHED_BYTES), Reach::Beyond);
        }
    }

    /// Gives back idle memory until `wanted` fits the budget, and reserves it. If all memory within reach is not
    /// enough, nothing is given back.
    fn make_way(&self, wanted: u64, reach: Reach<'_>) -> bool {
        if matches!(reach, Reach::Nothing) {
            return false;
        }
        let mut aggregator = self.aggregator.lock();
        loop {
            if self.budget.reserve(wanted) {
                return true;
            }
            let missing = self.budget.missing(wanted, 0);
            if missing > self.within_reach(&aggregator, reach) {
                return false;
            }
            // Nothing is missing if another thread gave memory back meanwhile.
            if missing > 0 && self.give_back(&mut aggregator, missing, reach) == 0 {
                return false;
            }
        }
    }

    /// Whether `wanted` bytes and their overhead `beside` fit the budget after all idle memory within reach is given
    /// back.
    pub(crate) fn may_make_way(&self, wanted: u64, beside: u64, reach: Reach<'_>) -> bool {
        let missing = self.budget.missing(wanted, beside);
        missing == 0 || missing <= self.within_reach(&self.aggregator.lock(), reach)
    }

    /// After a refusal by the system: gives back all idle memory within reach, if that is enough, and asks again.
    fn take_after_giving_back(&self, bytes: usize, reach: Reach<'_>) -> Option<Region> {
        let mut aggregator = self.aggregator.lock();
        let within = self.within_reach(&aggregator, reach);
        let rest = (bytes as u64).saturating_sub(within) as usize;
        if within == 0 || rest > 0 && !Region::could_take(rest, self.config.alignment) {
            return None;
        }
        self.give_back(&mut aggregator, u64::MAX, reach);
        drop(aggregator);
        Region::take(bytes, self.config.alignment)
    }

    /// For `BufferPool::trim` and for closing a pool: gives back all idle memory within reach, prewarmed blocks
    /// included.
    pub(crate) fn trim_now(&self, slot: Option<&Slot>) -> u64 {
        self.depot.keep_nothing();
        let mut aggregator = self.aggregator.lock();
        let before = self.budget.evicted_bytes();
        self.give_back(
            &mut aggregator,
            u64::MAX,
            slot.map_or(Reach::Beyond, Reach::Thread),
        );
        // Blocks without bytes: this frees their records for other classes.
        while self.evict_batch(&mut aggregator, 0, u64::MAX) > 0 {}
        self.budget.evicted_since(before)
    }

    /// Idle bytes within reach. Under the aggregator's lock no other thread gives them back, but threads may allocate
    /// them.
    fn within_reach(&self, _aggregator: &Aggregator, reach: Reach<'_>) -> u64 {
        if matches!(reach, Reach::Nothing) {
            return 0;
        }
        let (mut in_blocks, mut beside) = (self.depot_bytes_of(CLASSES, reach), 0);
        for class in 0..CLASSES {
            let own = match reach {
                // SAFETY: the caller owns the slot that it passes.
                Reach::Thread(slot) => unsafe { slot.idle_blocks(class) },
                _ => 0,
            };
            let blocks = own + self.depot_blocks_of(class, reach);
            let bytes = self.block_bytes(class);
            in_blocks += blocks * bytes as u64;
            beside += blocks * self.beside(bytes);
        }
        // Overhead within the allowance does not count against the budget.
        let beside = beside.min(self.budget.bookkeeping());
        let open = self.in_flight.open();
        let of_arena = |slot: &Slot, index: usize, arena: &Arena| {
            if open & 1 << index == 0 || arena.is_parked() {
                arena.held()
            } else if reach.is_of(slot) {
                arena.unused()
            } else {
                0
            }
        };
        let in_arenas: u64 = self
            .slots
            .iter()
            .flat_map(|slot| {
                let arenas = slot.arenas_among(u32::MAX);
                arenas.map(move |(place, arena)| of_arena(slot, place.index(), arena))
            })
            .sum();
        in_blocks + beside + in_arenas
    }

    /// Gives back idle memory within reach until `wanted` bytes, with overhead, are gone; returns how many. First the
    /// depot, then the caller's own magazine, then frame blocks.
    fn give_back(&self, aggregator: &mut Aggregator, wanted: u64, reach: Reach<'_>) -> u64 {
        let before = self.budget.freed_bytes();
        self.evict(aggregator, wanted, reach);
        let gone = |inner: &Self| inner.budget.freed_since(before);
        if let Reach::Thread(slot) = reach
            && gone(self) < wanted
        {
            // SAFETY: the caller owns the slot that it passes.
            unsafe { slot.flush(&self.exchange()) };
            self.evict(aggregator, wanted - gone(self), reach);
        }
        for index in 0..self.in_flight.limit() as usize {
            if gone(self) >= wanted {
                break;
            }
            let is_closed = self.in_flight.claim_index(index);
            for slot in self.slots.iter() {
                for (_, arena) in slot.arenas_among(1 << index) {
                    let max = wanted.saturating_sub(gone(self));
                    // SAFETY: if the frame is closed, we have its bit.
                    unsafe {
                        self.give_back_blocks(aggregator, arena, is_closed, reach.is_of(slot), max);
                    };
                }
            }
            if is_closed {
                self.in_flight.free(index);
            }
        }
        gone(self)
    }

    /// Gives back blocks of an arena until `wanted` bytes are gone: all unused blocks if its frame is closed or the
    /// arena is parked, or, if the arena is the caller's own, those that the open frame has not used.
    ///
    /// # Safety
    ///
    /// The caller has the frame's bit if `is_closed`, and owns the slot if `is_own`.
    unsafe fn give_back_blocks(
        &self,
        aggregator: &mut Aggregator,
        arena: &Arena,
        is_closed: bool,
        is_own: bool,
        wanted: u64,
    ) {
        let before = self.budget.freed_bytes();
        let is_seized = !is_closed && arena.seize();
        let next = || {
            if is_closed || is_seized {
                // SAFETY: we have the frame's bit, and the frame is not open; or the arena is seized.
                unsafe { arena.take_unneeded(0, true) }
            } else if is_own {
                arena.take_unused()
            } else {
                None
            }
        };
        while self.budget.freed_since(before) < wanted
            && let Some(block) = next()
        {
            self.give_back_region(aggregator, block);
        }
        if is_seized {
            arena.release();
        }
    }

    /// Blocks of a class that are idle in the depot and may be given back.
    fn depot_blocks_of(&self, class: usize, reach: Reach<'_>) -> u64 {
        match reach {
            Reach::Nothing => 0,
            Reach::Beyond => self.depot.spare(class),
            Reach::Thread(_) => self.depot.idle(class),
        }
    }

    /// Bytes of these blocks, with overhead.
    fn depot_bytes_of(&self, class: usize, reach: Reach<'_>) -> u64 {
        let blocks = self.depot_blocks_of(class, reach);
        if class == CLASSES {
            // Their blocks have individual sizes. Every frame end returns them.
            return if blocks > 0 {
                self.depot.oversize_bytes()
            } else {
                0
            };
        }
        blocks.saturating_mul(self.cost(class))
    }

    /// Bytes of a block of the class, with overhead.
    fn cost(&self, class: usize) -> u64 {
        let bytes = self.block_bytes(class);
        (bytes as u64).saturating_add(self.beside(bytes))
    }

    /// Evicts idle blocks of the depot, from the class with the most idle bytes first, until `wanted` bytes are gone.
    fn evict(&self, aggregator: &mut Aggregator, wanted: u64, reach: Reach<'_>) {
        let before = self.budget.freed_bytes();
        loop {
            let gone = self.budget.freed_since(before);
            let idle_bytes = |class: &usize| self.depot_bytes_of(*class, reach);
            let classes = self.depot.idle_by_class().map(|(class, _)| class);
            let Some(class) = classes
                .filter(|class| idle_bytes(class) > 0)
                .max_by_key(idle_bytes)
            else {
                break;
            };
            if gone >= wanted {
                break;
            }
            let blocks = (wanted - gone).div_ceil(self.cost(class));
            let max = match reach {
                Reach::Beyond => blocks.min(self.depot.spare(class)),
                _ => blocks,
            };
            if self.evict_batch(aggregator, class, max) == 0 {
                break;
            }
        }
    }
}

impl Reach<'_> {
    /// Whether the request comes from the owner of this slot.
    fn is_of(self, slot: &Slot) -> bool {
        matches!(self, Self::Thread(own) if std::ptr::eq(own, slot))
    }
}
