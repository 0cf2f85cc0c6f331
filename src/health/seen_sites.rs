//! Samples of call sites, and which of them may take frame buffers.
//!
//! If walks find only buffers of the running frame at a call site, the site may release all of them in their frame.
//! That holds only if each frame end begins a round (`telemetry/rounds.rs`). With separate frames on several threads,
//! a frame can end within a round, so no advice is given.

use std::cmp::Reverse;
use std::panic::Location;

use super::advice::Advice;
use crate::telemetry::outstanding::SiteHolding;

/// The most call sites that are followed.
const SITES: usize = 256;
/// How often a site must be found with buffers of the running frame only.
const LEAST_LOOKS: u64 = 64;
/// The most call sites advised at once.
const ADVISED: usize = 5;

/// The sampled call sites, in their order.
#[derive(Debug, Default)]
pub(super) struct SeenSites {
    sites: Vec<SeenSite>,
    /// Rounds minus frame ends, at the previous look.
    round_offset: Option<u64>,
    looks: u64,
}

/// The samples of a call site.
#[derive(Clone, Copy, Debug)]
struct SeenSite {
    location: &'static Location<'static>,
    /// Buffers of the running frame, and walks that found any.
    buffers: u64,
    looks: u64,
    outlived: bool,
    /// The last look that counted it, because a call site may have several entries, one for each tag.
    looked: u64,
}

impl SeenSite {
    fn is_advised(&self) -> bool {
        !self.outlived && self.looks >= LEAST_LOOKS
    }
}

impl SeenSites {
    /// Takes the findings of a walk.
    pub(super) fn look(&mut self, found: &[SiteHolding], round_offset: u64) {
        self.looks += 1;
        if self
            .round_offset
            .replace(round_offset)
            .is_some_and(|before| before != round_offset)
        {
            self.sites.clear();
        }
        for site in found {
            let place = self
                .sites
                .binary_search_by_key(&site.location, |it| it.location);
            let at = match place {
                Ok(at) => at,
                Err(_) if self.sites.len() == SITES => continue,
                Err(at) => {
                    let seen = SeenSite {
                        location: site.location,
                        buffers: 0,
                        looks: 0,
                        outlived: false,
                        looked: 0,
                    };
                    self.sites.insert(at, seen);
                    at
                }
            };
            let seen = &mut self.sites[at];
            seen.outlived |= site.buffers > site.of_this_frame;
            seen.buffers += site.of_this_frame;
            seen.looks += u64::from(seen.looked != self.looks);
            seen.looked = self.looks;
        }
    }

    /// Whether there is a site to advise.
    pub(super) fn has_advice(&self) -> bool {
        self.sites.iter().any(SeenSite::is_advised)
    }

    /// Adds the advice for the sites with the most buffers.
    pub(super) fn advise(&self, advice: &mut Vec<Advice>) {
        let mut sites: Vec<_> = self.sites.iter().filter(|site| site.is_advised()).collect();
        sites.sort_by_key(|site| Reverse(site.buffers));
        advice.extend(sites.into_iter().take(ADVISED).map(|site| {
            let location = site.location.to_string();
            Advice::frame_buffers_seen(&location, site.buffers, site.looks)
        }));
    }
}
