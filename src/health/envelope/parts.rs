//! A growth that pauses: one that stops and goes on, as a leak in play that rests in menus.
//!
//! A climb that levels off looks like a cache that is full. But a full cache does not go on as before. So a climb is proven if it is the
//! third part, at least, of a growth whose parts are equally fast and together take the fill time. A site that gave back or filled
//! before needs no more than another one. Bytes prove nothing in parts.
//!
//! - A part is a climb that levelled off, and gained three buffers at least between its second rise and the last but one of those that are
//!   kept (`Rises::middle`): three quarters of it or more. Only that time counts, and the pace is that of this gain. Shorter climbs
//!   change nothing.
//! - A part that is faster or slower begins another growth. Caches of random keys, high-water marks and explored maps gain ever less, and
//!   gaps of random length differ by more than a tenth.
//! - A growth ends when half of its gain is released, or its oldest buffer is replaced, like a climb.

use super::{Climb, Mark, keeps_half};
use crate::health::rises::Pace;
use crate::health::scales::GrowthLimits;
use crate::telemetry::kept::Amount;

/// The fewest parts of a growth, with the current climb.
const LEAST_PARTS: u32 = 3;

/// The parts of a growth so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    number: u32,
    pace: Pace,
    /// Of the first part.
    base: Amount,
    began: Mark,
    /// Of all parts.
    rises: u32,
    falls: u32,
}

impl Parts {
    /// The parts after a climb that levelled off.
    pub(super) fn after(earlier: Option<Self>, climb: &Climb) -> Option<Self> {
        let Some(pace) = climb.shape.middle() else {
            return earlier;
        };
        let earlier = earlier.filter(|parts| pace.is_like(parts.pace));
        let mut whole = *climb;
        match &earlier {
            Some(parts) => whole.go_on(parts),
            None => whole.base = climb.level_before(),
        }
        Some(Self {
            number: earlier.map_or(1, |parts| parts.number + 1),
            pace: earlier.map_or(pace, |parts| parts.pace + pace),
            base: whole.base,
            began: whole.began,
            rises: whole.rises,
            falls: whole.falls,
        })
    }

    /// Whether the site has kept more than half of the gain up to this record.
    pub(super) fn keep(&self, record: u64, minimum: Amount, oldest: Option<u64>) -> bool {
        keeps_half(self.base.buffers, record, minimum, &self.began, oldest)
    }
}

impl Climb {
    /// Whether the growth with these parts goes on in this climb, and has lasted long.
    pub(super) fn is_part_of(&self, growth: &Parts, limits: &GrowthLimits) -> bool {
        growth.number + 1 >= LEAST_PARTS
            && self.shape.middle().is_some_and(|pace| {
                pace.is_like(growth.pace) && (growth.pace + pace).time() >= limits.fill_time
            })
    }

    /// Adds the earlier parts to this climb, unless it has them already. What was loaded between them is part of its gain.
    pub(super) fn go_on(&mut self, growth: &Parts) {
        if self.began.at > growth.began.at {
            self.base = growth.base;
            self.first = growth.base;
            self.began = growth.began;
            self.rises += growth.rises;
            self.falls += growth.falls;
        }
    }
}
