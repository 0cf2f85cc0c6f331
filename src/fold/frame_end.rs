//! The frame end: read the slots, publish what happened, give back what is not needed.
//!
//! Everything here runs under the fold's lock: two threads that end frames at once wait for each other, never for a
//! worker, and no worker waits for them.
//!
//! # The steps
//!
//! 1. The ended frame's arenas are read and reset, and its bit is given back (`in_flight.rs`).
//! 2. [`Fold::walk`]: over all slots what was released; over all slots, anew, what was lent; then the bytes reserved.
//! 3. The differences to the last frame end make the snapshot, which is published.
//! 4. Subscribers get a copy; a step of trimming.
//!
//! # Why the numbers add up while threads go on
//!
//! Releases are read before allocs (see `cache/counters.rs`), so a buffer lent and released between the two passes counts
//! as lent only, and one block that goes out and in many times meanwhile may count as lent many times. So the walk may
//! find more in use than the pool holds (`reserved`, read last: it grows before an alloc is counted, and shrinks only
//! under the lock). What exceeds it must have been released by then: the walk counts those releases now. That is never too
//! much, since at the end of the second pass the true releases were at least `allocs − reserved`, and the next walk
//! reads them from then on. So releases never exceed allocs (L2), in use never exceeds reserved (L3), neither ever goes
//! back, and when the threads rest the sums are exact (L1).
#![expect(
    unsafe_code,
    reason = "arenas are read and reset under the fold's lock"
)]

use std::time::{Duration, Instant};

use crate::cache::{ArenaReading, Core, Counts, MOST_IN_FLIGHT, TrimState};
use crate::clock;
use crate::fold::feed::Feeds;
use crate::fold::publish::Recycler;
use crate::fold::{FrameId, FrameSnapshot, PoolStats, Totals};
use crate::sync::{Arc, Ordering};

/// What frame ends remember. Whoever has it has the fold's lock.
#[derive(Debug)]
pub(crate) struct Fold {
    frames: u64,
    /// The counters at the last frame end.
    previous: Counts,
    /// What the frames that have ended lent and released. Only the frame counters.
    ended: Counts,
    last_end: Instant,
    recycler: Recycler,
    pub(crate) feeds: Feeds,
    pub(crate) trim: TrimState,
}

/// What a walk over the slots found.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    counts: Counts,
    reserved: u64,
    /// Slots whose allocs changed since the last frame end.
    active: u32,
    claimed: u32,
}

impl Fold {
    pub(crate) fn new() -> Self {
        Self {
            frames: 0,
            previous: Counts::default(),
            ended: Counts::default(),
            last_end: clock::now(),
            recycler: Recycler::new(),
            feeds: Feeds::new(),
            trim: TrimState::new(),
        }
    }

