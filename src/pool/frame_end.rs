//! The frame end: reads the slots, publishes what happened, and returns memory that is not needed.
//!
//! Everything here runs under the aggregator's lock. Two threads that end frames at the same time wait for each other.
//! Workers do not wait for them, and they do not wait for workers.
//!
//! # The steps
//!
//! 1. [`Aggregator::first_pass`] reads the releases of all slots that changed (`slot/changes.rs`). At each slot it reads, resets and
//!    compacts the arena of the ended frame. Then the frame's bit is free again (`in_flight.rs`).
//! 2. [`Aggregator::second_pass`] reads the allocs of all slots. It starts the slot list again, because a slot may have been claimed
//!    since the first pass. Then it reads the reserved bytes.
//! 3. The differences to the last frame end make the snapshot. One step of trimming follows.
//! 4. The snapshot is published, with the time that all of this took. Subscribers get a copy.
//!
//! # Why the numbers add up while threads run
//!
//! Releases are read before allocs. A release count may lag (`telemetry/counters.rs`), but never overshoots. It is clamped, so that it
//! never decreases.
//!
//! A buffer that is allocated and released between the two passes counts as allocated only. A block that does this many times may
//! count as allocated many times. So the aggregation may find more in use than the pool has reserved. `reserved` is read last. It grows
//! before an alloc is counted, and shrinks only under the lock. So the buffers beyond `reserved` must have been released by then, and the
//! aggregation counts those releases now. This is never too many: at the end of the second pass the true releases were at least
//! `allocs − reserved`, and the next aggregation reads them.
//!
//! It follows: releases never exceed allocs (L2, never negative), in use never exceeds reserved (L3, it adds up), and
//! releases and allocs never decrease. When the threads rest, the sums are exact (L1, conservation).
//!
//! # Why no frame counts a negative number
//!
//! A frame's number is the difference of two cumulative counts, so no count may decrease from one aggregation to the next.
//!
//! - A thread's own counters only rise, and an aggregation keeps the sum of what it read.
//! - What an aggregation infers (`allocs − reserved`), the next aggregation reads. An owner counts a release before another thread can
//!   get the block. Of a block that was allocated `n` times, the aggregation that counts the `n`-th alloc comes after the first
//!   `n − 1` releases were counted. Only the last release of each block can be missing, and `reserved` contains that block.
//!   This also holds for the requested bytes: one counter a lane, which `release_slow` raises first.
//! - A bin's releases follow from three words (`telemetry/counters.rs`). An aggregation that reads them during an alloc finds one
//!   release too few. So the counts and bytes of releases are the maximum over all aggregations ([`raise`]). Each value in that maximum
//!   is at most the true count at its time. So the maximum may lag, is exact at rest, and hides nothing.
#![expect(
    unsafe_code,
    reason = "arenas are read and reset under the aggregator's lock"
)]

use std::time::Duration;

use crate::arena::bump::Arena;
use crate::clock::{self, Time, Timestamp};
use crate::pool::aggregator::{Aggregator, TrimTime};
use crate::pool::inner::PoolInner;
use crate::slot::state::{ArenaPlace, Slot};
use crate::sync::Arc;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::counters::Counts;
use crate::telemetry::id::FrameEnd;
use crate::telemetry::rounds::this_thread;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats, Totals};
use crate::telemetry::wrapping::{raise, raise_releases};

/// What an aggregation over the slots found.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    counts: Counts,
    reserved: u64,
    /// Slots whose allocs changed since the last frame end.
    active: u32,
    claimed: u32,
}

impl Aggregator {
    /// The first pass over the slots: reads the releases. In each slot it also ends the frame `ended`.
    fn first_pass(&mut self, inner: &PoolInner, ended: Option<usize>) {
        let ended = ended.map_or(0, |index| 1 << index);
        self.tags.slot_bytes = 0;
        for slot in inner.slots.iter() {
            for (place, arena) in slot.arenas_among(ended) {
                self.end_arena(inner, slot, place, arena);
            }
            if cfg!(feature = "telemetry") {
                self.read_released(inner, slot);
            }
        }
    }

