//! Whether a climb is proven: the evidence for a leak.
//!
//! In its first second, a cache that fills looks like a leak. They differ in when they begin, how even they are and how
//! long they last:
//!
//! - **Long**: the climb has lasted for the fill time (110 s by default), rose at least three times, and still rises:
//!   a third of the rises lie in its later half, no gap is longer than 60 % of it, the next rise is not late, and its
//!   confidence is at least [`LEAST_CONFIDENCE`]. So a leak of one buffer a minute is reported at its third buffer. A
//!   climb that slows down levels off, and is not proven (`rises.rs`). A site that gives back, or filled
//!   before, needs eight rises. So does an envelope of bytes (`byte_growth.rs`). It must also have doubled, with two fifths of the gain in
//!   the later half, in place of a third of the rises.
//! - **Stream**: every window of 0.1 s rose, at least four of them over at least half a second, by a buffer in two frames at least, or by
//!   clearly more than ten a second. By three buffers in four frames or more, over the load time, a minute by default: levels load like
//!   that. Or every window of 5 s rose, over the load time.
//!
//! A stream is quick, so it proves nothing where healthy programs climb like that: in a climb that began in the warm-up (20 s
//! and 1,200 frames by default), and at a site that gives back, unless it gains four times the largest gain that the site gave back, or its
//! deepest fall. Until a
//! proven climb has lasted for the fill time, it may still be a fill, so its alert is a warning.
//!
//! - **In parts**: the climb goes on with two climbs before it or more that were as fast and levelled off (`parts.rs`). At any site, but not
//!   of bytes.
//!
//! A large first rise is a load or the start-up: it is no part of the gain, and not one of the three or eight rises.
//!
//! A site *gives back* if it released a large gain before, or if a finest window had a minimum well below the record
//! (`GIVEN_BACK`): a full cache drifts like that. It *filled* if a climb of eight rises levelled off: the last keys of
//! a cache come late, and one by one.

use std::time::Duration;

use super::parts::Parts;
use super::{Climb, Mark, Past, SOME};
use crate::health::scales::{GrowthLimits, Scale, Stream};
use crate::telemetry::kept::Amount;

/// A stream rises in this many windows in a row.
const STREAM_WINDOWS: u32 = 4;
/// The least time of a stream.
const STREAM_TIME: Duration = Duration::from_millis(500);
/// A stream of three buffers in four frames or more is taken for a load for the load time, and for this long at least.
const SHORTEST_LOAD_TIME: Duration = Duration::from_secs(30);
/// Rises that prove a long climb.
const FEW: u32 = 3;
/// A long climb is proven from this confidence on.
const LEAST_CONFIDENCE: f64 = 0.65;
/// At a site that gives back, a stream gains this many times the largest gain that the site gave back.
const ABOVE_GIVEN_BACK: u64 = 4;

impl Climb {
    /// Judges the climb after a window.
    pub(super) fn judge(
        &mut self,
        scale: &Scale,
        past: Past,
        parts: Option<&Parts>,
        now: &Mark,
        limits: &GrowthLimits,
    ) {
        if self.proven {
            return;
        }
        let is_early = limits.is_warm_up(self.began.loop_time);
        self.proven = (!is_early && self.exceeds(past) && self.is_stream(scale, now, limits))
            || (scale.proves_long
                && self.is_long(scale, past, now, limits)
                && (!scale.must_double || self.has_doubled()));
        if self.proven {
            self.base = self.level_before();
        } else if let Some(growth) = parts
            && !scale.must_double
            && self.is_part_of(growth, limits)
        {
            self.proven = true;
            self.go_on(growth);
        }
    }

    /// Whether it gained several times the largest gain that the site ever gave back.
    fn exceeds(&self, past: Past) -> bool {
        self.grown() >= past.given_back.saturating_mul(ABOVE_GIVEN_BACK)
    }

    /// Whether its first rise is a load: more than one buffer, and more than twice the mean of the later rises.
    fn begins_with_load(&self) -> bool {
        let load = self.first.buffers - self.base.buffers;
        let later = self.top.buffers - self.first.buffers;
        load > 1 && load * u64::from(self.rises - 1) > 2 * later
    }

    /// The level from which it grew: the base, or the load that it begins with.
    pub(super) fn level_before(&self) -> Amount {
        if self.begins_with_load() {
            self.first
        } else {
            self.base
        }
    }

    /// The gain without a load at the beginning.
    fn grown(&self) -> u64 {
        self.top.buffers - self.level_before().buffers
    }

    /// Whether it has doubled, with two fifths of the gain in the later half of the time: a load and a few rises after it are no growth.
    /// Rises are not counted: blocks are larger by a quarter each, so an even growth has most of its rises early.
    fn has_doubled(&self) -> bool {
        let (later, _) = self.shape.later_half();
        self.grown() >= self.level_before().buffers && 5 * later >= 2 * self.grown()
    }

    fn is_stream(&self, scale: &Scale, now: &Mark, limits: &GrowthLimits) -> bool {
        let Some(stream) = &scale.stream else {
            return false;
        };
        let began = self.began.loop_time;
        let frames = now.loop_time.frames - began.frames;
        let time = now.loop_time.since(began);
        // The first rise is where the time begins.
        let gained = self.top.buffers - self.first.buffers + 1;
        // Loaders skip frames, and end within a window.
        let is_load = 4 * gained >= 3 * frames;
        let (is_dense, least) = match stream {
            Stream::Sparse => (true, limits.load_time),
            Stream::Dense(_) if is_load => (true, limits.load_time.max(SHORTEST_LOAD_TIME)),
            Stream::Dense(gap) => {
                let is_often = at_least(gained) * gap.as_secs_f64() >= time.as_secs_f64();
                (2 * gained >= frames || is_often, STREAM_TIME)
            }
        };
        self.is_unbroken && is_dense && self.rises >= STREAM_WINDOWS && time >= least
    }

    fn is_long(&self, scale: &Scale, past: Past, now: &Mark, limits: &GrowthLimits) -> bool {
        let has_habits = past.given_back > 0 || past.has_filled;
        let few = if has_habits { SOME } else { FEW };
        now.loop_time.since(self.began.loop_time) >= limits.fill_time
            && !self.waits_for(Duration::ZERO, 1, now)
            && self.rises >= few + u32::from(self.begins_with_load())
            && self.confidence() >= LEAST_CONFIDENCE
            && (scale.must_double || self.shape.are_late())
            && self.shape.have_no_long_gap()
            && !self.shape.slow_down()
    }
}

/// A count of independent events, less twice its standard deviation (Poisson: the variance of a count is its mean).
fn at_least(count: u64) -> f64 {
    let count = count as f64;
    count - 2.0 * count.sqrt()
}