    /// Sets what frame ends remember, as if so much had happened before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&mut self, frames: u64, ended: Counts) {
        self.frames = frames;
        self.ended = ended;
        self.trim.start_at(frames);
    }

    /// Reads all counters. `end_frame` starts a new interval for `active`.
    fn walk(&mut self, core: &Core, end_frame: bool) -> Walk {
        let mut walk = Walk::default();
        if !cfg!(feature = "telemetry") {
            return walk;
        }
        for slot in core.slots.iter() {
            slot.counters.read_settled(&mut walk.counts);
        }
        let open = core.in_flight.open();
        let mut framed = Counts::default();
        for slot in core.slots.iter() {
            let pooled_before = walk.counts.pooled_allocs();
            slot.counters.read_lent(&mut walk.counts);
            let mut allocs = walk.counts.pooled_allocs().wrapping_sub(pooled_before);
            for index in bits(open) {
                // SAFETY: we have the fold's lock.
                let reading = unsafe { slot.arena(index).read() };
                add_lent(&mut framed, reading);
                allocs = allocs.wrapping_add(reading.allocs);
            }
            // Relaxed, all: only under the fold's lock.
            allocs = allocs.wrapping_add(slot.folded.ended_allocs.load(Ordering::Relaxed));
            if allocs != slot.folded.seen_allocs.load(Ordering::Relaxed) {
                walk.active += 1;
                if end_frame {
                    slot.folded.seen_allocs.store(allocs, Ordering::Relaxed);
                }
            }
            walk.claimed += u32::from(slot.is_claimed());
        }
        let ended = &self.ended;
        walk.counts.frame_releases = ended.frame_releases;
        walk.counts.frame_release_bytes = ended.frame_release_bytes;
        walk.counts.frame_released_requested = ended.frame_released_requested;
        add_frame_counts(&mut walk.counts, ended);
        add_frame_counts(&mut walk.counts, &framed);
        walk.reserved = core.budget.confirm();
        walk.settle(core);
        walk
    }

    /// Ends the frame `index`, or with `None` an interval in which only pooled buffers were used.
    pub(crate) fn end_frame(&mut self, core: &Core, index: Option<usize>) -> Arc<FrameSnapshot> {
        let began = clock::now();
        if let Some(index) = index {
            self.reset_arenas(core, index);
            // SAFETY: the frame has ended and we still have its bit.
            unsafe { core.trim_arenas(self, index) };
            core.in_flight.free(index);
        }
        let walk = self.walk(core, true);
        let frame = FrameSnapshot {
            fold_duration: clock::since(began),
            ..self.snapshot(core, &walk, began)
        };
        self.previous = walk.counts;
        let snapshot = self.recycler.publish(&core.published, &frame);
        core.set_frame(snapshot.frame);
        self.feeds.send(&snapshot);
        core.trim_step(self);
        snapshot
    }

    fn reset_arenas(&mut self, core: &Core, index: usize) {
        debug_assert!(index < MOST_IN_FLIGHT);
        let mut lent = Counts::default();
        for slot in core.slots.iter() {
            // SAFETY: we have the fold's lock, and the frame was consumed, so that all its borrows are over.
            let reading = unsafe { slot.arena(index).reset() };
            add_lent(&mut lent, reading);
            if reading.allocs > 0 {
                // Relaxed, both: only under the fold's lock.
                let ended = slot.folded.ended_allocs.load(Ordering::Relaxed);
                slot.folded
                    .ended_allocs
                    .store(ended.wrapping_add(reading.allocs), Ordering::Relaxed);
            }
        }
        let ended = &mut self.ended;
        add_frame_counts(ended, &lent);
        for (sum, amount) in [
            (&mut ended.frame_releases, lent.frame_allocs),
            (&mut ended.frame_release_bytes, lent.frame_alloc_bytes),
            (
                &mut ended.frame_released_requested,
                lent.frame_requested_bytes,
            ),
        ] {
            *sum = sum.wrapping_add(amount);
        }
    }

    fn snapshot(&mut self, core: &Core, walk: &Walk, now: Instant) -> FrameSnapshot {
        self.frames = self.frames.wrapping_add(1);
        let duration = now.saturating_duration_since(self.last_end);
        self.last_end = now;
        let frame = FrameId(self.frames);
        if !cfg!(feature = "telemetry") {
            return FrameSnapshot {
                frame,
                duration,
                ..FrameSnapshot::default()
            };
        }
        let counts = walk.counts.since(&self.previous);
        let levels = self.levels(core, walk);
        FrameSnapshot {
            frame,
            duration,
            allocs: counts.allocs(),
            releases: counts.releases(),
            alloc_bytes: counts.alloc_bytes(),
            release_bytes: counts.release_bytes(),
            frame_allocs: counts.frame_allocs,
            pooled_allocs: counts.pooled_allocs(),
            hits_thread: counts.hits_thread(),
            hits_depot: counts.depot_hits,
            misses: counts.misses(),
            in_use_buffers: levels.in_use_buffers,
            in_use_bytes: levels.in_use_bytes,
            idle_bytes: levels.idle_bytes,
            pooled_bytes: levels.pooled_bytes,
            peak_bytes: levels.peak_bytes,
            requested_bytes: levels.requested_bytes,
            pool_keys: levels.pool_keys,
            open_frames: levels.open_frames,
            threads: walk.active,
            telemetry_bytes: levels.telemetry_bytes,
            fold_duration: Duration::ZERO,
            counts,
            totals: levels.totals,
        }
    }

    /// A walk's counters as levels and totals.
    fn levels(&self, core: &Core, walk: &Walk) -> PoolStats {
        if !cfg!(feature = "telemetry") {
            return PoolStats::default();
        }
        let counts = walk.counts;
        let in_use_bytes = counts.alloc_bytes().wrapping_sub(counts.release_bytes());
        let evicted_bytes = core.budget.evicted_bytes();
        PoolStats {
            in_use_buffers: counts.allocs().wrapping_sub(counts.releases()),
            in_use_bytes,
            idle_bytes: walk.reserved - in_use_bytes,
            pooled_bytes: walk.reserved,
            peak_bytes: core.budget.peak(),
            // Read at other moments than the blocks, so that it may seem more for a moment.
            requested_bytes: counts.requested_in_use().min(in_use_bytes),
            limit_bytes: core.budget.limit(),
            pool_keys: core.pool_keys(),
            open_frames: core.in_flight.open().count_ones(),
            slots: core.slots.count(),
            claimed_slots: walk.claimed,
            telemetry_bytes: core.own_bytes() + self.feeds.bytes() + self.recycler.bytes(),
            totals: Totals {
                frames: self.frames,
                allocs: counts.allocs(),
                releases: counts.releases(),
                alloc_bytes: counts.alloc_bytes(),
                release_bytes: counts.release_bytes(),
                system_bytes: walk.reserved.wrapping_add(evicted_bytes),
                evicted_bytes,
                counts,
            },
        }
    }
}

