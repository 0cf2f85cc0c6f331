//! A lane: the idle blocks and the counts of one thread for one tag, or for buffers without a tag.
//!
//! A thread's slot has a lane for buffers without a tag, and one for each tag that the thread uses (`lanes.rs`). So a tag needs no counters
//! of its own: what the pool knows of its buffers from bins and counters, it knows of each tag's, and a buffer with a tag costs what one
//! without costs.
//!
//! # The key
//!
//! A block's record names the lane to which it goes back, whichever thread releases it: the pool's address, with the number of the tag in
//! its low bits. The fast paths compare this key with that of the thread's last used lane (`pool/lookup.rs`).
//!
//! - A block in the depot, or in a lane without a tag, has the key of its pool. So an alloc without a tag does not look at it.
//! - An alloc with a tag sets the key, if the lane did not set it before.
//! - A lane with a tag resets the keys of the blocks that it sends to the depot.
#![expect(
    unsafe_code,
    reason = "what a lane has belongs to the owner of its slot"
)]

use std::mem::offset_of;
use std::ptr::{self, NonNull};

use crate::blocks::bin::Bin;
use crate::blocks::block::Block;
#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
use crate::blocks::class::LINE;
use crate::blocks::depot::Batch;
use crate::blocks::exchange::{Exchange, Notes, Purse};
use crate::blocks::label::{Label, TagMark};
use crate::blocks::magazine::Magazine;
use crate::blocks::state::{tag_stamp, thread_stamp};
use crate::codegen::prefetch;
use crate::slot::changes::LaneReading;
#[cfg(feature = "backtrace")]
use crate::slot::countdown::Countdown;
use crate::slot::owner::Owner;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
use crate::telemetry::counters::Counts;
use crate::telemetry::counters::{Counter, SlotCounters};

/// What one thread keeps and counts for one tag, or without a tag.
///
/// ```text
///   magazine: bins, allowances │ counters … countdown, 2 lines │ tag, last_read, of_slot, 3 lines │ changes … ahead, 1 line
///     half a line each, 1 line │                               │                        last line │
///     of those that counted    │                               │                                └─┴─ read by the frame end
/// ```
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Lane {
    /// The idle blocks. Only for the owner, except the words that the aggregator reads. First field, so that a bin's
    /// address is the lane's plus a multiple.
    magazine: Magazine,
    /// Counts that do not follow from the bins. Written by the owner, read by the aggregator.
    pub(crate) counters: SlotCounters,
    #[cfg(feature = "backtrace")]
    pub(crate) countdown: Countdown,
    readings: NextLine,
    /// Never changes once other threads know the lane.
    tag: TagMark,
    /// The aggregator's last reading. Only under its lock.
    pub(crate) last_read: UnsafeCell<LaneReading>,
    pub(super) of_slot: OfSlot,
    marks: NextLine,
    /// Counts all changes that no other mark shows: see `slot/changes.rs`.
    pub(crate) changes: Counter,
    /// The key, while the fast paths may use the lane; else null. The owner writes it. The thread that closes the pool clears it.
    pub(crate) key: AtomicPtr<()>,
    /// The part of a block's state that names the owner and the tag.
    stamp: AtomicU64,
    /// Requested bytes of all pooled buffers allocated, and of all released. Both are change marks: see
    /// `slot/changes.rs`.
    pub(crate) requested: Counter,
    pub(crate) released_requested: Counter,
    /// The word that an alloc compares: the key, or null while backtraces are on (`pool/backtraces.rs`).
    #[cfg(feature = "backtrace")]
    pub(crate) allocs_for: AtomicPtr<()>,
    /// The lane added before this one to the same list: of the pool's slots, or of a slot's lanes with tags. Never changes once the
    /// lane is in the list.
    pub(super) older: AtomicPtr<Lane>,
    /// A lane a few steps further on in the list of slots, for prefetching. Never changes once the lane is in the list.
    pub(super) ahead: AtomicPtr<Lane>,
}

/// What the frame end reads of every slot. Only in use in a slot's lane without a tag, where it is on a line that the frame end reads anyway.
#[derive(Debug)]
pub(crate) struct OfSlot {
    /// The newest lane with a tag.
    pub(super) newest: AtomicPtr<Lane>,
    /// One bit per arena that an owner ever allocated from. Written by the owner.
    pub(super) arenas_used: AtomicU32,
    /// Whether a thread has the slot, and who may use it.
    pub(super) owner: Owner,
}

/// Makes the next field begin a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct NextLine;

