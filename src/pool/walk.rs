//! The walk over the block records: finds which call site holds which buffers, and since when.
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

use std::panic::Location;
use std::ptr;
use std::time::{Duration, Instant};

use crate::blocks::class::{CLASSES, OVERSIZE, class_for};
use crate::blocks::state::Seen;
use crate::blocks::table::Table;
#[cfg(feature = "backtrace")]
use crate::pool::stack_walk::enter_stack;
use crate::slot::list::Slots;
use crate::slot::thread_names::ThreadNames;
use crate::telemetry::breakdown::{self, ThreadHolding};
use crate::telemetry::histogram::Log2Histogram;
use crate::telemetry::outstanding::{Outstanding, SiteHolding};

/// The state that a walk leaves for the next one.
#[derive(Debug)]
pub(crate) struct Walks {
    /// Per tag, the age in frames beyond which its buffers are overdue.
    pub(crate) overdue_by_tag: Vec<Option<u64>>,
    /// A bit per page, for 64 pages each.
    groups: Vec<Group>,
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
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pages_read: 0,
        }
    }

    /// Makes groups for `pages` pages, if there is memory for them. A page without a group is read in every second
    /// pass.
    fn cover(&mut self, pages: u32) {
        let missing = (pages.div_ceil(64) as usize).saturating_sub(self.groups.len());
        if self.groups.try_reserve(missing).is_ok() {
            self.groups.extend((0..missing).map(|_| Group::default()));
        }
    }
}

/// The input of a walk, with the ages for suspects and verdicts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'w> {
    pub(crate) table: &'w Table,
    pub(crate) slots: &'w Slots,
    pub(crate) names: &'w ThreadNames,
    /// From this size on, every buffer is sampled.
    #[cfg(feature = "backtrace")]
    pub(crate) large_bytes: u64,
    pub(crate) leak_after_frames: u64,
    /// Buffers allocated in this round or later are too young for suspects.
    pub(crate) old_before: Option<u64>,
    /// Buffers allocated in this round or later are too young for verdicts.
    pub(crate) aged_before: Option<u64>,
    /// The age in frames beyond which a buffer is overdue.
    pub(crate) overdue_after_frames: Option<u64>,
    /// The limit of each tag; the pool's limit applies to tags that are not in the list.
    pub(crate) overdue_by_tag: &'w [Option<u64>],
}

/// The last walk that was done for a refusal.
#[derive(Debug, Default)]
pub(crate) struct LastWalk {
    pub(crate) ended: Option<Instant>,
    pub(crate) took: Duration,
    pub(crate) found: Outstanding,
}

/// Buffers in use by size class, with the bytes of each class.
#[derive(Debug)]
pub(crate) struct OutBySize(pub(crate) [(u64, u64); CLASSES + 1]);

impl OutBySize {
    fn new() -> Self {
        Self([(0, 0); CLASSES + 1])
    }

    /// Counts a buffer in use.
    #[inline]
    fn enter(&mut self, bytes: u64) {
        let class = class_for(bytes as usize).unwrap_or(OVERSIZE);
        let (buffers, sum) = &mut self.0[class];
        *buffers += 1;
        *sum += bytes;
    }
}

/// A walk under way.
struct Walk<'w> {
    records: Records<'w>,
    out: &'w mut Outstanding,
    /// The entries in the order of their call sites.
    sites: Vec<SiteHolding>,
    /// The entries in the order of the numbers of their names.
    threads: Vec<ThreadHolding>,
    by_size: OutBySize,
    /// The last site and its position. Records are in the order of their first use, so neighbours often have the same
    /// site.
    last: Option<(&'static Location<'static>, usize, usize)>,
    last_thread: Option<(u32, usize)>,
    round: u64,
    /// The buffers in use that were found so far.
    met: u64,
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
        let mut sites = std::mem::take(&mut out.sites);
        sites.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        for site in &mut sites {
            site.clear();
        }
        let mut threads = std::mem::take(&mut out.threads);
        threads.sort_unstable_by_key(|thread| thread.number);
        for thread in &mut threads {
            thread.clear();
        }
        let sizes = std::mem::take(&mut out.sizes);
        let mut ages = std::mem::take(&mut out.ages);
        ages.iter_mut().for_each(Log2Histogram::clear);
        let mut stacks = std::mem::take(&mut out.stacks);
        stacks.clear();
        *out = Outstanding {
            sizes,
            ages,
            stacks,
            ..Outstanding::default()
        };
        let mut walk = Walk {
            records,
            out,
            sites,
            threads,
            by_size: OutBySize::new(),
            last: None,
            last_thread: None,
            round,
            met: 0,
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pages_read: 0,
        };
        walk.read(self);
        #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
        {
            self.pages_read = walk.pages_read;
        }
        let by_size = walk.by_size;
        let threads = walk.threads;
        let mut sites = walk.sites;
        sites.retain(|site| site.buffers > 0);
        sites.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| key(a).cmp(&key(b))));
        out.sites = sites;
        out.threads = threads;
        by_size
    }
}

