//! Counts the resident bytes of a memory range: asks the operating system which pages are resident.
//!
//! The addresses are only numbers here and are never dereferenced. If a range was freed meanwhile, its bytes count as not resident, or
//! the pages count that lie at these addresses now.

use crate::memory::mapping;

/// Pages per query.
const STEP: usize = 4096;

/// The buffer for the answer to one query.
#[derive(Debug)]
pub(crate) struct Residency {
    page: usize,
    pages: [u8; STEP],
}

impl Residency {
    /// Makes a buffer; `None` on systems where the query is not supported.
    pub(crate) fn new() -> Option<Self> {
        mapping::KNOWN.then(|| Self {
            page: mapping::page_bytes(),
            pages: [0; STEP],
        })
    }

    /// How many of the `bytes` from `start` on lie in resident pages; zero if `start` is zero.
    pub(crate) fn of(&mut self, start: usize, bytes: usize) -> u64 {
        if start == 0 {
            return 0;
        }
        let end = start.saturating_add(bytes);
        let mut at = start / self.page * self.page;
        let mut resident = 0;
        while at < end {
            let count = (end - at).div_ceil(self.page).min(STEP);
            let pages = &mut self.pages[..count];
            let is_known = mapping::residency(at, pages).is_some();
            for (number, page) in pages.iter().enumerate() {
                if is_known && page & 1 == 1 {
                    let first = at + number * self.page;
                    let shared = (first + self.page).min(end) - first.max(start);
                    resident += shared as u64;
                }
            }
            at += count * self.page;
        }
        resident
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "a region is allocated, touched and freed")]
mod tests {
    use super::*;
    use crate::memory::region::Region;

    #[test]
    fn only_what_was_touched_is_resident() {
        let Some(mut residency) = Residency::new() else {
            return;
        };
        // Smaller than a huge page of the system, so that touching one page makes no other resident.
        let bytes = 1 << 20;
        let region = Region::take(bytes, 64).expect("memory");
        let start = region.start.addr().get();
        assert_eq!(residency.of(start, bytes), 0, "nothing was touched");
        let page = residency.page;
        let third = start.next_multiple_of(page) - start + 2 * page;
        // SAFETY: the offset lies in the region, and no other thread uses it.
        unsafe { region.start.add(third).write(1) };
        assert_eq!(residency.of(start, bytes), page as u64);
        assert_eq!(
            residency.of(start + third + 10, 100),
            100,
            "a part of a page"
        );
        assert_eq!(residency.of(start + third + page, page), 0);
        // SAFETY: taken above with this alignment, and not used after this.
        unsafe { region.give_back(64) };
    }

    #[test]
    fn unmapped_memory_is_not_resident() {
        if let Some(mut residency) = Residency::new() {
            let page = residency.page;
            assert_eq!(residency.of(0, 1 << 20), 0);
            assert_eq!(residency.of(page, page), 0, "nothing is mapped there");
        }
    }
}
