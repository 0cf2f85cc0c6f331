//! The bump allocator of one thread for one open frame: a cursor that moves through the arena's own blocks.
//!
//! ```text
//!   blocks   [ block 0, full ][ block 1      cursor ▶       ][ block 2, spare ] …
//!                              base ──────────┘        end
//!   bytes allocated = sealed_bytes + (cursor − base)
//!   lent word       = values (1 bit) │ allocs (33 bits) │ bytes requested (30 bits), both of the current block
//!                     (the alloc that caused the refill counts in the sealed words)
//! ```
//!
//! Values that are no plain data lie in chunks among the buffers (`bump/values.rs`).
//!
//! # Which thread may touch an arena
//!
//! - While its frame is open, only the owner of the slot writes it. The aggregator reads `cursor`, `lent` and the sealed words.
//! - At the frame end (`bump/reset.rs`), only the thread that ends the frame touches it, under the aggregator's lock. The
//!   `Frame` was consumed, so every borrow has ended, and that end is ordered before.
//! - After the next `begin_frame`, which acquires the frame's bit (`in_flight.rs`), it belongs to the slot's owner again.
//!
//! A slot can change owners while the frame is open. The claim of the slot then orders the old owner's accesses before the new owner's.
//!
//! # Reading while the owner writes
//!
//! Between two refills only `cursor` and `lent` change, and both only grow. A refill changes several words together. It makes
//! `version` odd before the change and even after it (a seqlock).
//!
//! The aggregator loads the version, then the words, then the version again. It accepts the words if both versions are the same even
//! number. Every store of the owner is a Release and every load of the aggregator an Acquire: a load that sees a word of a
//! later refill makes the odd version visible to the second load.
//!
//! After a few failed tries the aggregator uses its last accepted reading. The numbers only grow during a frame, so that
//! reading is an earlier true state. The aggregator never waits for a worker.
#![expect(
    unsafe_code,
    reason = "the blocks are a cell that belongs to the slot's owner"
)]

mod reset;
mod values;

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::arena::blocks::{ArenaBlocks, History, MAX_BLOCK_BYTES, bytes_of, usable_bytes};
use crate::arena::parking::OWNED;
use crate::codegen::{cold_path, in_register};
use crate::memory::region::Region;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, Owned, UnsafeCell};
use crate::telemetry::arena_reading::ArenaReading;

/// The position of the count in the `lent` word. `1 << COUNT_SHIFT` fits an instruction's immediate operand.
const COUNT_SHIFT: u32 = 30;
/// Set in the `lent` word while the open frame has chunks of values.
const VALUES: u64 = 1 << 63;
/// The largest request in bytes: half a terabyte.
pub(crate) const MAX_REQUESTED: usize = match 1_usize.checked_shl(39) {
    Some(bytes) => bytes,
    None => usize::MAX,
};
const _: () = assert!(
    MAX_BLOCK_BYTES < 1 << COUNT_SHIFT,
    "the bytes requested from one block fit the lent word"
);
/// Whether user addresses never have the highest bit set, so that adding a stride cannot wrap. The systems listed guarantee it.
/// On others the highest bits may hold a tag (Arm), or programs use the upper half (illumos).
const ADDRESSES_ARE_POSITIVE: bool = cfg!(all(
    target_arch = "x86_64",
    any(
        target_os = "linux",
        target_os = "macos",
        target_os = "windows",
        target_os = "freebsd"
    )
));
/// How often the aggregator tries to read a consistent state.
const TRIES: u32 = if cfg!(framepool_loom) { 2 } else { 4 };

