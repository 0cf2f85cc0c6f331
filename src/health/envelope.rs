//! The lower envelope of one call site's live buffers, and whether it keeps rising.
//!
//! # The population and its minima
//!
//! The *population* of a call site is the number of its buffers in use that are older than the pool's leak age in
//! frames and not marked as long-lived. It swings: caches evict, levels end, pipelines drain. Leaked buffers never go
//! away, so a leak raises the *minimum* of every window of time. The minima of successive windows are the lower
//! envelope. Windows are measured in loop time (`loop_time.rs`), so pauses and changes of the frame rate do not
//! distort them.
//!
//! # State
//!
//! An envelope has a `record`, the highest minimum so far, and at most one *climb*: a series of windows whose minima
//! rise above the record, with the level before them as its base.
//!
//! ```text
//!            minimum above the record             evidence suffices
//!   steady ──────────────────────────▶ climbing ────────────────────▶ proven
//!     ▲                                   │                              │
//!     ├── releases half of the gain   ────┤◀── releases half of it   ────┤
//!     ├── its oldest buffer is replaced ──┤                              │
//!     └── no rise for a while ────────────┘◀── no rise for much longer ──┘
//! ```
//!
//! - A rise that stays at or below the record proves nothing: the population only returned to a level it had before.
//!   So no cycle after the first one counts, however long: levels, thread pools, bursts, caches that are cleared.
//! - A climb ends when half of its gain is released, or when the oldest buffer of the site is younger than the climb.
//!   In the second case all buffers from before the climb have been replaced, as in a ring or a cache, and none of
//!   them leaked.
//! - A climb that does not rise for a while has levelled off. The site was filling, and is steady again at the new record.
//! - A proven climb also survives a pause of the leaking code, for [`STAYS_PROVEN`] or eight times its usual gap.
//!
//! # Evidence
//!
//! In its first second, a cache that fills looks like a leak. They differ in when they begin and how long they last:
//!
//! - **Long**: the climb has lasted for the fill time (110 s by default), rose at least three times, and still rises:
//!   a third of the rises lie in its later half, no gap is longer than 60 % of it, and its confidence is at least
//!   [`LEAST_CONFIDENCE`]. So a leak of one buffer a minute is reported at its third buffer. A site that gives back, at
//!   any scale, needs eight rises.
//! - **Trickle**: every one of the latest windows rose, at least four of them over at least half a second, by less than one
//!   buffer a frame.
//! - **Many**: the climb rose at least 16 times, spread evenly over its four quarters. A climb by a buffer a frame or
//!   more is taken for a load until it has lasted for [`LONGEST_LOAD`].
//!
//! Trickle and Many are quick, so they apply only where healthy programs do not climb like that: to a climb that
//! began after the warm-up (20 s and 1,200 frames by default), at a site that does not give back. During the
//! warm-up a program fills its caches, so a climb that began there must first last for the fill time. Its first rise is
//! the start-up, if that is more than one buffer: it is no part of the gain and not one of the three or eight rises.
//!
//! A site *gives back* if it released a large gain before, or if a finest window had a minimum well below the record
//! ([`GIVEN_BACK`]): a full cache drifts like that.
//!
//! # Scales
//!
//! Each site has an envelope for each of three window lengths ([`SCALES`]). The finest finds a leak within a second.
//! A longer window ignores everything that is released within it: it finds a leak of one buffer per burst, or per
//! level, by the minima between the bursts, or between levels that are shorter than a window. Trickle and Many use the finest, Long uses the
//! others.
//!
//! The memory is fixed: a climb keeps the times of 16 rises, evenly thinned out (`rise_times.rs`).

use std::time::Duration;

use super::growth::confidence;
use super::loop_time::LoopTime;
use super::rise_times::RiseTimes;
use crate::clock::Timestamp;
use crate::telemetry::id::FrameEnd;

/// The least lengths of windows, in loop time. Each window also has [`MIN_FRAMES`].
pub(crate) const SCALES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_secs(5),
    Duration::from_secs(2 * 60),
];
/// The fewest frames of a window.
pub(crate) const MIN_FRAMES: u64 = 5;

/// A trickle rises in this many windows in a row,
const TRICKLE_WINDOWS: u32 = 4;
/// over at least this time.
const TRICKLE_TIME: Duration = Duration::from_millis(500);
/// Rises that prove a climb if they are even.
const MANY: u32 = 16;
/// A climb by a buffer a frame or more is taken for a load until it has lasted for this long.
const LONGEST_LOAD: Duration = Duration::from_secs(30);
/// Rises that prove a long climb.
const FEW: u32 = 3;
/// Rises that prove a long climb of a site that gives back.
const FEW_OF_GIVER: u32 = 8;
/// A long climb is proven from this confidence on.
const LEAST_CONFIDENCE: f64 = 0.65;
/// When a gain of this many buffers, or of this many rises, is released, the site counts as one that gives back. It also
/// does when its minimum is this many buffers below the record.
const GIVEN_BACK: (u64, u32) = (4, 3);