impl Walk<'_> {
    /// Reads the records of all buffers in use.
    fn read(&mut self, walks: &mut Walks) {
        let before = self.records.slots.pooled_counts();
        let out = before.allocs.wrapping_sub(before.releases);
        let pages = self.records.table.pages();
        walks.cover(pages);
        for (at, group) in walks.groups.iter_mut().enumerate() {
            group.found = self.read_group(at as u32, group.busy, pages);
        }
        if self.met != out || self.records.slots.pooled_counts().allocs != before.allocs {
            for at in 0..pages.div_ceil(64) {
                match walks.groups.get_mut(at as usize) {
                    Some(group) => group.found |= self.read_group(at, !group.busy, pages),
                    None => drop(self.read_group(at, u64::MAX, pages)),
                }
            }
        }
        for group in &mut walks.groups {
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
        let before = self.met;
        for record in self.records.table.records_of(page) {
            self.enter(record.read());
        }
        self.met != before
    }

    /// Counts a buffer that was found.
    fn enter(&mut self, seen: Seen) {
        let lent = match seen {
            Seen::Idle => return,
            Seen::Anonymous(bytes) => {
                self.met += 1;
                self.by_size.enter(bytes);
                return;
            }
            Seen::Lent(lent) => lent,
        };
        self.met += 1;
        self.by_size.enter(lent.bytes);
        self.enter_thread(lent.thread, lent.bytes);
        let tag = lent.tag.number();
        let at = match self.last {
            Some((location, of, at)) if of == tag && ptr::eq(location, lent.site) => Some(at),
            _ => position(&mut self.sites, lent.site, tag),
        };
        let age = lent.age(self.round);
        let taken = self.round.wrapping_sub(age);
        let is_old_in_frames = age > self.records.leak_after_frames && !lent.long_lived;
        let is_old = |before: Option<u64>| is_old_in_frames && before.is_none_or(|it| taken < it);
        let is_suspect = is_old(self.records.old_before);
        let is_aged = is_old(self.records.aged_before);
        let by_tag = self.records.overdue_by_tag.get(tag);
        let limit = by_tag.copied().unwrap_or(self.records.overdue_after_frames);
        let is_overdue = !lent.long_lived && limit.is_some_and(|limit| age > limit);
        self.out.buffers += 1;
        self.out.bytes += lent.bytes;
        self.enter_age(tag, age);
        if lent.long_lived {
            self.out.long_lived += 1;
            self.out.long_lived_bytes += lent.bytes;
        }
        if is_suspect {
            self.out.suspects += 1;
            self.out.suspect_bytes += lent.bytes;
        }
        #[cfg(feature = "backtrace")]
        enter_stack(&mut self.out.stacks, &lent, self.records.large_bytes);
        let Some(at) = at else {
            return;
        };
        self.last = Some((lent.site, tag, at));
        let site = &mut self.sites[at];
        site.buffers += 1;
        site.bytes += lent.bytes;
        site.of_this_frame += u64::from(age == 0);
        if lent.long_lived {
            site.long_lived += 1;
            site.long_lived_bytes += lent.bytes;
        }
        if is_suspect {
            site.suspects += 1;
            site.suspect_bytes += lent.bytes;
        }
        if is_aged {
            site.aged += 1;
            site.aged_bytes += lent.bytes;
            site.oldest_aged_frames = site.oldest_aged_frames.max(age);
        }
        site.overdue += u64::from(is_overdue);
        if site.buffers == 1 || age > site.oldest_age_frames {
            site.oldest_age_frames = age;
            site.thread.clear();
            self.records.names.read(lent.thread, |name| {
                if site.thread.try_reserve(name.len()).is_ok() {
                    site.thread.push_str(name);
                }
            });
        }
    }
}

impl Walk<'_> {
    /// Counts the age of a buffer for its tag, if there is memory for the count.
    fn enter_age(&mut self, tag: usize, age: u64) {
        let ages = &mut self.out.ages;
        let missing = (tag + 1).saturating_sub(ages.len());
        if ages.try_reserve(missing).is_ok() {
            ages.extend((0..missing).map(|_| Log2Histogram::default()));
            ages[tag].try_add(age);
        }
    }

    /// Counts a buffer for the thread that allocated it.
    fn enter_thread(&mut self, number: u32, bytes: u64) {
        let at = match self.last_thread {
            Some((last, at)) if last == number => at,
            _ => {
                let Some(at) = breakdown::position(&mut self.threads, number) else {
                    return;
                };
                self.last_thread = Some((number, at));
                at
            }
        };
        self.threads[at].buffers += 1;
        self.threads[at].bytes += bytes;
    }
}

/// The sort key of an entry: call site, then tag.
fn key(site: &SiteHolding) -> (&'static Location<'static>, usize) {
    (site.location, site.tag_number)
}

/// The position of the entry for this call site and tag in the sorted list. Added if it is new and there is memory
/// for it; when memory has run out, the list is incomplete.
///
/// One line of code can have several `Location` values, so they are compared by content.
fn position(
    sites: &mut Vec<SiteHolding>,
    location: &'static Location<'static>,
    tag: usize,
) -> Option<usize> {
    match sites.binary_search_by(|site| key(site).cmp(&(location, tag))) {
        Ok(at) => Some(at),
        Err(at) => {
            sites.try_reserve(1).ok()?;
            sites.insert(at, SiteHolding::new(location, tag));
            Some(at)
        }
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
