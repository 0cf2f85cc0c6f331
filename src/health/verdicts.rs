//! The verdicts on all call sites of a pool, and the history that each is based on.
//!
//! At each health snapshot the monitor samples the population of every site. A site keeps the lowest sample of the
//! current window of each scale, and passes it to its envelope (`envelope.rs`) when the window closes. Windows are
//! the same for all sites.
//!
//! Memory is bounded: [`MAX_SITES`] sites. Beyond that, the site that has had no buffer in use for the longest time
//! is forgotten; if all have some, the new one is not followed. All of this runs on the monitor's thread; workers do
//! nothing for it.

use std::panic::Location;
use std::time::Duration;

use super::SharedList;
use super::envelope::{Climb, Envelope, GrowthLimits, Level, MIN_FRAMES, Mark, SCALES};
use super::growth::{Exhaustion, Growth, MemoryLimit, confidence};
use super::loop_time::LoopTime;
use super::memory_left::MemoryLeft;
use super::verdict::{LeakVerdict, SiteVerdict};
use crate::telemetry::outstanding::{Outstanding, SiteHolding};

/// The most call sites that are followed.
const MAX_SITES: usize = 1024;
/// The most filling and held sites in the list.
const MAX_LISTED: usize = 64;
/// Buffers are held if the oldest has been in use for this many frames; younger ones are in flight.
const HELD_FRAMES: u64 = 300;
/// Memory that runs out later than this is not mentioned.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The histories of call sites, and their latest verdicts.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// In the order of their call sites.
    sites: Vec<Site>,
    /// When the current windows began.
    opened: [LoopTime; SCALES.len()],
    /// Counts the samples.
    sample: u64,
    counts_all: bool,
    said: SharedList<SiteVerdict>,
    found: Vec<Found>,
    memory_left: MemoryLeft,
}

/// A site to list: its sort key, and its positions in the holdings and in the list of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    verdict: LeakVerdict,
    at: usize,
    place: usize,
}

/// A call site, and the number of the tag with which it allocated.
type Key = (&'static Location<'static>, usize);

/// The history of a call site and tag.
#[derive(Debug)]
struct Site {
    key: Key,
    /// The last sample in which the site had a buffer in use.
    seen: u64,
    population: Level,
    overdue: u64,
    /// The age of its oldest buffer, in rounds.
    oldest_age: u64,
    minima: [Option<Level>; SCALES.len()],
    envelopes: [Envelope; SCALES.len()],
    /// Since when the population has been at its current level.
    since: Mark,
    /// The highest population of the finest windows.
    highest: u64,
}

/// Bytes that a pool can still take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// The rest of its budget.
    pub(crate) budget: Option<u64>,
    /// The available memory of the machine.
    pub(crate) machine: Option<u64>,
}

impl Verdicts {
    /// Samples all sites. With `counts_all` the program ends no frames, so buffers do not age, and every buffer
    /// counts. A change of that begins a new record, and forgets the climbs that are not proven.
    pub(crate) fn sample(
        &mut self,
        outstanding: &Outstanding,
        counts_all: bool,
        now: &Mark,
        limits: &GrowthLimits,
    ) {
        self.sample += 1;
        for holding in &outstanding.sites {
            let population = if counts_all {
                Level {
                    buffers: holding.buffers - holding.long_lived,
                    bytes: holding.bytes - holding.long_lived_bytes,
                }
            } else {
                Level {
                    buffers: holding.aged,
                    bytes: holding.aged_bytes,
                }
            };
            let Some(site) = self.site((holding.location, holding.tag_number), now) else {
                continue;
            };
            site.population = population;
            site.overdue = holding.overdue;
            site.oldest_age = if counts_all {
                holding.oldest_age_frames
            } else {
                holding.oldest_aged_frames
            };
        }
        let changed = self.counts_all != counts_all;
        self.counts_all = counts_all;
        for site in &mut self.sites {
            if site.seen != self.sample {
                site.population = Level::default();
                site.overdue = 0;
                site.oldest_age = 0;
            }
            for (minimum, envelope) in site.minima.iter_mut().zip(&mut site.envelopes) {
                if changed {
                    *minimum = None;
                    envelope.rebase(site.population);
                }
                *minimum = Some(minimum.map_or(site.population, |min| min.min(site.population)));
            }
        }
        for scale in 0..SCALES.len() {
            self.close_window(scale, now, limits);
        }
    }

