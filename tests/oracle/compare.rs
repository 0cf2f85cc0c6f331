//! Compares what a pool reports with the model's numbers.

use std::collections::BTreeMap;

use framepool::telemetry::{TagCounts, Tags};
use framepool::{FrameSnapshot, Outstanding, PoolStats};

use super::{Account, Held, Kind};
use crate::common::{TELEMETRY, assert_lawful, assert_lawful_stats};

impl Account {
    pub(super) fn compare(&self, snapshot: &FrameSnapshot) {
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
}
