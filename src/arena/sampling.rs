//! Chooses the sampled frames, in which every frame buffer counts for the line of code that allocated it.
//!
//! The fast path of a frame alloc has no code for this. A sampled frame begins with arenas whose `end` is null, so the fast path finds
//! no room. Each alloc then takes the slow path (`pool/framed.rs`), which opens the arena, allocates, counts the call site, and closes
//! the arena again. So other frames only pay one load and one comparison when they begin.
//!
//! # Which frames
//!
//! Frames are numbered from 1. In each run of `every` frames one is sampled, at a position given by a hash of the run's
//! number. A fixed position would always hit the same phase of a program that does something every 16th frame.
//!
//! `next` is the number of the next frame to sample. The thread that begins this frame advances it with a compare-exchange.
//! If a frame with a higher number comes first, that one is sampled instead.
//!
//! # Exclusive access to the arenas
//!
//! The thread that begins a frame has claimed the frame's bit, and no other thread has the `Frame` yet. So it has exclusive
//! access to the arenas of that bit, like a frame end. Arenas that get their first block during the frame are closed by the
//! slow path.
#![expect(
    unsafe_code,
    reason = "where an arena's block ends is read from a cell"
)]

use std::ptr;

use crate::arena::bump::Arena;
use crate::arena::parking::OWNED;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::telemetry::id::FrameId;

/// Which frames of a pool are sampled.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// The number of the next frame to sample; `u64::MAX` for none.
    next: AtomicU64,
    /// One frame in this many is sampled; zero for none.
    every: AtomicU32,
    /// One bit for each open frame that is sampled.
    sampled: AtomicU32,
    /// The number of tables of call sites in all slots (`slot/frame_sites.rs`).
    tables: AtomicU32,
}

impl Sampling {
    pub(crate) fn new(every: u32) -> Self {
        Self {
            next: AtomicU64::new(first_after(0, every)),
            every: AtomicU32::new(every),
            sampled: AtomicU32::new(0),
            tables: AtomicU32::new(0),
        }
    }

    /// Samples one frame in `every` from now on, after `begun` frames; none with zero. Only under the aggregator's lock.
    pub(crate) fn set(&self, every: u32, begun: u64) {
        // Relaxed: published by the store of `next`.
        self.every.store(every, Ordering::Relaxed);
        // Release: pairs with the Acquire in `take`; a thread that sees this number sees this `every`.
        self.next
            .store(first_after(begun, every), Ordering::Release);
    }

    /// One frame in this many is sampled; zero for none.
    pub(crate) fn every(&self) -> u32 {
        // Relaxed: no other data depends on it.
        self.every.load(Ordering::Relaxed)
    }

    /// Whether the frame that begins with this number is to be sampled. Only for the thread that begins it.
    #[inline]
    pub(crate) fn takes(&self, id: FrameId) -> bool {
        // Relaxed: `take` checks again.
        id.get() >= self.next.load(Ordering::Relaxed) && self.take(id.get())
    }

    #[cold]
    fn take(&self, id: u64) -> bool {
        // Acquire: pairs with the Release in `set`; `every` belongs to this number, or to a later change, and then the
        // exchange fails.
        let next = self.next.load(Ordering::Acquire);
        if id < next {
            return false;
        }
        let every = u64::from(self.every());
        // The next run of frames, because the current run now has its sample.
        let run = id.saturating_sub(1).checked_div(every);
        let after = run.map_or(u64::MAX, |run| sample_of(run.saturating_add(1), every));
        // Release: passes on the `every` that was acquired above. Relaxed on failure: another thread took the sample, or
        // the setting changed.
        let taken = self
            .next
            .compare_exchange(next, after, Ordering::Release, Ordering::Relaxed);
        run.is_some() && taken.is_ok()
    }

    /// Notes that the frame `index` is sampled. Only for the thread that begins it.
    pub(crate) fn begin(&self, index: usize) {
        // Relaxed: the transfer of the `Frame` value orders it for the threads that allocate from the frame and the one
        // that ends it.
        self.sampled.fetch_or(1 << index, Ordering::Relaxed);
    }

    /// Whether the open frame `index` is sampled. Only for a thread that has the frame.
    pub(crate) fn is_sampled(&self, index: usize) -> bool {
        // Relaxed: see `begin`.
        self.sampled.load(Ordering::Relaxed) & 1 << index != 0
    }

    /// Notes that the frame `index` ends. Only for the thread that ends it.
    pub(crate) fn end(&self, index: usize) {
        // Relaxed: `InFlight::free` (Release) publishes it to the next frame of the bit, whose `claim` acquires it.
        self.sampled.fetch_and(!(1 << index), Ordering::Relaxed);
    }

