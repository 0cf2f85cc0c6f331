//! Counts the buffers of recent sampled frames by call site. Under the aggregator's lock.
//!
//! The end of a sampled frame adds up the tables of all slots (`slot/frame_sites.rs`) and the totals of the arenas.
//! The difference belongs to call sites that found no place in a table. So the sum over all sites equals the frame's
//! counters exactly.
//!
//! Numbers are kept in two windows of [`WINDOW`] sampled frames: the previous one, and the current one. A report
//! covers both, so it follows the program, and each number is a sum over whole frames. A call site without allocs in
//! either window is dropped. The book also keeps sums over all sampled frames, for the call sites it has not dropped.

use std::panic::Location;

use crate::pool::tag_book::TagBook;
use crate::slot::frame_sites::SiteUse;
use crate::sync::sized;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::frame_memory::{FrameCounts, FrameMemory, FrameSampling, FrameSite};
use crate::telemetry::id::FrameId;

/// Sampled frames in a window.
const WINDOW: u64 = 64;
/// Call sites, by tag.
const SITES: usize = sized(256, 8, 4);

/// The allocs of recent sampled frames.
#[derive(Debug, Default)]
pub(crate) struct FrameBook {
    /// By call site, then by tag.
    entries: Vec<Entry>,
    /// The allocs of the frame that ends, and the part of them that has an entry.
    total: FrameCounts,
    listed: FrameCounts,
    /// The window before, and the current one.
    windows: [Window; 2],
    /// All sampled frames, and of that, what has an entry still.
    all: Window,
    latest: Option<FrameId>,
}

/// Of a number of sampled frames.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    frames: u64,
    total: FrameCounts,
    listed: FrameCounts,
}

impl Window {
    fn plus(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            total: self.total.plus(other.total),
            listed: self.listed.plus(other.listed),
        }
    }
}

#[derive(Debug)]
struct Entry {
    site: &'static Location<'static>,
    tag: usize,
    /// Of the frame that ends.
    now: FrameCounts,
    /// By window: its allocs, and the most bytes in one frame.
    windows: [(FrameCounts, u64); 2],
    /// As in a window, since it has the entry.
    all: (FrameCounts, u64),
}

impl FrameBook {
    /// Adds the allocs of one arena in the sampled frame that ends.
    pub(crate) fn add_arena(&mut self, lent: ArenaReading) {
        self.total = self.total.plus(FrameCounts {
            allocs: lent.allocs,
            bytes: lent.bytes,
            requested_bytes: lent.requested,
        });
    }

    /// Adds the allocs of a call site in that frame, if the list has room.
    pub(crate) fn add_site(&mut self, used: SiteUse, tag: usize) {
        // One line of code can have several `Location` values, so they are compared by content.
        let key = (used.site, tag);
        let at = match self
            .entries
            .binary_search_by(|entry| (entry.site, entry.tag).cmp(&key))
        {
            Ok(at) => at,
            Err(at) => {
                // All at once, so that later frames allocate nothing.
                let missing = SITES - self.entries.len();
                if missing == 0 || self.entries.try_reserve_exact(missing).is_err() {
                    return;
                }
                self.entries.insert(
                    at,
                    Entry {
                        site: used.site,
                        tag,
                        now: FrameCounts::default(),
                        windows: Default::default(),
                        all: Default::default(),
                    },
                );
                at
            }
        };
        let entry = &mut self.entries[at];
        entry.now = entry.now.plus(used.counts);
        self.listed = self.listed.plus(used.counts);
    }

    /// Ends the sampled frame.
    pub(crate) fn end_frame(&mut self, id: FrameId) {
        if self.windows[1].frames == WINDOW {
            self.windows = [self.windows[1], Window::default()];
            for entry in &mut self.entries {
                entry.windows = [entry.windows[1], Default::default()];
            }
        }
        for entry in &mut self.entries {
            let now = std::mem::take(&mut entry.now);
            for (counts, most_bytes) in [&mut entry.windows[1], &mut entry.all] {
                *counts = counts.plus(now);
                *most_bytes = (*most_bytes).max(now.bytes);
            }
        }
        let frame = Window {
            frames: 1,
            total: std::mem::take(&mut self.total),
            listed: std::mem::take(&mut self.listed),
        };
        self.windows[1] = self.windows[1].plus(frame);
        self.all = self.all.plus(frame);
        self.entries.retain(|entry| {
            let mut windows = entry.windows.iter();
            let is_recent = windows.any(|(counts, _)| *counts != FrameCounts::default());
            if !is_recent {
                self.all.listed = self.all.listed.less(entry.all.0);
            }
            is_recent
        });
        self.latest = Some(id);
    }

