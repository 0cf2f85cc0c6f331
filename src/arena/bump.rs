//! A thread's frame buffers for one open frame: a cursor that moves through blocks the arena owns.
//!
//! ```text
//!   chunks   [ block 0, full ][ block 1      cursor ▶       ][ block 2, spare ] …
//!                              base ──────────┘        end
//!   bytes lent = sealed_bytes + (cursor − base)
//!   lent word  = count (34 bits) │ bytes asked for (30 bits), without the buffer for which the arena moved on to the block
//! ```
//!
//! # One block for a steady frame
//!
//! A frame that needs more than the block has takes further blocks. When it ends, they give way to one block as large as
//! all of them (`pool/compact.rs`), so that the next such frame finds what it needs in one run: no refill, and at its end
//! nothing to look up. First the blocks go back, then the one is taken, under the aggregator's lock: the pool never holds more
//! for it, the budget included, and if somebody else was faster or the system refuses, the arena has no block and its next
//! frame begins with small ones. As every block of a growing arena is at least an eighth of those it has, a frame that
//! grows and grows is compacted a number of times that grows with the logarithm of its size.
//!
//! # Who touches an arena when
//!
//! While its frame is open: the owner of the slot, who alone writes it, and the aggregator, who reads `cursor`, `lent` and
//! what is sealed. When the frame has ended (its `Frame` was consumed, so every borrow is over and ordered before):
//! the thread that ends it, under the aggregator's lock, alone. Then again an owner, after a `begin_frame` that acquired the
//! frame's bit (`in_flight.rs`). A slot that changes owners while the frame is open passes its arenas on with the claim.
//!
//! # Reading while the owner writes
//!
//! Between two refills only `cursor` and `lent` change, both upwards. A refill moves several words together, so it is
//! bracketed by `version`: odd while it lasts. The aggregator reads the version, the words, and the version again, and
//! believes them if both are the same even one. Every store of the owner is a Release and every load of the aggregator an
//! Acquire, so a word of a later refill brings its odd version with it. After a few failures the aggregator keeps what it
//! read last: numbers only rise, so that is a true state of a moment ago, and the aggregator never waits for a worker.
#![expect(
    unsafe_code,
    reason = "the chunks is a cell that belongs to the slot's owner"
)]

use std::cell::Cell;
use std::hint::cold_path;
use std::ptr::{self, NonNull};

use crate::arena::chunks::{Chunks, Ended, History, MAX_BLOCK_BYTES, bytes_of, usable_bytes};
use crate::arena::parking::OWNED;
use crate::codegen::in_register;
use crate::memory::region::Region;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, Owned, UnsafeCell};
use crate::telemetry::arena_reading::ArenaReading;

/// One count more in the lent word is a number that fits an instruction.
const COUNT_SHIFT: u32 = 30;
/// The most bytes that can be asked for: half a terabyte.
pub(crate) const MAX_REQUESTED: usize = match 1_usize.checked_shl(39) {
    Some(bytes) => bytes,
    None => usize::MAX,
};
const _: () = assert!(
    MAX_BLOCK_BYTES < 1 << COUNT_SHIFT,
    "what was asked for fits the lent word"
);
/// Whether no address has its highest bit set, so that none wraps with a stride added: so the systems named lay out what a program
/// has. Elsewhere the highest bits may be a tag (Arm), or the upper half is used (illumos).
const ADDRESSES_ARE_POSITIVE: bool = cfg!(all(
    target_arch = "x86_64",
    any(
        target_os = "linux",
        target_os = "macos",
        target_os = "windows",
        target_os = "freebsd"
    )
));
/// How often the aggregator tries to read between two refills.
const TRIES: u32 = if cfg!(framepool_loom) { 2 } else { 4 };

/// The bump allocator of one slot for one open frame: a line that the owner writes at every alloc, one that changes with the
/// blocks, and one of the aggregator.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Arena {
    /// The next free byte.
    cursor: AtomicPtr<u8>,
    /// The end of the block. Only for the owner, or for a thread that is alone with the arena.
    pub(crate) end: Cell<*mut u8>,
    /// Buffers lent and bytes asked for from the block, but for the one that needed it, packed.
    lent: AtomicU64,
    /// Odd while a refill moves the words above and below.
    version: AtomicU64,
    /// Where the block begins.
    base: AtomicPtr<u8>,
    /// What was lent before the last refill, and by it; of bytes, before it.
    sealed_allocs: AtomicU64,
    sealed_bytes: AtomicU64,
    sealed_requested: AtomicU64,
    misses: AtomicU64,
    /// Bytes of the blocks, for threads that may not look at the chunks. Written by the thread that changes the chunks.
    held: AtomicU64,
    /// Bytes of the block at `base`, as a number for who asks the system what is resident. A model has no use for it.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    block_bytes: AtomicU64,
    pub(crate) state: AtomicU32,
    /// The blocks.
    pub(crate) chunks: UnsafeCell<Chunks>,
    /// Only under the aggregator's lock.
    history: UnsafeCell<History>,
}

