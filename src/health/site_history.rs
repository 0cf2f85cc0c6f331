//! The history of one call site, and the verdict on it.
//!
//! A site keeps the lowest sample of the current window of each scale, and passes it to its envelope (`envelope.rs`)
//! when the window closes. The longer windows look closer: their minimum counts only buffers that were allocated
//! before the window opened and are still in use at its end. That is the part of the population that was in use
//! throughout, so buffers that come and go within a window hide no leak, however many.

use std::ptr;

use super::byte_growth::ByteGrowth;
use super::cycle::Cycle;
use super::envelope::{Climb, Envelope, Mark, Past};
use super::growth::{Growth, Room};
use super::scales::{BYTES, CYCLE, GrowthLimits, SCALES, TWO_MINUTES};
use super::verdict::{LeakVerdict, SiteVerdict};
use crate::telemetry::kept::Amount;
use crate::telemetry::outstanding::{OPENINGS, SiteHolding};

/// Buffers are held if the oldest has been in use for this many frames; younger ones are in flight.
const HELD_FRAMES: u64 = 300;

/// The history of a call site and tag.
#[derive(Debug)]
pub(super) struct SiteHistory {
    /// The last sample in which the site had a buffer in use.
    pub(super) seen: u64,
    pub(super) population: Amount,
    /// All buffers of any age that are not marked as long-lived.
    held: Amount,
    /// The part of the population that was allocated before the previous sample, and before the windows of the longer scales
    /// opened.
    stayed: [Amount; OPENINGS],
    pub(super) overdue: u64,
    /// The age of its oldest buffer, in rounds.
    pub(super) oldest_age: u64,
    minima: [Option<Amount>; CYCLE],
    envelopes: [Envelope; SCALES.len()],
    cycle: Cycle,
    bytes: ByteGrowth,
    /// Since when the population has been at its current level.
    since: Mark,
    /// The highest population of the finest windows.
    highest: u64,
}

impl SiteHistory {
    pub(super) fn new(now: &Mark) -> Self {
        Self {
            seen: 0,
            population: Amount::default(),
            held: Amount::default(),
            stayed: Default::default(),
            overdue: 0,
            oldest_age: 0,
            // It had no buffers in use before.
            minima: [Some(Amount::default()); CYCLE],
            envelopes: [Envelope::default(); SCALES.len()],
            cycle: Cycle::default(),
            bytes: ByteGrowth::new(),
            since: *now,
            highest: 0,
        }
    }

    /// Takes what a walk found. With `counts_all` every buffer counts, of whatever age.
    pub(super) fn enter(&mut self, holding: &SiteHolding, counts_all: bool) {
        self.overdue = holding.overdue;
        self.held = Amount {
            buffers: holding.buffers - holding.long_lived,
            bytes: holding.bytes - holding.long_lived_bytes,
        };
        if counts_all {
            self.population = self.held;
            self.stayed = [self.population; OPENINGS];
            self.oldest_age = holding.oldest_age_frames;
        } else {
            self.population = Amount {
                buffers: holding.aged,
                bytes: holding.aged_bytes,
            };
            self.stayed = holding.stayed;
            self.oldest_age = holding.oldest_aged_frames;
        }
    }

    /// Notes that a walk found none of its buffers.
    pub(super) fn leave(&mut self) {
        self.population = Amount::default();
        self.held = Amount::default();
        self.stayed = Default::default();
        self.overdue = 0;
        self.oldest_age = 0;
    }

    /// Lowers the minima of the current windows to the latest sample. A change of what counts begins a new record. A window does not
    /// begin with a sample of the moment at which the one before ended, as in a pause: they would have the same minimum.
    pub(super) fn note_minima(&mut self, has_changed: bool, has_moved: bool) {
        self.bytes.sample(self.held);
        let sample = self.population;
        for (minimum, envelope) in self.minima.iter_mut().zip(&mut self.envelopes) {
            if has_changed {
                *minimum = None;
                envelope.rebase(sample);
            }
            if has_moved || has_changed || minimum.is_some() {
                *minimum = Some(minimum.map_or(sample, |min| min.min(sample)));
            }
        }
    }

    /// Follows the site's own cycle.
    pub(super) fn follow_cycle(&mut self, now: &Mark, limits: &GrowthLimits) {
        if let Some(low) = self.cycle.push(self.stayed[0]) {
            let (oldest, past) = (self.oldest(now), self.past());
            self.envelopes[CYCLE].push(&SCALES[CYCLE], low, oldest, past, now, limits);
        }
    }