    /// Writes the numbers of the latest frames into an earlier result, and reuses its memory.
    pub(crate) fn report(&self, tags: &TagBook, every: u32, memory: &mut FrameMemory) {
        let [before, now] = self.windows;
        self.report_window(before.plus(now), tags, every, memory, |entry| {
            let [(before, most_before), (now, most)] = entry.windows;
            (before.plus(now), most.max(most_before))
        });
    }

    /// The numbers of all sampled frames so far.
    pub(crate) fn report_all(&self, tags: &TagBook, every: u32) -> FrameMemory {
        let mut memory = FrameMemory::default();
        self.report_window(self.all, tags, every, &mut memory, |entry| entry.all);
        memory
    }

    fn report_window(
        &self,
        window: Window,
        tags: &TagBook,
        every: u32,
        memory: &mut FrameMemory,
        of: impl Fn(&Entry) -> (FrameCounts, u64),
    ) {
        memory.sampling = FrameSampling {
            every,
            frames: window.frames,
            latest: self.latest,
            total: window.total,
            other: window.total.less(window.listed),
        };
        memory.sites.truncate(self.entries.len());
        for (at, entry) in self.entries.iter().enumerate() {
            if memory.sites.len() == at {
                memory.sites.push(FrameSite {
                    location: entry.site,
                    tag: String::new(),
                    counts: FrameCounts::default(),
                    most_bytes: 0,
                });
            }
            let site = &mut memory.sites[at];
            site.location = entry.site;
            site.tag.clear();
            site.tag.push_str(tags.name(entry.tag));
            (site.counts, site.most_bytes) = of(entry);
        }
        // Unstable: a stable sort of a long list allocates.
        memory.sites.sort_unstable_by(|a, b| {
            let key = |site: &FrameSite| site.location;
            b.counts
                .bytes
                .cmp(&a.counts.bytes)
                .then_with(|| (key(a), &a.tag).cmp(&(key(b), &b.tag)))
        });
    }

    /// Bytes that the book occupies.
    pub(crate) fn bytes(&self) -> u64 {
        (self.entries.capacity() * size_of::<Entry>()) as u64
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[track_caller]
    fn took(bytes: u64) -> SiteUse {
        let counts = FrameCounts {
            allocs: 1,
            bytes,
            requested_bytes: bytes,
        };
        SiteUse {
            site: Location::caller(),
            counts,
        }
    }

    fn lent(allocs: u64, bytes: u64) -> ArenaReading {
        ArenaReading {
            allocs,
            bytes,
            requested: bytes,
            misses: 0,
        }
    }

    fn report(book: &FrameBook) -> FrameMemory {
        let mut memory = FrameMemory::default();
        book.report(&TagBook::default(), 64, &mut memory);
        memory
    }

    #[test]
    fn what_has_no_entry_is_that_of_others() {
        let mut book = FrameBook::default();
        book.add_arena(lent(3, 700));
        book.add_site(took(200), 0);
        book.end_frame(FrameId(9));
        let memory = report(&book);
        assert_eq!(
            (memory.sampling.frames, memory.sampling.total.bytes),
            (1, 700)
        );
        assert_eq!(
            (memory.sampling.other.allocs, memory.sampling.other.bytes),
            (2, 500)
        );
        assert_eq!(memory.sites[0].counts.bytes, 200);
    }

    #[test]
    fn a_site_is_forgotten_after_two_windows() {
        let mut book = FrameBook::default();
        book.add_arena(lent(1, 64));
        book.add_site(took(64), 0);
        for frame in 1..=3 * WINDOW {
            book.end_frame(FrameId(frame));
            let memory = report(&book);
            assert!(memory.sampling.frames < 2 * WINDOW + 1);
            assert_eq!(
                memory.sites.len(),
                usize::from(frame <= 2 * WINDOW),
                "{frame}"
            );
            assert_eq!(memory.sampling.other, FrameCounts::default());
        }
        let all = book.report_all(&TagBook::default(), 64);
        assert_eq!(all.sampling.frames, 3 * WINDOW);
        assert_eq!((all.sites.len(), all.sampling.other.bytes), (0, 64));
    }

    #[test]
    fn most_bytes_are_of_one_frame() {
        let mut book = FrameBook::default();
        for bytes in [100, 300, 200] {
            let used = took(bytes);
            book.add_arena(lent(2, 2 * bytes));
            // The same line on two threads.
            book.add_site(used, 0);
            book.add_site(used, 0);
            book.end_frame(FrameId(bytes));
        }
        let memory = report(&book);
        assert_eq!(memory.sites.len(), 1);
        assert_eq!(
            (memory.sites[0].counts.bytes, memory.sites[0].most_bytes),
            (1200, 600)
        );
        assert_eq!(memory.sampling.per_frame(1200), 400);
    }
}