/// The bump allocator of one slot for one open frame.
///
/// Three cache lines: the owner writes the first at every alloc and the second at a refill; the aggregator writes the
/// third.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Arena {
    /// The next free byte.
    cursor: AtomicPtr<u8>,
    /// The end of the block. Only for the owner, or for a thread with exclusive access to the arena.
    pub(crate) end: Cell<*mut u8>,
    /// Allocs and bytes requested from the current block, packed. The alloc that caused the refill is in the sealed words.
    lent: AtomicU64,
    /// Odd while a refill changes the words above and below.
    version: AtomicU64,
    /// The start of the current block.
    base: AtomicPtr<u8>,
    /// Allocs of the earlier blocks, and the alloc that caused the last refill.
    sealed_allocs: AtomicU64,
    /// Bytes allocated from the earlier blocks.
    sealed_bytes: AtomicU64,
    /// Bytes requested by the allocs in `sealed_allocs`.
    sealed_requested: AtomicU64,
    /// Bytes of the blocks, for threads that must not read these. Written by the thread that changes them.
    held: AtomicU64,
    /// Bytes of the block at `base`, for the query of resident pages. A model does not need it.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    block_bytes: AtomicU64,
    /// Allocs that took a block from the system.
    misses: AtomicU32,
    pub(crate) state: AtomicU32,
    /// The chunk of values that has room, or null (`bump/values.rs`). Only for the owner, or for a thread with exclusive access.
    values: Cell<*mut values::Chunk>,
    /// The blocks.
    pub(crate) blocks: UnsafeCell<ArenaBlocks>,
    /// Only under the aggregator's lock.
    history: UnsafeCell<History>,
}

