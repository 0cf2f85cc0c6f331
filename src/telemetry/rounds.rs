//! Rounds of frame ends and their times, which give the age of buffers in frames.
//!
//! # Rounds
//!
//! A buffer's age in frames must not depend on how many threads have frames of the pool. If eight threads each have a frame
//! in every tick, a tick is one frame to each of them, and eight frame ends to the pool. So ages count *rounds*: a frame
//! end begins a new round if a frame of the same thread has already ended in the current round. A frame belongs to the
//! thread that began it; a frame end without a frame belongs to the calling thread.
//!
//! If one thread begins all frames, every frame end is a round, even if other threads end them and several are in
//! flight. Of eight threads with frames at the same pace, the first in each tick begins a round. If one thread is
//! faster, its frames make the rounds. If frames of one sequence begin on changing threads, there are fewer rounds
//! than frames. So no age in frames is too high.
//!
//! Up to [`MAX_THREADS`] threads are distinguished. If more have frames, a round has at most that many frame ends.
//!
//! # Times of rounds
//!
//! A buffer's record has the round of its alloc and no time. [`RoundTimes`] has the beginnings of later rounds. A buffer's
//! age is the time since the first of them. Exact times of all rounds would take unbounded memory, so older times are kept
//! more sparsely: level `k` keeps the last [`KEPT`] beginnings that are at least `1 ms << k` apart, and for each pause of
//! that length the beginning before it and the one after it.
//!
//! The beginning of another round is interpolated between the two kept ones around it, by the number of rounds. So if the
//! frames between these two were equally long, the age is exact. Otherwise it is too low or too high by less than the time
//! between the two: by at most a quarter of the age, and a millisecond. A pause of that length is never between them,
//! because its two ends are kept. No age exceeds about 25 days.
//!
//! A buffer is older than a limit only if a kept beginning proves it ([`RoundTimes::old_before`]). So no buffer is a
//! suspect too early, and it may be one late by a quarter of the limit.

use std::cell::Cell;
use std::time::Duration;

use crate::clock::Time;
use crate::sync::{Ordering, global_counter, plain_thread_local};

/// The most threads with frames that are distinguished.
const MAX_THREADS: usize = 32;

/// Round beginnings kept on each level.
const KEPT: usize = 16;
/// Rounds have stopped if the current one lasts for longer than this,
const STALLED: Duration = Duration::from_secs(1);
/// and than this many times the one before.
const STALLED_ROUNDS: u32 = 4;
/// Levels of round beginnings.
const LEVELS: usize = 28;
/// The least nanoseconds between round beginnings kept on the finest level.
const FINEST: u64 = 1_000_000;

global_counter! {
    /// The number of threads that have a number.
    static THREADS;
}

plain_thread_local! {
    /// The thread's number; 0 before it has one.
    static OWN: Cell<u64> = Cell::new(0);
}

/// The number of the calling thread.
pub(crate) fn this_thread() -> u64 {
    OWN.with(|own| {
        if own.get() == 0 {
            // Relaxed: no other data depends on it.
            own.set(THREADS.fetch_add(1, Ordering::Relaxed) + 1);
        }
        own.get()
    })
}

/// The current round, and the threads whose frames have ended in it.
#[derive(Debug)]
pub(crate) struct Rounds {
    round: u64,
    threads: [u64; MAX_THREADS],
    count: usize,
}

impl Rounds {
    pub(crate) fn new() -> Self {
        Self {
            round: 0,
            threads: [0; MAX_THREADS],
            count: 0,
        }
    }

    /// Sets the current round.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&mut self, round: u64) {
        self.round = round;
    }

    /// Counts the end of a frame of this thread. Returns the current round, and whether it is new.
    pub(crate) fn end_frame(&mut self, thread: u64) -> (u64, bool) {
        let is_new = self.count == 0
            || self.count == MAX_THREADS
            || self.threads[..self.count].contains(&thread);
        if is_new {
            self.round = self.round.wrapping_add(1);
            self.count = 0;
        }
        self.threads[self.count] = thread;
        self.count += 1;
        (self.round, is_new)
    }
}

/// The beginning of a round.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    round: u64,
    at: Time,
}

/// The beginnings of recent rounds; older ones are kept more sparsely.
#[derive(Debug)]
pub(crate) struct RoundTimes {
    latest: Beginning,
    /// How long the round before the latest lasted.
    length: Duration,
    /// Empty until the first round begins, and then if there is no memory. Each level kept every beginning that a coarser
    /// one keeps.
    levels: Vec<Level>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    /// A ring: the next beginning replaces the one at `next`.
    kept: [Beginning; KEPT],
    next: u8,
    count: u8,
}

