//! The watched replay: the pool's numbers frame by frame, its health, and the holders at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framepool::store::SavedHistory;
use framepool::{BufferPool, FrameSnapshot};

use crate::contestant::SiteNames;
use crate::ending::Ending;
use crate::growth::GrowthSettings;
use crate::replay::{Observer, Plan};
use crate::report::{LeakSection, LeakSite, PoolSection, counted};
use crate::screen::Screen;
#[cfg(feature = "dashboard")]
use crate::timeline::RecordedTimeline;
use crate::trace::{NEVER, Trace};
use crate::watch::{AlertEntry, RecordedTimeJudge};

/// The results of the watched replay.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) pool: PoolSection,
    /// `None` if the replay did not reach the trace's end.
    pub(crate) leaks: Option<LeakSection>,
    pub(crate) alerts: Vec<AlertEntry>,
    pub(crate) faults: Vec<String>,
    pub(crate) history: SavedHistory,
    #[cfg(feature = "dashboard")]
    pub(crate) timeline: Option<RecordedTimeline>,
}

/// Follows a replay from the coordinator's thread, between frames.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    pool: &'a BufferPool,
    trace: &'a Trace,
    plan: &'a Plan,
    screen: &'a Screen,
    ending: &'a Ending,
    judge: RecordedTimeJudge,
    /// The speed as a multiple of the recorded one; `None` for as fast as possible.
    speed: Option<f64>,
    began: Instant,
    last_us: f64,
    peaks: PoolSection,
    leaks: Option<LeakSection>,
    faults: Vec<String>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(
        pool: &'a BufferPool,
        trace: &'a Trace,
        plan: &'a Plan,
        screen: &'a Screen,
        ending: &'a Ending,
        speed: Option<f64>,
        growth: GrowthSettings,
    ) -> Self {
        screen.stage("replaying", plan.frames.len() as u64, "frames", Some(pool));
        Self {
            pool,
            trace,
            plan,
            screen,
            ending,
            judge: RecordedTimeJudge::new(SiteNames::new(trace), growth),
            speed,
            began: Instant::now(),
            last_us: 0.0,
            peaks: PoolSection::default(),
            leaks: None,
            faults: Vec::new(),
        }
    }

    /// Writes a timeline too.
    #[cfg(feature = "dashboard")]
    pub(crate) fn write_to(&mut self, timeline: Option<RecordedTimeline>) {
        self.judge.write_to(timeline);
    }

    /// Finishes after the run, when every buffer has been freed.
    pub(crate) fn finish(mut self) -> Findings {
        let stats = self.pool.stats();
        if stats.in_use_buffers != 0 || stats.in_use_bytes != 0 {
            self.faults.push(format!(
                "the pool counts {} and {} in use after every buffer was given back",
                counted(stats.in_use_buffers, "buffer"),
                counted(stats.in_use_bytes, "byte")
            ));
        }
        Findings {
            pool: self.peaks,
            leaks: self.leaks,
            alerts: self.judge.log().entries().to_vec(),
            history: self.judge.history(),
            #[cfg(feature = "dashboard")]
            timeline: self.judge.take_timeline(),
            faults: self.faults,
        }
    }

    fn judge(&mut self, snapshot: &FrameSnapshot, seconds: f64) {
        self.judge.frame_ended(self.pool, snapshot, seconds);
        self.screen.standing(self.judge.log().standing());
    }

    /// Records the totals and peaks.
    fn take_stock(&mut self, snapshot: &FrameSnapshot) {
        let (totals, counts) = (&snapshot.totals, &snapshot.totals.counts);
        let live = self.trace.peak_live_bytes as f64;
        self.peaks = PoolSection {
            frames: totals.frames,
            allocs: totals.allocs,
            releases: totals.releases,
            imbalance: totals.imbalance(),
            alloc_bytes: totals.alloc_bytes,
            release_bytes: totals.release_bytes,
            hits_thread: counts.hits_thread(),
            hits_depot: counts.depot_hits,
            misses: counts.misses(),
            misses_cold: counts.cold_misses,
            misses_oversize: counts.oversize_misses,
            misses_budget: counts.budget_misses,
            misses_frame_block: counts.frame_misses,
            refusals: counts.refusals(),
            peak_pooled_bytes: snapshot.peak_bytes,
            pooled_to_live: (live > 0.0).then(|| snapshot.peak_bytes as f64 / live),
            ..std::mem::take(&mut self.peaks)
        };
    }

    /// Checks that at the trace's end the pool's counts equal those of the trace.
    fn compare_totals(&mut self, snapshot: &FrameSnapshot) {
        let totals = &snapshot.totals;
        let (allocs, frees) = (self.trace.buffers.len() as u64, self.trace.frees);
        if (totals.allocs, totals.releases) != (allocs, frees) {
            self.faults.push(format!(
                "the pool counted {} and {}; the replay made {allocs} and {frees}",
                counted(totals.allocs, "alloc"),
                counted(totals.releases, "release")
            ));
        }
    }

    /// Finds who holds what, after quiet frames in which unfreed buffers became old enough for suspects.
    ///
    /// The recorded call sites come from the replay's own record, and must agree with the pool's.
    fn find_leaks(&mut self, frames_ended: u64) {
        let leak_after = self.pool.leak_after_frames();
        let mut frame = 0;
        let mut by_site: HashMap<u32, LeakSite> = HashMap::new();
        for (index, buffer) in self.trace.buffers.iter().enumerate() {
            while self.plan.frames[frame].operations_end <= buffer.taken_by as usize {
                frame += 1;
            }
            if buffer.freed_by != NEVER {
                continue;
            }
            let operation = self.trace.operations[self.trace.buffers[index].taken_by as usize];
            // The first buffer of a site is its oldest, because buffers are in the order of their allocs.
            let site = by_site.entry(buffer.site).or_insert_with(|| LeakSite {
                site: match &*self.trace.sites[buffer.site as usize] {
                    "" => "(no call site recorded)".to_owned(),
                    site => site.to_owned(),
                },
                buffers: 0,
                bytes: 0,
                in_use_bytes: 0,
                oldest_age_frames: frames_ended - frame as u64,
                oldest_taken_at_seconds: operation.time_us as f64 / 1e6,
                oldest_thread: self.trace.threads[operation.thread as usize],
                oldest_line: self.trace.line_of(buffer.taken_by as usize),
            });
            site.buffers += 1;
            site.bytes = site.bytes.saturating_add(buffer.bytes as u64);
            let block = self.pool.rounded_bytes(buffer.bytes).unwrap_or(u64::MAX);
            site.in_use_bytes = site.in_use_bytes.saturating_add(block);
        }
        let mut sites: Vec<LeakSite> = by_site.into_values().collect();
        sites.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.site.cmp(&b.site)));
        let sum = |bytes: fn(&LeakSite) -> u64| {
            let bytes = sites.iter().map(bytes);
            bytes.fold(0, u64::saturating_add)
        };
        let mut leaks = LeakSection {
            quiet_frames: frames_ended - self.plan.frames.len() as u64,
            leak_after_frames: leak_after,
            suspects: sites.iter().map(|site| site.buffers).sum(),
            suspect_bytes: sum(|site| site.bytes),
            suspect_in_use_bytes: sum(|site| site.in_use_bytes),
            pool_agrees: false,
            sites,
        };
        let faults = self.faults.len();
        self.compare_with_pool(&leaks);
        leaks.pool_agrees = self.faults.len() == faults;
        self.leaks = Some(leaks);
    }

    fn compare_with_pool(&mut self, leaks: &LeakSection) {
        let said = self.pool.outstanding();
        let stats = self.pool.stats();
        let oldest = |ages: &mut dyn Iterator<Item = u64>| ages.max().unwrap_or(0);
        let own_oldest = oldest(&mut leaks.sites.iter().map(|site| site.oldest_age_frames));
        let said_oldest = oldest(&mut said.sites.iter().map(|site| site.oldest_age_frames));
        for (what, own, said) in [
            ("buffers out", leaks.suspects, said.buffers),
            ("leak suspects", leaks.suspects, said.suspects),
            (
                "bytes asked for",
                leaks.suspect_bytes,
                stats.requested_bytes,
            ),
            (
                "bytes in use",
                leaks.suspect_in_use_bytes,
                stats.in_use_bytes,
            ),
            ("frames since the oldest was taken", own_oldest, said_oldest),
        ] {
            if own != said {
                self.faults.push(format!(
                    "after the trace's end the pool says {said} {what}; the replay's own record says {own}"
                ));
            }
        }
    }
}