// SAFETY: the head of this file says which thread may touch which part. The arena owns its blocks.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            cursor: AtomicPtr::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
            lent: AtomicU64::new(0),
            version: AtomicU64::new(0),
            base: AtomicPtr::new(ptr::null_mut()),
            sealed_allocs: AtomicU64::new(0),
            sealed_bytes: AtomicU64::new(0),
            sealed_requested: AtomicU64::new(0),
            misses: AtomicU32::new(0),
            held: AtomicU64::new(0),
            #[cfg(not(any(framepool_loom, framepool_shuttle)))]
            block_bytes: AtomicU64::new(0),
            state: AtomicU32::new(OWNED),
            values: Cell::new(ptr::null_mut()),
            blocks: UnsafeCell::new(ArenaBlocks {
                all: Vec::new(),
                used: 0,
            }),
            history: UnsafeCell::new(History::default()),
        }
    }

    /// Allocates `stride` bytes at the cursor for a request of `requested` bytes; `None` if the block has too few bytes
    /// left.
    ///
    /// `stride` is a multiple of the pool's alignment, not zero, and at most a little more than `isize::MAX`. Only for the owner.
    #[inline(always)]
    pub(crate) fn bump(&self, stride: usize, requested: usize) -> Option<NonNull<u8>> {
        debug_assert!(stride > 0);
        let cursor = self.cursor.load_own();
        let next = cursor.wrapping_add(stride);
        let wraps = !ADDRESSES_ARE_POSITIVE && next.addr() < stride;
        if next.addr() > self.end.get().addr() || wraps {
            cold_path();
            return None;
        }
        // For the model checker only: it does not see the memory itself, so this read of the blocks models the access.
        self.blocks.with(|_| ());
        // Release: pairs with the Acquire in `read`.
        self.cursor.store(next, Ordering::Release);
        self.count(1, requested);
        // SAFETY: the cursor is null only without a block. Then `end` is null too, and every stride exceeds it above.
        Some(unsafe { NonNull::new_unchecked(cursor) })
    }

    /// Counts allocs and requested bytes of the current block. Only for the owner.
    #[inline(always)]
    fn count(&self, allocs: u64, requested: usize) {
        if cfg!(feature = "telemetry") {
            let lent = in_register(self.lent.load_own());
            // Release: pairs with the Acquire in `read`.
            self.lent.store(
                // The bytes requested stay below the count: a block, and what is left of a chunk in an earlier one, have fewer
                // bytes than `1 << COUNT_SHIFT`.
                lent.wrapping_add(allocs << COUNT_SHIFT | requested as u64),
                Ordering::Release,
            );
        }
    }

    /// Counts a buffer of zero bytes. Only for the owner of an arena that is not parked.
    #[cold]
    pub(crate) fn count_empty(&self) {
        self.rewrite(|| add(&self.sealed_allocs, 1));
    }

    /// Moves to an unused block with room for `stride` bytes, and allocates from it; `None` if there is no such
    /// block.
    ///
    /// `missed` is true if the block came from the system for this alloc. `stride` and `requested` are those of
    /// [`bump`](Self::bump). Only for the owner.
    pub(crate) fn advance(
        &self,
        stride: usize,
        requested: usize,
        missed: bool,
    ) -> Option<NonNull<u8>> {
        // SAFETY: only the owner touches the blocks while the frame is open.
        let block = self.blocks.with_mut(|blocks| unsafe {
            let blocks = &mut *blocks;
            // The smallest that fits: a block made for one very large buffer stays free for the next such buffer.
            let fit = (blocks.used..blocks.all.len())
                .filter(|&at| blocks.all[at].bytes >= stride)
                .min_by_key(|&at| blocks.all[at].bytes)?;
            blocks.all.swap(blocks.used, fit);
            blocks.used += 1;
            Some(blocks.all[blocks.used - 1])
        })?;
        self.rewrite(|| {
            // Relaxed, all: the owner reads its own writes.
            let cursor = self.cursor.load(Ordering::Relaxed);
            let base = self.base.load(Ordering::Relaxed);
            let lent = self.lent.load(Ordering::Relaxed);
            add(&self.sealed_bytes, (cursor.addr() - base.addr()) as u64);
            // The first alloc of the new block counts here: its size may not fit in the `lent` word.
            let (allocs, sealed_requested) = unpack(lent);
            add(&self.sealed_allocs, allocs + 1);
            add(&self.sealed_requested, sealed_requested + requested as u64);
            let misses = self.misses.load(Ordering::Relaxed) + u32::from(missed);
            let start = block.start.as_ptr();
            // Release, all: pair with the Acquires in `read`.
            self.misses.store(misses, Ordering::Release);
            self.lent.store(lent & VALUES, Ordering::Release);
            self.base.store(start, Ordering::Release);
            self.note_block_bytes(block.bytes);
            // Release: pairs with the Acquire in `read`, like the two stores above.
            self.cursor
                .store(start.wrapping_add(stride), Ordering::Release);
            let usable = usable_bytes(&block).max(stride);
            self.end.set(start.wrapping_add(usable));
        });
        Some(block.start)
    }

    /// Makes room in the list for one more block; `false` if it cannot grow. Only for the owner.
    pub(crate) fn reserve_place(&self) -> bool {
        // SAFETY: only the owner touches the blocks while the frame is open.
        self.blocks
            .with_mut(|blocks| unsafe { (*blocks).all.try_reserve(1).is_ok() })
    }

    /// Adds an unused block. Only for the owner, after [`reserve_place`](Self::reserve_place).
    pub(crate) fn add_block(&self, block: Region) {
        // SAFETY: only the owner touches the blocks while the frame is open.
        self.blocks.with_mut(|blocks| unsafe {
            let blocks = &mut *blocks;
            debug_assert!(blocks.all.len() < blocks.all.capacity());
            blocks.all.push(block);
            self.note_held(blocks);
        });
    }

    /// Bytes of the blocks. If another thread changes the arena, the value may be slightly old.
    pub(crate) fn held(&self) -> u64 {
        // Relaxed: an estimate that orders nothing; the owner reads its own stores.
        self.held.load(Ordering::Relaxed)
    }

    /// Stores the bytes of the blocks. Only for the thread that changed them.
    fn note_held(&self, blocks: &ArenaBlocks) {
        // Relaxed: pairs with the Relaxed load in `held`.
        self.held
            .store(bytes_of(&blocks.all) as u64, Ordering::Relaxed);
    }

    /// Stores the size of the block at `base`. Only for the thread that changes `base`.
    fn note_block_bytes(&self, bytes: usize) {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        // Relaxed: no other word must match it; see `place`.
        self.block_bytes.store(bytes as u64, Ordering::Relaxed);
        #[cfg(any(framepool_loom, framepool_shuttle))]
        let _ = (self, bytes);
    }

    /// Address and size of the current block, or of the first one of the next frame. The block may be freed by now.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(crate) fn place(&self) -> (usize, u64) {
        // Relaxed, both: the address is never dereferenced, and a pair that does not match only makes an estimate less exact.
        let start = self.base.load(Ordering::Relaxed).addr();
        (start, self.block_bytes.load(Ordering::Relaxed))
    }

    /// Bytes of the blocks that the open frame has not used yet. Only for the owner.
    pub(crate) fn unused(&self) -> u64 {
        // SAFETY: only the owner touches the blocks while the frame is open.
        self.blocks
            .with(|blocks| unsafe { bytes_of(&(&(*blocks).all)[(*blocks).used..]) as u64 })
    }

    /// Removes a block that the open frame has not used. Only for the owner, under the aggregator's lock.
    pub(crate) fn take_unused(&self) -> Option<Region> {
        // SAFETY: only the owner touches the blocks while the frame is open.
        self.blocks.with_mut(|blocks| unsafe {
            let blocks = &mut *blocks;
            if blocks.all.len() == blocks.used {
                return None;
            }
            let block = blocks.all.pop();
            self.note_held(blocks);
            block
        })
    }

    /// Runs a change of several words between an odd and an even version.
    fn rewrite(&self, change: impl FnOnce()) {
        // Relaxed: the owner reads its own writes.
        let version = self.version.load(Ordering::Relaxed);
        // Relaxed: each store in `change` is a Release that follows it, so a reader that sees one of them sees this version.
        self.version.store(version + 1, Ordering::Relaxed);
        change();
        // Release: pairs with the Acquire in `read`; a reader that sees this version sees the whole change.
        self.version.store(version + 2, Ordering::Release);
    }

    /// Allocs and bytes of the open frame. The numbers may be slightly old; they never decrease.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock.
    pub(crate) unsafe fn read(&self) -> ArenaReading {
        for _ in 0..TRIES {
            // Acquire: pairs with the Release in `rewrite`.
            let version = self.version.load(Ordering::Acquire);
            // Acquire, all: pair with the Releases in `bump` and `advance`, and order the second load of the version after them.
            let lent = self.lent.load(Ordering::Acquire);
            let cursor = self.cursor.load(Ordering::Acquire);
            let base = self.base.load(Ordering::Acquire);
            let reading = self.sum(lent, cursor.addr().wrapping_sub(base.addr()) as u64);
            // Relaxed: the loads before it are Acquire, so this one comes after them.
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                // SAFETY: only touched under the aggregator's lock, which the caller holds.
                self.history
                    .with_mut(|history| unsafe { (*history).last = reading });
                return reading;
            }
        }
        // SAFETY: as above.
        self.history.with(|history| unsafe { (*history).last })
    }

    /// Adds the current block's numbers to the sealed ones.
    fn sum(&self, lent: u64, bytes: u64) -> ArenaReading {
        let (allocs, requested) = unpack(lent);
        // Acquire, all: pair with the Release in `add`, and order the second load of the version in `read` after them.
        ArenaReading {
            allocs: self.sealed_allocs.load(Ordering::Acquire) + allocs,
            bytes: self
                .sealed_bytes
                .load(Ordering::Acquire)
                .wrapping_add(bytes),
            requested: self.sealed_requested.load(Ordering::Acquire) + requested,
            misses: u64::from(self.misses.load(Ordering::Acquire)),
        }
    }
}

/// Splits the `lent` word into allocs and bytes requested.
fn unpack(lent: u64) -> (u64, u64) {
    let allocs = (lent & !VALUES) >> COUNT_SHIFT;
    (allocs, lent & ((1 << COUNT_SHIFT) - 1))
}

/// Adds to a word that has one writer.
fn add(word: &AtomicU64, amount: u64) {
    // Relaxed: the owner reads its own store. Release: pairs with the Acquires in `Arena::sum`.
    word.store(word.load(Ordering::Relaxed) + amount, Ordering::Release);
}

#[cfg(all(test, not(framepool_loom)))]
mod tests;
