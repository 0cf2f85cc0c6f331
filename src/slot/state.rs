//! One thread's slot in a pool: its counters, its magazine, its arenas.
#![expect(unsafe_code, reason = "what a slot has belongs to its owner")]

use std::mem::offset_of;
use std::ptr::{self, NonNull};

use crate::arena::bump::Arena;
use crate::arena::in_flight::MAX_IN_FLIGHT;
use crate::blocks::bin::Bin;
use crate::blocks::block::Block;
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
use crate::blocks::class::LINE;
use crate::blocks::class::OVERSIZE;
use crate::blocks::exchange::{Exchange, Notes};
use crate::blocks::label::Label;
use crate::blocks::magazine::Magazine;
use crate::blocks::state::thread_of;
use crate::slot::changes::SlotReading;
#[cfg(feature = "backtrace")]
use crate::slot::countdown::Countdown;
use crate::slot::frame_sites::FrameSites;
use crate::slot::owner::{Owner, Use};
use crate::slot::tags::TagPart;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
use crate::telemetry::counters::Counts;
use crate::telemetry::counters::{Counter, SlotCounters};

/// One thread's place in a pool.
///
/// ```text
///   magazine: bins, credit │ stamp … ahead │ last_read, 3 lines │ counters, 2 lines │ arenas, 3 lines each
///     a line each, and one │ 1 line        │ 1st line        │                   │ of those in use
///     of those that counted└─ read by the frame end, of all ┘└─ of those that counted
/// ```
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// The owner's idle blocks. Only for the owner, but for what the aggregator reads. First, so that a bin's address is the
    /// slot's plus a multiple.
    magazine: Magazine,
    /// The part of a block's state that names the owner.
    pub(crate) stamp: AtomicU64,
    /// The pool's address, while the thread-local lookup may use the slot (`pool/lookup.rs`). The owner writes it. The thread that
    /// closes the pool clears it.
    pub(crate) pool: AtomicPtr<()>,
    /// Bytes asked for: of all pooled buffers allocated, and of all released. Both are change marks: see `slot/changes.rs`.
    pub(crate) requested: Counter,
    pub(crate) released_requested: Counter,
    /// Changes that neither of these shows: see `slot/changes.rs`.
    pub(crate) changes: Counter,
    /// A bit per arena that an owner ever lent from. Written by the owner.
    arenas_used: AtomicU32,
    /// Whether a thread has the slot, and who may use it.
    pub(crate) owner: Owner,
    /// The slot added before this one. Never changes once the slot is in the list.
    pub(crate) older: AtomicPtr<Slot>,
    /// The slot some places further on, for a look ahead. Never changes once the slot is in the list.
    pub(crate) ahead: AtomicPtr<Slot>,
    /// What the aggregator remembers. Only under its lock.
    pub(crate) last_read: UnsafeCell<SlotReading>,
    /// What the owners counted for tags. Written by the owner, read by the aggregator.
    pub(crate) tags: TagPart,
    /// What the owner took in sampled frames.
    pub(crate) frame_sites: FrameSites,
    /// The pool's address, or null while backtraces are on: what an alloc compares (`pool/backtraces.rs`).
    #[cfg(feature = "backtrace")]
    pub(crate) lends_for: AtomicPtr<()>,
    #[cfg(feature = "backtrace")]
    pub(crate) countdown: Countdown,
    /// What the bins do not show. Written by the owner, read by the aggregator.
    pub(crate) counters: SlotCounters,
    /// The owner's bump allocators, one per open frame.
    arenas: [Arena; MAX_IN_FLIGHT],
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
        assert!(index < MAX_IN_FLIGHT);
        Self {
            offset: offset_of!(Slot, arenas) + index * size_of::<Arena>(),
        }
    }

    /// The open frame's index.
    pub(crate) fn index(self) -> usize {
        (self.offset - offset_of!(Slot, arenas)) / size_of::<Arena>()
    }
}

// SAFETY: the magazine is only for the owner, and `owner` passes it from one to the next; `last_read` is only for the aggregator.
unsafe impl Send for Slot {}
// SAFETY: as above; of the magazine others read atomics only. The rest is atomic or says itself who touches it.
unsafe impl Sync for Slot {}

impl Slot {
    /// Where the two lines are that the aggregator reads of every slot.
    pub(crate) const READ_BY_AGGREGATOR: [usize; 2] =
        [offset_of!(Self, requested), offset_of!(Self, last_read)];

