//! The walk over the block records: reads the record of every buffer in use. `findings.rs` counts what it finds.
//!
//! The walk reads atomics, and marks what it read (`blocks/block.rs` proves that the result is right). A worker does
//! the same few writes with and without a walk. Walks wait for each other. A result reuses the memory of an earlier
//! one, so a monitor that walks again and again allocates nothing.
//!
//! # Which records it reads
//!
//! Idle blocks keep their records, and after a peak there may be a million of them. So a walk has two passes over the pages of
//! records (`blocks/table.rs`):
//!
//! 1. The busy pages: those on which the previous walk found a buffer in use.
//! 2. All other pages with a claimed record, unless the first pass found every buffer in use.
//!
//! The first pass found all of them if two conditions hold. It found as many buffers as were in use before it, by the
//! counters of the slots. And no buffer was allocated meanwhile. This is enough because an alloc is counted before
//! its record says allocated, and a release after its record says idle. So if the number of allocs is unchanged, each
//! found buffer was in use before the pass. The two numbers are equal, so none is missing.
//!
//! So while the workers rest, as between two frames, the cost follows the number of buffers in use. While workers
//! allocate, a walk reads the record of every block of the pool. A buffer that is in use during the whole walk is
//! always found.

use std::time::Duration;

use crate::blocks::table::Table;
use crate::clock::Time;
use crate::pool::findings::{Findings, Limits, OutBySize};
use crate::pool::found_sites::Hints;
use crate::slot::list::Slots;
use crate::slot::thread_names::ThreadNames;
use crate::telemetry::outstanding::Outstanding;

/// The state that a walk leaves for the next one.
#[derive(Debug)]
pub(crate) struct Walks {
    /// Per tag, the age in frames beyond which its buffers are overdue.
    pub(crate) overdue_by_tag: Vec<Option<u64>>,
    /// A bit per page, for 64 pages each.
    groups: Vec<Group>,
    hints: Hints,
    /// The number of pages that the previous walk read.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pages_read: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// Pages on which the previous walk found a buffer in use.
    busy: u64,
    /// Pages on which this walk finds a buffer in use.
    found: u64,
}

impl Walks {
    pub(crate) fn new() -> Self {
        Self {
            overdue_by_tag: Vec::new(),
            groups: Vec::new(),
            hints: Hints::default(),
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pages_read: 0,
        }
    }
}

/// Makes groups for `pages` pages, if there is memory for them. A page without a group is read in every second pass.
fn cover(groups: &mut Vec<Group>, pages: u32) {
    let missing = (pages.div_ceil(64) as usize).saturating_sub(groups.len());
    if groups.try_reserve(missing).is_ok() {
        groups.extend((0..missing).map(|_| Group::default()));
    }
}

/// The input of a walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'w> {
    pub(crate) table: &'w Table,
    pub(crate) slots: &'w Slots,
    pub(crate) names: &'w ThreadNames,
    pub(crate) limits: Limits<'w>,
}

/// The last walk that was done for a refusal.
#[derive(Debug, Default)]
pub(crate) struct LastWalk {
    pub(crate) ended: Option<Time>,
    pub(crate) took: Duration,
    pub(crate) found: Outstanding,
}

/// A walk under way.
struct Walk<'w> {
    table: &'w Table,
    slots: &'w Slots,
    findings: Findings<'w>,
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pages_read: u32,
}

impl Walks {
    /// Writes who holds what into an earlier result, and returns the buffers by size. A round that begins during the
    /// walk makes buffers look younger. Threads are listed in the order of their numbers, without names.
    pub(crate) fn walk(
        &mut self,
        records: Records<'_>,
        round: u64,
        out: &mut Outstanding,
    ) -> OutBySize {
        let mut walk = Walk {
            table: records.table,
            slots: records.slots,
            findings: Findings::begin(records.names, records.limits, round, &mut self.hints, out),
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pages_read: 0,
        };
        walk.read(&mut self.groups);
        #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
        {
            self.pages_read = walk.pages_read;
        }
        walk.findings.end()
    }
}

impl Walk<'_> {
    /// Reads the records of all buffers in use.
    fn read(&mut self, groups: &mut Vec<Group>) {
        let before = self.slots.pooled_counts();
        let out = before.allocs.wrapping_sub(before.releases);
        let pages = self.table.pages();
        cover(groups, pages);
        for (at, group) in groups.iter_mut().enumerate() {
            group.found = self.read_group(at as u32, group.busy, pages);
        }
        if self.findings.met != out || self.slots.pooled_counts().allocs != before.allocs {
            for at in 0..pages.div_ceil(64) {
                match groups.get_mut(at as usize) {
                    Some(group) => group.found |= self.read_group(at, !group.busy, pages),
                    None => drop(self.read_group(at, u64::MAX, pages)),
                }
            }
        }
        for group in groups {
            group.busy = group.found;
        }
    }

    /// Reads the pages of a group whose bits are set; returns the bits of those with a buffer in use.
    fn read_group(&mut self, group: u32, pages: u64, end: u32) -> u64 {
        let mut left = pages;
        let mut found = 0;
        while left != 0 {
            let page = 64 * group + left.trailing_zeros();
            if page >= end {
                break;
            }
            if self.read_page(page) {
                found |= left & left.wrapping_neg();
            }
            left &= left - 1;
        }
        found
    }

    /// Reads the records of a page; returns whether a buffer was in use.
    fn read_page(&mut self, page: u32) -> bool {
        #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
        {
            self.pages_read += 1;
        }
        let before = self.findings.met;
        for record in self.table.records_of(page) {
            self.findings.enter(record.read(self.findings.classes()));
        }
        self.findings.met != before
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use crate::BufferPool;
    use crate::pool::config::Attribution;

    /// The number of buffers in use, and the pages of records that a walk reads to find them.
    fn walk(pool: &BufferPool) -> (u64, u32) {
        let buffers = pool.outstanding().buffers;
        (buffers, pool.inner().walks.lock().pages_read)
    }

    #[test]
    fn walk_cost_is_proportional_to_buffers_out() {
        let pool = BufferPool::new();
        let mut spike: Vec<_> = (0..20_000).map(|_| pool.alloc::<u8>(1)).collect();
        let (out, pages) = walk(&pool);
        assert_eq!((out, pages), (20_000, 20_000_u32.div_ceil(64)));
        let kept = spike.split_off(19_990);
        drop(spike);
        assert_eq!(walk(&pool).0, 10, "all records are still there");
        assert_eq!(walk(&pool), (10, 1));
        // Allocated from the middle: a page that was not busy.
        let more: Vec<_> = (0..10).map(|_| pool.alloc::<u8>(1)).collect();
        assert_eq!(walk(&pool).0, 20);
        assert!(walk(&pool).1 <= 11);
        drop((kept, more));
        walk(&pool);
        assert_eq!(walk(&pool), (0, 0));
    }

    #[test]
    fn buffers_without_attribution_are_not_searched_for_again() {
        let pool = BufferPool::new();
        drop((0..10_000).map(|_| pool.alloc::<u8>(1)).collect::<Vec<_>>());
        pool.set_attribution(Attribution::Off);
        let hidden = pool.alloc::<u8>(1);
        walk(&pool);
        assert_eq!(walk(&pool), (0, 1));
        drop(hidden);
    }
}
