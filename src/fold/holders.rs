//! The walk over the block records: who holds which buffers since when.
//!
//! It reads atomics, and marks what it read (`cache/block.rs` says why that is true); the worker that has a buffer writes the same
//! few words as ever. Walks wait for each other. The result goes into the memory of an earlier one, so that a monitor that looks
//! again and again allocates nothing.

use std::panic::Location;
use std::ptr;
use std::time::Duration;

use crate::cache::{Block, Core};
use crate::clock;
use crate::fold::{Outstanding, SiteHolding};

impl Core {
    /// Who holds what now.
    pub(crate) fn outstanding(&self) -> Outstanding {
        let mut outstanding = Outstanding::default();
        self.outstanding_into(&mut outstanding);
        outstanding
    }

    /// The same, into an earlier result.
    pub(crate) fn outstanding_into(&self, out: &mut Outstanding) {
        let mut times = self.walks.lock();
        // The round is read first: a round that begins meanwhile makes buffers younger, not older.
        let round = self.round();
        times.clone_from(&self.fold.lock().round_times);
        let now = clock::now();
        let old_before = times.old_before(self.config.leak_after, now);
        let mut sites = std::mem::take(&mut out.sites);
        sites.sort_unstable_by(|a, b| a.location.cmp(b.location));
        for site in &mut sites {
            site.clear();
        }
        *out = Outstanding::default();
        // Blocks lie in the order in which they were first taken, so neighbours often have the same site.
        let mut last: Option<(&'static Location<'static>, usize)> = None;
        for lent in self.table.records().filter_map(Block::read) {
            let at = match last {
                Some((location, at)) if ptr::eq(location, lent.site) => Some(at),
                _ => position(&mut sites, lent.site),
            };
            let age = lent.age(round);
            let is_suspect = age > self.config.leak_after_frames
                && !lent.long_lived
                && old_before.is_none_or(|before| round.wrapping_sub(age) < before);
            out.buffers += 1;
            out.bytes += lent.bytes;
            if lent.long_lived {
                out.long_lived += 1;
                out.long_lived_bytes += lent.bytes;
            }
            if is_suspect {
                out.suspects += 1;
                out.suspect_bytes += lent.bytes;
            }
            let Some(at) = at else {
                continue;
            };
            last = Some((lent.site, at));
            let site = &mut sites[at];
            site.buffers += 1;
            site.bytes += lent.bytes;
            if lent.long_lived {
                site.long_lived += 1;
                site.long_lived_bytes += lent.bytes;
            }
            if is_suspect {
                site.suspects += 1;
                site.suspect_bytes += lent.bytes;
            }
            if site.buffers == 1 || age > site.oldest_age_frames {
                site.oldest_age_frames = age;
                site.thread.clear();
                self.names.read(lent.thread, |name| {
                    if site.thread.try_reserve(name.len()).is_ok() {
                        site.thread.push_str(name);
                    }
                });
            }
        }
        sites.retain(|site| site.buffers > 0);
        for site in &mut sites {
            site.oldest_age = times.age(round.wrapping_sub(site.oldest_age_frames), now);
        }
        sites.sort_unstable_by(|a, b| {
            b.bytes
                .cmp(&a.bytes)
                .then_with(|| a.location.cmp(b.location))
        });
        out.sites = sites;
    }
}

/// Where the entry of this call site is in the list sorted by call site; made if there is none, and if there is memory for
/// it: who is told that memory ran out is told who holds it as far as that can be written down.
///
/// One line of code can have several `Location` values, so they are compared by what they say.
fn position(sites: &mut Vec<SiteHolding>, location: &'static Location<'static>) -> Option<usize> {
    match sites.binary_search_by(|site| site.location.cmp(location)) {
        Ok(at) => Some(at),
        Err(at) => {
            sites.try_reserve(1).ok()?;
            sites.insert(at, SiteHolding::new(location));
            Some(at)
        }
    }
}

impl SiteHolding {
    fn new(location: &'static Location<'static>) -> Self {
        Self {
            location,
            buffers: 0,
            bytes: 0,
            oldest_age_frames: 0,
            oldest_age: Duration::ZERO,
            suspects: 0,
            suspect_bytes: 0,
            long_lived: 0,
            long_lived_bytes: 0,
            thread: String::new(),
        }
    }

    fn clear(&mut self) {
        self.buffers = 0;
        self.bytes = 0;
        self.oldest_age_frames = 0;
        self.suspects = 0;
        self.suspect_bytes = 0;
        self.long_lived = 0;
        self.long_lived_bytes = 0;
    }
}