    /// Counts a table that a thread made.
    pub(crate) fn note_table(&self) {
        // Relaxed: no other data depends on it.
        self.tables.fetch_add(1, Ordering::Relaxed);
    }

    /// Tables that threads made.
    pub(crate) fn tables(&self) -> u32 {
        // Relaxed: no other data depends on it.
        self.tables.load(Ordering::Relaxed)
    }
}

/// The number of the first frame to sample after `begun` frames.
fn first_after(begun: u64, every: u32) -> u64 {
    let every = u64::from(every);
    let Some(run) = begun.checked_div(every) else {
        return u64::MAX;
    };
    let of_this_run = sample_of(run, every);
    if of_this_run > begun {
        of_this_run
    } else {
        sample_of(run.saturating_add(1), every)
    }
}

/// The number of the sampled frame in this run of frames. Run 0 begins with frame 1.
fn sample_of(run: u64, every: u64) -> u64 {
    // The finalizer of SplitMix64, which maps zero to zero. `run + 1` avoids that, because the first frame of a program is
    // a bad sample.
    let mut hash = run.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let place = (hash ^ (hash >> 31)) % every;
    run.saturating_mul(every).saturating_add(1 + place)
}

impl Arena {
    /// Closes the arena before its frame's first alloc. Only for the thread that begins the frame.
    pub(crate) fn close_at_begin(&self) {
        // Relaxed: only the owner changes it to `OWNED`, and it does not have the frame yet. The `end` of a parked arena is
        // null, and another thread may have its blocks now.
        if self.state.load(Ordering::Relaxed) == OWNED {
            self.close();
        }
    }

    /// Sets the end to null, so that each alloc takes the slow path. Only for the owner, while the frame is open.
    pub(crate) fn close(&self) {
        // For the model checker only: it does not see `end`, which has the same owner as the blocks.
        self.blocks.with_mut(|_| ());
        self.end.set(ptr::null_mut());
    }

    /// Gives the fast path the room of the current block. Only for the owner, or for the thread that ends the frame.
    pub(crate) fn open(&self) {
        // SAFETY: the caller has exclusive access to the blocks.
        let end = self
            .blocks
            .with(|blocks| unsafe { (*blocks).current_end() });
        self.end.set(end);
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    /// Those of these frames that are sampled.
    fn taken(sampling: &Sampling, ids: impl Iterator<Item = u64>) -> Vec<u64> {
        ids.filter(|&id| sampling.takes(FrameId(id))).collect()
    }

    #[test]
    fn one_frame_of_each_run_is_sampled() {
        for every in [1, 2, 7, 64] {
            let sampled = taken(&Sampling::new(every), 1..=20 * u64::from(every));
            let runs: Vec<u64> = sampled
                .iter()
                .map(|id| (id - 1) / u64::from(every))
                .collect();
            assert_eq!(runs, (0..20).collect::<Vec<_>>(), "1 in {every}");
        }
    }

    #[test]
    fn every_phase_of_a_period_is_sampled() {
        let mut phases: Vec<u64> = taken(&Sampling::new(64), 1..=64 * 400)
            .iter()
            .map(|id| id % 16)
            .collect();
        phases.sort_unstable();
        phases.dedup();
        assert_eq!(phases.len(), 16);
    }

    #[test]
    fn zero_samples_nothing_until_set() {
        let sampling = Sampling::new(0);
        assert_eq!(taken(&sampling, 1..=1000), [0_u64; 0]);
        sampling.set(10, 1000);
        assert_eq!(taken(&sampling, 1001..=2000).len(), 100);
        sampling.set(0, 2000);
        assert_eq!(taken(&sampling, 2001..=3000), [0_u64; 0]);
    }

    #[test]
    fn skipped_number_leaves_the_sample_to_the_next() {
        let sampling = Sampling::new(10);
        let at = taken(&sampling, 1..=10)[0];
        let next = sample_of(1, 10);
        assert!(next > at);
        assert_eq!(taken(&sampling, next + 1..=next + 1), [next + 1]);
        assert_eq!(taken(&sampling, next + 2..=20), [0_u64; 0]);
    }

    #[test]
    fn last_frame_number_does_not_overflow() {
        let sampling = Sampling::new(64);
        sampling.set(64, u64::MAX - 10);
        assert!(taken(&sampling, u64::MAX - 10..=u64::MAX).len() <= 2);
    }
}
