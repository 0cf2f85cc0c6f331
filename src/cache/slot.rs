//! One thread's place in a pool: its counters, its magazine, its arenas. Claimed at the thread's first use, handed back
//! at its exit, claimed again by another.
#![expect(unsafe_code, reason = "what a slot has belongs to its owner")]

use std::mem::offset_of;
use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::cache::arena::Arena;
use crate::cache::block::Block;
use crate::cache::core::Core;
use crate::cache::counters::{Counts, SlotCounters};
use crate::cache::in_flight::MOST_IN_FLIGHT;
use crate::cache::magazine::{Exchanges, Magazine};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};

/// What the fold remembers of a slot. Only under the fold's lock.
#[derive(Debug)]
pub(crate) struct Folded {
    /// Allocs, of both kinds, at the last frame end.
    pub(crate) seen_allocs: AtomicU64,
    /// Frame allocs of all ended frames.
    pub(crate) ended_allocs: AtomicU64,
}

/// One thread's place in a pool.
///
/// ```text
///   magazine │ stamp, pool, balance │ counters, 2 lines │ folded, arenas_used, owner, older, ahead: 1 line │ arenas, 3 lines each
///     the owner's alone       │ read by the frame end, of every slot                                 │ of those in use
/// ```
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// The owner's idle blocks. Only for the owner, but for the counters of its bins. First, so that a bin's address is the
    /// slot's plus a multiple.
    magazine: Magazine,
    /// The part of a block's state that names the owner.
    pub(super) stamp: AtomicU64,
    /// The pool, while the owner need not look further to use the slot (`tenancy.rs`). Written by the owner, and emptied by whoever
    /// closes a pool.
    pub(super) pool: AtomicPtr<Core>,
    /// Buffers lent minus buffers given back by this owner, not yet in the pool's ledger. Only for the owner.
    balance: UnsafeCell<i64>,
    /// What the bins do not count. Written by the owner, read by the fold: two cache lines.
    pub(crate) counters: SlotCounters,
    /// What only the fold writes.
    pub(crate) folded: Folded,
    /// A bit per arena that an owner ever lent from. Written by the owner.
    arenas_used: AtomicU32,
    /// 1 while a thread has the slot.
    pub(super) owner: AtomicU32,
    /// The slot added before this one. Never changes once the slot is in the list.
    pub(super) older: AtomicPtr<Slot>,
    /// The slot some places further on, for a look ahead. Never changes once the slot is in the list.
    pub(super) ahead: AtomicPtr<Slot>,
    /// The owner's bump allocators, one per open frame.
    arenas: [Arena; MOST_IN_FLIGHT],
}

/// Which of a slot's arenas is that of an open frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArenaPlace {
    /// How far into every slot.
    offset: usize,
}

impl ArenaPlace {
    /// Of the open frame `index`.
    pub(crate) fn of(index: usize) -> Self {
        assert!(index < MOST_IN_FLIGHT);
        Self {
            offset: offset_of!(Slot, arenas) + index * size_of::<Arena>(),
        }
    }

    /// The open frame's index.
    pub(crate) fn index(self) -> usize {
        (self.offset - offset_of!(Slot, arenas)) / size_of::<Arena>()
    }
}

// SAFETY: magazine and balance are only for the owner, and `owner` passes them from one to the next.
unsafe impl Send for Slot {}
// SAFETY: as above; of the magazine others read atomics only. The rest is atomic or says itself who touches it.
unsafe impl Sync for Slot {}

impl Slot {
    /// Where the lines are that the fold reads of every slot: one, and three in a row.
    pub(super) const GRANTED: usize = offset_of!(Self, magazine) + Magazine::GRANTED;
    pub(super) const COUNTERS: usize = offset_of!(Self, counters);

    pub(super) fn new(core: &Core) -> Self {
        Self {
            magazine: Magazine::new(core),
            stamp: AtomicU64::new(0),
            pool: AtomicPtr::new(ptr::null_mut()),
            balance: UnsafeCell::new(0),
            counters: SlotCounters::new(),
            folded: Folded {
                seen_allocs: AtomicU64::new(0),
                ended_allocs: AtomicU64::new(0),
            },
            arenas_used: AtomicU32::new(0),
            owner: AtomicU32::new(1),
            older: AtomicPtr::new(ptr::null_mut()),
            ahead: AtomicPtr::new(ptr::null_mut()),
            arenas: std::array::from_fn(|_| Arena::new()),
        }
    }

