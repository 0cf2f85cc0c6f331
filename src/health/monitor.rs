//! The monitor: takes every frame's record, and a few times a second judges the pool.

use std::time::{Duration, Instant};

use super::alert_book::{AlertBook, Moment};
use super::envelope::Mark;
use super::frame_times::FrameTimes;
use super::listed::{Listed, leaks};
use super::loop_time::LoopTime;
use super::misses::miss_summary;
use super::monitor_clock::MonitorClock;
use super::need::Need;
use super::next_step::Situation;
use super::recent::{FrameMisses, FrameTimeSource, RecentFrame, RecentFrames, capped};
use super::rules::rows;
use super::usage::{Setup, Usage};
use super::verdicts::{Room, Verdicts};
use super::{
    Advice, FrameSpreads, HealthSnapshot, HealthStatus, LargestSites, Limits, PoolName, Rule,
    RuntimeHealthMetrics, SharedList, Thresholds, UsageHistogram, WorstFrames,
};
use crate::BufferPool;
use crate::blocks::class::LINE;
use crate::clock::{self, Timestamp};
use crate::telemetry::breakdown::SizeHolding;
use crate::telemetry::frame_memory::FrameMemory;
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::largest_miss::LargestMiss;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::resident::Resident;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};
use crate::telemetry::tags::{TagStats, Tags};

/// Five health snapshots a second.
const EMIT_INTERVAL: Duration = Duration::from_millis(200);

/// The window over which rate, averages and percentiles are taken.
const WINDOW: Duration = Duration::from_secs(5);

/// Frames have stopped ending if none did for so many times the usual period.
const STALLED_PERIODS: u32 = 4;
/// A pause of this length is no slow frame.
const SILENT: Duration = Duration::from_secs(1);

/// Judges the health of one pool.
///
/// [`record_frame`](Self::record_frame) takes constant time, and once warm allocates nothing. [`emit`](Self::emit) reads the
/// pool as it is now, also when no frame has ended since the last time: it walks the slots and the buffers that are out, and
/// allocates only when there is something to report. One monitor watches one pool.
///
/// ```
/// use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
/// use std::time::Instant;
///
/// let pool = BufferPool::new();
/// let store = DiagnosticsStore::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// for _ in 0..3 {
///     let begun = Instant::now();
///     let frame = pool.begin_frame();
///     // … the frame's work …
///     let snapshot = frame.release_all();
///     monitor.record_frame(&snapshot, begun.elapsed());
///     if let Some(health) = monitor.emit(&pool) {
///         store.receive(health);
///     }
/// }
/// ```
#[derive(Debug)]
pub struct HealthMonitor {
    thresholds: Thresholds,
    /// Its levels, as health snapshots have them.
    limits: SharedList<(Rule, Limits)>,
    clock: MonitorClock,
    recent: RecentFrames,
    times: FrameTimes,
    spreads: FrameSpreads,
    worst: WorstFrames,
    /// The largest miss of the frames recorded since the last health snapshot, and that of the one before.
    largest_miss: Option<LargestMiss>,
    blamed: Option<LargestMiss>,
    /// The latest frame recorded.
    latest: Option<FrameSnapshot>,
    /// The median period, as of the last time that a frame was in the window.
    usual_period: Duration,
    lost: u64,
    /// What was resident when the system was last asked.
    resident: Option<Resident>,
    outstanding: Outstanding,
    tags_now: Tags,
    frame_memory: FrameMemory,
    /// What was said of the tags last.
    tags: SharedList<TagStats>,
    sizes: SharedList<SizeHolding>,
    alerts: AlertBook,
    verdicts: Verdicts,
    loop_time: LoopTime,
    /// What was known at the judgement before.
    judged: Judged,
    need: Need,
    usage: Usage,
    listed: Listed,
    /// What was read of the pool for this judgement.
    pub(super) prewarmed_bytes: u64,
    pub(super) open_frames: Vec<OpenFrame>,
    pub(super) round: u64,
    pub(super) max_bytes: Option<u64>,
    shares_blocks: bool,
    pub(super) frame_block_bytes: u64,
    pool: Option<PoolName>,
}

