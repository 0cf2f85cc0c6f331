//! The verdicts on all call sites of a pool, and the history that each is based on.
//!
//! At each health snapshot the monitor samples the population of every site (`site_history.rs`). Windows open and close
//! at samples, and are the same for all sites.
//!
//! Memory is bounded: [`MAX_SITES`] sites. Beyond that, the site that has had no buffer in use for the longest time
//! is forgotten; if all have some, the new one is not followed. All of this runs on the monitor's thread; workers do
//! nothing for it.

use std::collections::BTreeMap;
use std::panic::Location;

use super::SharedList;
use super::envelope::Mark;
use super::growth::Room;
use super::loop_time::LoopTime;
use super::memory_left::MemoryLeft;
use super::scales::{CYCLE, GrowthLimits, MIN_FRAMES, SCALES};
use super::site_history::SiteHistory;
use super::verdict::{LeakVerdict, SiteVerdict};
use crate::telemetry::outstanding::{OPENINGS, Outstanding, SiteHolding};

/// The most pairs of call site and tag that are followed.
const MAX_SITES: usize = 4096;
/// The most filling and held sites in the list.
const MAX_LISTED: usize = 64;

/// The histories of call sites, and their latest verdicts.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Each in memory of its own: a history takes some KiB, and the map moves its entries.
    sites: BTreeMap<Key, Box<SiteHistory>>,
    /// When the current windows began.
    opened: [LoopTime; CYCLE],
    /// The rounds of the previous sample and of the openings of the longer windows.
    opened_rounds: [u64; OPENINGS],
    /// Counts the samples.
    sample: u64,
    /// The loop time of the latest sample.
    sampled: LoopTime,
    counts_all: bool,
    listed: SharedList<SiteVerdict>,
    found: Vec<Found>,
    memory_left: MemoryLeft,
}

/// A site to list: its sort key, and its position in the holdings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    verdict: LeakVerdict,
    at: usize,
}

/// A call site, and the number of the tag with which it allocated.
type Key = (&'static Location<'static>, usize);

fn key(holding: &SiteHolding) -> Key {
    (holding.location, holding.tag_number)
}

impl Verdicts {
    /// The rounds from which a walk counts what stayed.
    pub(crate) fn opened_rounds(&self) -> [u64; OPENINGS] {
        self.opened_rounds
    }

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
            if let Some(site) = self.site(key(holding), now) {
                site.enter(holding, counts_all);
            }
        }
        let changed = self.counts_all != counts_all;
        self.counts_all = counts_all;
        let has_moved = now.loop_time != self.sampled;
        self.sampled = now.loop_time;
        for site in self.sites.values_mut() {
            if site.seen != self.sample {
                site.leave();
            }
            site.note_minima(changed, has_moved);
            if !counts_all {
                site.follow_cycle(now, limits);
            }
        }
        self.opened_rounds[0] = now.round;
        let windows = SCALES.iter().map_while(|scale| scale.window);
        for (scale, length) in windows.enumerate() {
            let opened = self.opened[scale];
            let is_over = now.loop_time.since(opened) >= length
                && now.loop_time.frames - opened.frames >= MIN_FRAMES;
            if is_over {
                self.opened[scale] = now.loop_time;
                if scale > 0 {
                    self.opened_rounds[scale] = now.round;
                }
                for site in self.sites.values_mut() {
                    site.close_window(scale, now, limits);
                }
            }
        }
    }

    /// The history of a call site, if there is room for it.
    fn site(&mut self, key: Key, now: &Mark) -> Option<&mut SiteHistory> {
        if self.sites.len() == MAX_SITES && !self.sites.contains_key(&key) {
            let idle = self
                .sites
                .iter()
                .filter(|(_, site)| site.seen + 1 < self.sample);
            let (&idle, _) = idle.min_by_key(|(_, site)| site.seen)?;
            self.sites.remove(&idle);
        }
        let site = self
            .sites
            .entry(key)
            .or_insert_with(|| Box::new(SiteHistory::new(now)));
        site.seen = self.sample;
        Some(site)
    }

    /// The verdicts on all sites now, the worst first, then the largest. `budget` is the rest of the pool's. The list is rebuilt only when it changes, so
    /// that a judgement without changes allocates nothing.
    pub(crate) fn list(
        &mut self,
        outstanding: &Outstanding,
        budget: Option<u64>,
        now: &Mark,
        limits: &GrowthLimits,
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
                    let verdict = self.sites.get(&key(holding))?.verdict(now)?;
                    Some(Found { verdict, at })
                }),
        );
        found.sort_unstable();
        let mut quiet = 0;
        found.retain(|found| {
            quiet += usize::from(!found.verdict.is_alert());
            found.verdict.is_alert() || quiet <= MAX_LISTED
        });
        let of = |found: &Found| {
            let holding = &outstanding.sites[found.at];
            (holding, &self.sites[&key(holding)])
        };
        let is_same = self.listed.len() == found.len()
            && found.iter().zip(self.listed.iter()).all(|(found, listed)| {
                let (holding, site) = of(found);
                key(holding) == (listed.location, listed.tag_number)
                    && found.verdict == listed.verdict
                    && listed.growth.is_none()
                    && site.climb(found.verdict, now).is_none()
                    && (site.population.buffers, site.population.bytes, site.overdue)
                        == (listed.buffers, listed.bytes, listed.overdue)
                    && now.round.wrapping_sub(site.oldest_age) == listed.oldest_round
                    // So a list that stays the same is rebuilt a few times, and its ages are never far off.
                    && site.oldest_age <= 2 * listed.oldest_age_frames
            });
        if !is_same {
            let grows = found
                .iter()
                .any(|found| found.verdict == LeakVerdict::Growing);
            let machine = grows.then(|| self.memory_left.bytes(now.at)).flatten();
            let room = Room { budget, machine };
            self.listed = SharedList::new(
                found
                    .iter()
                    .map(|found| {
                        let (holding, site) = of(found);
                        site.describe(found.verdict, holding, room, now, limits)
                    })
                    .collect(),
            );
        }
        self.found = found;
        self.listed.clone()
    }
}
