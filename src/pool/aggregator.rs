//! What frame ends remember from one to the next. Only the holder of the aggregator's lock has it.

use std::time::Instant;

use crate::arena::in_flight::MAX_IN_FLIGHT;
use crate::blocks::class::CLASSES;
use crate::clock::{self, WallClock};
use crate::pool::frame_book::FrameBook;
use crate::pool::tag_book::TagBook;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::counters::{Allocated, Counts, Released};
use crate::telemetry::feed::Feeds;
use crate::telemetry::peaks::Peaks;
use crate::telemetry::publish::Recycler;
use crate::telemetry::rounds::{RoundTimes, Rounds};

/// What frame ends remember. Only the holder of the aggregator's lock has it.
#[derive(Debug)]
pub(crate) struct Aggregator {
    pub(crate) frames: u64,
    /// The counters at the last frame end.
    pub(crate) previous: Counts,
    /// What slots counted: of pooled buffers released, and all else, as of the last walk.
    pub(crate) released: Released,
    pub(crate) allocated: Allocated,
    /// What the frames that have ended lent, and so released.
    pub(crate) ended: ArenaReading,
    /// The most pooled buffers that a walk found released, and the most bytes.
    pub(crate) max_released: (u64, u64),
    pub(crate) last_end: Instant,
    pub(crate) rounds: Rounds,
    pub(crate) round_times: RoundTimes,
    pub(crate) wall: WallClock,
    pub(crate) peaks: Peaks,
    pub(crate) tags: TagBook,
    /// What sampled frames took, and which frames are to be sampled: one in this number.
    pub(crate) frame_book: FrameBook,
    pub(crate) sample_every: u32,
    /// Bytes ever taken from the system, and regions that frame ends moved, as of the last frame end.
    pub(crate) system_bytes: u64,
    pub(crate) regions: u64,
    pub(crate) recycler: Recycler,
    pub(crate) feeds: Feeds,
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
            feeds: Feeds::new(),
            trim: TrimState::new(),
        }
    }

    /// Sets what frame ends remember, as if so much had happened before.
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
    /// Since when too much lies idle without a break.
    pub(crate) excess_since: Option<Excess>,
    /// How many bytes a frame end gives back, of those classes' blocks that no thread fetched while it lasted.
    pub(crate) step: u64,
    pub(crate) surplus: [u64; CLASSES],
    /// At which frame end a frame last ended under each bit.
    pub(crate) last_used: [u64; MAX_IN_FLIGHT],
    /// When a frame last ended under each bit.
    pub(crate) last_used_at: [Option<Instant>; MAX_IN_FLIGHT],
    /// Regions of memory given back to the system so far, and taken under the aggregator's lock.
    pub(crate) regions: u64,
    /// In how many arenas this frame end replaced several blocks by one.
    pub(crate) compacted: u32,
    /// The bit whose arenas are looked at next although no frame is open there.
    pub(crate) next_index: usize,
}

/// A time in which too much lay idle at every frame end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Excess {
    pub(crate) since: Instant,
    pub(crate) frames: u64,
}

impl TrimState {
    pub(crate) fn new() -> Self {
        Self {
            frames: 0,
            excess_since: None,
            step: 0,
            surplus: [0; CLASSES],
            last_used: [0; MAX_IN_FLIGHT],
            last_used_at: [None; MAX_IN_FLIGHT],
            regions: 0,
            compacted: 0,
            next_index: 0,
        }
    }

    /// Sets the number of frame ends, as if so many had been before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&mut self, frames: u64) {
        self.frames = frames;
        self.last_used = [frames; MAX_IN_FLIGHT];
    }
}