impl Lane {
    /// The offsets of the two cache lines that the aggregator reads in every lane.
    const READ_BY_AGGREGATOR: [usize; 2] = [offset_of!(Self, of_slot), offset_of!(Self, changes)];

    /// Writes a new lane in place, because it is too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory for a lane that nobody else uses.
    pub(super) unsafe fn write_new(at: *mut Self, tag: TagMark, owner: Owner) {
        // SAFETY: as for this function; all fields are written.
        unsafe {
            Magazine::write_new(&raw mut (*at).magazine);
            (&raw mut (*at).counters).write(SlotCounters::new());
            (&raw mut (*at).readings).write(NextLine);
            (&raw mut (*at).tag).write(tag);
            (&raw mut (*at).last_read).write(UnsafeCell::new(LaneReading::default()));
            (&raw mut (*at).of_slot).write(OfSlot {
                newest: AtomicPtr::new(ptr::null_mut()),
                arenas_used: AtomicU32::new(0),
                owner,
            });
            (&raw mut (*at).marks).write(NextLine);
            (&raw mut (*at).changes).write(Counter::new());
            (&raw mut (*at).key).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*at).stamp).write(AtomicU64::new(0));
            (&raw mut (*at).requested).write(Counter::new());
            (&raw mut (*at).released_requested).write(Counter::new());
            #[cfg(feature = "backtrace")]
            {
                (&raw mut (*at).countdown).write(Countdown::new());
                (&raw mut (*at).allocs_for).write(AtomicPtr::new(ptr::null_mut()));
            }
            (&raw mut (*at).older).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*at).ahead).write(AtomicPtr::new(ptr::null_mut()));
        }
    }

    /// Prefetches the lines of a lane that the frame end reads. Does nothing on processors without such a hint.
    #[inline(always)]
    pub(super) fn fetch(lane: *const Self) {
        for line in Self::READ_BY_AGGREGATOR {
            prefetch(lane.wrapping_byte_add(line));
        }
    }

    /// The tag whose buffers this lane counts.
    pub(crate) fn tag(&self) -> TagMark {
        self.tag
    }

    /// The part of a block's state that names the owner and the tag.
    pub(super) fn stamp(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.stamp.load(Ordering::Relaxed)
    }

    /// Names the owner. Only for the owner.
    pub(super) fn set_thread(&self, name: u32) {
        let stamp = thread_stamp(name) | tag_stamp(self.tag);
        // Relaxed: read by the owner, and as a number by others.
        self.stamp.store(stamp, Ordering::Relaxed);
    }

    /// Marks a change that neither of the other marks shows. Only for the owner.
    #[inline]
    pub(crate) fn mark_changed(&self) {
        self.changes.increment();
    }

    /// The bin of a class.
    ///
    /// # Safety
    ///
    /// As for [`Magazine::bin`].
    #[inline(always)]
    unsafe fn bin(&self, class: usize) -> &Bin {
        // SAFETY: as for this function.
        unsafe { self.magazine.bin(class) }
    }

    /// The idle blocks.
    pub(crate) fn magazine(&self) -> &Magazine {
        &self.magazine
    }

    /// What the magazine needs of the lane and of the slot.
    pub(super) fn notes<'s>(&'s self, purse: &'s dyn Purse) -> Notes<'s> {
        Notes {
            counters: &self.counters,
            changes: &self.changes,
            purse,
            is_tagged: self.tag.is_some(),
        }
    }

    /// Allocates a block of `class` from the magazine.
    ///
    /// # Safety
    ///
    /// The caller owns the lane, which is that of the label's tag, and `stamp` is of its pool. The class is at most `NO_CLASS`.
    #[inline(always)]
    pub(crate) unsafe fn alloc_fast(
        &self,
        stamp: &AtomicU64,
        class: usize,
        requested: usize,
        label: Label,
    ) -> Option<NonNull<Block>> {
        // SAFETY: the caller owns the lane; the records are alive because the pool is.
        let (bin, block) = unsafe {
            let bin = self.bin(class);
            (bin, bin.pop()?)
        };
        bin.hits.increment();
        // After the hit, because this is the change mark for it.
        self.requested.add(requested as u64);
        // SAFETY: as above, and the block just left the magazine.
        unsafe { self.mark_lent(stamp, block, label) };
        Some(NonNull::from(block))
    }

    /// Allocates a block of `class` from the spare batch or the depot.
    ///
    /// # Safety
    ///
    /// As for [`alloc_fast`](Self::alloc_fast), which found nothing; `exchange` is of the pool, and `purse` is the slot.
    pub(crate) unsafe fn refill(
        &self,
        (exchange, purse): (&Exchange<'_>, &dyn Purse),
        stamp: &AtomicU64,
        class: usize,
        requested: usize,
        label: Label,
    ) -> Option<NonNull<Block>> {
        let (block, from_depot) = self.magazine.refill(class, exchange, self.notes(purse))?;
        if from_depot {
            self.counters.depot_hits.increment();
            let bytes = exchange.classes.block_bytes(class) as u64;
            self.counters.lent_bytes.add(bytes);
            exchange.depot.sample_requested(class, requested);
        } else {
            // SAFETY: the caller owns the lane.
            unsafe { self.bin(class) }.hits.increment();
        }
        self.requested.add(requested as u64);
        // SAFETY: as above, and the block just left the magazine or the depot.
        unsafe { self.mark_lent(stamp, block, label) };
        Some(NonNull::from(block))
    }

    /// Allocates the first block of a batch with new memory, and keeps the others idle. The alloc itself was counted by its reason.
    ///
    /// # Safety
    ///
    /// As for [`refill`](Self::refill), and the caller gives up the batch.
    pub(crate) unsafe fn alloc_new(
        &self,
        (exchange, purse): (&Exchange<'_>, &dyn Purse),
        stamp: &AtomicU64,
        batch: &Batch<'_>,
        requested: usize,
        label: Label,
    ) -> NonNull<Block> {
        let bytes = exchange.bytes_of(batch.class(), batch.head());
        let block = self.magazine.take_in(batch, exchange, self.notes(purse));
        self.counters.lent_bytes.add(bytes);
        self.requested.add(requested as u64);
        // SAFETY: as for the caller, and the block just left the batch.
        unsafe { self.mark_lent(stamp, block, label) };
        NonNull::from(block)
    }

    /// Writes the holder and the pool's stamp into the record of the block, and the key if the label has a tag.
    ///
    /// # Safety
    ///
    /// The caller owns the lane and holds the block.
    #[inline(always)]
    unsafe fn mark_lent(&self, stamp: &AtomicU64, block: &Block, label: Label) {
        // SAFETY: the caller holds the block.
        unsafe { block.touch() };
        if let Some(key) = label.key {
            // SAFETY: the caller holds the block.
            unsafe { block.set_key(key) };
        }
        if cfg!(feature = "telemetry") {
            debug_assert_eq!(label.tag(), self.tag.number());
            // Relaxed, both: no other data depends on the pool's stamp, and the owner wrote its own at its claim.
            let stamp = stamp.load(Ordering::Relaxed) | self.stamp.load(Ordering::Relaxed);
            block.mark_lent(stamp, label.site);
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
    /// The caller owns the lane, which has the block's key, holds the block, and gives it up. The block is of
    /// the class, which is at most `NO_CLASS`.
    #[inline(always)]
    pub(crate) unsafe fn release_fast(
        &self,
        class: usize,
        block: &Block,
        requested: usize,
    ) -> bool {
        // SAFETY: the caller owns the lane, and gives up the block.
        let bin = unsafe {
            block.touch();
            self.bin(class)
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
    /// As for [`release_fast`](Self::release_fast); `exchange` is of the pool, and `purse` is the slot.
    pub(crate) unsafe fn release_slow(
        &self,
        (exchange, purse): (&Exchange<'_>, &dyn Purse),
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
            .make_room_and_push(class, block, exchange, self.notes(purse));
    }

    /// Marks a released block as idle.
    #[inline(always)]
    fn mark_idle(block: &Block) {
        if cfg!(feature = "telemetry") {
            block.mark_idle();
        }
    }

    /// Every bin that was ever granted anything, with its class. For the aggregator.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (usize, &Bin)> {
        self.magazine.bins()
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
    // The aggregator reads two adjacent lines of every lane.
    let [of_slot, marks] = Lane::READ_BY_AGGREGATOR;
    let compared = offset_of!(Lane, last_read) + LaneReading::COMPARED;
    assert!(
        compared / LINE == of_slot / LINE
            && (of_slot + size_of::<OfSlot>() - 1) / LINE == of_slot / LINE
    );
    assert!(of_slot / LINE + 1 == marks / LINE && size_of::<Lane>() == marks + LINE);
    // Frame buffers often begin at multiples of 128 bytes. With the same low address bits the load of the key would wait for the caller's
    // store to such a buffer.
    assert!(marks % (2 * LINE) == LINE);
};
