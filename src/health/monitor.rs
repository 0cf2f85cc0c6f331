//! The monitor: takes every frame's record, and a few times a second judges the pool.

mod judgement;

use std::time::{Duration, Instant};

use self::judgement::Judged;
use super::alert_book::AlertBook;
use super::frame_times::FrameTimes;
use super::kept_misses::mark_sites;
use super::listed::Listed;
use super::loop_time::LoopTime;
use super::monitor_clock::MonitorClock;
use super::need::Need;
use super::pool_reading::PoolReading;
use super::recent::{FrameMisses, FrameTimeSource, RecentFrame, RecentFrames, capped};
use super::usage::Usage;
use super::verdicts::Verdicts;
use super::{
    FrameSpreads, HealthSnapshot, Limits, PoolName, Rule, SharedList, Thresholds, WorstFrames,
};
use crate::BufferPool;
use crate::clock::{self, Time, Timestamp};
use crate::telemetry::breakdown::SizeHolding;
use crate::telemetry::largest_miss::LargestMiss;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::resident::Resident;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};
use crate::telemetry::tags::TagStats;

/// Five health snapshots a second.
pub(crate) const EMIT_INTERVAL: Duration = Duration::from_millis(200);

/// The window over which rate, averages and percentiles are taken.
const WINDOW: Duration = Duration::from_secs(5);