    /// The owner's arena at this place.
    #[inline(always)]
    pub(crate) fn arena(&self, place: ArenaPlace) -> &Arena {
        // SAFETY: only `of` makes a place, and it is that of an arena in every slot.
        unsafe { &*ptr::from_ref(self).byte_add(place.offset).cast() }
    }

    /// The arenas an owner ever lent from, with their places, of those whose bits are set in `frames`.
    pub(crate) fn arenas_among(&self, frames: u32) -> impl Iterator<Item = (ArenaPlace, &Arena)> {
        // Relaxed: the end of a frame is ordered after all that was done in it; of an open one a bit may be missed, and
        // with it what was lent a moment ago.
        let mut bits = self.arenas_used.load(Ordering::Relaxed) & frames;
        std::iter::from_fn(move || {
            (bits != 0).then(|| {
                let place = ArenaPlace::of(bits.trailing_zeros() as usize);
                bits &= bits - 1;
                (place, self.arena(place))
            })
        })
    }

    /// Notes that the owner lends from the arena at this place. Only for the owner.
    pub(crate) fn note_arena(&self, place: ArenaPlace) {
        // Relaxed, both: the owner is the only writer; see `arenas_among`.
        let used = self.arenas_used.load(Ordering::Relaxed);
        let bit = 1 << place.index();
        if used & bit == 0 {
            self.arenas_used.store(used | bit, Ordering::Relaxed);
        }
    }

    /// Whether a thread has the slot.
    pub(crate) fn is_claimed(&self) -> bool {
        // Relaxed: for statistics.
        self.owner.load(Ordering::Relaxed) != 0
    }

    /// Takes a block of `class` from the magazine and counts it as lent.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of `core`.
    #[inline(always)]
    pub(crate) unsafe fn take(
        &self,
        core: &Core,
        class: usize,
        requested: usize,
        site: &'static Location<'static>,
    ) -> Option<NonNull<Block>> {
        // SAFETY: the caller owns the slot; the records are alive because the pool is.
        let (bin, block) = unsafe {
            let bin = self.magazine.bin(class);
            (bin, bin.take()?)
        };
        bin.counters.hits.add(1);
        bin.counters.requested.add(requested as u64);
        // SAFETY: as above, and the block just left the magazine.
        unsafe { self.mark_lent(core, block, site) };
        Some(NonNull::from(block))
    }

    /// As [`take`](Self::take), from the spare batch or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of `core`, and `take` found nothing.
    pub(crate) unsafe fn refill(
        &self,
        core: &Core,
        class: usize,
        requested: usize,
        site: &'static Location<'static>,
    ) -> Option<NonNull<Block>> {
        let (block, exchanges) = self.magazine.refill(class, core);
        let block = block?;
        if exchanges.0 > 0 {
            self.counters.depot_hits.add(1);
            self.counters.depot_exchanges.add(exchanges.0);
        } else {
            self.counters.thread_hits.add(1);
        }
        // SAFETY: as above, and the block just left the magazine or the depot.
        unsafe { self.lend(core, block, requested, site) };
        Some(NonNull::from(block))
    }

    /// Counts the bytes of a block that goes out, and marks it, when it did not lie in a bin. The alloc itself was counted
    /// by where the block came from.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and holds the block.
    pub(crate) unsafe fn lend(
        &self,
        core: &Core,
        block: &Block,
        requested: usize,
        site: &'static Location<'static>,
    ) {
        self.counters.pooled_alloc_bytes.add(block.bytes());
        self.counters.pooled_requested_bytes.add(requested as u64);
        // SAFETY: as for the caller.
        unsafe { self.mark_lent(core, block, site) };
    }

    /// Notes who has a block that goes out.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and holds the block.
    #[inline(always)]
    unsafe fn mark_lent(&self, core: &Core, block: &Block, site: &'static Location<'static>) {
        // SAFETY: the caller holds the block.
        unsafe { block.touch() };
        if cfg!(feature = "telemetry") {
            // Relaxed: the owner reads what it wrote at its claim.
            block.mark_lent(core.stamp() | self.stamp.load(Ordering::Relaxed), site);
        } else {
            // SAFETY: the caller owns the slot.
            self.balance.with_mut(|balance| unsafe { *balance += 1 });
        }
    }

