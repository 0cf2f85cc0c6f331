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
//! - A climb that slowed down ends at a rise by more than it gained in the later half of its time: another load begins.
//! - A proven climb also survives a pause of the leaking code, for [`STAYS_PROVEN`] or eight times its usual gap.
//! - A climb that levelled off may be a part of a growth that pauses (`envelope/parts.rs`).
//!
//! `envelope/evidence.rs` says when the evidence suffices.
//!
//! The memory is fixed: a climb keeps 16 rises, evenly thinned out (`rises.rs`).

mod evidence;
mod parts;

use std::time::Duration;

use self::parts::Parts;
use super::growth::confidence;
use super::loop_time::LoopTime;
use super::rises::Rises;
use super::scales::{GrowthLimits, Scale};
use crate::clock::Timestamp;
use crate::telemetry::id::FrameEnd;
use crate::telemetry::kept::Amount;

/// Rises that prove a long climb of a site that gives back, or filled before.
const SOME: u32 = 8;
/// When a gain of this many buffers, or of this many rises, is released, the site counts as one that gives back. It also
/// does when its minimum is this many buffers below the record.
const GIVEN_BACK: (u64, u32) = (4, 3);

/// A rise that begins another load is this many times as fast as the climb before it.
const SEVERAL: u64 = 4;

/// A climb rests if it has not risen for this time and for two of its usual gaps.
const RESTS_AFTER: Duration = Duration::from_secs(10);
/// A proven climb has levelled off after at least this time without a rise, and eight times its usual gap.
const STAYS_PROVEN: Duration = Duration::from_secs(5 * 60);

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

/// The lower envelope of one site over windows of one length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Envelope {
    /// The highest minimum so far.
    record: u64,
    /// The bytes of the latest minimum.
    bytes: u64,
    past: Past,
    /// The parts of a growth that pauses, before the current climb.
    parts: Option<Parts>,
    climb: Option<Climb>,
}

/// What a site did before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// The largest gain of which it released half or more, or its deepest fall below the record; zero if it does not give back.
    given_back: u64,
    /// It filled, in at least [`SOME`] rises, and levelled off.
    has_filled: bool,
}

impl Past {
    /// All of it: for what must show more rises at any site.
    pub(super) const HABITS: Self = Self {
        given_back: u64::MAX,
        has_filled: true,
    };

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            given_back: self.given_back.max(other.given_back),
            has_filled: self.has_filled || other.has_filled,
        }
    }
}

/// A series of windows whose minima rise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climb {
    /// The population before the first rise, after it, and now.
    base: Amount,
    first: Amount,
    top: Amount,
    now: Amount,
    pub(crate) began: Mark,
    pub(crate) latest: Mark,
    pub(crate) rises: u32,
    /// Windows with a lower minimum than the previous one.
    pub(crate) falls: u32,
    /// Whether every window since the first rise rose.
    is_unbroken: bool,
    pub(crate) shape: Rises,
    proven: bool,
}

impl Envelope {
    /// An envelope whose record is this population.
    pub(super) fn at(population: Amount) -> Self {
        Self {
            record: population.buffers,
            bytes: population.bytes,
            ..Self::default()
        }
    }

    /// Takes the minimum of a window that has just ended, and the round in which the oldest buffer of the site was
    /// allocated, if that says anything about the climb.
    pub(crate) fn push(
        &mut self,
        scale: &Scale,
        minimum: Amount,
        oldest: Option<u64>,
        past: Past,
        now: &Mark,
        limits: &GrowthLimits,
    ) {
        self.climb = self.climb.take().filter(|climb| {
            let goes_on = climb.keeps(minimum, oldest);
            if !goes_on && climb.is_large() {
                self.past.given_back = self.past.given_back.max(climb.gain());
            }
            goes_on
        });
        self.settle(scale, now);
        let record = self.record;
        self.parts = self.parts.filter(|it| it.keep(record, minimum, oldest));
        let mut climb = self.climb.take();
        if scale.shows_return && minimum.buffers + GIVEN_BACK.0 <= self.record {
            let below = self.record - minimum.buffers;
            self.past.given_back = self.past.given_back.max(below);
        }
        if minimum.buffers > self.record {
            let base = Amount {
                buffers: self.record,
                bytes: self.bytes.min(minimum.bytes),
            };
            self.record = minimum.buffers;
            climb.take_if(|climb| climb.is_overtaken_by(minimum, now));
            climb
                .get_or_insert_with(|| Climb::new(base, minimum, now))
                .rise(minimum, now);
        } else if let Some(climb) = &mut climb {
            climb.stay(minimum);
        }
        if let Some(climb) = &mut climb {
            let past = self.past.or(past);
            climb.judge(scale, past, self.parts.as_ref(), now, limits);
        }
        self.bytes = minimum.bytes;
        self.climb = climb;
    }

