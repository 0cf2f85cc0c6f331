//! The findings of a walk: which call site and which thread hold which buffers, and since when.

use crate::blocks::class::{CLASSES, Classes, OVERSIZE, class_for};
use crate::blocks::state::Seen;
use crate::memory::tag_budget::MAX_TAGS;
use crate::pool::found_sites::{FoundSites, Hints, key};
#[cfg(feature = "backtrace")]
use crate::pool::stack_walk::enter_stack;
use crate::slot::thread_names::ThreadNames;
use crate::telemetry::breakdown::{self, ThreadHolding};
use crate::telemetry::histogram::Log2Histogram;
use crate::telemetry::kept::{Amount, Kept};
use crate::telemetry::outstanding::{Outstanding, SiteHolding};
use crate::text::replace;

/// The size class of a buffer, and when it is a suspect, is old enough for verdicts, is overdue, and is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'w> {
    pub(crate) classes: &'w Classes,
    /// From this size on, every buffer is sampled.
    #[cfg(feature = "backtrace")]
    pub(crate) large_bytes: u64,
    pub(crate) leak_after_frames: u64,
    /// The largest age in frames of buffers of frames in flight; none if frames have stopped ending.
    pub(crate) in_flight_age: Option<u64>,
    /// Buffers allocated in this round or later are too young for suspects.
    pub(crate) old_before: Option<u64>,
    /// Buffers allocated in this round or later are too young for verdicts.
    pub(crate) aged_before: Option<u64>,
    /// The age in frames beyond which a buffer is overdue.
    pub(crate) overdue_after_frames: Option<u64>,
    /// The limit of each tag; the pool's limit applies to tags that are not in the list.
    pub(crate) overdue_by_tag: &'w [Option<u64>],
}

/// Buffers in use by size class.
#[derive(Debug)]
pub(crate) struct OutBySize {
    pub(crate) of: [OutOfSize; CLASSES + 1],
}

/// Buffers in use of one size class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutOfSize {
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
    /// Buffers of the sites that were marked before the walk.
    pub(crate) kept_more: u64,
    /// Buffers that are kept across frames.
    pub(crate) kept: Amount,
}

impl OutBySize {
    fn new() -> Self {
        Self {
            of: [OutOfSize::default(); CLASSES + 1],
        }
    }

    /// Counts a buffer in use.
    #[inline]
    fn enter(&mut self, bytes: u64, keeps_more: bool, is_kept: bool) {
        let class = class_for(bytes as usize).unwrap_or(OVERSIZE);
        let of = &mut self.of[class];
        of.buffers += 1;
        of.bytes += bytes;
        of.kept_more += u64::from(keeps_more);
        if is_kept {
            of.kept.add(Amount { buffers: 1, bytes });
        }
    }
}

/// What a walk has found so far.
pub(crate) struct Findings<'w> {
    names: &'w ThreadNames,
    limits: Limits<'w>,
    out: &'w mut Outstanding,
    sites: FoundSites<'w>,
    /// The entries in the order of the numbers of their names.
    threads: Vec<ThreadHolding>,
    by_size: OutBySize,
    last_thread: Option<(u32, usize)>,
    round: u64,
    /// The buffers in use that were found so far.
    pub(crate) met: u64,
}