/// A climb has levelled off after at least this time without a rise, and four times its usual gap;
const LEVEL_AFTER: Duration = Duration::from_secs(10);
/// a climb of one rise has no usual gap: after this many windows.
const LEVEL_AFTER_ONE: u32 = 300;
/// A proven climb has levelled off after at least this time without a rise, and eight times its usual gap.
const STAYS_PROVEN: Duration = Duration::from_secs(5 * 60);

/// When growth counts as a leak. See [`Thresholds`](crate::Thresholds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GrowthLimits {
    pub(crate) warm_up_frames: u64,
    pub(crate) warm_up: Duration,
    pub(crate) fill_time: Duration,
}

impl GrowthLimits {
    fn is_warm_up(&self, time: LoopTime) -> bool {
        time.frames < self.warm_up_frames || time.since(LoopTime::default()) < self.warm_up
    }
}

/// A moment, by the two clocks of verdicts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) frame: FrameEnd,
    pub(crate) at: Duration,
    pub(crate) time: Timestamp,
    pub(crate) loop_time: LoopTime,
    /// The round, which counts the age of buffers.
    pub(crate) round: u64,
}

/// A population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
}

impl Level {
    /// The lower of two populations.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.buffers < self.buffers {
            other
        } else {
            self
        }
    }
}

/// The lower envelope of one site over windows of one length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Envelope {
    /// The highest minimum so far.
    record: u64,
    /// The bytes of the latest minimum.
    bytes: u64,
    /// Whether the site gives back.
    gives_back: bool,
    climb: Option<Climb>,
}

/// A series of windows whose minima rise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climb {
    /// The population before the first rise, after it, and now.
    base: Level,
    first: Level,
    top: Level,
    now: Level,
    pub(crate) began: Mark,
    pub(crate) latest: Mark,
    pub(crate) rises: u32,
    /// Windows with a lower minimum than the previous one.
    pub(crate) falls: u32,
    /// Rises in the latest windows without a break, and the moment and level at which they began.
    run: u32,
    run_began: Mark,
    run_base: Level,
    run_first: Level,
    times: RiseTimes,
    proven: bool,
}

impl Envelope {
    /// Takes the minimum of a window that has just ended, and the round in which the oldest buffer of the site was
    /// allocated.
    pub(crate) fn push(
        &mut self,
        scale: usize,
        minimum: Level,
        oldest: Option<u64>,
        site_gives_back: bool,
        now: &Mark,
        limits: &GrowthLimits,
    ) {
        let mut climb = self.climb.take();
        climb = climb.filter(|climb| {
            let goes_on = climb.keeps(minimum, oldest);
            if !goes_on {
                self.gives_back |= climb.is_large();
            }
            goes_on && !climb.is_level(scale, now)
        });
        self.gives_back |= scale == 0 && minimum.buffers + GIVEN_BACK.0 <= self.record;
        if minimum.buffers > self.record {
            let base = Level {
                buffers: self.record,
                bytes: self.bytes.min(minimum.bytes),
            };
            self.record = minimum.buffers;
            climb
                .get_or_insert_with(|| Climb::new(base, minimum, now))
                .rise(minimum, now);
        } else if let Some(climb) = &mut climb {
            climb.stay(minimum);
        }
        if let Some(climb) = &mut climb {
            climb.judge(scale, self.gives_back || site_gives_back, now, limits);
        }
        self.bytes = minimum.bytes;
        self.climb = climb;
    }

    /// Makes the current population the new record, because the way of counting has changed.
    pub(crate) fn rebase(&mut self, population: Level) {
        self.record = self.record.max(population.buffers);
        self.climb = self.climb.filter(|climb| climb.proven);
    }

    /// Whether the site gives back.
    pub(crate) fn gives_back(&self) -> bool {
        self.gives_back
    }

    pub(crate) fn proven(&self) -> Option<&Climb> {
        self.climb.as_ref().filter(|climb| climb.proven)
    }

    /// The current climb, if it is not proven.
    pub(crate) fn filling(&self, now: &Mark) -> Option<&Climb> {
        self.climb
            .as_ref()
            .filter(|climb| !climb.proven && climb.rises > 1 && !climb.rests(now))
    }
}

impl Climb {
    fn new(base: Level, first: Level, now: &Mark) -> Self {
        Self {
            base,
            first,
            top: first,
            now: first,
            began: *now,
            latest: *now,
            rises: 0,
            falls: 0,
            run: 0,
            run_began: *now,
            run_base: base,
            run_first: first,
            times: RiseTimes::default(),
            proven: false,
        }
    }

    fn gain(&self) -> u64 {
        self.top.buffers - self.base.buffers
    }

