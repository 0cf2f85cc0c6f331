//! What the fold remembers of a slot, so that it reads only those that counted anything since.
//!
//! Most threads take no pooled buffer in most frames, and those that do use few of their size classes; what was counted lies in a line per
//! class. So a slot says in three words that there is something to read, and the fold keeps sums over all slots, in which it
//! replaces what a slot had by what it has.
//!
//! # What announces what
//!
//! Whatever an owner changes of what its bins and counters say, it afterwards writes one of these, which only rise:
//!
//! ```text
//!   a take from the magazine          requested             by the bytes asked for
//!   a give to the magazine            released_requested    by the bytes that had been asked for
//!   all else: a stay (tenancy.rs)     stays                 by one, at its end, and before a batch goes to the depot
//! ```
//!
//! Bytes asked for are to be counted anyway, and it is no matter of which class. Buffers without bytes would not raise them:
//! the quick ways leave those to a stay (`class.rs`).
//!
//! # Why nothing is missed
//!
//! The fold reads the words (Acquire), then bins and counters, and remembers both. So what it remembers of these holds at least what
//! was done before the words it remembers (Release). Does it find the same words again, then what was done since, if
//! anything, was not announced to it: a step that is still going on, or one that is not ordered before this fold. Both it could as well
//! have read the moment before. What is ordered before the fold it sees announced, and reads.
//!
//! Amid a take a fold may reckon one release too few (`counters.rs`). The take is announced after that, so the first pass
//! looks at all three words, and reads again. What was lent is not changed by a give: the second pass looks at two.
//!
//! A release that the first pass finds, read now or remembered, has its alloc announced, so the second pass finds that too (L2).
//!
//! The words are compared by their sum. A slot that moved exactly 2^64 bytes between two folds is taken for one that rested.
#![expect(
    unsafe_code,
    reason = "what the fold remembers is a cell under the fold's lock"
)]

use crate::blocks::class::Classes;
use crate::slot::state::Slot;
use crate::telemetry::counters::{Lent, Settled};

/// What the fold remembers of a slot.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Folded {
    /// The sum of the words that announce, when each of the two passes last read the slot.
    settled_at: u64,
    lent_at: u64,
    /// Allocs, of both kinds: those of pooled buffers, and those of frames that have ended.
    allocs: u64,
    /// Allocs, of both kinds, at the last frame end.
    seen_allocs: u64,
    settled: Settled,
    lent: Lent,
}

impl Slot {
    /// Notes that the owner did something that neither of the other words announces. Only for the owner.
    #[inline]
    pub(crate) fn announce(&self) {
        self.stays.increment();
    }

    /// First pass of a fold: brings a sum over all slots up to date, of what was released.
    ///
    /// # Safety
    ///
    /// The caller has the fold's lock.
    pub(crate) unsafe fn read_settled(&self, classes: &Classes, sum: &mut Settled) {
        let requested = self.requested.get();
        let released = self.released_requested.get();
        let at = requested
            .wrapping_add(released)
            .wrapping_add(self.stays.get());
        self.folded.with_mut(|folded| {
            // SAFETY: the caller has the fold's lock.
            let folded = unsafe { &mut *folded };
            if folded.settled_at == at {
                return;
            }
            folded.settled_at = at;
            let mut now = Settled {
                pooled_releases: self.counters.released.get(),
                pooled_release_bytes: self.counters.released_bytes.get(),
                pooled_released_requested: released,
            };
            for (class, bin) in self.bins() {
                let (released, bytes) = (bin.released(), classes.block_bytes(class) as u64);
                now.pooled_releases = now.pooled_releases.wrapping_add(released);
                now.pooled_release_bytes = now
                    .pooled_release_bytes
                    .wrapping_add(released.wrapping_mul(bytes));
            }
            sum.replace(&mut folded.settled, now);
        });
    }

    /// Second pass of a fold: brings a sum over all slots up to date, of what was lent.
    ///
    /// # Safety
    ///
    /// The caller has the fold's lock.
    pub(crate) unsafe fn read_lent(&self, classes: &Classes, sum: &mut Lent) {
        let requested = self.requested.get();
        let at = requested.wrapping_add(self.stays.get());
        self.folded.with_mut(|folded| {
            // SAFETY: the caller has the fold's lock.
            let folded = unsafe { &mut *folded };
            if folded.lent_at == at {
                return;
            }
            folded.lent_at = at;
            let mut now = self.counters.read_lent();
            now.pooled_requested_bytes = requested;
            for (class, bin) in self.bins() {
                let (hits, bytes) = (bin.hits.get(), classes.block_bytes(class) as u64);
                now.thread_hits = now.thread_hits.wrapping_add(hits);
                now.pooled_alloc_bytes = now
                    .pooled_alloc_bytes
                    .wrapping_add(hits.wrapping_mul(bytes));
            }
            let before = folded.lent.allocs();
            folded.allocs = folded
                .allocs
                .wrapping_add(now.allocs().wrapping_sub(before));
            sum.replace(&mut folded.lent, now);
        });
    }

    /// Bytes of the idle blocks in the slot's magazine: what came to it, less what it sent away, less what it lent and did not take
    /// back. Exact when the owner rests.
    ///
    /// # Safety
    ///
    /// The caller has the fold's lock, and both passes have read the slot.
    pub(crate) unsafe fn kept_bytes(&self) -> u64 {
        self.folded.with(|folded| {
            // SAFETY: the caller has the fold's lock.
            let folded = unsafe { &*folded };
            let out = folded
                .lent
                .pooled_alloc_bytes
                .wrapping_sub(folded.settled.pooled_release_bytes);
            let kept = self.stocked_bytes().wrapping_sub(out);
            if kept.cast_signed() > 0 { kept } else { 0 }
        })
    }

    /// Notes how many frame buffers the slot lent in a frame that has ended.
    ///
    /// # Safety
    ///
    /// The caller has the fold's lock.
    pub(crate) unsafe fn note_ended(&self, allocs: u64) {
        // SAFETY: the caller has the fold's lock.
        self.folded.with_mut(|folded| unsafe {
            (*folded).allocs = (*folded).allocs.wrapping_add(allocs);
        });
    }

    /// Whether the owner took a buffer since the last frame end, given what it lent in open frames; `end_frame` says that this
    /// is one.
    ///
    /// # Safety
    ///
    /// The caller has the fold's lock, and has read what was lent.
    pub(crate) unsafe fn is_active(&self, in_open_frames: u64, end_frame: bool) -> bool {
        self.folded.with_mut(|folded| {
            // SAFETY: the caller has the fold's lock.
            let folded = unsafe { &mut *folded };
            let allocs = folded.allocs.wrapping_add(in_open_frames);
            let is_active = allocs != folded.seen_allocs;
            if end_frame {
                folded.seen_allocs = allocs;
            }
            is_active
        })
    }
}