    /// Reads the releases of a slot's lanes.
    #[inline(always)]
    fn read_released(&mut self, inner: &PoolInner, slot: &Slot) {
        let mut lanes = 0;
        for lane in slot.lanes() {
            // SAFETY: we have the aggregator's lock.
            let more = unsafe { lane.read_released(&inner.classes, &mut self.released) };
            self.tags.add_pooled(lane.tag(), more);
            lanes += 1;
        }
        self.tags.slot_bytes += Slot::tag_bytes(lanes);
    }

    /// Ends a slot's part of the ended frame.
    fn end_arena(&mut self, inner: &PoolInner, slot: &Slot, place: ArenaPlace, arena: &Arena) {
        // SAFETY: we have the aggregator's lock, and the frame was consumed, so all its borrows have ended.
        let ended = unsafe { arena.reset() };
        self.ended = self.ended.plus(ended.reading);
        if !self.tags.is_empty() {
            self.tags
                .add_ended(&inner.in_flight, place.index(), ended.reading);
        }
        // SAFETY: we have the aggregator's lock.
        unsafe { slot.note_allocs(ended.reading.allocs) };
        if ended.may_trim {
            // SAFETY: the frame has ended and we still have its bit.
            unsafe { inner.compact(self, arena, ended) };
        }
        if cfg!(feature = "telemetry") && inner.sampling.is_sampled(place.index()) {
            self.end_sampled(inner, slot, place, ended.reading);
            arena.open();
        }
        if inner.budget.is_limited() {
            arena.park();
        }
    }

    /// The second pass over the slots, after the first, at this time: all counters. `end_frame` starts a new interval for `active`.
    #[inline(always)]
    fn second_pass(&mut self, inner: &PoolInner, end_frame: bool, now: Time) -> Reading {
        let mut reading = Reading::default();
        if !cfg!(feature = "telemetry") {
            return reading;
        }
        let has_tags = !self.tags.is_empty();
        if has_tags {
            self.tags.begin_second_pass();
        }
        let open = inner.in_flight.open();
        let mut framed = ArenaReading::default();
        for slot in inner.slots.iter() {
            for lane in slot.lanes() {
                // SAFETY: we have the aggregator's lock.
                unsafe {
                    let more = lane.read_allocated(&inner.classes, &mut self.allocated);
                    slot.note_allocs(more.allocs);
                    self.tags.add_pooled(lane.tag(), more);
                }
            }
            let mut in_open_frames = 0_u64;
            for (place, arena) in slot.arenas_among(open) {
                // SAFETY: we have the aggregator's lock.
                let reading = unsafe { arena.read() };
                framed = framed.plus(reading);
                if has_tags {
                    self.tags.add_open(&inner.in_flight, place.index(), reading);
                }
                in_open_frames = in_open_frames.wrapping_add(reading.allocs);
            }
            // SAFETY: we have the aggregator's lock, and have read the allocs.
            let is_active = unsafe { slot.is_active(in_open_frames, end_frame) };
            reading.active += u32::from(is_active);
            reading.claimed += u32::from(slot.owner().is_claimed());
        }
        if has_tags {
            self.tags.add_up(end_frame, now);
        }
        reading.counts = Counts::of(&self.released, &self.allocated, self.ended, framed);
        reading.reserved = inner.budget.held_at_aggregation();
        let (released, released_bytes) = self.max_released;
        raise(&mut reading.counts.pooled_releases, released);
        raise(&mut reading.counts.pooled_release_bytes, released_bytes);
        reading.infer_releases(inner);
        self.max_released = (
            reading.counts.pooled_releases,
            reading.counts.pooled_release_bytes,
        );
        reading
    }