    /// The history of a call site, if there is room for it.
    fn site(&mut self, key: Key, now: &Mark) -> Option<&mut Site> {
        let place = match self.sites.binary_search_by(|site| site.key.cmp(&key)) {
            Ok(place) => place,
            Err(mut place) => {
                if self.sites.len() == MAX_SITES {
                    let idle = (0..MAX_SITES)
                        .filter(|&at| self.sites[at].seen + 1 < self.sample)
                        .min_by_key(|&at| self.sites[at].seen)?;
                    self.sites.remove(idle);
                    place -= usize::from(idle < place);
                }
                self.sites.insert(place, Site::new(key, now));
                place
            }
        };
        let site = &mut self.sites[place];
        site.seen = self.sample;
        Some(site)
    }

    fn close_window(&mut self, scale: usize, now: &Mark, limits: &GrowthLimits) {
        let opened = self.opened[scale];
        let is_over = now.loop_time.since(opened) >= SCALES[scale]
            && now.loop_time.frames - opened.frames >= MIN_FRAMES;
        if !is_over {
            return;
        }
        self.opened[scale] = now.loop_time;
        for site in &mut self.sites {
            let Some(minimum) = site.minima[scale].take() else {
                continue;
            };
            let oldest = site.oldest(now);
            let gives_back = site.envelopes.iter().any(Envelope::gives_back);
            site.envelopes[scale].push(scale, minimum, oldest, gives_back, now, limits);
            let is_new = minimum.buffers > site.highest || site.highest > 2 * minimum.buffers;
            if scale == 0 && is_new {
                site.since = *now;
                site.highest = minimum.buffers;
            }
        }
    }

    /// The verdicts on all sites now, the worst first, then the largest. The list is rebuilt only when it changes, so
    /// that a judgement without changes allocates nothing.
    pub(crate) fn say(
        &mut self,
        outstanding: &Outstanding,
        room: Room,
        now: &Mark,
    ) -> SharedList<SiteVerdict> {
        // Taken out while it is filled, then put back, to keep its memory.
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        // Outstanding lists the largest sites first.
        found.extend(
            outstanding
                .sites
                .iter()
                .enumerate()
                .filter_map(|(at, holding)| {
                    let key = (holding.location, holding.tag_number);
                    let place = self.sites.binary_search_by(|site| site.key.cmp(&key));
                    let place = place.ok()?;
                    let verdict = self.sites[place].verdict(now)?;
                    Some(Found { verdict, at, place })
                }),
        );
        found.sort_unstable();
        let mut quiet = 0;
        found.retain(|found| {
            quiet += usize::from(!found.verdict.is_alert());
            found.verdict.is_alert() || quiet <= MAX_LISTED
        });
        let sites = || found.iter().map(|found| (found, &self.sites[found.place]));
        let is_same = self.said.len() == found.len()
            && sites().zip(self.said.iter()).all(|((found, site), said)| {
                site.key == (said.location, said.tag_number)
                    && found.verdict == said.verdict
                    && said.growth.is_none()
                    && (site.population.buffers, site.population.bytes, site.overdue)
                        == (said.buffers, said.bytes, said.overdue)
                    && now.round.wrapping_sub(site.oldest_age) == said.oldest_round
                    // So a list that stays the same is rebuilt a few times, and its ages are never far off.
                    && site.oldest_age <= 2 * said.oldest_age_frames
            });
        if !is_same {
            let grows = found
                .iter()
                .any(|found| found.verdict == LeakVerdict::Growing);
            let machine = grows.then(|| self.memory_left.bytes(now.at)).flatten();
            let room = Room { machine, ..room };
            self.said = SharedList::new(
                found
                    .iter()
                    .map(|found| {
                        let holding = &outstanding.sites[found.at];
                        self.sites[found.place].in_words(found.verdict, holding, room, now)
                    })
                    .collect(),
            );
        }
        self.found = found;
        self.said.clone()
    }
}