impl<'w> Findings<'w> {
    /// Begins with the memory of an earlier result.
    pub(crate) fn begin(
        names: &'w ThreadNames,
        limits: Limits<'w>,
        round: u64,
        hints: &'w mut Hints,
        out: &'w mut Outstanding,
    ) -> Self {
        let sites = FoundSites::begin(std::mem::take(&mut out.sites), hints);
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
            opened: out.opened,
            sizes,
            ages,
            stacks,
            ..Outstanding::default()
        };
        Self {
            names,
            limits,
            out,
            sites,
            threads,
            by_size: OutBySize::new(),
            last_thread: None,
            round,
            met: 0,
        }
    }

    /// Completes the result, and returns the buffers by size.
    pub(crate) fn end(self) -> OutBySize {
        let mut sites = self.sites.end();
        self.out.kept = kept(&sites, &self.threads, &self.by_size);
        sites.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| key(a).cmp(&key(b))));
        self.out.sites = sites;
        self.out.threads = self.threads;
        self.by_size
    }

    /// The size classes of the pool.
    pub(crate) fn classes(&self) -> &'w Classes {
        self.limits.classes
    }

    /// Counts a buffer that was found.
    pub(crate) fn enter(&mut self, seen: Seen) {
        let lent = match seen {
            Seen::Idle => return,
            Seen::Anonymous(bytes) => {
                self.met += 1;
                self.out.unattributed += 1;
                self.out.unattributed_bytes += bytes;
                self.by_size.enter(bytes, false, true);
                return;
            }
            Seen::Lent(lent) => lent,
        };
        self.met += 1;
        let age = lent.age(self.round);
        let is_in_flight = self.limits.in_flight_age.is_some_and(|most| age <= most);
        self.enter_thread(lent.thread, lent.bytes, is_in_flight);
        let tag = lent.tag.number();
        let at = self.sites.position(lent.site, tag);
        let keeps_more = at.is_some_and(|at| self.sites.entries[at].keeps_more);
        self.by_size.enter(lent.bytes, keeps_more, !is_in_flight);
        let taken = self.round.wrapping_sub(age);
        let is_old_in_frames = age > self.limits.leak_after_frames && !lent.long_lived;
        let is_old = |before: Option<u64>| is_old_in_frames && before.is_none_or(|it| taken < it);
        let is_suspect = is_old(self.limits.old_before);
        let is_aged = is_old(self.limits.aged_before);
        let by_tag = self.limits.overdue_by_tag.get(tag);
        let limit = by_tag.copied().unwrap_or(self.limits.overdue_after_frames);
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
        enter_stack(&mut self.out.stacks, &lent, self.limits.large_bytes);
        let Some(at) = at else {
            return;
        };
        let site = &mut self.sites.entries[at];
        site.buffers += 1;
        site.bytes += lent.bytes;
        site.of_this_frame += u64::from(age == 0);
        if is_in_flight {
            site.in_flight += 1;
            site.in_flight_bytes += lent.bytes;
        }
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
            for (stayed, opened) in site.stayed.iter_mut().zip(self.out.opened) {
                if taken < opened {
                    stayed.add(Amount {
                        buffers: 1,
                        bytes: lent.bytes,
                    });
                }
            }
        }
        site.overdue += u64::from(is_overdue);
        if site.buffers == 1 || age > site.oldest_age_frames {
            site.oldest_age_frames = age;
            self.names
                .read(lent.thread, |name| replace(&mut site.thread, name));
        }
    }

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
    fn enter_thread(&mut self, number: u32, bytes: u64, is_in_flight: bool) {
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
        if !is_in_flight {
            self.threads[at].kept.add(Amount { buffers: 1, bytes });
        }
    }
}

/// The buffers that are kept across frames; by size only their sum. `sites` are in the order of their call sites.
fn kept(sites: &[SiteHolding], threads: &[ThreadHolding], by_size: &OutBySize) -> Kept {
    let mut kept = Kept::default();
    kept.all = by_size.of.iter().map(|of| of.kept).sum();
    // A line that allocates with several tags has several entries.
    for line in sites.chunk_by(|a, b| a.location == b.location) {
        let of_line = line.iter().map(SiteHolding::kept).sum();
        kept.sites.enter(line[0].location, of_line);
    }
    let mut by_tag = [Amount::default(); MAX_TAGS];
    for site in sites {
        by_tag[site.tag_number].add(site.kept());
    }
    // Number zero is of buffers without a tag.
    for (tag, of_tag) in by_tag.iter().enumerate().skip(1) {
        kept.tags.enter(tag, *of_tag);
    }
    for thread in threads {
        kept.threads.enter(thread.number, thread.kept);
    }
    kept
}
