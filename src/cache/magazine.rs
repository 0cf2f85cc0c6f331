//! A thread's own idle blocks: per class a list to take from and give to, and one full batch in reserve.
//!
//! ```text
//!   bin of a class      front  ─▶ one block, or nothing
//!                       active ─▶ block ─▶ block ─▶ …     room for (limit − 1 − blocks) more
//!                       spare  ─▶ a full batch, or nothing
//!                          │ ▲
//!        front and active full, spare full:       front and active empty, spare empty:
//!        spare goes                               a batch comes
//!                          ▼ │
//!                         depot
//! ```
//!
//! Two lists instead of one (Bonwick and Adams, "Magazines and Vmem", 2001) give the exchange its hysteresis: after any
//! exchange it takes a whole batch of allocs or of releases to cause the next, so a thread that goes back and forth
//! across a boundary does not pay for it. An exchange moves a list by its head; no block in it is touched.
//!
//! The place in front is for the loop that takes a buffer and gives it back: it needs neither a block's link nor a count.
//! Those are two words that a release writes and the next alloc reads and writes, and the next release reads again: a chain
//! of store forwardings that takes longer than everything else in the pair.
//!
//! What a thread may keep is bounded in bytes by credit: a bin's `limit` blocks and its spare batch are paid for when
//! they are granted, in the slow path, so the fast path only counts `room`. A bin of limit 0 has no place in front.
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

use std::ptr;

use crate::cache::block::Block;
use crate::cache::class::CLASSES;
use crate::cache::core::Core;
use crate::cache::depot::Batch;
use crate::sync::sized;

/// The most blocks that change hands at once.
const MOST_PER_BATCH: usize = sized(32, 2, 1);

/// How many blocks of `block_bytes` make a batch, for threads that may keep `thread_cache_bytes`; 0 for blocks that would
/// take more than half of it, which threads do not keep: one of them would drive out all others.
pub(crate) fn batch_len(block_bytes: usize, thread_cache_bytes: usize) -> u32 {
    (thread_cache_bytes / 2)
        .checked_div(block_bytes)
        .unwrap_or(MOST_PER_BATCH)
        .min(MOST_PER_BATCH) as u32
}

/// The idle blocks of one class.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Bin {
    /// One block, null, or [`NO_PLACE`].
    front: *const Block,
    active: *const Block,
    spare: *const Block,
    /// How many more blocks `active` takes.
    room: u32,
    /// How many blocks `front` and `active` may have; paid for.
    limit: u32,
    /// Bytes of one block, here because the fast path counts them.
    block_bytes: u64,
}

/// Says that a bin has no place in front. Not null, so that nothing is put there, and not above itself, so that nothing is
/// taken.
const NO_PLACE: *const Block = ptr::without_provenance(1);

impl Bin {
    /// Takes the block out of the place in front.
    #[inline(always)]
    fn take_front(&mut self) -> *const Block {
        debug_assert!(self.has_front());
        std::mem::replace(&mut self.front, ptr::null())
    }

    #[inline(always)]
    fn has_front(&self) -> bool {
        self.front.addr() > NO_PLACE.addr()
    }
}

/// A thread's idle blocks of all classes. Owned by the slot's owner.
#[derive(Debug)]
pub(crate) struct Magazine {
    /// One bin per class, and one, always empty, for blocks beyond the largest.
    bins: [Bin; CLASSES + 1],
    /// Bytes not yet granted to any bin.
    credit: usize,
}

/// Brings a block's record into the cache: the next alloc of its class reads it, and may do so at once.
#[inline(always)]
fn prefetch(block: *const Block) {
    #[cfg(all(target_arch = "x86_64", not(framepool_loom)))]
    // SAFETY: a prefetch reads nothing and faults on no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(block.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(framepool_loom))))]
    let _ = block;
}

/// What the slow path did, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchanges(pub(crate) u64);

impl Magazine {
    pub(crate) fn new(core: &Core) -> Self {
        Self {
            bins: std::array::from_fn(|class| Bin {
                front: NO_PLACE,
                active: ptr::null(),
                spare: ptr::null(),
                room: 0,
                limit: 0,
                block_bytes: core.block_bytes(class) as u64,
            }),
            credit: core.config.thread_cache_bytes,
        }
    }

    /// Bytes of a block of `class`; nothing of use for blocks beyond the largest class.
    ///
    /// # Safety
    ///
    /// `class` is a size class or `OVERSIZE`.
    #[inline(always)]
    pub(crate) unsafe fn block_bytes(&self, class: usize) -> u64 {
        debug_assert!(class < self.bins.len());
        // SAFETY: the caller passes a class, and there is a bin for each.
        unsafe { self.bins.get_unchecked(class) }.block_bytes
    }