impl Site {
    fn new(key: Key, now: &Mark) -> Self {
        Self {
            key,
            seen: 0,
            population: Level::default(),
            overdue: 0,
            oldest_age: 0,
            // It had no buffers in use before.
            minima: [Some(Level::default()); SCALES.len()],
            envelopes: [Envelope::default(); SCALES.len()],
            since: *now,
            highest: 0,
        }
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

    /// The verdict; `None` if its buffers are in flight.
    fn verdict(&self, now: &Mark) -> Option<LeakVerdict> {
        if self.growing().is_some() {
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

    fn in_words(
        &self,
        verdict: LeakVerdict,
        holding: &SiteHolding,
        room: Room,
        now: &Mark,
    ) -> SiteVerdict {
        let climb = match verdict {
            LeakVerdict::Growing => self.growing(),
            LeakVerdict::Filling => self.filling(now),
            _ => None,
        };
        let since = climb.map_or(&self.since, |climb| &climb.began);
        SiteVerdict {
            location: self.key.0,
            tag: holding.tag.clone(),
            tag_number: holding.tag_number,
            verdict,
            buffers: self.population.buffers,
            bytes: self.population.bytes,
            overdue: self.overdue,
            oldest_age_frames: self.oldest_age,
            oldest_round: now.round.wrapping_sub(self.oldest_age),
            since_frame: since.frame,
            since: since.at,
            since_time: since.time,
            growth: climb.map(|climb| growth(climb, room, now)),
            thread: holding.thread.clone(),
        }
    }
}

fn growth(climb: &Climb, room: Room, now: &Mark) -> Growth {
    let (gained, risen) = (climb.gained(), climb.risen());
    let (from, to) = (climb.began.loop_time, climb.latest.loop_time);
    let minutes = to.elapsed_since(from).as_secs_f64() / 60.0;
    let thousands = (to.frames - from.frames) as f64 / 1_000.0;
    let per = |amount: u64, time: f64| {
        if time > 0.0 {
            amount as f64 / time
        } else {
            0.0
        }
    };
    let bytes_per_minute = per(risen.bytes, minutes);
    Growth {
        buffers: gained.buffers,
        bytes: gained.bytes,
        buffers_per_minute: per(risen.buffers, minutes),
        bytes_per_minute,
        buffers_per_1000_frames: per(risen.buffers, thousands),
        bytes_per_1000_frames: per(risen.bytes, thousands),
        rises: climb.rises.into(),
        falls: climb.falls.into(),
        confidence: confidence(climb.rises.into(), climb.falls.into()),
        latest_rise: climb.latest.at,
        exhausts: room
            .exhausted_at(bytes_per_minute)
            .filter(|_| !climb.rests(now)),
    }
}

impl Room {
    /// The limit that is reached first at this rate, if within a year.
    fn exhausted_at(self, bytes_per_minute: f64) -> Option<Exhaustion> {
        let limits = [
            (MemoryLimit::Budget, self.budget),
            (MemoryLimit::Machine, self.machine),
        ];
        let left = limits
            .into_iter()
            .filter_map(|(limit, left)| Some((left?, limit)));
        let (left, limit) = left.min_by_key(|&(left, _)| left)?;
        let seconds = left as f64 / bytes_per_minute * 60.0;
        let after = Duration::try_from_secs_f64(seconds).ok()?;
        (after < YEAR).then_some(Exhaustion { limit, after })
    }
}