impl HealthMonitor {
    /// A monitor that has seen nothing yet, and emits at most five times a second.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            limits: SharedList::new(thresholds.all().collect()),
            thresholds,
            clock: MonitorClock::new(EMIT_INTERVAL),
            recent: RecentFrames::new(WINDOW),
            times: FrameTimes::new(),
            spreads: FrameSpreads::default(),
            worst: WorstFrames::default(),
            largest_miss: None,
            blamed: None,
            latest: None,
            usual_period: Duration::ZERO,
            lost: 0,
            resident: None,
            outstanding: Outstanding::default(),
            tags_now: Tags::default(),
            frame_memory: FrameMemory::default(),
            tags: SharedList::default(),
            sizes: SharedList::default(),
            alerts: AlertBook::default(),
            verdicts: Verdicts::default(),
            loop_time: LoopTime::default(),
            judged: Judged::default(),
            need: Need::default(),
            usage: Usage::default(),
            listed: Listed::default(),
            prewarmed_bytes: 0,
            open_frames: Vec::new(),
            round: 0,
            max_bytes: None,
            shares_blocks: false,
            frame_block_bytes: 0,
            pool: None,
        }
    }

    /// Says that this monitor judges on a thread of its own, at any time of a frame. Then it may advise frame buffers
    /// for a call site of which it meets buffers of the running frame only. A [`Watch`](crate::Watch) does this by itself.
    #[must_use]
    pub fn on_its_own_thread(mut self) -> Self {
        self.usage.looks_at_any_time = true;
        self
    }

    /// Emits at most once in this time; zero emits at every call. 200 ms by default.
    #[must_use]
    pub fn with_emit_interval(mut self, interval: Duration) -> Self {
        self.clock.interval = interval;
        self
    }

    /// Takes rate, averages and percentiles over the frames of this time: 5 s by default. Of a program that ends more than
    /// 4,096 frames in this time the latest 4,096 count.
    ///
    /// Set it before the first frame is recorded: it forgets those before.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.recent = RecentFrames::new(window);
        self
    }

    /// The limits it judges by.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Takes one frame's record. `frame_time` is the time that the program measured for this frame: the frame budget is judged
    /// by it. A program that does not measure calls [`record`](Self::record).
    ///
    /// A frame time longer than the record's own `duration` also counts as the frame's period.
    pub fn record_frame(&mut self, frame: &FrameSnapshot, frame_time: Duration) {
        let source = if frame.work == Some(frame_time) {
            FrameTimeSource::Work
        } else if frame.duration == frame_time {
            FrameTimeSource::Period
        } else {
            FrameTimeSource::Given
        };
        self.record_as(frame, frame_time, source);
    }

    /// Takes one frame's record, with the frame's own work as its frame time. If the work is not known, because the frame end
    /// was [`end_frame`](BufferPool::end_frame), it is the period.
    pub fn record(&mut self, frame: &FrameSnapshot) {
        match frame.work {
            Some(work) => self.record_as(frame, work, FrameTimeSource::Work),
            None => self.record_as(frame, frame.duration, FrameTimeSource::Period),
        }
    }

    fn record_as(&mut self, frame: &FrameSnapshot, frame_time: Duration, source: FrameTimeSource) {
        if !cfg!(feature = "telemetry") {
            return;
        }
        let period = if source == FrameTimeSource::Given {
            frame.duration.max(frame_time)
        } else {
            frame.duration
        };
        let is_warm = frame.frame.get() > self.thresholds.warm_up_frames();
        self.recent.push(RecentFrame {
            period: capped(period),
            time: capped(frame_time),
            source,
            misses: is_warm.then_some(FrameMisses {
                allocs: frame.allocs,
                misses: frame.misses,
                bytes: frame.system_bytes,
                calls: frame.system_calls,
            }),
        });
        self.spreads.add(frame, frame_time);
        self.worst.add(frame, frame_time, is_warm);
        let bytes = |miss: Option<LargestMiss>| miss.map_or(0, |miss| miss.bytes);
        if is_warm && bytes(frame.largest_miss) > bytes(self.largest_miss) {
            self.largest_miss = frame.largest_miss;
        }
        self.clock.note_frame();
        self.loop_time.add_frame(period);
        self.need.push(frame);
        self.usage.add_frame(frame, is_warm);
        match &mut self.latest {
            Some(latest) => *latest = *frame,
            none => *none = Some(*frame),
        }
    }

    /// Counts frame records that were overwritten before they could be recorded here.
    pub fn record_lost(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records);
        self.spreads.lost = self.spreads.lost.saturating_add(records);
        self.usage.note_lost(records);
    }

    /// Takes what [`BufferPool::resident`] said, for the metrics of the health snapshots that follow.
    pub fn record_resident(&mut self, resident: Option<Resident>) {
        self.resident = resident;
    }

    /// Judges the pool, unless it did so within the emit interval.
    ///
    /// Levels, totals and who holds what are read now. Numbers of a frame are those of the latest frame recorded, or of the
    /// pool's latest snapshot if none was recorded. [`RuntimeHealthMetrics`] says of what time each number is.
    pub fn emit(&mut self, pool: &BufferPool) -> Option<HealthSnapshot> {
        self.emit_at(pool, clock::now())
    }

    /// [`emit`](Self::emit) with the time given.
    ///
    /// Time is taken as the sum of its steps forward: while the clock stands still no time passes, and a step back
    /// counts for nothing and wedges nothing.
    pub fn emit_at(&mut self, pool: &BufferPool, now: Instant) -> Option<HealthSnapshot> {
        self.clock.advance(now);
        self.clock.is_due().then(|| self.judge_pool(pool, now))
    }

    /// Judges the pool whatever the emit interval says: at the end of a run, or when somebody asks.
    pub fn emit_now(&mut self, pool: &BufferPool) -> HealthSnapshot {
        let now = clock::now();
        self.clock.advance(now);
        self.usage.is_asked = true;
        self.judge_pool(pool, now)
    }

    fn judge_pool(&mut self, pool: &BufferPool, now: Instant) -> HealthSnapshot {
        // Taken out while it is read and put back, to keep its memory.
        let mut outstanding = std::mem::take(&mut self.outstanding);
        // Read before the walk, which reads it again: ages are never taken for too high.
        self.round = pool.inner().round();
        self.max_bytes = pool.inner().config.max_bytes;
        self.shares_blocks = pool.inner().config.alignment > LINE;
        self.frame_block_bytes = pool.inner().config.frame_block_bytes as u64;
        pool.outstanding_into(&mut outstanding);
        let mut stats = PoolStats::default();
        let frame = if cfg!(feature = "telemetry") {
            stats = pool.stats();
            stats.time = Timestamp::at(now);
            self.latest.unwrap_or_else(|| *pool.snapshot())
        } else {
            // Without telemetry a snapshot still has a number and a time; here everything reads zero.
            FrameSnapshot::default()
        };
        if cfg!(feature = "telemetry") && pool.has_tags() {
            pool.tags_into(&mut self.tags_now);
        } else {
            self.tags_now.tags.clear();
        }
        pool.frame_memory_into(&mut self.frame_memory);
        self.prewarmed_bytes = pool.inner().prewarmed_bytes();
        pool.inner().open_frames_into(&mut self.open_frames);
        let name = match &self.pool {
            Some(known) if known.id() == pool.id() => known.clone(),
            _ => self
                .pool
                .insert(PoolName::new(pool.id(), pool.name()))
                .clone(),
        };
        let health = self.judge(&name, &frame, &stats, &outstanding);
        self.outstanding = outstanding;
        health
    }

    /// Judges these numbers at the clock's present time: those of the latest frame, and those read now.
    pub(crate) fn judge(
        &mut self,
        pool: &PoolName,
        frame: &FrameSnapshot,
        now: &PoolStats,
        outstanding: &Outstanding,
    ) -> HealthSnapshot {
        let at = self.clock.emitted();
        let idle = self.clock.since_frame();
        let times = self.times.summary(&self.recent, idle);
        if times.frames > 0 {
            self.usual_period = times.usual_period;
        }
        let warm_up_allocs = self.thresholds.warm_up_allocs();
        let mut metrics = RuntimeHealthMetrics::new(
            frame,
            now,
            outstanding,
            times,
            miss_summary(&self.recent, idle, warm_up_allocs),
            idle,
            self.lost,
        );
        metrics.needed_bytes = self.need.peak(at, metrics.in_use_bytes);
        metrics.prewarmed_bytes = self.prewarmed_bytes;
        if let Some(resident) = self.resident {
            metrics.resident_bytes = Some(resident.bytes);
            metrics.resident_at = resident.time;
        }
        let thresholds = &self.thresholds;
        self.open_frames
            .retain(|frame| thresholds.is_open_too_long(frame));
        let spreads = std::mem::take(&mut self.spreads);
        let stalled = self.stalled(idle);
        self.begin_pool(pool.id());
        self.advance_loop(at, frame.frame, now.totals.allocs);
        let mark = Mark {
            frame: frame.frame,
            at,
            time: now.time,
            loop_time: self.loop_time,
            round: self.round,
        };
        let ends_no_frames = stalled >= SILENT || frame.frame.get() == 0;
        self.verdicts
            .sample(outstanding, ends_no_frames, &mark, self.thresholds.growth());
        let room = self.room(metrics.in_use_bytes);
        let verdicts = self.verdicts.say(outstanding, room, &mark);
        self.blamed = self.largest_miss.take().or(self.blamed);
        let blamed = self.blamed.and_then(|miss| miss.site);
        for row in rows(
            &metrics,
            spreads.lost,
            stalled,
            blamed,
            &verdicts,
            &self.open_frames,
            &self.tags_now.tags,
        ) {
            self.alerts.enter(pool.id(), row, &self.thresholds);
        }
        let moment = Moment {
            pool,
            frame: frame.frame,
            at,
            time: now.time,
            situation: Situation {
                metrics: &metrics,
                outstanding,
                verdicts: &verdicts,
                tags: &self.tags_now.tags,
            },
        };
        let findings = self.alerts.report(&self.thresholds, moment);
        let (frame_sampling, frame_sites) = self.listed.frame_memory(&self.frame_memory);
        let (advice, usage) = self.use_so_far(outstanding, now);
        let worst = findings.active.iter().map(|alert| alert.severity).max();
        HealthSnapshot {
            status: worst.map_or(HealthStatus::Healthy, HealthStatus::from),
            metrics,
            stats: *now,
            interval: spreads,
            worst: self.worst,
            raised: findings.raised,
            resolved: findings.resolved,
            active: findings.active,
            leaks: leaks(outstanding, &verdicts),
            verdicts,
            long_lived: self.listed.long_lived(outstanding),
            largest: LargestSites::of(outstanding),
            holders: self.listed.holders(outstanding),
            open_too_long: self.open_frames.clone(),
            tags: self.tags.share(&self.tags_now.tags),
            sizes: self.sizes.share(&outstanding.sizes),
            threads: self.listed.threads(outstanding),
            frame_sampling,
            frame_sites,
            advice,
            usage,
            at,
            time: now.time,
            limits: self.limits.clone(),
            pool_id: pool.id(),
            pool: pool.clone(),
        }
    }

    /// What is left for growth.
    fn room(&self, in_use_bytes: u64) -> Room {
        let limit = self.max_bytes;
        Room {
            budget: limit.map(|limit| limit.saturating_sub(in_use_bytes)),
            machine: None,
        }
    }

    /// Forgets what was known of another pool.
    fn begin_pool(&mut self, pool: PoolId) {
        let before = self.judged.pool.replace(pool);
        if before != Some(pool) {
            self.verdicts = Verdicts::default();
        }
        if before.is_some_and(|before| before != pool) {
            let looks_at_any_time = self.usage.looks_at_any_time;
            self.usage = Usage::default();
            self.usage.looks_at_any_time = looks_at_any_time;
        }
    }

    /// How the pool is used, and what follows.
    fn use_so_far(
        &mut self,
        outstanding: &Outstanding,
        now: &PoolStats,
    ) -> (SharedList<Advice>, SharedList<UsageHistogram>) {
        let setup = Setup {
            frame_block_bytes: self.frame_block_bytes,
            max_bytes: self.max_bytes,
            shares_blocks: self.shares_blocks,
            round: self.round,
        };
        let tags = self.tags_now.tags.iter().map(|tag| &*tag.name);
        self.usage.judge(outstanding, now, &self.worst, setup, tags)
    }

    /// For how long a frame end has been late: by more than is usual for this program.
    fn stalled(&self, idle: Duration) -> Duration {
        if idle > self.usual_period.saturating_mul(STALLED_PERIODS) {
            idle
        } else {
            Duration::ZERO
        }
    }

    /// Lets loop time pass: by the frames recorded, or where none were by the frames ended and by the allocs made since the
    /// judgement before.
    fn advance_loop(&mut self, at: Duration, frame: FrameEnd, allocs: u64) {
        let before = self.judged;
        let passed = at.saturating_sub(before.at);
        let ended = frame.get().saturating_sub(before.frame.get());
        if self.loop_time.frames == before.recorded {
            if ended > 0 {
                self.loop_time.add_frames(ended, passed);
            } else if allocs != before.allocs {
                self.loop_time.add_silence(passed);
            }
        }
        self.judged = Judged {
            recorded: self.loop_time.frames,
            frame,
            allocs,
            at,
            ..before
        };
    }

    /// Lets time pass and says whether an emit is due, for tests of what a monitor says of given numbers.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn is_due_at(&mut self, now: Instant) -> bool {
        self.clock.advance(now);
        self.clock.is_due()
    }
}

/// How far the program was at a judgement.
#[derive(Clone, Copy, Debug, Default)]
struct Judged {
    pool: Option<PoolId>,
    recorded: u64,
    frame: FrameEnd,
    allocs: u64,
    at: Duration,
}