/// Judges the health of one pool.
///
/// [`record_frame`](Self::record_frame) takes constant time, and once warm allocates nothing. [`emit`](Self::emit) reads the
/// pool as it is now, also when no frame has ended since the last time: it walks the slots and the buffers that are out, and
/// allocates only when there is something to report. One monitor watches one pool; with a frame
/// of another one, or asked about it, it starts over.
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
/// assert!(store.latest().is_some());
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
    pub(super) reading: PoolReading,
    /// What the last judgement found of the tags and size classes.
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
            reading: PoolReading::default(),
            tags: SharedList::default(),
            sizes: SharedList::default(),
            alerts: AlertBook::default(),
            verdicts: Verdicts::default(),
            loop_time: LoopTime::default(),
            judged: Judged::default(),
            need: Need::default(),
            usage: Usage::default(),
            listed: Listed::default(),
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
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// use std::time::Duration;
    ///
    /// let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default()).with_window(Duration::from_secs(1));
    /// for _ in 0..10 {
    ///     monitor.record_frame(&pool.end_frame(), Duration::from_millis(500));
    /// }
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(monitor.emit_now(&pool).metrics.frames_measured, 2);
    /// # }
    /// ```
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
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Rule, Thresholds};
    /// use std::time::Duration;
    ///
    /// let pool = BufferPool::new();
    /// let budget = Thresholds::default().frame_budget(Duration::from_millis(16));
    /// let mut monitor = HealthMonitor::new(budget);
    /// monitor.record_frame(&pool.end_frame(), Duration::from_millis(20));
    /// for alert in monitor.emit_now(&pool).raised {
    ///     assert_eq!((alert.rule, alert.value), (Rule::FrameBudget, 20.0));
    /// }
    /// ```
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
    ///
    /// ```
    /// use framepool::health::FrameTimeSource;
    /// # use framepool::{BufferPool, HealthMonitor, Thresholds};
    ///
    /// # let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// monitor.record(&pool.begin_frame().release_all());
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(monitor.emit_now(&pool).metrics.frame_time_source, FrameTimeSource::Work);
    /// # }
    /// ```
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
        self.begin_pool(frame.pool_id);
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
        self.latest = Some(*frame);
    }

    /// Counts frame records that were overwritten before they could be recorded here.
    ///
    /// ```
    /// # use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// # let pool = BufferPool::builder().history_frames(2).build()?;
    /// # let mut monitor = HealthMonitor::new(Thresholds::default());
    /// let mut feed = pool.subscribe();
    /// # for _ in 0..10 { pool.end_frame(); }
    /// while let Some(frame) = feed.next() {
    ///     monitor.record(&frame);
    /// }
    /// monitor.record_lost(feed.lost());
    /// assert_eq!(monitor.emit_now(&pool).metrics.lost_records, 8); // of 10 frames
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn record_lost(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records);
        self.spreads.lost = self.spreads.lost.saturating_add(records);
        self.usage.note_lost(records);
    }

    /// Takes what [`BufferPool::resident`] returned, for the metrics of the health snapshots that follow.
    ///
    /// ```
    /// # use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// # let pool = BufferPool::new();
    /// # let mut monitor = HealthMonitor::new(Thresholds::default());
    /// let resident = pool.resident();
    /// monitor.record_resident(resident);
    /// let metrics = monitor.emit_now(&pool).metrics;
    /// assert_eq!(metrics.resident_bytes, resident.map(|resident| resident.bytes));
    /// ```
    pub fn record_resident(&mut self, resident: Option<Resident>) {
        self.resident = resident;
    }

    /// Judges the pool, unless it did so within the emit interval.
    ///
    /// Levels, totals and who holds what are read now. Numbers of a frame are those of the latest frame recorded, or of the
    /// pool's latest snapshot if none was recorded. [`RuntimeHealthMetrics`](crate::RuntimeHealthMetrics) says of what time
    /// each number is.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// use std::time::Duration;
    ///
    /// # let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default())
    ///     .with_emit_interval(Duration::from_secs(3600));
    /// assert!(monitor.emit(&pool).is_some());
    /// assert!(monitor.emit(&pool).is_none()); // until an hour has passed
    /// ```
    pub fn emit(&mut self, pool: &BufferPool) -> Option<HealthSnapshot> {
        self.emit_at_time(pool, clock::now())
    }

    /// [`emit`](Self::emit) with the time given.
    ///
    /// Time is taken as the sum of its steps forward: while the clock stands still no time passes, and a step back
    /// counts for nothing and wedges nothing.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// use std::time::{Duration, Instant};
    ///
    /// # let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// let start = Instant::now();
    /// let mut emits = |ms| monitor.emit_at(&pool, start + Duration::from_millis(ms)).is_some();
    /// assert_eq!([0, 100, 200].map(|ms| emits(ms)), [true, false, true]);
    /// ```
    pub fn emit_at(&mut self, pool: &BufferPool, now: Instant) -> Option<HealthSnapshot> {
        self.emit_at_time(pool, Time::of(now))
    }

    fn emit_at_time(&mut self, pool: &BufferPool, now: Time) -> Option<HealthSnapshot> {
        self.begin_pool(pool.id());
        self.clock.advance(now);
        self.clock.is_due().then(|| self.judge_pool(pool, now))
    }

    /// Judges the pool whatever the emit interval says: at the end of a run, or when somebody asks.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    ///
    /// # let pool = BufferPool::new();
    /// let mut monitor = HealthMonitor::new(Thresholds::default());
    /// for _ in 0..3 {
    ///     monitor.record(&pool.end_frame());
    ///     monitor.emit(&pool);
    /// }
    /// let last = monitor.emit_now(&pool);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(last.metrics.total_frames, 3);
    /// # }
    /// ```
    pub fn emit_now(&mut self, pool: &BufferPool) -> HealthSnapshot {
        let now = clock::now();
        self.begin_pool(pool.id());
        self.clock.advance(now);
        self.usage.is_asked = true;
        self.judge_pool(pool, now)
    }

    fn judge_pool(&mut self, pool: &BufferPool, now: Time) -> HealthSnapshot {
        // Taken out while it is read and put back, to keep its memory.
        let mut outstanding = std::mem::take(&mut self.outstanding);
        self.reading.read(pool);
        outstanding.opened = self.verdicts.opened_rounds();
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
        let name = self
            .pool
            .get_or_insert_with(|| PoolName::new(pool.id(), pool.name()))
            .clone();
        let health = self.judge(&name, &frame, &stats, &outstanding);
        mark_sites(&mut outstanding, &health.verdicts);
        self.outstanding = outstanding;
        health
    }

    /// What the walk of the latest judgement found.
    pub(crate) fn outstanding(&self) -> &Outstanding {
        &self.outstanding
    }

    /// Lets time pass and says whether an emit is due, for tests of what a monitor says of given numbers.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn is_due_at(&mut self, now: Instant) -> bool {
        self.clock.advance(Time::of(now));
        self.clock.is_due()
    }
}