// SAFETY: the head of this file says who touches which part when; the regions in the chunks are the arena's own memory.
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
            misses: AtomicU64::new(0),
            held: AtomicU64::new(0),
            #[cfg(not(any(framepool_loom, framepool_shuttle)))]
            block_bytes: AtomicU64::new(0),
            state: AtomicU32::new(OWNED),
            chunks: UnsafeCell::new(Chunks {
                blocks: Vec::new(),
                used: 0,
            }),
            history: UnsafeCell::new(History::default()),
        }
    }

    /// Lends the `stride` bytes at the cursor, of which `requested` were asked for; `None` when the block does not have them.
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
        // Nothing but a sign to the model checker, which does not see the memory itself: it belongs to the chunks's owner.
        self.chunks.with(|_| ());
        // Release: pairs with the Acquire in `read`.
        self.cursor.store(next, Ordering::Release);
        if cfg!(feature = "telemetry") {
            let lent = in_register(self.lent.load_own());
            // Release: pairs with the Acquire in `read`.
            self.lent.store(
                // What the block had is below the count.
                lent.wrapping_add(1 << COUNT_SHIFT | requested as u64),
                Ordering::Release,
            );
        }
        // SAFETY: without a block the cursor is null and so is the end, beyond which any stride goes.
        Some(unsafe { NonNull::new_unchecked(cursor) })
    }

    /// Counts a buffer without bytes. Only for the owner, of an arena that is not parked.
    #[cold]
    pub(crate) fn count_empty(&self) {
        self.rewrite(|| add(&self.sealed_allocs, 1));
    }

    /// Moves on to a block with room for `stride`, if the chunks has one, and lends from it. `missed` says that the block
    /// was taken from the system for this. Only for the owner; `stride` is the whole of what the cursor passes, `requested` as for [`bump`](Self::bump).
    pub(crate) fn advance(
        &self,
        stride: usize,
        requested: usize,
        missed: bool,
    ) -> Option<NonNull<u8>> {
        // SAFETY: only the owner touches the chunks while the frame is open.
        let block = self.chunks.with_mut(|chunks| unsafe {
            let chunks = &mut *chunks;
            // The smallest that fits: a block made for one very large buffer is there for the next such buffer.
            let fit = (chunks.used..chunks.blocks.len())
                .filter(|&at| chunks.blocks[at].bytes >= stride)
                .min_by_key(|&at| chunks.blocks[at].bytes)?;
            chunks.blocks.swap(chunks.used, fit);
            chunks.used += 1;
            Some(chunks.blocks[chunks.used - 1])
        })?;
        self.rewrite(|| {
            // Relaxed, all: the owner reads what it wrote.
            let cursor = self.cursor.load(Ordering::Relaxed);
            let base = self.base.load(Ordering::Relaxed);
            let lent = self.lent.load(Ordering::Relaxed);
            add(&self.sealed_bytes, (cursor.addr() - base.addr()) as u64);
            // With the first buffer of the new block, which may be larger than what the lent word holds.
            let (allocs, sealed_requested) = unpack(lent);
            add(&self.sealed_allocs, allocs + 1);
            add(&self.sealed_requested, sealed_requested + requested as u64);
            add(&self.misses, u64::from(missed));
            let start = block.start.as_ptr();
            // Release, all: pair with the Acquires in `read`.
            self.lent.store(0, Ordering::Release);
            self.base.store(start, Ordering::Release);
            self.note_block_bytes(block.bytes);
            self.cursor
                .store(start.wrapping_add(stride), Ordering::Release);
            let usable = usable_bytes(&block).max(stride);
            self.end.set(start.wrapping_add(usable));
        });
        Some(block.start)
    }

    /// Makes room in the chunks for one more block; `false` when the chunks's own memory cannot grow. Only for the owner.
    pub(crate) fn reserve_place(&self) -> bool {
        // SAFETY: only the owner touches the chunks while the frame is open.
        self.chunks
            .with_mut(|chunks| unsafe { (*chunks).blocks.try_reserve(1).is_ok() })
    }

    /// Adds a block to the chunks, as the next to be used. Only for the owner, after [`reserve_place`](Self::reserve_place).
    pub(crate) fn add_block(&self, block: Region) {
        // SAFETY: only the owner touches the chunks while the frame is open.
        self.chunks.with_mut(|chunks| unsafe {
            let chunks = &mut *chunks;
            debug_assert!(chunks.blocks.len() < chunks.blocks.capacity());
            chunks.blocks.push(block);
            self.note_held(chunks);
        });
    }

    /// Gives the arena its one block, after others were taken out.
    ///
    /// # Safety
    ///
    /// As for [`take_unneeded`](Self::take_unneeded).
    pub(crate) unsafe fn refill_with(&self, block: Region) {
        self.add_block(block);
        // SAFETY: the caller is alone with the arena.
        self.chunks
            .with_mut(|chunks| self.rewind(unsafe { &mut *chunks }));
    }

    /// Bytes of the blocks. Of an arena that others change, as of now or a moment ago.
    pub(crate) fn held(&self) -> u64 {
        // Relaxed: a level to judge by, and the owner reads what it wrote.
        self.held.load(Ordering::Relaxed)
    }

    /// For the thread that changed the chunks.
    fn note_held(&self, chunks: &Chunks) {
        // Relaxed: as in `held`.
        self.held
            .store(bytes_of(&chunks.blocks) as u64, Ordering::Relaxed);
    }

    /// For the thread that moves `base` to a block of so many bytes.
    fn note_block_bytes(&self, bytes: usize) {
        #[cfg(not(any(framepool_loom, framepool_shuttle)))]
        // Relaxed: a number that goes with no other.
        self.block_bytes.store(bytes as u64, Ordering::Relaxed);
        #[cfg(any(framepool_loom, framepool_shuttle))]
        let _ = bytes;
    }

    /// Address and bytes of the block that the owner lends from, or will lend from first, as numbers: it may have gone back by now.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(crate) fn place(&self) -> (usize, u64) {
        // Relaxed, both: nobody follows the address, and one that belongs to other bytes only makes a level a little wrong.
        let start = self.base.load(Ordering::Relaxed).addr();
        (start, self.block_bytes.load(Ordering::Relaxed))
    }

    /// Bytes of the blocks that the open frame has not used. Only for the owner.
    pub(crate) fn unused(&self) -> u64 {
        // SAFETY: only the owner touches the chunks while the frame is open.
        self.chunks
            .with(|chunks| unsafe { bytes_of(&(&(*chunks).blocks)[(*chunks).used..]) as u64 })
    }

    /// Takes a block out of the chunks that the open frame has not used. Only for the owner, under the aggregator's lock.
    pub(crate) fn take_unused(&self) -> Option<Region> {
        // SAFETY: only the owner touches the chunks while the frame is open.
        self.chunks.with_mut(|chunks| unsafe {
            let chunks = &mut *chunks;
            if chunks.blocks.len() == chunks.used {
                return None;
            }
            let block = chunks.blocks.pop();
            self.note_held(chunks);
            block
        })
    }

    /// Brackets a change of several words.
    fn rewrite(&self, change: impl FnOnce()) {
        // Relaxed: the owner reads what it wrote.
        let version = self.version.load(Ordering::Relaxed);
        // Relaxed: each store in `change` is a Release that comes after it, so a reader that sees one of them sees this.
        self.version.store(version + 1, Ordering::Relaxed);
        change();
        // Release: pairs with the Acquire in `read`; a reader that sees it sees all of the change.
        self.version.store(version + 2, Ordering::Release);
    }

    /// What was lent so far, as of now or a moment ago.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock.
    pub(crate) unsafe fn read(&self) -> ArenaReading {
        for _ in 0..TRIES {
            // Acquire: pairs with the Release in `rewrite`.
            let version = self.version.load(Ordering::Acquire);
            // Acquire, all: pair with the Releases in `bump` and `advance`, and keep the second look behind them.
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

    /// Ends the frame for this arena: says what it lent, and makes all of it free again.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock, and the frame has ended: nobody else touches the arena or its memory.
    pub(crate) unsafe fn reset(&self) -> Ended {
        // Relaxed, all: the caller is alone with the arena.
        let version = self.version.load(Ordering::Relaxed);
        let cursor = self.cursor.load(Ordering::Relaxed);
        let base = self.base.load(Ordering::Relaxed);
        let lent = self.lent.load(Ordering::Relaxed);
        let of_last = (cursor.addr() - base.addr()) as u64;
        // SAFETY: the caller holds the aggregator's lock.
        self.history.with_mut(|history| unsafe {
            let history = &mut *history;
            history.last = ArenaReading::default();
            if version == history.version {
                if of_last > 0 {
                    // Relaxed, both: as above.
                    self.cursor.store(base, Ordering::Relaxed);
                    self.lent.store(0, Ordering::Relaxed);
                }
                let (allocs, requested) = unpack(lent);
                return Ended {
                    reading: ArenaReading {
                        allocs,
                        bytes: of_last,
                        requested,
                        misses: 0,
                    },
                    several_bytes: 0,
                    may_trim: history.note_need(of_last) | history.changed,
                };
            }
            history.version = version;
            history.changed = true;
            let reading = self.sum(lent, of_last);
            // SAFETY: the caller is alone with the arena.
            let (full_bytes, last_bytes) = self.chunks.with_mut(|chunks| {
                let chunks = &mut *chunks;
                let used = &chunks.blocks[..chunks.used];
                let last_bytes = used.last().map_or(0, |block| block.bytes);
                let full_bytes = bytes_of(used) - last_bytes;
                self.rewind(chunks);
                (full_bytes, last_bytes)
            });
            history.note_need(full_bytes as u64 + of_last);
            let fits = full_bytes > 0 && full_bytes + last_bytes <= MAX_BLOCK_BYTES;
            Ended {
                reading,
                several_bytes: if fits { full_bytes + last_bytes } else { 0 },
                may_trim: true,
            }
        })
    }

    /// What is sealed, and what was lent since.
    fn sum(&self, lent: u64, bytes: u64) -> ArenaReading {
        let (allocs, requested) = unpack(lent);
        // Acquire, all: as in `read`.
        ArenaReading {
            allocs: self.sealed_allocs.load(Ordering::Acquire) + allocs,
            bytes: self
                .sealed_bytes
                .load(Ordering::Acquire)
                .wrapping_add(bytes),
            requested: self.sealed_requested.load(Ordering::Acquire) + requested,
            misses: self.misses.load(Ordering::Acquire),
        }
    }

    /// Sets all words to the beginning of the block with which the next frame begins. Only for a thread that is alone with the arena.
    fn rewind(&self, chunks: &mut Chunks) {
        let start = chunks.rewind();
        // Relaxed, all: nobody else looks; the frame's bit (Release in `in_flight.rs`) or the state (Release in `release`)
        // passes them on.
        self.cursor.store(start, Ordering::Relaxed);
        self.base.store(start, Ordering::Relaxed);
        self.note_block_bytes(chunks.blocks.first().map_or(0, |block| block.bytes));
        // Relaxed: as above. Of an arena that is parked or seized the owner may look at `end` now.
        if self.state.load(Ordering::Relaxed) == OWNED {
            self.end.set(chunks.end());
        }
        self.lent.store(0, Ordering::Relaxed);
        self.sealed_allocs.store(0, Ordering::Relaxed);
        self.sealed_bytes.store(0, Ordering::Relaxed);
        self.sealed_requested.store(0, Ordering::Relaxed);
        self.misses.store(0, Ordering::Relaxed);
    }

    /// Takes one block out of the chunks that recent frames did not need; all blocks one after another with `all`.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and nobody else touches the arena: the caller has the frame's bit, under which no frame is
    /// open, or has seized the arena.
    pub(crate) unsafe fn take_unneeded(&self, usual_bytes: usize, all: bool) -> Option<Region> {
        // Relaxed: the caller is alone with the arena; it never had a block.
        if self.version.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // SAFETY: the caller is alone with the arena, and has the aggregator's lock.
        self.chunks.with_mut(|chunks| unsafe {
            let chunks = &mut *chunks;
            if !all {
                let is_needed = self.history.with_mut(|history| {
                    let history = &mut *history;
                    history.changed = !chunks.is_needed(&history.needed, usual_bytes as u64);
                    !history.changed
                });
                if is_needed {
                    return None;
                }
            }
            let block = chunks.blocks.pop()?;
            self.note_held(chunks);
            self.rewind(chunks);
            Some(block)
        })
    }
}

/// Buffers and bytes asked for, of the lent word.
fn unpack(lent: u64) -> (u64, u64) {
    (lent >> COUNT_SHIFT, lent & ((1 << COUNT_SHIFT) - 1))
}

/// Adds to a word with one writer.
fn add(word: &AtomicU64, amount: u64) {
    // Relaxed: the owner reads what it wrote. Release: pairs with the Acquire in `Arena::read`.
    word.store(word.load(Ordering::Relaxed) + amount, Ordering::Release);
}

#[cfg(all(test, not(framepool_loom)))]
mod tests;