impl RoundTimes {
    /// No round has begun.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            latest: Beginning { round: 0, at: now },
            length: Duration::ZERO,
            levels: Vec::new(),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> u64 {
        (self.levels.capacity() * size_of::<Level>()) as u64
    }

    /// Notes that a round began.
    pub(crate) fn note(&mut self, round: u64, now: Time) {
        let beginning = Beginning { round, at: now };
        let before = std::mem::replace(&mut self.latest, beginning);
        self.length = now.since(before.at);
        if self.levels.is_empty() && self.levels.try_reserve_exact(LEVELS).is_ok() {
            self.levels.resize(LEVELS, Level::empty(beginning));
        }
        for (k, level) in self.levels.iter_mut().enumerate() {
            let is_apart = |from: Beginning| now.nanos_since(from.at) >= FINEST << k;
            let newest = level.newest().copied();
            if !newest.is_none_or(is_apart) {
                // Coarser levels wait for the next beginning of this level.
                break;
            }
            // After a pause the last beginning before it is kept too: what was allocated before it is older than the pause.
            if newest.is_some_and(|newest| newest.round != before.round) && is_apart(before) {
                level.push(before);
            }
            level.push(beginning);
        }
    }

    /// Whether rounds have stopped: the current one lasts for much longer than the one before.
    pub(crate) fn is_stalled(&self, now: Time) -> bool {
        now.since(self.latest.at) > STALLED.max(self.length.saturating_mul(STALLED_ROUNDS))
    }

    /// The round before which a buffer must have been allocated to be older than `age`; `None` if all are older.
    pub(crate) fn old_before(&self, age: Duration, now: Time) -> Option<u64> {
        if age.is_zero() {
            return None;
        }
        let is_old = |beginning: &&Beginning| now.since(beginning.at) >= age;
        let rounds = self.known().filter(is_old).map(|beginning| beginning.round);
        Some(rounds.max().unwrap_or(0))
    }

    /// All stored beginnings, in no order.
    fn known(&self) -> impl Iterator<Item = &Beginning> {
        self.levels
            .iter()
            .flat_map(Level::kept)
            .chain([&self.latest])
    }

    /// The age of a buffer that was allocated in `round`: the time since the next round began, interpolated if its
    /// beginning was not kept. Zero while no later round is known.
    pub(crate) fn age(&self, round: u64, now: Time) -> Duration {
        let later = |beginning: &Beginning| {
            (1..=u64::MAX / 2).contains(&beginning.round.wrapping_sub(round))
        };
        // The kept beginnings next to the wanted one.
        let mut after = later(&self.latest).then_some(self.latest);
        let mut before = None;
        for level in &self.levels {
            match level.oldest() {
                Some(oldest) if later(oldest) => after = Some(*oldest),
                _ => {
                    // This level reaches back before `round`, so coarser levels have no others between these two.
                    let kept = || level.kept().copied();
                    let earliest = kept().filter(later).chain(after);
                    after = earliest.min_by_key(|kept| kept.at);
                    let earlier = kept().filter(|kept| !later(kept));
                    before = earlier.max_by_key(|kept| kept.at);
                    break;
                }
            }
        }
        after.map_or(Duration::ZERO, |after| {
            let at = before.map_or(after.at, |before| before.time_of(round, after));
            now.since(at)
        })
    }
}

impl Beginning {
    /// When the round after `round` began, if the rounds from this beginning to `after` were equally long.
    fn time_of(self, round: u64, after: Self) -> Time {
        let rounds = u128::from(after.round.wrapping_sub(self.round)).max(1);
        let passed = u128::from(round.wrapping_sub(self.round)) + 1;
        let time = u128::from(after.at.nanos_since(self.at));
        // At most `after.at`, because `after` is a later round than `round`.
        self.at + Duration::from_nanos((time * passed / rounds) as u64)
    }
}

impl Level {
    /// A level without beginnings; `unused` stands in its places.
    fn empty(unused: Beginning) -> Self {
        Self {
            kept: [unused; KEPT],
            next: 0,
            count: 0,
        }
    }

    fn kept(&self) -> impl Iterator<Item = &Beginning> {
        self.kept[..usize::from(self.count)].iter()
    }

    fn oldest(&self) -> Option<&Beginning> {
        let is_full = usize::from(self.count) == KEPT;
        let oldest = if is_full { usize::from(self.next) } else { 0 };
        (self.count > 0).then(|| &self.kept[oldest])
    }

    fn newest(&self) -> Option<&Beginning> {
        let before = (usize::from(self.next) + KEPT - 1) % KEPT;
        (self.count > 0).then(|| &self.kept[before])
    }

    fn push(&mut self, beginning: Beginning) {
        let place = usize::from(self.next);
        self.kept[place] = beginning;
        self.next = ((place + 1) % KEPT) as u8;
        self.count = self.count.max(place as u8 + 1);
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests;