impl Observer for Watcher<'_> {
    fn frame_ended(&mut self, index: usize) {
        let snapshot: Arc<FrameSnapshot> = self.pool.snapshot();
        let peaks = &mut self.peaks;
        for (peak, now) in [
            (&mut peaks.peak_in_use_bytes, snapshot.in_use_bytes),
            (&mut peaks.peak_in_use_buffers, snapshot.in_use_buffers),
            (&mut peaks.peak_idle_bytes, snapshot.idle_bytes),
            (&mut peaks.peak_rounding_bytes, snapshot.rounding_bytes()),
            (&mut peaks.peak_telemetry_bytes, snapshot.telemetry_bytes),
        ] {
            *peak = now.max(*peak);
        }
        peaks.peak_pool_keys = peaks.peak_pool_keys.max(snapshot.pool_keys);

        let end_us = self.plan.frames[index].end_us;
        let seconds = (end_us - self.last_us) / 1e6;
        self.last_us = end_us;
        self.judge(&snapshot, seconds);
        self.screen.done(index as u64 + 1);
        if let Some(speed) = self.speed {
            let due = Duration::try_from_secs_f64(end_us / 1e6 / speed).unwrap_or(Duration::MAX);
            if let Some(due) = self.began.checked_add(due) {
                self.ending.sleep_until(due);
            }
        }
    }

    fn wants_end(&mut self) -> bool {
        let is_asked = self.ending.is_asked();
        if is_asked {
            self.take_stock(&self.pool.snapshot());
        }
        is_asked
    }

    fn trace_ended(&mut self) {
        let snapshot = self.pool.snapshot();
        self.take_stock(&snapshot);
        self.compare_totals(&snapshot);
        let mut frames_ended = self.plan.frames.len() as u64;
        let seconds = self.last_us / 1e6 / frames_ended as f64;
        for _ in 0..=self.pool.leak_after_frames() {
            let snapshot = self.pool.end_frame();
            frames_ended += 1;
            self.judge(&snapshot, seconds);
        }
        self.find_leaks(frames_ended);
    }
}
