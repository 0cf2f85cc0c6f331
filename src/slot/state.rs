//! One thread's slot in a pool: its counters, its magazine, its arenas.
#![expect(unsafe_code, reason = "what a slot has belongs to its owner")]

mod arenas;
mod idle;

use std::mem::offset_of;
use std::ptr::{self, NonNull};

use crate::blocks::block::Block;
use crate::blocks::class::Classes;
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
use crate::blocks::class::LINE;
use crate::blocks::depot::Batch;
use crate::blocks::exchange::{Exchange, Notes};
use crate::blocks::label::Label;
use crate::blocks::magazine::Magazine;
use crate::blocks::state::{tag_stamp, thread_of};
use crate::slot::changes::SlotReading;
#[cfg(feature = "backtrace")]
use crate::slot::countdown::Countdown;
use crate::slot::frame_sites::FrameSites;
use crate::slot::owner::{Owner, Use};
use crate::slot::tags::{TagCounters, TagPart};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
use crate::telemetry::counters::Counts;
use crate::telemetry::counters::{Counter, SlotCounters};

pub(crate) use arenas::ArenaPlace;

/// One thread's state in a pool. Behind it in memory lie the owner's bump allocators, one per open frame (`state/arenas.rs`).
///
/// ```text
///   magazine: bins, allowances, credit │ stamp … ahead │ last_read, 3 lines │ counters, 2 lines │ arenas, 3 lines each
///     half a line each,        1 line  │ 1 line        │ 1st line           │                   │ of those in use
///     of those that counted            └─ read by the frame end, of all    ┘└─ of those that counted
/// ```
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// The owner's idle blocks. Only for the owner, except the words that the aggregator reads. First field, so that
    /// a bin's address is the slot's plus a multiple.
    magazine: Magazine,
    /// The part of a block's state that names the owner.
    pub(crate) stamp: AtomicU64,
    /// The pool's address, while the thread-local lookup may use the slot (`pool/lookup.rs`). The owner writes it. The thread that
    /// closes the pool clears it.
    pub(crate) pool: AtomicPtr<()>,
    /// Requested bytes of all pooled buffers allocated, and of all released. Both are change marks: see
    /// `slot/changes.rs`.
    pub(crate) requested: Counter,
    pub(crate) released_requested: Counter,
    /// Counts all other changes: see `slot/changes.rs`.
    pub(crate) changes: Counter,
    /// One bit per arena that an owner ever allocated from. Written by the owner.
    arenas_used: AtomicU32,
    /// Whether a thread has the slot, and who may use it.
    pub(crate) owner: Owner,
    /// The slot added before this one. Never changes once the slot is in the list.
    pub(crate) older: AtomicPtr<Slot>,
    /// A slot a few steps further on, for prefetching. Never changes once the slot is in the list.
    pub(crate) ahead: AtomicPtr<Slot>,
    /// The aggregator's last reading. Only under its lock.
    pub(crate) last_read: UnsafeCell<SlotReading>,
    /// The counters per tag. Written by the owner, read by the aggregator.
    pub(crate) tags: TagPart,
    /// The owner's allocs in sampled frames.
    pub(crate) frame_sites: FrameSites,
    /// The number of frames that can be open at once, and so of arenas behind the slot.
    frames: u32,
    /// The word that an alloc compares: the pool's address, or null while backtraces are on (`pool/backtraces.rs`).
    #[cfg(feature = "backtrace")]
    pub(crate) allocs_for: AtomicPtr<()>,
    #[cfg(feature = "backtrace")]
    pub(crate) countdown: Countdown,
    /// Counts that do not follow from the bins. Written by the owner, read by the aggregator.
    pub(crate) counters: SlotCounters,
}

// SAFETY: the magazine is only for the owner, and `owner` passes it from one to the next; `last_read` is only for the aggregator.
unsafe impl Send for Slot {}
// SAFETY: as above; other threads read only atomics of the magazine, and the closer of the pool its allowances, while the owner runs fast
// releases at most (`closing.rs`). The rest is atomic, or its own type controls access.
unsafe impl Sync for Slot {}

