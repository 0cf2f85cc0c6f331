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

use std::cell::Cell;
use std::hint::cold_path;
use std::ptr;

use crate::cache::block::Block;
use crate::cache::class::CLASSES;
use crate::cache::core::Core;
use crate::cache::counters::BinCounters;
use crate::cache::depot::Batch;
use crate::sync::{AtomicU64, Ordering, UnsafeCell, sized};

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

/// The idle blocks of one class, and what the thread took and gave: one cache line, all that an alloc or a release writes
/// of the slot. The cells are only for the owner; the counters are read by the fold.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Bin {
    /// One block, null, or [`NO_PLACE`].
    front: Cell<*const Block>,
    active: Cell<*const Block>,
    spare: Cell<*const Block>,
    /// How many more blocks `active` takes.
    room: Cell<u32>,
    /// How many blocks `front` and `active` may have; paid for.
    limit: Cell<u32>,
    pub(crate) counters: BinCounters,
}

/// Says that a bin has no place in front. Not null, so that nothing is put there, and not above itself, so that nothing is
/// taken.
const NO_PLACE: *const Block = ptr::without_provenance(1);

impl Bin {
    fn new() -> Self {
        Self {
            front: Cell::new(NO_PLACE),
            active: Cell::new(ptr::null()),
            spare: Cell::new(ptr::null()),
            room: Cell::new(0),
            limit: Cell::new(0),
            counters: BinCounters::new(),
        }
    }

    /// Takes the block out of the place in front.
    #[inline(always)]
    fn take_front(&self) -> *const Block {
        debug_assert!(self.has_front());
        self.front.replace(ptr::null())
    }

    #[inline(always)]
    fn has_front(&self) -> bool {
        self.front.get().addr() > NO_PLACE.addr()
    }

    /// Takes the block given last; `None` when front and active list are empty.
    ///
    /// # Safety
    ///
    /// The records of the pool's table are alive.
    #[inline(always)]
    pub(crate) unsafe fn take<'t>(&self) -> Option<&'t Block> {
        if self.has_front() {
            // SAFETY: what is in front is a record of the pool's table, which is alive.
            return Some(unsafe { &*self.take_front() });
        }
        // SAFETY: lists consist of records of the pool's table, which are alive.
        let Some(block) = (unsafe { self.active.get().as_ref() }) else {
            cold_path();
            return None;
        };
        let next = block.next();
        self.active.set(next);
        prefetch(next);
        self.room.set(self.room.get() + 1);
        Some(block)
    }

    /// Gives a block of the bin's class, which the caller holds; `false` when there is no room, and then nothing has
    /// happened.
    #[inline(always)]
    pub(crate) fn give(&self, block: &Block) -> bool {
        if self.front.get().is_null() {
            self.front.set(block);
            return true;
        }
        if self.room.get() == 0 {
            cold_path();
            return false;
        }
        block.set_next(self.active.get().cast_mut());
        self.active.set(block);
        self.room.set(self.room.get() - 1);
        true
    }
}

/// A thread's idle blocks of all classes. Owned by the slot's owner.
#[derive(Debug)]
pub(crate) struct Magazine {
    /// One bin per class, and one, always empty, for blocks beyond the largest.
    bins: [Bin; CLASSES + 1],
    /// Which bins were ever granted anything, so that the fold need not look at the others: a bit each.
    granted: [AtomicU64; CLASSES / 64 + 1],
    /// Bytes not yet granted to any bin.
    credit: Cell<usize>,
    /// Nothing but a sign to the model checker, which does not see the cells: who uses the magazine owns it.
    owned: UnsafeCell<()>,
}

/// The places of the bits that are set.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let place = word.trailing_zeros();
            word &= word - 1;
            place as usize
        })
    })
}

/// Brings a line into the cache that will be read soon: a block's record, which the next alloc of its class may read at
/// once; a slot, to which a walk will come.
#[inline(always)]
pub(super) fn prefetch<T>(at: *const T) {
    #[cfg(all(target_arch = "x86_64", not(framepool_loom)))]
    // SAFETY: a prefetch reads nothing and faults on no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(framepool_loom))))]
    let _ = at;
}

/// What the slow path did, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchanges(pub(crate) u64);

impl Magazine {
    /// Where in a magazine the line is that the fold reads of every slot.
    pub(crate) const GRANTED: usize = std::mem::offset_of!(Self, granted);

