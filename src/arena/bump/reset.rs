//! The end of a frame for its arena: all buffers end at once, and blocks that frames do not need are given up.
//!
//! # One block for a steady frame
//!
//! A frame that exceeds its block takes further blocks. When the frame ends, `pool/compact.rs` replaces them by one block as
//! large as all of them. The next frame of that size then needs no refill, and its end has no block list to read.
//!
//! Compaction runs under the aggregator's lock. It first returns the old blocks to the system and then allocates the new one, so the
//! pool never holds more than before. The allocation can fail: the system may refuse, or another thread may use up the budget
//! first. Then the arena has no block, and its next frame starts with small ones.
//!
//! A growing arena adds blocks of at least an eighth of what it has. So the number of compactions grows only with the
//! logarithm of the frame's size.
#![expect(
    unsafe_code,
    reason = "the blocks belong to the thread that ends the frame"
)]

use super::{Arena, VALUES, unpack};
use crate::arena::blocks::{ArenaBlocks, Ended, MAX_BLOCK_BYTES, bytes_of};
use crate::arena::parking::OWNED;
use crate::memory::region::Region;
use crate::sync::Ordering;
use crate::telemetry::arena_reading::ArenaReading;

impl Arena {
    /// Ends the frame for this arena: returns what the frame allocated, and frees all of it.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock, and the frame has ended, so no other thread touches the arena or its memory.
    pub(crate) unsafe fn reset(&self) -> Ended {
        // Relaxed, all: the caller has exclusive access to the arena.
        let version = self.version.load(Ordering::Relaxed);
        let cursor = self.cursor.load(Ordering::Relaxed);
        let base = self.base.load(Ordering::Relaxed);
        let lent = self.lent.load(Ordering::Relaxed);
        let of_last = (cursor.addr() - base.addr()) as u64;
        if lent & VALUES != 0 {
            // SAFETY: as for the caller.
            unsafe { self.clean_values() };
        }
        // SAFETY: the caller holds the aggregator's lock.
        self.history.with_mut(|history| unsafe {
            let history = &mut *history;
            history.last = ArenaReading::default();
            if version == history.version {
                if of_last > 0 {
                    // Relaxed, both: the caller has exclusive access; `InFlight::free` (Release) publishes them to the next
                    // frame, whose `claim` acquires the bit.
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
            // SAFETY: the caller has exclusive access to the arena.
            let (full_bytes, last_bytes) = self.blocks.with_mut(|blocks| {
                let blocks = &mut *blocks;
                let used = &blocks.all[..blocks.used];
                let last_bytes = used.last().map_or(0, |block| block.bytes);
                let full_bytes = bytes_of(used) - last_bytes;
                self.rewind(blocks);
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

    /// Removes one block that recent frames did not need. With `all`, repeated calls remove every block.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock and has exclusive access to the arena: it claimed the frame's bit while no frame
    /// is open under it, or it has seized the arena.
    pub(crate) unsafe fn take_unneeded(&self, usual_bytes: usize, all: bool) -> Option<Region> {
        // Relaxed: the caller has exclusive access. Version 0 means that the arena never had a block.
        if self.version.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // SAFETY: the caller has exclusive access to the arena and holds the aggregator's lock.
        self.blocks.with_mut(|blocks| unsafe {
            let blocks = &mut *blocks;
            if !all {
                let is_needed = self.history.with_mut(|history| {
                    let history = &mut *history;
                    history.changed = !blocks.is_needed(&history.needed, usual_bytes as u64);
                    !history.changed
                });
                if is_needed {
                    return None;
                }
            }
            let block = blocks.all.pop()?;
            self.note_held(blocks);
            self.rewind(blocks);
            Some(block)
        })
    }

    /// Installs the single block of a compacted arena, after the others were removed.
    ///
    /// # Safety
    ///
    /// The conditions of [`take_unneeded`](Self::take_unneeded) hold.
    pub(crate) unsafe fn refill_with(&self, block: Region) {
        self.add_block(block);
        // SAFETY: the caller has exclusive access to the arena.
        self.blocks
            .with_mut(|blocks| self.rewind(unsafe { &mut *blocks }));
    }

    /// Resets all words to the start of the next frame's first block. Only for a thread with exclusive access to the arena.
    fn rewind(&self, blocks: &mut ArenaBlocks) {
        let start = blocks.rewind();
        // Relaxed, all: no other thread reads them now. The Release that follows publishes them: `InFlight::free` (paired with the
        // Acquire in `claim`) after a frame end, or `Arena::release` (paired with the Acquire in `unpark`) after a reclaim.
        self.cursor.store(start, Ordering::Relaxed);
        self.base.store(start, Ordering::Relaxed);
        self.note_block_bytes(blocks.all.first().map_or(0, |block| block.bytes));
        // Relaxed: exclusive access, as above. The owner may read `end` of a parked or seized arena now, so leave that one alone.
        if self.state.load(Ordering::Relaxed) == OWNED {
            self.end.set(blocks.end());
        }
        // Relaxed, all: published like the cursor above.
        self.lent.store(0, Ordering::Relaxed);
        self.sealed_allocs.store(0, Ordering::Relaxed);
        self.sealed_bytes.store(0, Ordering::Relaxed);
        self.sealed_requested.store(0, Ordering::Relaxed);
        self.misses.store(0, Ordering::Relaxed);
    }
}