    /// Writes a new slot in place, claimed: it is too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory for a slot that nobody else uses.
    pub(crate) unsafe fn write_new(at: NonNull<Self>, credit: usize, claimed_for: Use) {
        let at = at.as_ptr();
        // SAFETY: as for this function; all fields are written.
        unsafe {
            Magazine::write_new(&raw mut (*at).magazine, credit);
            (&raw mut (*at).stamp).write(AtomicU64::new(0));
            (&raw mut (*at).pool).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*at).requested).write(Counter::new());
            (&raw mut (*at).released_requested).write(Counter::new());
            (&raw mut (*at).changes).write(Counter::new());
            (&raw mut (*at).arenas_used).write(AtomicU32::new(0));
            (&raw mut (*at).owner).write(Owner::new(claimed_for));
            (&raw mut (*at).older).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*at).ahead).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*at).last_read).write(UnsafeCell::new(SlotReading::default()));
            (&raw mut (*at).tags).write(TagPart::new());
            (&raw mut (*at).frame_sites).write(FrameSites::new());
            #[cfg(feature = "backtrace")]
            {
                (&raw mut (*at).lends_for).write(AtomicPtr::new(ptr::null_mut()));
                (&raw mut (*at).countdown).write(Countdown::new());
            }
            (&raw mut (*at).counters).write(SlotCounters::new());
            let arenas = (&raw mut (*at).arenas).cast::<Arena>();
            for place in 0..MAX_IN_FLIGHT {
                arenas.add(place).write(Arena::new());
            }
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

    /// Notes that the owner lends from the arena at this place; whether it is for the first time. Only for the owner.
    pub(crate) fn note_arena(&self, place: ArenaPlace) -> bool {
        // Relaxed, both: the owner is the only writer; see `arenas_among`.
        let used = self.arenas_used.load(Ordering::Relaxed);
        let bit = 1 << place.index();
        let is_first = used & bit == 0;
        if is_first {
            self.arenas_used.store(used | bit, Ordering::Relaxed);
        }
        is_first
    }

    /// Bytes of the blocks that came to the magazine less those it sent away.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.magazine.received_bytes()
    }

    /// The number of the name of the thread that has the slot, or had it last.
    pub(crate) fn thread(&self) -> u32 {
        // Relaxed: a number of its own.
        thread_of(self.stamp.load(Ordering::Relaxed))
    }

    /// Whether a thread has the slot.
    pub(crate) fn is_claimed(&self) -> bool {
        self.owner.is_claimed()
    }

    /// Takes a block of `class` from the magazine and counts it as lent.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and `exchange` is of its pool.
    #[inline(always)]
    pub(crate) unsafe fn alloc_fast(
        &self,
        stamp: &AtomicU64,
        class: usize,
        requested: usize,
        label: Label,
    ) -> Option<NonNull<Block>> {
        // SAFETY: the caller owns the slot; the records are alive because the pool is.
        let (bin, block) = unsafe {
            let bin = self.magazine.bin(class);
            (bin, bin.pop()?)
        };
        bin.hits.increment();
        // Behind the hit, of which it tells the aggregator.
        self.requested.add(requested as u64);
        // SAFETY: as above, and the block just left the magazine.
        unsafe { self.mark_lent(stamp, block, label) };
        Some(NonNull::from(block))
    }

    /// Allocates a block of `class` from the spare batch or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, `exchange` is of its pool, and `alloc_fast` found nothing.
    pub(crate) unsafe fn refill(
        &self,
        exchange: &Exchange<'_>,
        stamp: &AtomicU64,
        class: usize,
        requested: usize,
        label: Label,
    ) -> Option<NonNull<Block>> {
        let (block, from_depot) = self.magazine.refill(class, exchange, self.notes())?;
        if from_depot {
            self.counters.depot_hits.increment();
            self.counters.lent_bytes.add(block.bytes());
        } else {
            // SAFETY: the caller owns the slot.
            unsafe { self.magazine.bin(class) }.hits.increment();
        }
        self.requested.add(requested as u64);
        // SAFETY: as above, and the block just left the magazine or the depot.
        unsafe { self.mark_lent(stamp, block, label) };
        Some(NonNull::from(block))
    }

    /// Allocates a block with new memory. The alloc itself was counted by why it was needed.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and holds the block.
    pub(crate) unsafe fn alloc_new(
        &self,
        exchange: &Exchange<'_>,
        stamp: &AtomicU64,
        block: &Block,
        requested: usize,
        label: Label,
    ) {
        self.magazine.note_new(block.bytes(), exchange);
        self.counters.lent_bytes.add(block.bytes());
        self.requested.add(requested as u64);
        // SAFETY: as for the caller.
        unsafe { self.mark_lent(stamp, block, label) };
    }

    /// Where the magazine notes what it does.
    fn notes(&self) -> Notes<'_> {
        Notes {
            counters: &self.counters,
            changes: &self.changes,
        }
    }

    /// Notes who has a block that goes out, and the pool's stamp.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and holds the block.
    #[inline(always)]
    unsafe fn mark_lent(&self, stamp: &AtomicU64, block: &Block, label: Label) {
        // SAFETY: the caller holds the block.
        unsafe { block.touch() };
        if label.tag.is_some() {
            // SAFETY: as for the caller.
            unsafe { self.attach_tag(block, label.tag) };
        }
        if cfg!(feature = "telemetry") {
            // Relaxed, both: a number of its own; and the owner reads what it wrote at its claim.
            let stamp = stamp.load(Ordering::Relaxed) | self.stamp.load(Ordering::Relaxed);
            block.mark_lent(stamp, label.site);
        }
    }

    /// Takes back a block of `class` that a buffer had, lent for `requested` bytes; `false` when the magazine has no room, and
    /// then nothing has happened but that the block's record may say so.
    ///
    /// The class is the caller's to say, from the bytes: read from the record, the address of all stores to the bin would hang
    /// on the load of the block from that bin before, and a processor that looks at addresses before it passes a store on to a
    /// load would go through the pair of an alloc and a release one load after another.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which is one of the block's pool, and holds the block, and gives it up. The block is of the
    /// class, or the class is `OVERSIZE`, whose bin takes nothing.
    #[inline(always)]
    pub(crate) unsafe fn release_fast(
        &self,
        class: usize,
        block: &Block,
        requested: usize,
    ) -> bool {
        // SAFETY: the caller owns the slot, and gives up the block. What reads the class is the debug assertion.
        let bin = unsafe {
            block.touch();
            debug_assert!(class == OVERSIZE || class == block.class());
            self.magazine.bin(class)
        };
        // Before the bin is written, so that all stores to the bin's line, the next alloc's too, follow each other: so they leave
        // the core two at a time.
        Self::mark_idle(block);
        if !bin.try_push(block) {
            return false;
        }
        // The block may be freed with its pool from here on (`closing.rs`), and only the slot is there.
        // Behind the give, of which it tells the aggregator.
        self.released_requested.add(requested as u64);
        true
    }

    /// Releases a block when the magazine had no room.
    ///
    /// # Safety
    ///
    /// As for [`release_fast`](Self::release_fast).
    pub(crate) unsafe fn release_slow(
        &self,
        exchange: &Exchange<'_>,
        block: &Block,
        requested: usize,
    ) {
        Self::mark_idle(block);
        // Before the block can reach the depot, as all other counts of a release: so a thread that lends it next, and is then read by
        // an aggregation, comes after a release that the next aggregation reads. Without that a number that an aggregation inferred may go back.
        self.released_requested.add(requested as u64);
        // SAFETY: as for the caller.
        unsafe {
            self.magazine
                .make_room_and_push(block.class(), block, exchange, self.notes());
        }
    }

    /// Notes that nobody has a block that comes back.
    #[inline(always)]
    fn mark_idle(block: &Block) {
        if cfg!(feature = "telemetry") {
            block.mark_idle();
        }
    }

    /// Puts a block that was never lent into the magazine, or the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, `exchange` is of its pool, and holds the block, and gives it up.
    pub(crate) unsafe fn prefill(&self, exchange: &Exchange<'_>, class: usize, block: &Block) {
        // SAFETY: as for the caller.
        unsafe { self.magazine.prefill(class, block, exchange, self.notes()) };
    }

    /// Idle blocks of a class in the magazine.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn idle_blocks(&self, class: usize) -> u64 {
        self.magazine.idle(class)
    }

    /// Sends all idle blocks of the owner to the depot.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and `exchange` is of its pool.
    pub(crate) unsafe fn flush(&self, exchange: &Exchange<'_>) {
        self.magazine.flush_all(exchange, self.notes());
    }

    /// Every bin that was usual granted anything, with its class. For the aggregator.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (usize, &Bin)> {
        self.magazine.bins()
    }

    /// Buffers that this owner lent less those it took back, since its claim or since it last paid. Its magazine is empty.
    ///
    /// # Safety
    ///
    /// The caller owns the slot.
    pub(crate) unsafe fn take_balance(&self) -> i64 {
        self.magazine.take_balance()
    }

    /// Sets the counters, as if so much had been counted before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, counts: &Counts) {
        self.magazine.start_at(counts.thread_hits);
        self.counters.set(counts);
        self.requested.set(counts.pooled_requested_bytes);
        self.released_requested
            .set(counts.pooled_released_requested);
        // So that the change marks have not moved by exactly 2^64 since the last aggregation (`slot/changes.rs`).
        self.changes.set(1 << 32);
    }

    /// What the owner has not paid into the lifetime, when the closer pays it: see [`Magazine::balance_for_owner`].
    pub(crate) fn balance_for_owner(&self) -> i64 {
        self.magazine.balance_for_owner()
    }

    /// What the owner released since: see [`Magazine::given_since`].
    pub(crate) fn given_since(&self) -> i64 {
        self.magazine.given_since()
    }

    /// How many fast releases the closer did not see, for the owner: see [`Magazine::take_over`].
    pub(crate) fn take_over(&self) -> i64 {
        self.magazine.take_over()
    }
}

#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
const _: () = {
    // What a thread costs a pool before it takes a buffer: its magazine, six lines, 16 arenas.
    assert!(size_of::<Slot>() <= 10 << 10);
    // What is read of every slot lies on two lines, one behind the other.
    let [marks, last_read] = Slot::READ_BY_AGGREGATOR;
    assert!(last_read % LINE == 0 && last_read / LINE == marks / LINE + 1);
    assert!(offset_of!(Slot, stamp) / LINE == marks / LINE);
    assert!(offset_of!(Slot, ahead) / LINE == marks / LINE);
};