    /// Takes the block given last; `None` when the active list is empty.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive; `class` is a size class or `OVERSIZE`.
    #[inline(always)]
    pub(crate) unsafe fn take<'t>(&mut self, class: usize) -> Option<&'t Block> {
        debug_assert!(class < self.bins.len());
        // SAFETY: the caller passes a class, and there is a bin for each.
        let bin = unsafe { self.bins.get_unchecked_mut(class) };
        if bin.has_front() {
            // SAFETY: what is in front is a record of the pool's table, which is alive.
            return Some(unsafe { &*bin.take_front() });
        }
        // SAFETY: lists consist of records of the pool's table, which are alive.
        let block = unsafe { bin.active.as_ref() }?;
        bin.active = block.next();
        prefetch(bin.active);
        bin.room += 1;
        Some(block)
    }

    /// Gives a block; `false` when the active list has no room, and then nothing has happened.
    ///
    /// # Safety
    ///
    /// The caller holds the block, and gives it up; `class` is its size class or `OVERSIZE`.
    #[inline(always)]
    pub(crate) unsafe fn give(&mut self, class: usize, block: &Block) -> bool {
        debug_assert!(class < self.bins.len());
        // SAFETY: the caller passes a class, and there is a bin for each.
        let bin = unsafe { self.bins.get_unchecked_mut(class) };
        if bin.front.is_null() {
            bin.front = block;
            return true;
        }
        if bin.room == 0 {
            return false;
        }
        block.set_next(bin.active.cast_mut());
        bin.active = block;
        bin.room -= 1;
        true
    }

