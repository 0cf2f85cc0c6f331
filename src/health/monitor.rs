//! The monitor: takes every frame's record, and a few times a second judges the pool.

use std::time::{Duration, Instant};

use super::alert_book::{AlertBook, Moment};
use super::frame_times::FrameTimes;
use super::misses::MissWindow;
use super::rules::rows;
use super::{HealthSnapshot, HealthStatus, PoolName, RuntimeHealthMetrics, Thresholds};
use crate::BufferPool;
use crate::clock;
use crate::fold::{FrameSnapshot, Outstanding};

/// Five health snapshots a second.
const EMIT_INTERVAL: Duration = Duration::from_millis(200);

/// Judges the health of one pool.
///
/// [`record_frame`](Self::record_frame) takes constant time and allocates nothing; [`emit`](Self::emit) walks the
/// buffers that are out, and allocates only when there is something to report. One monitor watches one pool.
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
    clock: Clock,
    times: FrameTimes,
    misses: MissWindow,
    /// The latest frame recorded.
    latest: Option<FrameSnapshot>,
    lost: u64,
    lost_before: u64,
    outstanding: Outstanding,
    alerts: AlertBook,
    pool: Option<PoolName>,
}

impl HealthMonitor {
    /// A monitor that has seen nothing yet, and emits at most five times a second.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            clock: Clock::new(EMIT_INTERVAL),
            times: FrameTimes::new(),
            misses: MissWindow::new(),
            latest: None,
            lost: 0,
            lost_before: 0,
            outstanding: Outstanding::default(),
            alerts: AlertBook::default(),
            pool: None,
        }
    }

    /// Emits at most once in this time; zero emits at every call. 200 ms unless told.
    #[must_use]
    pub fn with_emit_interval(mut self, interval: Duration) -> Self {
        self.clock.interval = interval;
        self
    }

    /// The limits it judges by.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Takes one frame's record. `frame_time` is what the frame took by the caller's measure; who has none passes
    /// the record's own `duration`.
    pub fn record_frame(&mut self, frame: &FrameSnapshot, frame_time: Duration) {
        if !cfg!(feature = "telemetry") {
            return;
        }
        self.times.push(frame_time);
        self.misses.push(frame, self.thresholds.warm_up_frames());
        match &mut self.latest {
            Some(latest) => *latest = *frame,
            none => *none = Some(*frame),
        }
    }

    /// Counts frame records that were overwritten before they could be recorded here.
    pub fn record_lost(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records);
    }

    /// Judges the pool, unless it did so within the emit interval.
    ///
    /// The numbers are those of the latest frame recorded, or of the pool's latest snapshot when none was recorded;
    /// who holds what is read now.
    pub fn emit(&mut self, pool: &BufferPool) -> Option<HealthSnapshot> {
        self.emit_at(pool, clock::now())
    }

    /// [`emit`](Self::emit) with the time given.
    ///
    /// Time is taken as the sum of its steps forward: while the clock stands still no time passes, and a step back
    /// counts for nothing and wedges nothing.
    pub fn emit_at(&mut self, pool: &BufferPool, now: Instant) -> Option<HealthSnapshot> {
        self.clock.advance(now);
        self.clock.is_due().then(|| self.judge_pool(pool))
    }

    /// Judges the pool whatever the emit interval says: at the end of a run, or when somebody asks.
    pub fn emit_now(&mut self, pool: &BufferPool) -> HealthSnapshot {
        self.clock.advance(clock::now());
        self.judge_pool(pool)
    }

    fn judge_pool(&mut self, pool: &BufferPool) -> HealthSnapshot {
        // Taken out while it is read and put back, to keep its memory.
        let mut outstanding = std::mem::take(&mut self.outstanding);
        pool.outstanding_into(&mut outstanding);
        let frame = match self.latest {
            Some(recorded) => recorded,
            None if cfg!(feature = "telemetry") => *pool.snapshot(),
            // Without telemetry a snapshot still has a number and a time; here everything reads zero.
            None => FrameSnapshot::default(),
        };
        let health = self.judge(pool.name(), &frame, &outstanding);
        self.outstanding = outstanding;
        health
    }

    /// Judges these numbers at the clock's present time.
    pub(crate) fn judge(
        &mut self,
        pool: &str,
        frame: &FrameSnapshot,
        outstanding: &Outstanding,
    ) -> HealthSnapshot {
        let pool = match &self.pool {
            Some(known) if *known == pool => known.clone(),
            _ => self.pool.insert(PoolName::new(pool)).clone(),
        };
        let metrics = RuntimeHealthMetrics::new(
            frame,
            outstanding,
            self.times.summary(),
            self.misses.ratio(self.thresholds.warm_up_allocs()),
            self.lost,
        );
        let newly_lost = self.lost - std::mem::replace(&mut self.lost_before, self.lost);
        for row in rows(&metrics, newly_lost, outstanding.suspect_sites()) {
            self.alerts.enter(row, &self.thresholds);
        }
        let at = self.clock.emitted();
        let moment = Moment {
            pool: &pool,
            frame: frame.frame,
            at,
        };
        let findings = self.alerts.report(&self.thresholds, moment);
        let worst = findings.active.iter().map(|alert| alert.severity).max();
        HealthSnapshot {
            status: worst.map_or(HealthStatus::Healthy, HealthStatus::from),
            metrics,
            raised: findings.raised,
            resolved: findings.resolved,
            active: findings.active,
            leaks: outstanding.suspect_sites().cloned().collect(),
            at,
            pool,
        }
    }

    /// Lets time pass and says whether an emit is due, for tests of what a monitor says of given numbers.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn is_due_at(&mut self, now: Instant) -> bool {
        self.clock.advance(now);
        self.clock.is_due()
    }
}

/// The monitor's own time: it begins at the first reading and never goes back.
#[derive(Debug)]
struct Clock {
    interval: Duration,
    read: Option<Instant>,
    now: Duration,
    emitted: Option<Duration>,
}

impl Clock {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            read: None,
            now: Duration::ZERO,
            emitted: None,
        }
    }

    fn advance(&mut self, now: Instant) {
        if let Some(before) = self.read.replace(now) {
            let step = now.saturating_duration_since(before);
            self.now = self.now.saturating_add(step);
        }
    }

    fn is_due(&self) -> bool {
        self.emitted
            .is_none_or(|last| self.now.saturating_sub(last) >= self.interval)
    }

    /// Notes an emit, and says when it was.
    fn emitted(&mut self) -> Duration {
        self.emitted = Some(self.now);
        self.now
    }
}
