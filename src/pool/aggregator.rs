//! The state that frame ends keep from one to the next, behind the aggregator's lock.

use crate::arena::in_flight::MAX_IN_FLIGHT;
use crate::blocks::class::CLASSES;
use crate::clock::{self, Time, WallClock};
use crate::pool::frame_book::FrameBook;
use crate::pool::tag_book::TagBook;
#[cfg(feature = "backtrace")]
use crate::pool::traced::Traced;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::counters::{Allocated, Counts, Released};
use crate::telemetry::feed::Feeds;
use crate::telemetry::peaks::Peaks;
use crate::telemetry::publish::Recycler;
use crate::telemetry::rounds::{RoundTimes, Rounds};

/// The state that frame ends keep from one to the next, behind the aggregator's lock.
#[derive(Debug)]
pub(crate) struct Aggregator {
    pub(crate) frames: u64,
    /// The counters at the last frame end.
    pub(crate) previous: Counts,
    /// The slots' counters as of the last aggregation: releases of pooled buffers, and all others.
    pub(crate) released: Released,
    pub(crate) allocated: Allocated,
    /// The allocs, and so the releases, of all frames that have ended.
    pub(crate) ended: ArenaReading,
    /// The most releases of pooled buffers that an aggregation found, and the most bytes.
    pub(crate) max_released: (u64, u64),
    pub(crate) last_end: Time,
    pub(crate) rounds: Rounds,
    pub(crate) round_times: RoundTimes,
    pub(crate) wall: WallClock,
    pub(crate) peaks: Peaks,
    pub(crate) tags: TagBook,
    /// The allocs of sampled frames.
    pub(crate) frame_book: FrameBook,
    pub(crate) sample_every: u32,
    /// Bytes ever taken from the system, and regions that frame ends moved, as of the last frame end.
    pub(crate) system_bytes: u64,
    pub(crate) regions: u64,
    pub(crate) recycler: Recycler,
    pub(crate) feeds: Feeds,
    /// When backtraces were on, in pooled buffers.
    #[cfg(feature = "backtrace")]
    pub(crate) traced: Traced,
    pub(crate) trim: TrimState,
}

impl Aggregator {
    pub(crate) fn new(tags: TagBook, sample_every: u32) -> Self {
        let now = clock::now();
        Self {
            frames: 0,
            previous: Counts::default(),
            released: Released::default(),
            allocated: Allocated::default(),
            ended: ArenaReading::default(),
            max_released: (0, 0),
            last_end: now,
            rounds: Rounds::new(),
            round_times: RoundTimes::new(now),
            wall: WallClock::new(now),
            peaks: Peaks::default(),
            tags,
            frame_book: FrameBook::default(),
            sample_every,
            system_bytes: 0,
            regions: 0,
            recycler: Recycler::new(),
            feeds: Feeds::default(),
            #[cfg(feature = "backtrace")]
            traced: Traced::default(),
            trim: TrimState::new(),
        }
    }

    /// Sets the state as if this had happened before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&mut self, frames: u64, ended: ArenaReading) {
        self.frames = frames;
        self.ended = ended;
        self.max_released = (ended.allocs, ended.bytes);
        self.rounds.start_at(frames);
        self.trim.start_at(frames);
    }
}

/// When a step of trimming happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrimTime {
    /// At a frame end.
    FrameEnd,
    /// At a time when no frame ends.
    BetweenFrames,
}

/// What trimming remembers between frame ends.
#[derive(Debug)]
pub(crate) struct TrimState {
    pub(crate) frames: u64,
    /// Since when too much memory has been idle without a break.
    pub(crate) excess_since: Option<Excess>,
    /// By class: the blocks that no thread fetched during the excess, and that frame ends give back now.
    pub(crate) surplus: [u64; CLASSES],
    /// By bit: the frame end at which a frame last ended under it.
    pub(crate) last_used: [u64; MAX_IN_FLIGHT],
    /// By bit: the time at which a frame last ended under it.
    pub(crate) last_used_at: [Option<Time>; MAX_IN_FLIGHT],
    /// Memory regions that were returned to the system, or taken from it under the aggregator's lock, so far.
    pub(crate) regions: u64,
    /// The arenas in which this frame end replaced several blocks by one.
    pub(crate) compacted: u32,
    /// The bit without an open frame whose arenas are trimmed next.
    pub(crate) next_index: usize,
}

/// A period in which too much was idle at every frame end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Excess {
    pub(crate) since: Time,
    pub(crate) frames: u64,
}

impl TrimState {
    pub(crate) fn new() -> Self {
        Self {
            frames: 0,
            excess_since: None,
            surplus: [0; CLASSES],
            last_used: [0; MAX_IN_FLIGHT],
            last_used_at: [None; MAX_IN_FLIGHT],
            regions: 0,
            compacted: 0,
            next_index: 0,
        }
    }

    /// Sets the number of frame ends, as if they had happened before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&mut self, frames: u64) {
        self.frames = frames;
        self.last_used = [frames; MAX_IN_FLIGHT];
    }
}
