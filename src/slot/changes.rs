//! Finds the lanes that an aggregation must read: those that changed since the last reading.
//!
//! In most frames most threads allocate no pooled buffer, and reading a lane touches one cache line per size class.
//! So a lane has three change marks, on one line. An aggregation keeps sums over all lanes. It compares a lane's
//! marks with those of its last reading. Only if they differ does it read the lane's bins and counters, and replace
//! the lane's old part of the sums with the new one.
//!
//! # The change marks
//!
//! Marks only rise. The owner raises one after every change of its bins and counters:
//!
//! ```text
//!   alloc from the magazine        requested             by the requested bytes
//!   release to the magazine        released_requested    by the requested bytes of the alloc
//!   everything else                changes               by one: when a slow path ends, and before a batch goes to the depot
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
//! reads the lane again: it compares all three marks. A release changes no alloc count, so the second pass compares two.
//!
//! The alloc of a release that the first pass counts was marked before, so the second pass counts that alloc (L2,
//! never negative).
//!
//! The marks are compared by their sum. A lane that moved exactly 2^64 bytes between two aggregations would seem unchanged.
#![expect(
    unsafe_code,
    reason = "what the aggregator remembers is a cell under the aggregator's lock"
)]

#[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
use std::mem::offset_of;

use crate::blocks::class::Classes;
use crate::slot::lane::Lane;
use crate::telemetry::counters::{Allocated, Released};
use crate::telemetry::tags::TagCounts;

/// The aggregator's last reading of a lane.
///
/// Aligned so that in a lane the words that an aggregation compares share a cache line.
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub(crate) struct LaneReading {
    released: Released,
    allocated: Allocated,
    /// The sum of the change marks when each of the two passes last read the lane.
    released_at: u64,
    allocated_at: u64,
    /// Of a slot's lane without a tag: the slot's allocs, those of pooled buffers and those of frames that have ended, and how many
    /// there were at the last frame end.
    allocs: u64,
    seen_allocs: u64,
}

impl LaneReading {
    /// The offset of what an aggregation compares in every lane.
    #[cfg(not(any(framepool_loom, framepool_shuttle, framepool_noise)))]
    pub(super) const COMPARED: usize = offset_of!(Self, released_at);

    /// Adds a number of buffers that the slot allocated.
    pub(super) fn note_allocs(&mut self, allocs: u64) {
        self.allocs = self.allocs.wrapping_add(allocs);
    }

    /// Whether the slot allocated a buffer since the last frame end.
    pub(super) fn is_active(&mut self, in_open_frames: u64, end_frame: bool) -> bool {
        let allocs = self.allocs.wrapping_add(in_open_frames);
        let is_active = allocs != self.seen_allocs;
        if is_active && end_frame {
            self.seen_allocs = allocs;
        }
        is_active
    }
}

impl Lane {
    /// First pass of an aggregation: updates the sum of releases over all lanes. Returns what its tag has more of.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    #[inline]
    pub(crate) unsafe fn read_released(&self, classes: &Classes, sum: &mut Released) -> TagCounts {
        let requested = self.requested.get();
        let released = self.released_requested.get();
        let at = requested
            .wrapping_add(released)
            .wrapping_add(self.changes.get());
        self.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &mut *last_read };
            if last_read.released_at == at {
                return TagCounts::default();
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
            let before = last_read.released;
            sum.replace(&mut last_read.released, now);
            TagCounts {
                releases: now.pooled_releases.wrapping_sub(before.pooled_releases),
                release_bytes: now
                    .pooled_release_bytes
                    .wrapping_sub(before.pooled_release_bytes),
                ..TagCounts::default()
            }
        })
    }

    /// Second pass of an aggregation: updates the sum of allocs over all lanes. Returns what its tag has more of.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock.
    #[inline]
    pub(crate) unsafe fn read_allocated(
        &self,
        classes: &Classes,
        sum: &mut Allocated,
    ) -> TagCounts {
        let requested = self.requested.get();
        let at = requested.wrapping_add(self.changes.get());
        self.last_read.with_mut(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &mut *last_read };
            if last_read.allocated_at == at {
                return TagCounts::default();
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
            let before = last_read.allocated;
            sum.replace(&mut last_read.allocated, now);
            TagCounts {
                allocs: now.allocs().wrapping_sub(before.allocs()),
                alloc_bytes: now
                    .pooled_alloc_bytes
                    .wrapping_sub(before.pooled_alloc_bytes),
                ..TagCounts::default()
            }
        })
    }

    /// Bytes of the idle blocks in the lane's magazine: received, minus sent away, minus allocs, plus releases.
    ///
    /// # Safety
    ///
    /// The caller has the aggregator's lock, and both passes have read the lane.
    pub(super) unsafe fn kept_bytes(&self) -> u64 {
        self.last_read.with(|last_read| {
            // SAFETY: the caller has the aggregator's lock.
            let last_read = unsafe { &*last_read };
            let out = last_read
                .allocated
                .pooled_alloc_bytes
                .wrapping_sub(last_read.released.pooled_release_bytes);
            let kept = self.magazine().received_bytes().wrapping_sub(out);
            if kept.cast_signed() > 0 { kept } else { 0 }
        })
    }
}