    /// Takes back a block that a buffer had, lent for `requested` bytes; `false` when the magazine has no room, and then
    /// nothing has happened but that the block's record may say so.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of the block's pool, and holds the block, and gives it up.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: &Block, requested: usize) -> bool {
        // SAFETY: the caller owns the slot, and gives up the block.
        let bin = unsafe {
            block.touch();
            self.magazine.bin(block.class())
        };
        // Before the bin is written, so that all stores to the bin's line, the next alloc's too, follow each other: so they leave
        // the core two at a time.
        Self::mark_idle(block);
        if !bin.give(block) {
            return false;
        }
        // The block is still ours: no other thread can lend it before this release is counted (L2).
        self.note_returned();
        bin.counters.releases.add(1);
        bin.counters.released_requested.add(requested as u64);
        true
    }

    /// As [`give`](Self::give), when the magazine had no room.
    ///
    /// # Safety
    ///
    /// As for [`give`](Self::give).
    pub(crate) unsafe fn give_with_room(&self, core: &Core, block: &Block, requested: usize) {
        // Before the block can reach another thread: whoever lends it next then counts after this release (L2).
        Self::mark_idle(block);
        self.note_returned();
        self.counters.pooled_releases.add(1);
        self.counters.pooled_release_bytes.add(block.bytes());
        self.counters
            .pooled_released_requested
            .add(requested as u64);
        // SAFETY: as for the caller.
        unsafe { self.make_room(core, block.class(), block) };
    }

    /// Notes that nobody has a block that comes back.
    #[inline(always)]
    fn mark_idle(block: &Block) {
        if cfg!(feature = "telemetry") {
            block.mark_idle();
        }
    }

    /// Notes that a block came back, where no counter says so.
    #[inline(always)]
    fn note_returned(&self) {
        if !cfg!(feature = "telemetry") {
            // SAFETY: only `give` and `give_with_room` call this, whose caller owns the slot.
            self.balance.with_mut(|balance| unsafe { *balance -= 1 });
        }
    }

    /// Gives a block for which the magazine had no room.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of `core`, and holds the block, and gives it up.
    unsafe fn make_room(&self, core: &Core, class: usize, block: &Block) {
        let exchanges = self.magazine.make_room_and_give(class, block, core);
        self.counters.depot_exchanges.add(exchanges.0);
    }

    /// Puts a block that was never lent into the magazine, or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of `core`, and holds the block, and gives it up.
    pub(crate) unsafe fn stock(&self, core: &Core, class: usize, block: &Block) {
        // SAFETY: the caller owns the slot, and gives up the block.
        unsafe {
            if !self.magazine.bin(class).give(block) {
                self.make_room(core, class, block);
            }
        }
    }

    /// Sends all idle blocks of the owner to the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of `core`.
    pub(crate) unsafe fn flush(&self, core: &Core) {
        let Exchanges(exchanges) = self.magazine.flush_all(core);
        self.counters.depot_exchanges.add(exchanges);
    }

    /// First pass of a walk: adds what was released.
    pub(crate) fn read_settled(&self, core: &Core, into: &mut Counts) {
        self.counters.read_settled(into);
        for (class, counters) in self.magazine.counters() {
            counters.read_settled(core.block_bytes(class) as u64, into);
        }
    }

    /// Second pass: adds what was lent.
    pub(crate) fn read_lent(&self, core: &Core, into: &mut Counts) {
        self.counters.read_lent(into);
        for (class, counters) in self.magazine.counters() {
            counters.read_lent(core.block_bytes(class) as u64, into);
        }
    }

    /// What this owner lent minus what it took back, since its claim or since it last settled.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(super) unsafe fn settle(&self, core: &Core) -> i64 {
        let mut counts = Counts::default();
        self.read_settled(core, &mut counts);
        self.read_lent(core, &mut counts);
        let lent = counts.pooled_allocs().wrapping_sub(counts.pooled_releases) as i64;
        // SAFETY: the caller owns the slot.
        self.balance.with_mut(|balance| unsafe {
            if cfg!(feature = "telemetry") {
                // The counters say it, and `balance` how far they were settled before.
                lent.wrapping_sub(std::mem::replace(&mut *balance, lent))
            } else {
                std::mem::take(&mut *balance)
            }
        })
    }

    /// Sets the counters, as if so much had been counted and settled before.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and nothing was lent since it last settled.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) unsafe fn start_at(&self, core: &Core, counts: &Counts) {
        self.counters.set(counts);
        // SAFETY: the caller owns the slot.
        let _ = unsafe { self.settle(core) };
    }

    /// Tries to become the owner.
    pub(super) fn claim(&self) -> bool {
        // Relaxed: a first look; the exchange decides.
        self.owner.load(Ordering::Relaxed) == 0
            // Acquire: pairs with the Release in `slots.rs::hand_back`; the new owner sees all that the old one wrote.
            && self
                .owner
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}

// What a thread costs a pool before it takes a buffer: its magazine, two lines and a half of counters, 16 arenas.
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
const _: () = assert!(size_of::<Slot>() <= 10 << 10);