    /// Ends the current window of a scale.
    pub(super) fn close_window(&mut self, scale: usize, now: &Mark, limits: &GrowthLimits) {
        let Some(lowest) = self.minima[scale].take() else {
            return;
        };
        let minimum = if scale == 0 {
            lowest
        } else {
            lowest.min(self.stayed[scale])
        };
        let oldest = self.oldest(now);
        let past = self.past();
        self.envelopes[scale].push(&SCALES[scale], minimum, oldest, past, now, limits);
        let is_new = minimum.buffers > self.highest || self.highest > 2 * minimum.buffers;
        if scale == 0 && is_new {
            self.since = *now;
            self.highest = minimum.buffers;
        }
        if scale == BYTES {
            self.bytes.close_window(now, limits);
        }
        if scale == TWO_MINUTES {
            // A cycle may have no low point for long.
            self.envelopes[CYCLE].settle(&SCALES[CYCLE], now);
        }
    }

    /// What it did before, at any scale.
    fn past(&self) -> Past {
        let of_scales = self.envelopes.iter().map(Envelope::past);
        of_scales.fold(Past::default(), Past::or)
    }

    /// The round in which its oldest buffer was allocated.
    fn oldest(&self, now: &Mark) -> Option<u64> {
        (self.population.buffers > 0).then(|| now.round.wrapping_sub(self.oldest_age))
    }

    /// The proven climb over the shortest windows.
    fn growing(&self) -> Option<&Climb> {
        self.envelopes.iter().find_map(Envelope::proven)
    }

    fn filling(&self, now: &Mark) -> Option<&Climb> {
        self.envelopes
            .iter()
            .find_map(|envelope| envelope.filling(now))
    }

    /// The climb behind a verdict: of the number of buffers, or else of their bytes.
    pub(super) fn climb(&self, verdict: LeakVerdict, now: &Mark) -> Option<&Climb> {
        match verdict {
            LeakVerdict::Growing => self.growing().or(self.bytes.proven()),
            LeakVerdict::Filling | LeakVerdict::Overdue => self.filling(now),
            LeakVerdict::Held => None,
        }
    }

    /// When the growth of this climb began: the first of its own beginning and those of finer windows that still climb. Windows of minutes
    /// are no finer than a cycle.
    fn beginning<'c>(&'c self, climb: &'c Climb) -> &'c Mark {
        let is_of = |envelope: &Envelope| envelope.climb().is_some_and(|it| ptr::eq(it, climb));
        let finer = match self.envelopes.iter().position(is_of) {
            Some(CYCLE) => TWO_MINUTES,
            Some(place) => place,
            // A climb of bytes.
            None => 0,
        };
        let climbs = self.envelopes[..finer].iter().filter_map(Envelope::climb);
        climbs
            .map(|finer| &finer.began)
            .fold(&climb.began, |first, began| {
                if began.at < first.at { began } else { first }
            })
    }

    /// The verdict; `None` if its buffers are in flight.
    pub(super) fn verdict(&self, now: &Mark) -> Option<LeakVerdict> {
        if self.climb(LeakVerdict::Growing, now).is_some() {
            Some(LeakVerdict::Growing)
        } else if self.overdue > 0 {
            Some(LeakVerdict::Overdue)
        } else if self.population.buffers == 0 {
            None
        } else if self.filling(now).is_some() {
            Some(LeakVerdict::Filling)
        } else {
            (self.oldest_age >= HELD_FRAMES).then_some(LeakVerdict::Held)
        }
    }

    /// The verdict with its facts.
    pub(super) fn describe(
        &self,
        verdict: LeakVerdict,
        holding: &SiteHolding,
        room: Room,
        now: &Mark,
        limits: &GrowthLimits,
    ) -> SiteVerdict {
        let climb = self.climb(verdict, now);
        let growth = climb.map(|climb| Growth::of(climb, room, now, limits));
        let is_of_bytes = verdict == LeakVerdict::Growing && self.growing().is_none();
        let since = climb.map_or(&self.since, |climb| self.beginning(climb));
        let (growth, population, oldest_age) = if is_of_bytes {
            let growth = growth.map(|growth| self.bytes.of_bytes(growth));
            (growth, self.held, holding.oldest_age_frames)
        } else {
            (growth, self.population, self.oldest_age)
        };
        SiteVerdict {
            location: holding.location,
            tag: holding.tag.clone(),
            tag_number: holding.tag_number,
            verdict,
            buffers: population.buffers,
            bytes: population.bytes,
            overdue: self.overdue,
            oldest_age_frames: oldest_age,
            oldest_round: now.round.wrapping_sub(oldest_age),
            since_frame: since.frame,
            since: since.at,
            since_time: since.time,
            growth,
            thread: holding.thread.clone(),
        }
    }
}