    pub(crate) fn new(core: &Core) -> Self {
        Self {
            bins: std::array::from_fn(|_| Bin::new()),
            granted: std::array::from_fn(|_| AtomicU64::new(0)),
            credit: Cell::new(core.config.thread_cache_bytes),
            owned: UnsafeCell::new(()),
        }
    }

    /// The bin of a class.
    ///
    /// # Safety
    ///
    /// `class` is a size class or `OVERSIZE`. Only for the owner.
    #[inline(always)]
    pub(crate) unsafe fn bin(&self, class: usize) -> &Bin {
        debug_assert!(class < self.bins.len());
        self.owned.with_mut(|_| ());
        // SAFETY: the caller passes a class, and there is a bin for each.
        unsafe { self.bins.get_unchecked(class) }
    }

    /// The counters of every bin that was ever granted anything, with its class. For the fold.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (usize, &BinCounters)> {
        self.granted.iter().enumerate().flat_map(move |(at, word)| {
            // Acquire: pairs with the Release in `grant`. A walk that has seen a release of a block, in whatever slot, is
            // ordered after the block's alloc, so it finds the bit that was set before that (L2).
            bits(word.load(Ordering::Acquire)).map(move |bit| {
                let class = 64 * at + bit;
                (class, &self.bins[class].counters)
            })
        })
    }

    /// When [`Bin::take`] found nothing: takes from the spare batch, or from one fetched from the depot.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill<'t>(
        &self,
        class: usize,
        core: &'t Core,
    ) -> (Option<&'t Block>, Exchanges) {
        self.owned.with_mut(|_| ());
        let bin = &self.bins[class];
        debug_assert!(bin.active.get().is_null());
        // SAFETY: a spare batch consists of records of the pool's table, which lives as long as the pool.
        if let Some(spare) = unsafe { bin.spare.get().as_ref() } {
            // SAFETY: this magazine holds the blocks of its spare batch.
            let len = unsafe { spare.batch_len() };
            bin.spare.set(ptr::null());
            // The first block is lent at once, so that the place in front is not needed for it.
            bin.active.set(spare.next());
            bin.room.set(bin.limit.get() - len);
            prefetch(bin.active.get());
            self.pay_back(len, class, core);
            return (Some(spare), Exchanges(0));
        }
        let Some(batch) = core.depot.pop(class, &core.table) else {
            return (None, Exchanges(0));
        };
        let (first, rest) = (batch.head(), batch.len() - 1);
        let mut exchanges = Exchanges(1);
        if rest > 0 {
            // The first block is lent at once; the others become the active list, as far as there is credit.
            let missing = rest.saturating_sub(bin.limit.get());
            self.grant(class, missing, core, &mut exchanges);
            if rest <= bin.limit.get() {
                bin.front.set(first.next());
                // SAFETY: the records of the table are alive, and `rest` of them follow the first.
                bin.active.set(unsafe { &*bin.front.get() }.next());
                bin.room.set(bin.limit.get() - rest);
                prefetch(bin.active.get());
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

    /// When [`Bin::give`] had no room: makes some, by credit or by sending a batch to the depot, and gives.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room_and_give(&self, class: usize, block: &Block, core: &Core) -> Exchanges {
        self.owned.with_mut(|_| ());
        let batch_len = core.batch_len(class);
        let mut exchanges = Exchanges(0);
        let bin = &self.bins[class];
        let limit = bin.limit.get();
        if limit < batch_len {
            let more = limit.max(1).min(batch_len - limit);
            self.grant(class, more, core, &mut exchanges);
        }
        if bin.limit.get() == 0 {
            // Too large to be kept by a thread: straight to the depot.
            block.set_next(ptr::null_mut());
            // SAFETY: the caller holds the block and gives it up.
            core.depot.push(unsafe { Batch::new(block, 1) });
            exchanges.0 += 1;
            return exchanges;
        }
        if bin.room.get() == 0 && bin.has_front() {
            self.rotate(class, batch_len, core, &mut exchanges);
        }
        let given = bin.give(block);
        debug_assert!(given);
        exchanges
    }

    /// Empties what is full, front and active list: into the spare place if there is credit for it, else to the depot.
    fn rotate(&self, class: usize, batch_len: u32, core: &Core, exchanges: &mut Exchanges) {
        let bin = &self.bins[class];
        let len = bin.limit.get();
        let bytes = len as usize * core.block_bytes(class);
        // SAFETY: there is a block in front, a record of the table, which is alive.
        let full = unsafe { &*bin.take_front() };
        full.set_next(bin.active.replace(ptr::null()).cast_mut());
        bin.room.set(len - 1);
        // SAFETY: this magazine holds the blocks of its lists.
        unsafe { full.set_batch_len(len) };
        if bin.spare.get().is_null() {
            if len == batch_len && self.credit.get() >= bytes {
                self.credit.set(self.credit.get() - bytes);
                bin.spare.set(full);
                return;
            }
            // SAFETY: the list was taken out of the bin above.
            core.depot.push(unsafe { Batch::new(full, len) });
        } else {
            // SAFETY: as for the active list.
            let spare = unsafe { &*bin.spare.replace(full) };
            // SAFETY: as above.
            let spare_len = unsafe { spare.batch_len() };
            // SAFETY: the spare batch was taken out of the bin just now.
            core.depot.push(unsafe { Batch::new(spare, spare_len) });
        }
        exchanges.0 += 1;
    }

    /// Raises a bin's limit by up to `more` blocks, at the cost of other bins if the credit is used up.
    fn grant(&self, class: usize, more: u32, core: &Core, exchanges: &mut Exchanges) {
        let block_bytes = core.block_bytes(class);
        if core.batch_len(class) == 0 || more == 0 {
            return;
        }
        // The largest first: they give back the most for one exchange.
        for other in (0..CLASSES).rev().filter(|&other| other != class) {
            if self.credit.get() >= more as usize * block_bytes {
                break;
            }
            self.flush(other, core, exchanges);
        }
        let credit = self.credit.get();
        let affordable = credit.checked_div(block_bytes).unwrap_or(usize::MAX);
        let granted = (more as usize).min(affordable) as u32;
        self.credit.set(credit - granted as usize * block_bytes);
        if granted == 0 {
            return;
        }
        // Relaxed: the owner is the only writer.
        let word = &self.granted[class / 64];
        let before = word.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `counters`. Before the bin has a block, so before it counts.
        word.store(before | 1 << (class % 64), Ordering::Release);
        let bin = &self.bins[class];
        let mut room = bin.room.get() + granted;
        if bin.limit.get() == 0 {
            bin.front.set(ptr::null());
            room -= 1;
        }
        bin.room.set(room);
        bin.limit.set(bin.limit.get() + granted);
    }

    /// Takes back the credit for `blocks` blocks.
    fn pay_back(&self, blocks: u32, class: usize, core: &Core) {
        let bytes = blocks as usize * core.block_bytes(class);
        self.credit.set(self.credit.get() + bytes);
    }

    /// Sends everything of one class to the depot and takes back its credit.
    fn flush(&self, class: usize, core: &Core, exchanges: &mut Exchanges) {
        let bin = &self.bins[class];
        let limit = bin.limit.replace(0);
        let mut active_len = limit.saturating_sub(1) - bin.room.replace(0);
        let mut active = bin.active.replace(ptr::null());
        if bin.has_front() {
            // SAFETY: what is in front is a record of the table, which is alive.
            let front = unsafe { &*bin.take_front() };
            front.set_next(active.cast_mut());
            active = front;
            active_len += 1;
        }
        bin.front.set(NO_PLACE);
        self.pay_back(limit, class, core);
        // SAFETY: lists consist of records of the table, which are alive.
        if let Some(active) = unsafe { active.as_ref() } {
            // SAFETY: the list left the bin above, and nobody else holds its blocks.
            core.depot.push(unsafe { Batch::new(active, active_len) });
            exchanges.0 += 1;
        }
        // SAFETY: as above.
        if let Some(spare) = unsafe { bin.spare.replace(ptr::null()).as_ref() } {
            // SAFETY: this magazine holds the blocks of its spare batch.
            let len = unsafe { spare.batch_len() };
            self.pay_back(len, class, core);
            // SAFETY: the batch left the bin just now.
            core.depot.push(unsafe { Batch::new(spare, len) });
            exchanges.0 += 1;
        }
    }

    /// Sends everything to the depot.
    pub(crate) fn flush_all(&self, core: &Core) -> Exchanges {
        self.owned.with_mut(|_| ());
        let mut exchanges = Exchanges(0);
        for class in 0..CLASSES {
            self.flush(class, core, &mut exchanges);
        }
        exchanges
    }
}
