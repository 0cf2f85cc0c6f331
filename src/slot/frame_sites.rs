//! Counts a thread's buffers of a sampled frame by call site, in one table for each open frame.
//!
//! A table belongs to the same threads as the arena of its frame (`arena/bump.rs`): to the slot's owner while the frame is open,
//! and to the thread that ends the frame at the frame's end. So its numbers are not atomic. A thread gets the table when it first
//! allocates from a frame of that bit, so that later sampled frames allocate nothing.
//!
//! A table has a fixed size. Buffers without a place in it, or without memory for a table, are not lost: the frame
//! end knows the total of the arena, and counts the rest for other call sites (`pool/frame_book.rs`).

#![expect(unsafe_code, reason = "a slot owns its tables")]

use std::alloc::{Layout, alloc, dealloc};
use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::sync::{AtomicPtr, Ordering, UnsafeCell, sized};
use crate::telemetry::frame_memory::FrameCounts;

/// Call sites of one thread in one frame.
const PLACES: usize = sized(64, 8, 4);
/// The most places that are tried for a call site.
const PROBES: usize = sized(16, 8, 4);

/// The allocs of one call site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteUse {
    pub(crate) site: &'static Location<'static>,
    pub(crate) counts: FrameCounts,
}

/// The allocs of the slot's owner in one sampled frame.
#[derive(Debug)]
pub(crate) struct SiteTable {
    /// The frame's index.
    index: usize,
    /// The previously added table. Never changes once the table is in the list.
    older: *mut SiteTable,
    uses: UnsafeCell<[Option<SiteUse>; PLACES]>,
}

/// The tables of a slot.
#[derive(Debug)]
pub(crate) struct FrameSites(AtomicPtr<SiteTable>);

impl FrameSites {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The table of the frame `index`.
    fn of(&self, index: usize) -> Option<&SiteTable> {
        // Acquire: pairs with the Release in `add`, for the thread that ends the frame; the owner reads its own store.
        let mut at = self.0.load(Ordering::Acquire);
        // SAFETY: tables are freed only with the slot.
        while let Some(table) = unsafe { at.as_ref() } {
            if table.index == index {
                return Some(table);
            }
            at = table.older;
        }
        None
    }

    /// Makes the table of the frame `index`; `false` if there is one, or no memory for it. Only for the owner.
    pub(crate) fn add(&self, index: usize) -> bool {
        if self.of(index).is_some() {
            return false;
        }
        // SAFETY: a table is not zero-sized.
        let made = NonNull::new(unsafe { alloc(Layout::new::<SiteTable>()) });
        let Some(made) = made.map(NonNull::cast::<SiteTable>) else {
            return false;
        };
        // SAFETY: allocated just now for a table.
        unsafe {
            made.write(SiteTable {
                index,
                // Relaxed: the owner is the only writer.
                older: self.0.load(Ordering::Relaxed),
                uses: UnsafeCell::new([None; PLACES]),
            });
        }
        // Release: pairs with the Acquire in `of`.
        self.0.store(made.as_ptr(), Ordering::Release);
        true
    }

    /// Counts a buffer of the open frame `index` for its call site, if there is a place for it; `false` if there is no table.
    ///
    /// # Safety
    ///
    /// The caller owns the slot, and the frame is open.
    pub(crate) unsafe fn count(
        &self,
        index: usize,
        site: &'static Location<'static>,
        counts: FrameCounts,
    ) -> bool {
        let Some(table) = self.of(index) else {
            return false;
        };
        let first = ptr::from_ref(site).addr() / align_of::<Location<'_>>();
        // SAFETY: while the frame is open only the slot's owner touches the table.
        table.uses.with_mut(|uses| unsafe {
            let uses = &mut *uses;
            for probe in 0..PROBES {
                // The locations of one file have neighbouring addresses, which differ by a few words.
                let place = &mut uses[(first / 3 + probe) % PLACES];
                match place {
                    Some(found) if ptr::eq(found.site, site) => {
                        found.counts = found.counts.plus(counts);
                        return;
                    }
                    Some(_) => {}
                    None => {
                        *place = Some(SiteUse { site, counts });
                        return;
                    }
                }
            }
        });
        true
    }

    /// Empties the table of the frame `index`, and passes each entry to `each`.
    ///
    /// # Safety
    ///
    /// The caller holds the aggregator's lock, and the frame has ended, so no other thread touches the table.
    pub(crate) unsafe fn take(&self, index: usize, mut each: impl FnMut(SiteUse)) {
        let Some(table) = self.of(index) else { return };
        // SAFETY: as for the caller.
        table.uses.with_mut(|uses| unsafe {
            for place in &mut *uses {
                if let Some(found) = place.take() {
                    each(found);
                }
            }
        });
    }

    /// Bytes of one table.
    pub(crate) const fn table_bytes() -> u64 {
        size_of::<SiteTable>() as u64
    }
}

impl Drop for FrameSites {
    fn drop(&mut self) {
        // Relaxed: the thread that frees a slot has exclusive access to it.
        let mut at = self.0.load(Ordering::Relaxed);
        while let Some(table) = NonNull::new(at) {
            // SAFETY: made by `add`, and freed once.
            unsafe {
                at = table.as_ref().older;
                table.drop_in_place();
                dealloc(table.as_ptr().cast(), Layout::new::<SiteTable>());
            }
        }
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    fn one(bytes: u64) -> FrameCounts {
        FrameCounts {
            allocs: 1,
            bytes,
            requested_bytes: bytes,
        }
    }

    fn found(sites: &FrameSites, index: usize) -> Vec<(u32, FrameCounts)> {
        let mut found = Vec::new();
        // SAFETY: this thread is alone with the tables.
        unsafe { sites.take(index, |it| found.push((it.site.line(), it.counts))) };
        found
    }

    #[test]
    fn each_frame_has_a_table_of_its_own() {
        let sites = FrameSites::new();
        assert!(sites.add(0) && sites.add(2) && !sites.add(0));
        let site = Location::caller();
        // SAFETY: this thread is alone with the tables.
        unsafe {
            sites.count(0, site, one(64));
            sites.count(0, site, one(128));
            sites.count(2, site, one(256));
            // There is no table.
            sites.count(1, site, one(512));
        }
        let both = FrameCounts {
            allocs: 2,
            bytes: 192,
            requested_bytes: 192,
        };
        assert_eq!(found(&sites, 0), [(site.line(), both)]);
        assert_eq!(found(&sites, 0), []);
        assert_eq!(found(&sites, 1), []);
        assert_eq!(found(&sites, 2), [(site.line(), one(256))]);
    }

    #[test]
    fn sites_beyond_the_table_are_left_out() {
        let sites = FrameSites::new();
        sites.add(0);
        let lines: Vec<Location<'static>> = (0..2 * PLACES).map(|_| *Location::caller()).collect();
        let lines: &'static [Location<'static>] = lines.leak();
        for site in lines {
            // SAFETY: this thread is alone with the tables.
            unsafe { sites.count(0, site, one(64)) };
        }
        let found = found(&sites, 0);
        assert!(found.len() <= PLACES && found.len() > PLACES / 4);
    }
}
