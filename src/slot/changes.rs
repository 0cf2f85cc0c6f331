//! Finds the slots that an aggregation must read: those that changed since the last reading.
//!
//! In most frames most threads allocate no pooled buffer, and reading a slot touches one cache line per size class.
//! So a slot has three change marks, on one line. An aggregation keeps sums over all slots. It compares a slot's
//! marks with those of its last reading. Only if they differ does it read the slot's bins and counters, and replace
//! the slot's old part of the sums with the new one.
//!
//! # The change marks
//!
//! Marks only rise. The owner raises one after every change of its bins and counters:
//!
//! ```text
//!   alloc from the magazine        requested             by the requested bytes
//!   release to the magazine        released_requested    by the requested bytes of the alloc
//!   everything else                changes               by one: when a slot guard ends, and before a batch goes to the depot
//! ```
//!
//! The first two are counters that exist anyway, so marking costs the fast paths nothing. A buffer without bytes
//! would not raise them, so the fast paths leave it to the slow paths (`class.rs`).
//!
//! # Why nothing is missed
//!
//! The aggregation loads the marks first (Acquire), then bins and counters. The owner changes bins and counters first, then
//! raises a mark (Release). So its reading includes everything that was done before those marks. If the marks are unchanged,
//! nothing that happened before this aggregation was missed.
//!
//! A release count that is read during an alloc may be one too low (`counters.rs`). That alloc raises a mark afterwards, so the next first pass
//! reads the slot again: it compares all three marks. A release changes no alloc count, so the second pass compares two.
//!
//! The alloc of a release that the first pass counts was marked before, so the second pass counts that alloc (L2,
//! never negative).
//!
//! The marks are compared by their sum. A slot that moved exactly 2^64 bytes between two aggregations would seem unchanged.
#![expect(
    unsafe_code,
    reason = "what the aggregator remembers is a cell under the aggregator's lock"
)]

use crate::blocks::class::Classes;
use crate::slot::state::Slot;
use crate::telemetry::counters::{Allocated, Released};

/// The aggregator's last reading of a slot.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct SlotReading {
    /// The sum of the change marks when each of the two passes last read the slot.
    released_at: u64,
    allocated_at: u64,
    /// Allocs, of both kinds: those of pooled buffers, and those of frames that have ended.
    allocs: u64,
    /// Allocs, of both kinds, at the last frame end.
    seen_allocs: u64,
    released: Released,
    allocated: Allocated,
}

impl Slot {
    /// Marks a change that neither of the other marks shows. Only for the owner.
    #[inline]
    pub(crate) fn mark_changed(&self) {
        self.changes.increment();
    }

    /// First pass of an aggregation: updates the sum of releases over all slots.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    pub(crate) unsafe fn read_released(&self, classes: &Classes, sum: &mut Released) {
        let requested = self.requested.get();
        let released = self.released_requested.get();
        let at = requested
            .wrapping_add(released)
            .wrapping_add(self.changes.get());
        self.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &mut *last_read };
            if last_read.released_at == at {
                return;
            }
            last_read.released_at = at;
            let mut now = Released {
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
            sum.replace(&mut last_read.released, now);
        });
    }

    /// Second pass of an aggregation: updates the sum of allocs over all slots.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    pub(crate) unsafe fn read_allocated(&self, classes: &Classes, sum: &mut Allocated) {
        let requested = self.requested.get();
        let at = requested.wrapping_add(self.changes.get());
        self.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &mut *last_read };
            if last_read.allocated_at == at {
                return;
            }
            last_read.allocated_at = at;
            let mut now = self.counters.read_allocated();
            now.pooled_requested_bytes = requested;
            for (class, bin) in self.bins() {
                let (hits, bytes) = (bin.hits.get(), classes.block_bytes(class) as u64);
                now.thread_hits = now.thread_hits.wrapping_add(hits);
                now.pooled_alloc_bytes = now
                    .pooled_alloc_bytes
                    .wrapping_add(hits.wrapping_mul(bytes));
            }
            let before = last_read.allocated.allocs();
            last_read.allocs = last_read
                .allocs
                .wrapping_add(now.allocs().wrapping_sub(before));
            sum.replace(&mut last_read.allocated, now);
        });
    }

    /// Bytes of the idle blocks in the slot's magazine: received, minus sent away, minus allocs, plus releases. Exact
    /// when the owner rests.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and both passes have read the slot.
    pub(crate) unsafe fn kept_bytes(&self) -> u64 {
        self.last_read.with(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &*last_read };
            let out = last_read
                .allocated
                .pooled_alloc_bytes
                .wrapping_sub(last_read.released.pooled_release_bytes);
            let kept = self.received_bytes().wrapping_sub(out);
            if kept.cast_signed() > 0 { kept } else { 0 }
        })
    }

    /// Adds the number of frame buffers that the slot allocated in a frame that has ended.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    pub(crate) unsafe fn note_ended(&self, allocs: u64) {
        // SAFETY: the caller has the aggregator's lock.
        self.last_read.with_mut(|last_read| unsafe {
            (*last_read).allocs = (*last_read).allocs.wrapping_add(allocs);
        });
    }

    /// Whether the owner allocated a buffer since the last frame end. `in_open_frames` are its allocs in open frames;
    /// `end_frame` is true at a frame end.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and has read the allocs.
    pub(crate) unsafe fn is_active(&self, in_open_frames: u64, end_frame: bool) -> bool {
        self.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &mut *last_read };
            let allocs = last_read.allocs.wrapping_add(in_open_frames);
            let is_active = allocs != last_read.seen_allocs;
            if end_frame {
                last_read.seen_allocs = allocs;
            }
            is_active
        })
    }
}