impl Walk {
    /// Counts the releases that must have happened for the numbers to add up; see the head of this file.
    fn settle(&mut self, core: &Core) {
        let counts = &mut self.counts;
        let framed = counts
            .frame_alloc_bytes
            .wrapping_sub(counts.frame_release_bytes);
        let bytes = self.reserved.saturating_sub(framed);
        settle(
            counts.pooled_alloc_bytes,
            &mut counts.pooled_release_bytes,
            bytes,
        );
        settle(
            counts.pooled_allocs(),
            &mut counts.pooled_releases,
            u64::from(core.table.len()),
        );
        settle(
            counts.pooled_requested_bytes,
            &mut counts.pooled_released_requested,
            bytes,
        );
    }
}

/// Raises `released` until no more than `most` of what was lent is out.
fn settle(lent: u64, released: &mut u64, most: u64) {
    if lent.wrapping_sub(*released) > most {
        *released = lent.wrapping_sub(most);
    }
}

fn add_lent(sum: &mut Counts, reading: ArenaReading) {
    let lent = Counts {
        frame_allocs: reading.allocs,
        frame_misses: reading.misses,
        frame_alloc_bytes: reading.bytes,
        frame_requested_bytes: reading.requested,
        ..Counts::default()
    };
    add_frame_counts(sum, &lent);
}

/// Adds what frames lent.
fn add_frame_counts(sum: &mut Counts, lent: &Counts) {
    for (sum, amount) in [
        (&mut sum.frame_allocs, lent.frame_allocs),
        (&mut sum.frame_misses, lent.frame_misses),
        (&mut sum.frame_alloc_bytes, lent.frame_alloc_bytes),
        (&mut sum.frame_requested_bytes, lent.frame_requested_bytes),
    ] {
        *sum = sum.wrapping_add(amount);
    }
}

/// The places of the bits that are set.
fn bits(mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let place = word.trailing_zeros();
            word &= word - 1;
            place as usize
        })
    })
}

impl Core {
    /// Ends a frame.
    pub(crate) fn end_frame(&self, index: Option<usize>) -> Arc<FrameSnapshot> {
        self.fold.lock().end_frame(self, index)
    }

    /// The pool's numbers now.
    pub(crate) fn stats(&self) -> PoolStats {
        let mut fold = self.fold.lock();
        let walk = fold.walk(self, false);
        fold.levels(self, &walk)
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::BufferPool;

    /// Bytes of all blocks and of all arenas. The pool is at rest.
    fn walked(pool: &BufferPool) -> u64 {
        let core = pool.core();
        let blocks: u64 = core.table.records().map(crate::cache::Block::bytes).sum();
        let arenas: u64 = core
            .slots
            .iter()
            .flat_map(|slot| (0..MOST_IN_FLIGHT).map(|index| slot.arena(index)))
            // SAFETY: the pool is at rest.
            .map(|arena| unsafe { arena.held_bytes() })
            .sum();
        blocks + arenas
    }

    #[test]
    fn at_rest_a_walk_over_every_block_agrees_with_the_sums_exactly() {
        let pool = BufferPool::builder()
            .max_frames_in_flight(2)
            .build()
            .unwrap();
        let mut kept = Vec::new();
        for round in 0..40_usize {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(round * 40_000);
            let other = pool.begin_frame();
            other.alloc::<u64>(round * 1_000);
            kept.extend((0..round).map(|n| pool.alloc::<u8>(n * 777)));
            if round % 3 == 0 {
                kept.clear();
            }
            drop(other);
            let snapshot = frame.release_all();
            assert_eq!(snapshot.pooled_bytes, walked(&pool), "round {round}");
            let lent: u64 = pool.outstanding().bytes;
            assert_eq!(snapshot.in_use_bytes, lent);
        }
        kept.clear();
        pool.trim();
        assert_eq!(pool.stats().pooled_bytes, walked(&pool));
        assert_eq!(walked(&pool), 0, "all of it was idle");
    }
}