    /// Whether the site has kept more than half of the gain, and a buffer that is at least as old as the climb.
    fn keeps(&self, minimum: Level, oldest: Option<u64>) -> bool {
        let is_younger =
            |taken: u64| (1..u64::MAX / 2).contains(&taken.wrapping_sub(self.began.round));
        minimum.buffers > self.base.buffers + self.gain() / 2
            && oldest.is_some_and(|taken| !is_younger(taken))
    }

    fn is_large(&self) -> bool {
        self.gain() >= GIVEN_BACK.0 || self.rises >= GIVEN_BACK.1
    }

    /// The usual loop time between two rises.
    fn usual_gap(&self) -> Duration {
        let time = self.latest.loop_time.since(self.began.loop_time);
        time / self.rises.saturating_sub(1).max(1)
    }

    /// Whether it has not risen for a while.
    pub(crate) fn rests(&self, now: &Mark) -> bool {
        now.loop_time.since(self.latest.loop_time) >= LEVEL_AFTER.max(2 * self.usual_gap())
    }

    fn is_level(&self, scale: usize, now: &Mark) -> bool {
        let after = if self.proven {
            STAYS_PROVEN.max(8 * self.usual_gap())
        } else if self.rises > 1 {
            LEVEL_AFTER.max(2 * SCALES[scale]).max(4 * self.usual_gap())
        } else {
            SCALES[scale] * LEVEL_AFTER_ONE
        };
        now.loop_time.since(self.latest.loop_time) > after
    }

    fn rise(&mut self, minimum: Level, now: &Mark) {
        if self.run == 0 && self.rises > 0 {
            self.run_began = *now;
            self.run_base = self.now;
            self.run_first = minimum;
        }
        self.run += 1;
        self.rises += 1;
        self.times.push(now.loop_time.nanos);
        self.top = minimum;
        self.now = minimum;
        self.latest = *now;
    }

    fn stay(&mut self, minimum: Level) {
        self.run = 0;
        if minimum.buffers < self.now.buffers {
            self.falls += 1;
        }
        self.now = minimum;
    }

    fn judge(&mut self, scale: usize, gives_back: bool, now: &Mark, limits: &GrowthLimits) {
        if self.proven {
            return;
        }
        let lasted = now.loop_time.since(self.began.loop_time) >= limits.fill_time;
        self.proven = if scale == 0 {
            let is_quick = !gives_back && (lasted || !limits.is_warm_up(self.began.loop_time));
            let is_trickle = is_quick && self.is_trickle(now);
            if is_trickle {
                self.begin_at_run();
            }
            is_trickle || (is_quick && self.is_many(now))
        } else {
            let few = if gives_back { FEW_OF_GIVER } else { FEW };
            lasted
                && self.rises >= few + u32::from(self.is_start_up(limits))
                && self.confidence() >= LEAST_CONFIDENCE
                && self.times.are_steady(now.loop_time.nanos)
        };
        if self.proven && self.is_start_up(limits) {
            self.base = self.first;
        }
    }

    /// Whether its first rise is the start of the program.
    fn is_start_up(&self, limits: &GrowthLimits) -> bool {
        limits.is_warm_up(self.began.loop_time) && self.first.buffers > self.base.buffers + 1
    }

    fn is_trickle(&self, now: &Mark) -> bool {
        let began = self.run_began.loop_time;
        let frames = now.loop_time.frames - began.frames;
        self.run >= TRICKLE_WINDOWS
            && now.loop_time.since(began) >= TRICKLE_TIME
            && self.top.buffers - self.run_first.buffers < frames
    }

    /// Rises before the trickle are no part of the leak: the same line may have filled a cache.
    fn begin_at_run(&mut self) {
        self.began = self.run_began;
        self.base = self.run_base;
        self.first = self.run_first;
    }

    fn is_many(&self, now: &Mark) -> bool {
        let frames = now.loop_time.frames - self.began.loop_time.frames;
        let is_slow = self.top.buffers - self.first.buffers < frames;
        let is_no_load = now.loop_time.since(self.began.loop_time) >= LONGEST_LOAD;
        self.rises >= MANY && (is_slow || is_no_load) && self.times.are_even(now.loop_time.nanos)
    }

    /// The part of the population that the climb added and that is still in use.
    pub(crate) fn gained(&self) -> Level {
        Level {
            buffers: self.now.buffers.saturating_sub(self.base.buffers),
            bytes: self.now.bytes.saturating_sub(self.base.bytes),
        }
    }

    /// The population added between the first rise and the latest.
    pub(crate) fn risen(&self) -> Level {
        Level {
            buffers: self.top.buffers.saturating_sub(self.first.buffers),
            bytes: self.top.bytes.saturating_sub(self.first.bytes),
        }
    }

    fn confidence(&self) -> f64 {
        confidence(self.rises.into(), self.falls.into())
    }
}
