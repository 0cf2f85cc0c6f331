//! The model: the numbers that a pool must report, computed in the simplest way on one thread.

use std::collections::{BTreeMap, BTreeSet};

use framepool::telemetry::{TagCounts, Tags};
use framepool::{FrameSnapshot, Outstanding, PoolStats};

use crate::common::{TELEMETRY, assert_lawful, assert_lawful_stats, frame_bytes, pooled_bytes};

/// The counts of one kind of buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    allocs: u64,
    alloc_bytes: u64,
    requested: u64,
    releases: u64,
    release_bytes: u64,
    released_requested: u64,
}

impl Kind {
    fn lend(&mut self, bytes: u64, requested: u64) {
        self.allocs += 1;
        self.alloc_bytes += bytes;
        self.requested += requested;
    }

    fn release(&mut self, buffers: u64, bytes: u64, requested: u64) {
        self.releases += buffers;
        self.release_bytes += bytes;
        self.released_requested += requested;
    }
}

/// A pooled buffer in use.
#[derive(Clone, Debug)]
struct Held {
    line: u32,
    tag: &'static str,
    thread: String,
    bytes: u64,
    requested: u64,
    since: u64,
    long_lived: bool,
}

/// An open frame: buffers allocated, their bytes and requested bytes, and the thread that began it.
type OpenFrame = (u64, u64, u64, usize, &'static str);

/// The numbers that one pool must report.
#[derive(Debug)]
pub(crate) struct Account {
    alignment: u64,
    leak_age: u64,
    pooled: Kind,
    framed: Kind,
    overflows: u64,
    /// The allocs with each tag, of both kinds.
    tags: BTreeMap<&'static str, Kind>,
    before: (Kind, Kind, u64),
    frames: u64,
    /// The number of rounds, and the threads whose frames have ended in the current one.
    rounds: u64,
    enders: BTreeSet<usize>,
    begun: u64,
    held: BTreeMap<usize, Held>,
    open: BTreeMap<usize, OpenFrame>,
    takers: BTreeSet<usize>,
    tenants: BTreeSet<usize>,
    most_tenants: usize,
}

impl Account {
    pub(crate) fn new(alignment: u64, leak_age: u64) -> Self {
        Self {
            alignment,
            leak_age,
            pooled: Kind::default(),
            framed: Kind::default(),
            overflows: 0,
            tags: BTreeMap::new(),
            before: Default::default(),
            frames: 0,
            rounds: 0,
            enders: BTreeSet::new(),
            begun: 0,
            held: BTreeMap::new(),
            open: BTreeMap::new(),
            takers: BTreeSet::new(),
            tenants: BTreeSet::new(),
            most_tenants: 0,
        }
    }

    /// A thread used the pool in a way that needs a slot.
    pub(crate) fn enter(&mut self, thread: usize) {
        self.tenants.insert(thread);
        self.most_tenants = self.most_tenants.max(self.tenants.len());
    }

    pub(crate) fn thread_gone(&mut self, thread: usize) {
        self.tenants.remove(&thread);
    }

    pub(crate) fn lend(
        &mut self,
        buffer: usize,
        thread: (usize, &str),
        (line, tag): (u32, &'static str),
        requested: u64,
    ) {
        self.enter(thread.0);
        self.takers.insert(thread.0);
        let bytes = pooled_bytes(requested, self.alignment);
        self.pooled.lend(bytes, requested);
        self.tags.entry(tag).or_default().lend(bytes, requested);
        let held = Held {
            line,
            tag,
            thread: thread.1.to_owned(),
            bytes,
            requested,
            since: self.rounds,
            long_lived: false,
        };
        self.held.insert(buffer, held);
    }

    pub(crate) fn mark_long_lived(&mut self, buffer: usize) {
        self.held.get_mut(&buffer).unwrap().long_lived = true;
    }

    pub(crate) fn release(&mut self, buffer: usize, thread: usize) {
        self.enter(thread);
        let held = self.held.remove(&buffer).unwrap();
        self.pooled.release(1, held.bytes, held.requested);
        let of_tag = self.tags.get_mut(held.tag).unwrap();
        of_tag.release(1, held.bytes, held.requested);
    }

    pub(crate) fn refuse_overflow(&mut self, thread: usize) {
        self.enter(thread);
        self.overflows += 1;
    }

    /// The number the frame must have.
    pub(crate) fn begin(&mut self, frame: usize, thread: usize, tag: &'static str) -> u64 {
        self.open.insert(frame, (0, 0, 0, thread, tag));
        self.begun += 1;
        self.begun
    }

    pub(crate) fn open_frames(&self) -> u32 {
        self.open.len() as u32
    }

    pub(crate) fn lend_framed(&mut self, frame: usize, thread: usize, requested: u64) {
        self.enter(thread);
        self.takers.insert(thread);
        let bytes = if requested == 0 {
            0
        } else {
            frame_bytes(requested, self.alignment)
        };
        self.framed.lend(bytes, requested);
        let open = self.open.get_mut(&frame).unwrap();
        (open.0, open.1, open.2) = (open.0 + 1, open.1 + bytes, open.2 + requested);
        let of_tag = self.tags.entry(open.4).or_default();
        of_tag.lend(bytes, requested);
    }

    /// A frame end by a thread, of an open frame or of none; compares the published snapshot.
    pub(crate) fn end(&mut self, frame: Option<usize>, thread: usize, snapshot: &FrameSnapshot) {
        let mut whose = thread;
        if let Some(frame) = frame {
            let (buffers, bytes, requested, begun_by, tag) = self.open.remove(&frame).unwrap();
            self.framed.release(buffers, bytes, requested);
            let of_tag = self.tags.entry(tag).or_default();
            of_tag.release(buffers, bytes, requested);
            whose = begun_by;
        }
        self.frames += 1;
        if self.enders.is_empty() || self.enders.contains(&whose) {
            self.rounds += 1;
            self.enders.clear();
        }
        self.enders.insert(whose);
        assert!(self.enders.len() < 32, "more threads are not told apart");
        self.compare(snapshot);
        self.before = (self.pooled, self.framed, self.overflows);
        self.takers.clear();
    }

    fn compare(&self, snapshot: &FrameSnapshot) {
        assert_lawful(snapshot);
        assert_eq!(snapshot.frame.get(), self.frames);
        if !TELEMETRY {
            return;
        }
        let (pooled, framed, overflows) = self.before;
        let since = |now: u64, before: u64| now - before;
        assert_eq!(
            snapshot.pooled_allocs,
            since(self.pooled.allocs, pooled.allocs)
        );
        assert_eq!(
            snapshot.frame_allocs,
            since(self.framed.allocs, framed.allocs)
        );
        assert_eq!(
            snapshot.releases,
            since(self.pooled.releases, pooled.releases)
                + since(self.framed.releases, framed.releases)
        );
        assert_eq!(
            snapshot.alloc_bytes,
            since(self.pooled.alloc_bytes, pooled.alloc_bytes)
                + since(self.framed.alloc_bytes, framed.alloc_bytes)
        );
        assert_eq!(
            snapshot.release_bytes,
            since(self.pooled.release_bytes, pooled.release_bytes)
                + since(self.framed.release_bytes, framed.release_bytes)
        );
        assert_eq!(
            snapshot.counts.pooled_releases,
            since(self.pooled.releases, pooled.releases)
        );
        assert_eq!(
            snapshot.counts.frame_releases,
            since(self.framed.releases, framed.releases)
        );
        assert_eq!(
            snapshot.counts.pooled_requested_bytes,
            since(self.pooled.requested, pooled.requested)
        );
        assert_eq!(
            snapshot.counts.frame_requested_bytes,
            since(self.framed.requested, framed.requested)
        );
        assert_eq!(
            snapshot.counts.overflow_refusals,
            since(self.overflows, overflows)
        );
        assert_eq!(
            snapshot.counts.refusals(),
            snapshot.counts.overflow_refusals
        );
        assert_eq!(
            snapshot.hits_thread + snapshot.hits_depot + snapshot.misses,
            snapshot.allocs
        );
        let takers = self.takers.len() as u32;
        // A thread may reuse the slot of an earlier one; then both count as one.
        assert!(snapshot.threads <= takers && (snapshot.threads > 0) == (takers > 0));
        assert_eq!(snapshot.open_frames, self.open_frames());
        self.compare_levels(
            (
                snapshot.in_use_buffers,
                snapshot.in_use_bytes,
                snapshot.requested_bytes,
            ),
            &snapshot.totals,
        );
    }

    fn compare_levels(
        &self,
        (buffers, bytes, requested): (u64, u64, u64),
        totals: &framepool::Totals,
    ) {
        let (pooled, framed) = (&self.pooled, &self.framed);
        assert_eq!(
            buffers,
            pooled.allocs - pooled.releases + framed.allocs - framed.releases
        );
        let bytes_out = |kind: &Kind| kind.alloc_bytes - kind.release_bytes;
        assert_eq!(bytes, bytes_out(pooled) + bytes_out(framed));
        let requested_out = |kind: &Kind| kind.requested - kind.released_requested;
        assert_eq!(requested, requested_out(pooled) + requested_out(framed));
        assert_eq!(totals.frames, self.frames);
        assert_eq!(totals.allocs, pooled.allocs + framed.allocs);
        assert_eq!(totals.releases, pooled.releases + framed.releases);
        assert_eq!(totals.alloc_bytes, pooled.alloc_bytes + framed.alloc_bytes);
        assert_eq!(
            totals.release_bytes,
            pooled.release_bytes + framed.release_bytes
        );
        assert_eq!(totals.counts.pooled_allocs(), pooled.allocs);
        assert_eq!(totals.counts.frame_allocs, framed.allocs);
        assert_eq!(totals.counts.overflow_refusals, self.overflows);
    }

    /// Compares the numbers read between frame ends.
    pub(crate) fn compare_stats(&self, stats: &PoolStats) {
        assert_lawful_stats(stats);
        if !TELEMETRY {
            return;
        }
        self.compare_levels(
            (
                stats.in_use_buffers,
                stats.in_use_bytes,
                stats.requested_bytes,
            ),
            &stats.totals,
        );
        assert_eq!(stats.open_frames, self.open_frames());
        assert_eq!(stats.claimed_slots as usize, self.tenants.len());
        assert_eq!(stats.slots as usize, self.most_tenants);
    }

    /// Compares the numbers of the tags: each by itself, and with those below it.
    pub(crate) fn compare_tags(&self, tags: &Tags) {
        if !TELEMETRY {
            return;
        }
        let assert_counts = |counts: &TagCounts, names: &[&str]| {
            let mut sum = Kind::default();
            for kind in names.iter().filter_map(|name| self.tags.get(name)) {
                sum.allocs += kind.allocs;
                sum.releases += kind.releases;
                sum.alloc_bytes += kind.alloc_bytes;
                sum.release_bytes += kind.release_bytes;
            }
            assert_eq!(counts.allocs, sum.allocs, "{names:?}");
            assert_eq!(counts.releases, sum.releases, "{names:?}");
            assert_eq!(counts.alloc_bytes, sum.alloc_bytes, "{names:?}");
            assert_eq!(counts.release_bytes, sum.release_bytes, "{names:?}");
        };
        for tag in &tags.tags {
            let name = tag.name.as_str();
            assert_counts(&tag.own, &[name]);
            let with_below = if name == "a" {
                vec!["a", "a/b"]
            } else {
                vec![name]
            };
            assert_counts(&tag.total, &with_below);
            assert!(tag.peak_bytes >= tag.total.live_bytes());
        }
        let named = |name: &&&str| !name.is_empty();
        assert!(
            self.tags
                .keys()
                .filter(named)
                .all(|name| tags.get(name).is_some())
        );
        assert_counts(&tags.untagged, &[""]);
    }

    /// Compares the holders.
    pub(crate) fn compare_holders(&self, out: &Outstanding) {
        if !TELEMETRY {
            assert_eq!(*out, Outstanding::default());
            return;
        }
        let mut sites: BTreeMap<u32, Vec<&Held>> = BTreeMap::new();
        for held in self.held.values() {
            sites.entry(held.line).or_default().push(held);
        }
        assert_eq!(out.sites.len(), sites.len());
        assert!(
            out.sites
                .windows(2)
                .all(|pair| pair[0].bytes >= pair[1].bytes),
            "largest first"
        );
        for site in &out.sites {
            let held = &sites[&site.location.line()];
            assert_eq!(site.tag, held[0].tag);
            let suspects = || held.iter().filter(|held| self.is_suspect(held));
            assert_eq!(site.buffers, held.len() as u64);
            assert_eq!(site.bytes, held.iter().map(|held| held.bytes).sum::<u64>());
            assert_eq!(site.suspects, suspects().count() as u64);
            assert_eq!(
                site.suspect_bytes,
                suspects().map(|held| held.bytes).sum::<u64>()
            );
            let since = held.iter().map(|held| held.since).min().unwrap();
            assert_eq!(site.oldest_age_frames, self.rounds - since);
            let named = held
                .iter()
                .any(|held| held.since == since && held.thread == site.thread);
            assert!(named, "`{}` took none of the oldest", site.thread);
        }
        let all = || self.held.values();
        assert_eq!(out.buffers, all().count() as u64);
        assert_eq!(out.bytes, all().map(|held| held.bytes).sum::<u64>());
        assert_eq!(
            out.long_lived,
            all().filter(|held| held.long_lived).count() as u64
        );
        assert_eq!(
            out.suspects,
            all().filter(|held| self.is_suspect(held)).count() as u64
        );
    }

    /// Compares each thread's buffers, and checks that sizes and threads add up to the pool's numbers.
    pub(crate) fn compare_breakdown(&self, out: &Outstanding, stats: &PoolStats) {
        if !TELEMETRY {
            return;
        }
        let mut taken: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for held in self.held.values() {
            let of_thread = taken.entry(&held.thread).or_default();
            of_thread.0 += 1;
            of_thread.1 += held.bytes;
        }
        let threads = out.threads.iter().filter(|thread| thread.buffers > 0);
        let found: BTreeMap<&str, (u64, u64)> = threads
            .map(|it| (it.thread.as_str(), (it.buffers, it.bytes)))
            .collect();
        assert_eq!(found, taken);
        let sizes = || out.sizes.iter();
        let threads = || out.threads.iter();
        let depot: u64 = sizes().map(|size| size.depot_bytes).sum();
        let idle: u64 = threads()
            .map(|it| it.idle_bytes + it.frame_idle_bytes)
            .sum();
        assert_eq!(depot + idle, stats.idle_bytes, "{out}");
        let lent: u64 = sizes().map(|size| size.bytes).sum();
        let framed: u64 = threads().map(|it| it.frame_bytes).sum();
        assert_eq!(lent + framed, stats.in_use_bytes, "{out}");
    }

    fn is_suspect(&self, held: &Held) -> bool {
        !held.long_lived && self.rounds - held.since > self.leak_age
    }
}