    /// Ends the frame `index`, or, with `None`, an interval in which only pooled buffers were used.
    pub(crate) fn end_frame(
        &mut self,
        inner: &PoolInner,
        index: Option<usize>,
    ) -> Arc<FrameSnapshot> {
        let began = clock::now();
        let time = self.wall.stamp_now(began);
        let ended = index.map(|index| inner.in_flight.begun(index));
        self.first_pass(inner, index);
        let thread = index.map_or_else(this_thread, |index| inner.in_flight.begun_by(index));
        let (round, is_new) = self.rounds.end_frame(thread);
        if is_new {
            self.round_times.note(round, began);
        }
        if let Some(index) = index {
            PoolInner::note_frame_ended(self, index, began);
            if cfg!(feature = "telemetry") && inner.sampling.is_sampled(index) {
                self.frame_book.end_frame(inner.in_flight.id(index));
                inner.sampling.end(index);
            }
            inner.in_flight.free(index);
        }
        let reading = self.second_pass(inner, true, began);
        let (number, duration) = self.begin_interval(began);
        let mut snapshot = self.recycler.take();
        let frame = if let Some(frame) = Arc::get_mut(&mut snapshot) {
            frame
        } else {
            // Somebody has a `Weak` of the old snapshot, and may upgrade it.
            snapshot = Arc::new(FrameSnapshot::default());
            Arc::get_mut(&mut snapshot).expect("nobody else knows it")
        };
        frame.pool_id = inner.id;
        frame.frame = number;
        frame.ended = ended.map(|(id, _)| id);
        frame.time = time;
        frame.duration = duration;
        if cfg!(feature = "telemetry") {
            frame.work = ended.map(|(_, begun)| began.since(begun));
        }
        self.fill(frame, inner, &reading);
        // The frame's levels are already read; trimming counts only for the duration of the frame end.
        inner.trim_step(self, TrimTime::FrameEnd);
        frame.fold_duration = clock::since(began);
        self.previous = reading.counts;
        self.recycler.publish(&inner.published, &snapshot);
        inner.set_frame(number, round);
        self.feeds.send(&snapshot);
        snapshot
    }

    /// The pool's numbers now, between frame ends.
    pub(crate) fn levels_now(&mut self, inner: &PoolInner) -> PoolStats {
        self.first_pass(inner, None);
        let now = clock::now();
        let reading = self.second_pass(inner, false, now);
        let time = self.wall.stamp_now(now);
        self.levels(inner, &reading, time)
    }

    /// Begins the interval after a frame end; returns the number of the frame end, and the duration of the previous
    /// interval.
    fn begin_interval(&mut self, now: Time) -> (FrameEnd, Duration) {
        self.frames = self.frames.wrapping_add(1);
        let duration = now.since(self.last_end);
        self.last_end = now;
        (FrameEnd(self.frames), duration)
    }

    /// Writes the result of an aggregation into a snapshot.
    #[inline(always)]
    fn fill(&mut self, frame: &mut FrameSnapshot, inner: &PoolInner, reading: &Reading) {
        if !cfg!(feature = "telemetry") {
            return;
        }
        let counts = reading.counts.since(&self.previous);
        let levels = self.levels(inner, reading, frame.time);
        frame.allocs = counts.allocs();
        frame.releases = counts.releases();
        frame.alloc_bytes = counts.alloc_bytes();
        frame.release_bytes = counts.release_bytes();
        frame.frame_allocs = counts.frame_allocs;
        frame.pooled_allocs = counts.pooled_allocs();
        frame.hits_thread = counts.hits_thread();
        frame.hits_depot = counts.depot_hits;
        frame.misses = counts.misses();
        let system_bytes = levels.totals.system_bytes;
        frame.system_bytes = system_bytes.wrapping_sub(self.system_bytes);
        self.system_bytes = system_bytes;
        let regions = self.trim.regions.wrapping_sub(self.regions);
        self.regions = self.trim.regions;
        frame.system_calls = frame.misses.wrapping_add(regions);
        frame.largest_miss = inner.misses.take();
        frame.in_use_buffers = levels.in_use_buffers;
        frame.in_use_bytes = levels.in_use_bytes;
        frame.idle_bytes = levels.idle_bytes;
        frame.pooled_bytes = levels.pooled_bytes;
        frame.peak_bytes = levels.peak_bytes;
        frame.peak_at = levels.peak_at;
        frame.requested_bytes = levels.requested_bytes;
        frame.pool_keys = levels.pool_keys;
        frame.open_frames = levels.open_frames;
        frame.threads = reading.active;
        frame.telemetry_bytes = levels.telemetry_bytes;
        frame.counts = counts;
        frame.totals = levels.totals;
    }

