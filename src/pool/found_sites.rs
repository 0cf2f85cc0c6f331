//! The call sites that a walk has found.
//!
//! The entries are in the order of call site and tag, and a binary search finds one. It compares names of files. Done for
//! every buffer, that would be most of a walk. So hints say where a site was last found, by the address of its `Location`.
//! The entry itself tells whether a hint is right, so hints stay from walk to walk, and nothing has to clear them.

use std::panic::Location;
use std::ptr;

use crate::telemetry::outstanding::SiteHolding;

/// Hints for each entry: with as many, one of eight sites shares its hint with another.
const HINTS: usize = 8;

/// Where each site was last found, in a number of hints that is a power of two. One walk leaves them for the next.
#[derive(Debug, Default)]
pub(crate) struct Hints(Vec<u32>);

impl Hints {
    /// Makes hints for at least this number of entries, if there is memory for them.
    fn cover(&mut self, entries: usize) {
        let wanted = (HINTS * entries).next_power_of_two();
        let missing = wanted.saturating_sub(self.0.len());
        if missing > 0 && self.0.try_reserve_exact(missing).is_ok() {
            self.0.resize(wanted, 0);
        }
    }

    /// The hint for a site.
    fn of(&mut self, location: &'static Location<'static>, tag: usize) -> Option<&mut u32> {
        // Fibonacci hashing: the upper half of a product with 2^64 / φ depends on all bits of the lower half.
        let address = ptr::from_ref(location).addr() as u64;
        let mixed = (address ^ (tag as u64) << 24).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mask = self.0.len().wrapping_sub(1);
        self.0.get_mut((mixed >> 32) as usize & mask)
    }
}

/// The call sites found so far.
pub(crate) struct FoundSites<'w> {
    pub(crate) entries: Vec<SiteHolding>,
    hints: &'w mut Hints,
}

impl<'w> FoundSites<'w> {
    /// Begins with the entries of an earlier walk, in any order.
    pub(crate) fn begin(mut entries: Vec<SiteHolding>, hints: &'w mut Hints) -> Self {
        entries.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        for entry in &mut entries {
            entry.clear();
        }
        hints.cover(entries.len());
        Self { entries, hints }
    }

    /// The position of the entry for this call site and tag. Added if it is new and there is memory for it; when memory
    /// has run out, the list is incomplete.
    ///
    /// One line of code can have several `Location` values, so they are compared by content.
    pub(crate) fn position(
        &mut self,
        location: &'static Location<'static>,
        tag: usize,
    ) -> Option<usize> {
        let sought = (location, tag);
        let hint = self.hints.of(location, tag);
        let hinted = hint.as_deref().map(|&at| at as usize);
        if let Some(at) = hinted
            && let Some(entry) = self.entries.get(at)
            && entry.tag_number == tag
            && (ptr::eq(entry.location, location) || entry.location == location)
        {
            return hinted;
        }
        let at = match self
            .entries
            .binary_search_by(|entry| key(entry).cmp(&sought))
        {
            Ok(at) => at,
            Err(at) => {
                self.entries.try_reserve(1).ok()?;
                self.entries.insert(at, SiteHolding::new(location, tag));
                at
            }
        };
        if let Some(hint) = hint {
            *hint = at as u32;
        }
        Some(at)
    }

    /// The entries with a buffer, in the order of call site and tag.
    pub(crate) fn end(self) -> Vec<SiteHolding> {
        let mut entries = self.entries;
        entries.retain(|entry| entry.buffers > 0);
        entries
    }
}

/// The sort key of an entry: call site, then tag.
pub(crate) fn key(site: &SiteHolding) -> (&'static Location<'static>, usize) {
    (site.location, site.tag_number)
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn here() -> &'static Location<'static> {
        Location::caller()
    }

    #[test]
    fn each_buffer_counts_for_its_site_and_tag() {
        #[rustfmt::skip]
        let sites = [here(), here(), here(), here(), here(), here(), here(), here()];
        let mut hints = Hints::default();
        let mut entries = Vec::new();
        for walk in 0..20 {
            let mut expected = BTreeMap::new();
            let mut found = FoundSites::begin(entries, &mut hints);
            for buffer in 0..100 {
                // Each walk lacks some of the sites of the previous one, and has others.
                let site = sites[(buffer * buffer + walk) % (2 + walk % 7)];
                let tag = buffer / 3 % 4;
                *expected.entry((site, tag)).or_insert(0) += 1;
                let at = found.position(site, tag).unwrap();
                found.entries[at].buffers += 1;
            }
            entries = found.end();
            let counts = entries.iter().map(|entry| (key(entry), entry.buffers));
            assert!(counts.eq(expected), "walk {walk}");
            // A result lists the largest first.
            entries.reverse();
        }
    }
}
