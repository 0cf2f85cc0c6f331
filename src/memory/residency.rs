//! How many bytes of a piece of memory are resident: the operating system is asked, page by page.
//!
//! The addresses are only numbers here. A piece that went back to the system meanwhile counts as not resident, or as what lies there
//! now.

use crate::memory::mapping;

/// Pages that one question is about.
const STEP: usize = 4096;

/// The answer to one question.
#[derive(Debug)]
pub(crate) struct Residency {
    page: usize,
    pages: [u8; STEP],
}

impl Residency {
    /// Ready to ask; `None` where it is not known how.
    pub(crate) fn new() -> Option<Self> {
        mapping::KNOWN.then(|| Self {
            page: mapping::page_bytes(),
            pages: [0; STEP],
        })
    }

    /// How many of the `bytes` from `start` on lie in resident pages; none of those at no address.
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
#[expect(unsafe_code, reason = "a region is taken, touched and given back")]
mod tests {
    use super::*;
    use crate::memory::region::Region;

    #[test]
    fn only_what_was_touched_is_resident() {
        let Some(mut residency) = Residency::new() else {
            return;
        };
        // Less than a large page of the system, so that a touched page brings no others.
        let bytes = 1 << 20;
        let region = Region::take(bytes, 64).expect("memory");
        let start = region.start.addr().get();
        assert_eq!(residency.of(start, bytes), 0, "nothing was touched");
        let page = residency.page;
        let third = start.next_multiple_of(page) - start + 2 * page;
        // SAFETY: the region has so many bytes, and nobody else uses them.
        unsafe { region.start.add(third).write(1) };
        assert_eq!(residency.of(start, bytes), page as u64);
        assert_eq!(
            residency.of(start + third + 10, 100),
            100,
            "a part of a page"
        );
        assert_eq!(residency.of(start + third + page, page), 0);
        // SAFETY: taken above with this alignment, and used no more.
        unsafe { region.give_back(64) };
    }

    #[test]
    fn what_is_not_there_is_not_resident() {
        if let Some(mut residency) = Residency::new() {
            let page = residency.page;
            assert_eq!(residency.of(0, 1 << 20), 0);
            assert_eq!(residency.of(page, page), 0, "nothing is mapped there");
        }
    }
}