    /// Ends the climb if it has levelled off.
    pub(crate) fn settle(&mut self, scale: &Scale, now: &Mark) {
        self.climb = self.climb.take().filter(|climb| {
            let is_level = climb.is_level(scale, now);
            self.past.has_filled |= is_level && climb.rises >= SOME;
            if is_level {
                self.parts = Parts::after(self.parts, climb);
            }
            !is_level
        });
    }

    /// Makes the current population the new record, because the way of counting has changed.
    pub(crate) fn rebase(&mut self, population: Amount) {
        self.record = self.record.max(population.buffers);
        self.climb = self.climb.filter(|climb| climb.proven);
        self.parts = None;
    }

    pub(crate) fn past(&self) -> Past {
        self.past
    }

    /// The current climb.
    pub(crate) fn climb(&self) -> Option<&Climb> {
        self.climb.as_ref()
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
    fn new(base: Amount, first: Amount, now: &Mark) -> Self {
        Self {
            base,
            first,
            top: first,
            now: first,
            began: *now,
            latest: *now,
            rises: 0,
            falls: 0,
            is_unbroken: true,
            shape: Rises::default(),
            proven: false,
        }
    }

    fn gain(&self) -> u64 {
        self.top.buffers - self.base.buffers
    }

    /// Whether the site has kept more than half of the gain.
    fn keeps(&self, minimum: Amount, oldest: Option<u64>) -> bool {
        let (base, top) = (self.base.buffers, self.top.buffers);
        keeps_half(base, top, minimum, &self.began, oldest)
    }

    /// Whether it slowed down, and now rises by more at once than in the later half of its time, and several times as fast a frame as
    /// in all of it: another load begins.
    fn is_overtaken_by(&self, minimum: Amount, now: &Mark) -> bool {
        let jump = minimum.buffers - self.top.buffers;
        let [began, latest, now] = [self.began, self.latest, *now].map(|at| at.loop_time.frames);
        !self.proven
            && self.rises >= SOME
            && jump > self.shape.later_half().0
            && jump * (latest - began) > SEVERAL * self.gain() * (now - latest)
            && self.shape.slow_down()
    }

    fn is_large(&self) -> bool {
        self.gain() >= GIVEN_BACK.0 || self.rises >= GIVEN_BACK.1
    }

    /// Whether it has not risen for this time and for this many usual gaps, by time and by frames: a leak a frame has
    /// longer gaps when frames take longer.
    fn waits_for(&self, least: Duration, gaps: u32, now: &Mark) -> bool {
        let others = u64::from(self.rises.saturating_sub(1).max(1));
        let (began, latest, now) = (self.began.loop_time, self.latest.loop_time, now.loop_time);
        let frames = now.frames - latest.frames;
        let usual_frames = (latest.frames - began.frames) / others;
        let usual_time = latest.since(began) / others as u32;
        now.since(latest) > least.max(gaps * usual_time)
            && (frames == 0 || frames >= u64::from(gaps) * usual_frames)
    }

    /// Whether it has not risen for a while.
    pub(crate) fn rests(&self, now: &Mark) -> bool {
        self.waits_for(RESTS_AFTER, 2, now)
    }

    fn is_level(&self, scale: &Scale, now: &Mark) -> bool {
        if self.proven {
            self.waits_for(STAYS_PROVEN, 8, now)
        } else if self.rises > 1 {
            self.waits_for(scale.level_after, 4, now)
        } else {
            self.waits_for(scale.level_after_one, 0, now)
        }
    }

    fn rise(&mut self, minimum: Amount, now: &Mark) {
        self.rises += 1;
        self.shape.push(now.loop_time, minimum.buffers);
        self.top = minimum;
        self.now = minimum;
        self.latest = *now;
    }

    fn stay(&mut self, minimum: Amount) {
        self.is_unbroken = false;
        if minimum.buffers < self.now.buffers {
            self.falls += 1;
        }
        self.now = minimum;
    }

    /// The part of the population that the climb added and that is still in use.
    pub(crate) fn gained(&self) -> Amount {
        Amount {
            buffers: self.now.buffers.saturating_sub(self.base.buffers),
            bytes: self.now.bytes.saturating_sub(self.base.bytes),
        }
    }

    /// The population added between the first rise and the latest.
    pub(crate) fn risen(&self) -> Amount {
        Amount {
            buffers: self.top.buffers.saturating_sub(self.first.buffers),
            bytes: self.top.bytes.saturating_sub(self.first.bytes),
        }
    }

    fn confidence(&self) -> f64 {
        confidence(self.rises.into(), self.falls.into())
    }
}

/// Whether a site has kept more than half of a gain, and, if its age counts, a buffer that is at least as old as the gain.
fn keeps_half(base: u64, top: u64, now: Amount, began: &Mark, oldest: Option<u64>) -> bool {
    let is_younger = |taken: u64| (1..u64::MAX / 2).contains(&taken.wrapping_sub(began.round));
    now.buffers > base + (top - base) / 2 && !oldest.is_some_and(is_younger)
}