impl Slot {
    /// The offsets of the two cache lines that the aggregator reads in every slot.
    pub(crate) const READ_BY_AGGREGATOR: [usize; 2] =
        [offset_of!(Self, requested), offset_of!(Self, last_read)];

    /// Writes a new, claimed slot in place, because it is too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory of [`layout`](Self::layout) for this many frames that nobody else uses.
    pub(crate) unsafe fn write_new(
        at: NonNull<Self>,
        credit: usize,
        frames: u32,
        claimed_for: Use,
    ) {
        let at = at.as_ptr();
        // SAFETY: as for this function; all fields are written, and all arenas.
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
            (&raw mut (*at).frames).write(frames);
            #[cfg(feature = "backtrace")]
            {
                (&raw mut (*at).allocs_for).write(AtomicPtr::new(ptr::null_mut()));
                (&raw mut (*at).countdown).write(Countdown::new());
            }
            (&raw mut (*at).counters).write(SlotCounters::new());
            Self::write_arenas(at, frames);
        }
    }

    /// Bytes of the blocks that the magazine received, minus those it sent away.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.magazine.received_bytes()
    }

    /// The number of frames that can be open at once.
    pub(crate) fn frames(&self) -> u32 {
        self.frames
    }

    /// The number of the current or last owner's thread name.
    pub(crate) fn thread(&self) -> u32 {
        // Relaxed: no other data depends on it.
        thread_of(self.stamp.load(Ordering::Relaxed))
    }

    /// Whether a thread has the slot.
    pub(crate) fn is_claimed(&self) -> bool {
        self.owner.is_claimed()
    }

    /// Allocates a block of `class` from the magazine. `counters` are those of the label's tag.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and `stamp` and `classes` are of its pool. The class is at most `NO_CLASS`.
    #[inline(always)]
    pub(crate) unsafe fn alloc_fast(
        &self,
        (stamp, classes): (&AtomicU64, &Classes),
        class: usize,
        requested: usize,
        label: Label,
        counters: Option<&TagCounters>,
    ) -> Option<NonNull<Block>> {
        // SAFETY: the caller owns the slot; the records are alive because the pool is.
        let (bin, block) = unsafe {
            let bin = self.magazine.bin(class);
            (bin, bin.pop()?)
        };
        bin.hits.increment();
        // After the hit, because this is the change mark for it.
        self.requested.add(requested as u64);
        let counters = counters.map(|counters| (counters, classes.block_bytes(class) as u64));
        // SAFETY: as above, and the block just left the magazine.
        unsafe { self.mark_lent(stamp, block, label, counters) };
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
        let bytes = exchange.classes.block_bytes(class) as u64;
        if from_depot {
            self.counters.depot_hits.increment();
            self.counters.lent_bytes.add(bytes);
            exchange.depot.sample_requested(class, requested);
        } else {
            // SAFETY: the caller owns the slot.
            unsafe { self.magazine.bin(class) }.hits.increment();
        }
        self.requested.add(requested as u64);
        let counters = self.tags.counters(label.tag).map(|it| (it, bytes));
        // SAFETY: as above, and the block just left the magazine or the depot.
        unsafe { self.mark_lent(stamp, block, label, counters) };
        Some(NonNull::from(block))
    }

    /// Allocates the first block of a batch with new memory, and keeps the others idle. The alloc itself was counted by its reason.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and gives up the batch.
    pub(crate) unsafe fn alloc_new(
        &self,
        exchange: &Exchange<'_>,
        stamp: &AtomicU64,
        batch: &Batch<'_>,
        requested: usize,
        label: Label,
    ) -> NonNull<Block> {
        let bytes = exchange.bytes_of(batch.class(), batch.head());
        let block = self.magazine.take_in(batch, exchange, self.notes());
        self.counters.lent_bytes.add(bytes);
        self.requested.add(requested as u64);
        let counters = self.tags.counters(label.tag).map(|it| (it, bytes));
        // SAFETY: as for the caller, and the block just left the batch.
        unsafe { self.mark_lent(stamp, block, label, counters) };
        NonNull::from(block)
    }

    /// The counters that the magazine updates.
    fn notes(&self) -> Notes<'_> {
        Notes {
            counters: &self.counters,
            changes: &self.changes,
        }
    }

    /// Counts an alloc for its tag, and writes the holder and the pool's stamp into the record of the block. `counters` are
    /// those of the label's tag, with the bytes of the block.
    ///
    /// # Safety
    ///
    /// The caller owns the slot and holds the block.
    #[inline(always)]
    unsafe fn mark_lent(
        &self,
        stamp: &AtomicU64,
        block: &Block,
        label: Label,
        counters: Option<(&TagCounters, u64)>,
    ) {
        // SAFETY: the caller holds the block.
        unsafe { block.touch() };
        debug_assert_eq!(label.tag.is_some(), counters.is_some());
        if let Some((counters, bytes)) = counters {
            // SAFETY: the caller holds the block.
            unsafe { block.set_tag_hint() };
            counters.count_alloc(bytes);
        }
        let tag = tag_stamp(label.tag);
        if cfg!(feature = "telemetry") {
            // Relaxed, both: no other data depends on the pool's stamp, and the owner wrote its own at its claim.
            let stamp = stamp.load(Ordering::Relaxed) | self.stamp.load(Ordering::Relaxed) | tag;
            block.mark_lent(stamp, label.site);
        } else if counters.is_some() {
            block.mark_tagged(tag);
        }
    }

    /// Releases a block of `class` that was allocated for `requested` bytes. `false` if the magazine has no room;
    /// then nothing changed, except that the record may already say idle.
    ///
    /// The caller computes the class from the bytes. If it were read from the record, the address of every store to
    /// the bin would depend on the load of the block from that bin. A processor that checks addresses before it
    /// forwards a store would then run the loads of an alloc and a release one after another.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, which belongs to the block's pool, holds the block, and gives it up. The block is of
    /// the class, which is at most `NO_CLASS`.
    #[inline(always)]
    pub(crate) unsafe fn release_fast(
        &self,
        class: usize,
        block: &Block,
        requested: usize,
    ) -> bool {
        // SAFETY: the caller owns the slot, and gives up the block.
        let bin = unsafe {
            block.touch();
            self.magazine.bin(class)
        };
        // Before the bin is written, so that all stores to the bin's line, including those of the next alloc, follow
        // each other. The core then commits two at a time.
        Self::mark_idle(block);
        if !bin.try_push(block) {
            return false;
        }
        // From here on the block may be freed with its pool (`closing.rs`); only the slot still exists. After the
        // push, because this is the change mark for it.
        self.released_requested.add(requested as u64);
        true
    }

    /// Releases a block of `class` if the magazine had no room.
    ///
    /// # Safety
    ///
    /// As for [`release_fast`](Self::release_fast).
    pub(crate) unsafe fn release_slow(
        &self,
        exchange: &Exchange<'_>,
        class: usize,
        block: &Block,
        requested: usize,
    ) {
        Self::mark_idle(block);
        // Before the block can reach the depot, like all other counts of a release. So if an aggregation reads the
        // block's next alloc, the next aggregation reads this release. Otherwise a number that an aggregation
        // inferred could decrease.
        self.released_requested.add(requested as u64);
        self.magazine
            .make_room_and_push(class, block, exchange, self.notes());
    }

    /// Marks a released block as idle.
    #[inline(always)]
    fn mark_idle(block: &Block) {
        if cfg!(feature = "telemetry") {
            block.mark_idle();
        }
    }

    /// Sets the counters.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, counts: &Counts) {
        self.magazine.start_at(counts.thread_hits);
        self.counters.set(counts);
        self.requested.set(counts.pooled_requested_bytes);
        self.released_requested
            .set(counts.pooled_released_requested);
        // So that the change marks do not move by exactly 2^64 (`slot/changes.rs`).
        self.changes.set(1 << 32);
    }
}

#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
const _: () = {
    // The cost of a thread before its first alloc, with three arenas: its bins, and about ten lines.
    assert!(Slot::layout(3).size() <= 5200);
    // The aggregator reads two adjacent lines of every slot.
    let [marks, last_read] = Slot::READ_BY_AGGREGATOR;
    assert!(last_read % LINE == 0 && last_read / LINE == marks / LINE + 1);
    assert!(offset_of!(Slot, stamp) / LINE == marks / LINE);
    assert!(offset_of!(Slot, ahead) / LINE == marks / LINE);
};