    /// The levels and totals of a reading.
    #[inline(always)]
    fn levels(&mut self, inner: &PoolInner, reading: &Reading, time: Timestamp) -> PoolStats {
        if !cfg!(feature = "telemetry") {
            return PoolStats::default();
        }
        let counts = reading.counts;
        let in_use_bytes = counts.alloc_bytes().wrapping_sub(counts.release_bytes());
        let evicted_bytes = inner.budget.evicted_bytes();
        self.peaks.observe(&inner.budget, time);
        let peak = self.peaks.all_time();
        PoolStats {
            time,
            in_use_buffers: counts.allocs().wrapping_sub(counts.releases()),
            in_use_bytes,
            idle_bytes: reading.reserved - in_use_bytes,
            pooled_bytes: reading.reserved,
            peak_bytes: peak.bytes,
            peak_at: peak.time,
            // Read at a different moment than the blocks, so it may exceed them briefly.
            requested_bytes: counts.requested_in_use().min(in_use_bytes),
            limit_bytes: inner.budget.limit(),
            pool_keys: inner.pool_keys(),
            open_frames: inner.in_flight.open().count_ones(),
            slots: inner.slots.count(),
            claimed_slots: reading.claimed,
            telemetry_bytes: inner.own_bytes()
                + self.feeds.bytes()
                + self.recycler.bytes()
                + self.peaks.bytes()
                + self.round_times.bytes()
                + self.tags.bytes()
                + self.frame_book.bytes(),
            totals: Totals {
                frames: self.frames,
                allocs: counts.allocs(),
                releases: counts.releases(),
                alloc_bytes: counts.alloc_bytes(),
                release_bytes: counts.release_bytes(),
                system_bytes: reading.reserved.wrapping_add(evicted_bytes),
                evicted_bytes,
                counts,
            },
        }
    }
}

impl Reading {
    /// Counts the releases that must have happened for the numbers to add up; see the head of this file.
    fn infer_releases(&mut self, inner: &PoolInner) {
        let counts = &mut self.counts;
        let framed = counts
            .frame_alloc_bytes
            .wrapping_sub(counts.frame_release_bytes);
        let bytes = self.reserved.saturating_sub(framed);
        raise_releases(
            counts.pooled_alloc_bytes,
            &mut counts.pooled_release_bytes,
            bytes,
        );
        raise_releases(
            counts.pooled_allocs(),
            &mut counts.pooled_releases,
            u64::from(inner.table.len()),
        );
        raise_releases(
            counts.pooled_requested_bytes,
            &mut counts.pooled_released_requested,
            bytes,
        );
    }
}

impl PoolInner {
    /// Ends a frame.
    pub(crate) fn end_frame(&self, index: Option<usize>) -> Arc<FrameSnapshot> {
        self.aggregator.lock().end_frame(self, index)
    }

    /// Trims one step if no frame has ended for `quiet`. Skipped while a frame end or a reader has the aggregator.
    pub(crate) fn trim_if_quiet(&self, quiet: Duration) {
        if let Some(mut aggregator) = self.aggregator.try_lock()
            && clock::since(aggregator.last_end) >= quiet
        {
            self.trim_step(&mut aggregator, TrimTime::BetweenFrames);
        }
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;