    /// When [`take`](Self::take) found nothing: takes from the spare batch, or from one fetched from the depot.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill<'t>(
        &mut self,
        class: usize,
        core: &'t Core,
    ) -> (Option<&'t Block>, Exchanges) {
        debug_assert!(self.bins[class].active.is_null());
        // SAFETY: a spare batch consists of records of the pool's table, which lives as long as the pool.
        if let Some(spare) = unsafe { self.bins[class].spare.as_ref() } {
            // SAFETY: this magazine holds the blocks of its spare batch.
            let len = unsafe { spare.batch_len() };
            let bin = &mut self.bins[class];
            bin.spare = ptr::null();
            // The first block is lent at once, so that the place in front is not needed for it.
            bin.active = spare.next();
            bin.room = bin.limit - len;
            prefetch(bin.active);
            self.credit += len as usize * core.block_bytes(class);
            return (Some(spare), Exchanges(0));
        }
        let Some(batch) = core.depot.pop(class, &core.table) else {
            return (None, Exchanges(0));
        };
        let (first, rest) = (batch.head(), batch.len() - 1);
        let mut exchanges = Exchanges(1);
        if rest > 0 {
            // The first block is lent at once; the others become the active list, as far as there is credit.
            let missing = rest.saturating_sub(self.bins[class].limit);
            self.grant(class, missing, core, &mut exchanges);
            let bin = &mut self.bins[class];
            if rest <= bin.limit {
                bin.front = first.next();
                // SAFETY: the records of the table are alive, and `rest` of them follow the first.
                bin.active = unsafe { &*bin.front }.next();
                bin.room = bin.limit - rest;
                prefetch(bin.active);
            } else {
                // SAFETY: the records of the table are alive, and `rest` of them follow the first.
                let head = unsafe { &*first.next() };
                // SAFETY: popping the batch gave us its blocks.
                core.depot.push(unsafe { Batch::new(head, rest) });
                exchanges.0 += 1;
            }
        }
        (Some(first), exchanges)
    }

    /// When [`give`](Self::give) had no room: makes some, by credit or by sending a batch to the depot, and gives.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room_and_give(
        &mut self,
        class: usize,
        block: &Block,
        core: &Core,
    ) -> Exchanges {
        let batch_len = core.batch_len(class);
        let mut exchanges = Exchanges(0);
        let limit = self.bins[class].limit;
        if limit < batch_len {
            let more = limit.max(1).min(batch_len - limit);
            self.grant(class, more, core, &mut exchanges);
        }
        if self.bins[class].limit == 0 {
            // Too large to be kept by a thread: straight to the depot.
            block.set_next(ptr::null_mut());
            // SAFETY: the caller holds the block and gives it up.
            core.depot.push(unsafe { Batch::new(block, 1) });
            exchanges.0 += 1;
            return exchanges;
        }
        let bin = &self.bins[class];
        if bin.room == 0 && bin.has_front() {
            self.rotate(class, batch_len, core, &mut exchanges);
        }
        // SAFETY: the caller holds the block and gives it up.
        let given = unsafe { self.give(class, block) };
        debug_assert!(given);
        exchanges
    }

    /// Empties what is full, front and active list: into the spare place if there is credit for it, else to the depot.
    fn rotate(&mut self, class: usize, batch_len: u32, core: &Core, exchanges: &mut Exchanges) {
        let bytes = self.bins[class].limit as usize * core.block_bytes(class);
        let bin = &mut self.bins[class];
        // SAFETY: there is a block in front, a record of the table, which is alive.
        let full = unsafe { &*bin.take_front() };
        full.set_next(bin.active.cast_mut());
        let len = bin.limit;
        bin.active = ptr::null();
        bin.room = bin.limit - 1;
        // SAFETY: this magazine holds the blocks of its lists.
        unsafe { full.set_batch_len(len) };
        if bin.spare.is_null() {
            if len == batch_len && self.credit >= bytes {
                self.credit -= bytes;
                bin.spare = full;
                return;
            }
            // SAFETY: the list was taken out of the bin above.
            core.depot.push(unsafe { Batch::new(full, len) });
        } else {
            // SAFETY: as for the active list.
            let spare = unsafe { &*bin.spare };
            // SAFETY: as above.
            let spare_len = unsafe { spare.batch_len() };
            bin.spare = full;
            // SAFETY: the spare batch was taken out of the bin just now.
            core.depot.push(unsafe { Batch::new(spare, spare_len) });
        }
        exchanges.0 += 1;
    }

    /// Raises a bin's limit by up to `more` blocks, at the cost of other bins if the credit is used up.
    fn grant(&mut self, class: usize, more: u32, core: &Core, exchanges: &mut Exchanges) {
        let block_bytes = core.block_bytes(class);
        if core.batch_len(class) == 0 || more == 0 {
            return;
        }
        // The largest first: they give back the most for one exchange.
        for other in (0..CLASSES).rev().filter(|&other| other != class) {
            if self.credit >= more as usize * block_bytes {
                break;
            }
            self.flush(other, core, exchanges);
        }
        let affordable = self.credit.checked_div(block_bytes).unwrap_or(usize::MAX);
        let granted = (more as usize).min(affordable) as u32;
        self.credit -= granted as usize * block_bytes;
        if granted == 0 {
            return;
        }
        let bin = &mut self.bins[class];
        bin.room += granted;
        if bin.limit == 0 {
            bin.front = ptr::null();
            bin.room -= 1;
        }
        bin.limit += granted;
    }

    /// Sends everything of one class to the depot and takes back its credit.
    fn flush(&mut self, class: usize, core: &Core, exchanges: &mut Exchanges) {
        let bin = &mut self.bins[class];
        let mut active_len = bin.limit.saturating_sub(1) - bin.room;
        if bin.has_front() {
            // SAFETY: what is in front is a record of the table, which is alive.
            let front = unsafe { &*bin.take_front() };
            front.set_next(bin.active.cast_mut());
            bin.active = front;
            active_len += 1;
        }
        let block_bytes = core.block_bytes(class);
        self.credit += bin.limit as usize * block_bytes;
        // SAFETY: lists consist of records of the table, which are alive.
        if let Some(active) = unsafe { bin.active.as_ref() } {
            // SAFETY: the list leaves the bin below, and nobody else holds its blocks.
            core.depot.push(unsafe { Batch::new(active, active_len) });
            exchanges.0 += 1;
        }
        // SAFETY: as above.
        if let Some(spare) = unsafe { bin.spare.as_ref() } {
            // SAFETY: this magazine holds the blocks of its spare batch.
            let len = unsafe { spare.batch_len() };
            self.credit += len as usize * block_bytes;
            // SAFETY: the batch leaves the bin below.
            core.depot.push(unsafe { Batch::new(spare, len) });
            exchanges.0 += 1;
        }
        bin.front = NO_PLACE;
        bin.active = ptr::null();
        bin.spare = ptr::null();
        bin.room = 0;
        bin.limit = 0;
    }

    /// Sends everything to the depot.
    pub(crate) fn flush_all(&mut self, core: &Core) -> Exchanges {
        let mut exchanges = Exchanges(0);
        for class in 0..CLASSES {
            self.flush(class, core, &mut exchanges);
        }
        exchanges
    }
}
