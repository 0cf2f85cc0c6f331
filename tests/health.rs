//! The monitor on a real pool: overdue and held buffers, how they clear, and the reported numbers.

use std::panic::Location;
use std::time::{Duration, Instant};

use framepool::health::{AlertState, LeakVerdict};
use framepool::{
    Alert, Buffer, BufferPool, HealthMonitor, HealthSnapshot, HealthStatus, Rule, Severity,
    Thresholds,
};

const LEAK_AGE: u64 = 4;

fn pool() -> BufferPool {
    BufferPool::builder()
        .name("health")
        .leak_after_frames(LEAK_AGE)
        .expect_release_within(LEAK_AGE)
        .build()
        .unwrap()
}

/// A pool, its monitor, and a clock that stands at the time of the latest emit.
struct Bench {
    pool: BufferPool,
    monitor: HealthMonitor,
    now: Instant,
}

impl Bench {
    fn new(thresholds: Thresholds) -> Self {
        Self {
            pool: pool(),
            monitor: HealthMonitor::new(thresholds),
            now: Instant::now(),
        }
    }

    fn frames(&mut self, count: u64) {
        for _ in 0..count {
            let snapshot = self.pool.end_frame();
            self.monitor
                .record_frame(&snapshot, Duration::from_millis(10));
        }
    }

    /// Ends these frames and judges them a second later.
    fn judge_after(&mut self, frames: u64) -> HealthSnapshot {
        self.frames(frames);
        self.now += Duration::from_secs(1);
        self.monitor.emit_at(&self.pool, self.now).unwrap()
    }
}

fn only(rule: Rule) -> Thresholds {
    Rule::ALL
        .iter()
        .copied()
        .filter(|&other| other != rule)
        .fold(Thresholds::default(), Thresholds::off)
}

#[test]
fn an_overdue_buffer_is_named_until_its_release() {
    let mut bench = Bench::new(only(Rule::Overdue));
    let line = line!() + 1;
    let leaked = bench.pool.alloc::<u8>(1000);
    let health = bench.judge_after(LEAK_AGE);
    assert_eq!(health.status, HealthStatus::Healthy, "{health}");

    let health = bench.judge_after(1);
    assert_eq!(health.status, HealthStatus::Warning, "{health}");
    assert_eq!(health.raised.len(), 1);
    let raised = &health.raised[0];
    assert_eq!(
        (raised.rule, raised.severity),
        (Rule::Overdue, Severity::Warning)
    );
    assert_eq!((raised.value, raised.threshold), (1.0, 1.0));
    assert_eq!(raised.frame.get(), LEAK_AGE + 1);
    assert_eq!(raised.pool, "health");
    let site = raised.site.unwrap();
    assert_eq!((site.file(), site.line()), (file!(), line));
    assert_eq!(health.leaks.len(), 1);
    assert_eq!(health.metrics.leak_suspects, 1);
    assert!(health.metrics.leak_suspect_bytes >= 1000);
    assert!(bench.judge_after(10).raised.is_empty());

    drop(leaked);
    let after = bench.judge_after(1);
    assert_eq!(after.status, HealthStatus::Healthy, "{after}");
    assert_eq!(after.resolved.len(), 1);
    assert_eq!(after.resolved[0].id, raised.id);
    assert_eq!(after.resolved[0].state, AlertState::Resolved);
    assert!(after.leaks.is_empty());
    assert!(bench.judge_after(1).resolved.is_empty());
}

#[test]
fn long_lived_buffer_is_not_overdue() {
    let mut bench = Bench::new(only(Rule::Overdue));
    let kept = bench.pool.alloc::<u64>(10);
    assert_eq!(bench.judge_after(LEAK_AGE + 1).raised.len(), 1);
    Buffer::mark_long_lived(&kept);
    let health = bench.judge_after(1);
    assert_eq!(
        (health.status, health.resolved.len()),
        (HealthStatus::Healthy, 1)
    );
}

#[test]
fn buffers_held_since_the_start_are_no_leak() {
    let mut bench = Bench::new(Thresholds::default());
    bench.pool = BufferPool::new();
    let held: Vec<_> = (0..70).map(|_| bench.pool.alloc::<u8>(100)).collect();
    for _ in 0..30 {
        let health = bench.judge_after(100);
        assert!(
            health.active.is_empty() && health.leaks.is_empty(),
            "{health}"
        );
    }
    let health = bench.judge_after(1);
    let site = &health.verdicts[0];
    assert_eq!((site.verdict, site.buffers), (LeakVerdict::Held, 70));
    assert_eq!(health.verdicts.with(LeakVerdict::Held).count(), 1);
    assert!(
        health.to_string().contains("held: tests/health.rs"),
        "{health}"
    );
    drop(held);
    assert!(bench.judge_after(1).verdicts.is_empty());
}

#[test]
fn each_site_alerts_separately_ten_buffers_are_critical() {
    let mut bench = Bench::new(only(Rule::Overdue));
    let mut many: Vec<_> = (0..10).map(|_| bench.pool.alloc::<u8>(64)).collect();
    let few: Vec<_> = (0..2).map(|_| bench.pool.alloc::<u8>(64)).collect();
    let health = bench.judge_after(LEAK_AGE + 1);
    let mut severities: Vec<Severity> = health.raised.iter().map(|a| a.severity).collect();
    severities.sort();
    assert_eq!(severities, [Severity::Warning, Severity::Critical]);
    assert_ne!(health.raised[0].id, health.raised[1].id);
    assert_eq!(health.status, HealthStatus::Critical);

    drop(few);
    let health = bench.judge_after(1);
    assert_eq!((health.resolved.len(), health.active.len()), (1, 1));
    many.truncate(1);
    let health = bench.judge_after(1);
    assert_eq!((health.raised.len(), health.resolved.len()), (0, 0));
    assert_eq!(health.status, HealthStatus::Warning);
    drop(many);
    assert_eq!(bench.judge_after(1).resolved.len(), 1);
}

#[test]
fn buffers_in_flight_are_not_overdue() {
    let mut bench = Bench::new(Thresholds::default());
    let mut in_flight = std::collections::VecDeque::new();
    for _ in 0..100 {
        in_flight.push_back(bench.pool.alloc::<u8>(256));
        if in_flight.len() > 3 {
            in_flight.pop_front();
        }
        let health = bench.judge_after(1);
        assert_eq!(health.status, HealthStatus::Healthy, "{health}");
    }
}

#[test]
fn the_metrics_are_those_of_the_latest_frame() {
    let mut bench = Bench::new(Thresholds::default());
    let first = bench.pool.alloc::<u8>(1000);
    bench.frames(1);
    let second = bench.pool.alloc::<u8>(1000);
    let third = bench.pool.alloc::<u8>(1000);
    drop(first);
    let health = bench.judge_after(1);
    let metrics = &health.metrics;
    assert_eq!(
        (
            metrics.pool_allocs,
            metrics.pool_releases,
            metrics.imbalance
        ),
        (2, 1, 1)
    );
    assert_eq!((metrics.total_allocs, metrics.total_releases), (3, 1));
    assert_eq!(
        metrics.pooled_bytes,
        metrics.in_use_bytes + metrics.idle_bytes
    );
    assert_eq!(
        (metrics.in_use_buffers, metrics.outstanding_buffers),
        (2, 2)
    );
    assert_eq!((metrics.frame.get(), metrics.total_frames), (2, 2));
    assert!((metrics.avg_frame_ms - 10.0).abs() < 1e-9);
    assert!((metrics.fps_estimate - 100.0).abs() < 1e-9);
    drop((second, third));
}

#[test]
fn without_recorded_frames_latest_snapshot_is_judged() {
    let pool = pool();
    let kept = pool.alloc::<u8>(100);
    pool.end_frame();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let health = monitor.emit(&pool).unwrap();
    assert_eq!(health.metrics.frame.get(), 1);
    assert!(health.metrics.in_use_bytes >= 100);
    assert_eq!(health.metrics.frames_measured, 0);
    drop(kept);
}

#[test]
fn emits_are_throttled_to_five_a_second() {
    let mut bench = Bench::new(Thresholds::default());
    let start = bench.now;
    bench.frames(1);
    let emitted = (0..=1000)
        .filter(|&ms| {
            let now = start + Duration::from_millis(ms);
            bench.monitor.emit_at(&bench.pool, now).is_some()
        })
        .collect::<Vec<u64>>();
    assert_eq!(emitted, [0, 200, 400, 600, 800, 1000]);
    let now = start + Duration::from_millis(1100);
    assert!(bench.monitor.emit_at(&bench.pool, now).is_none());
    assert!(bench.monitor.emit_at(&bench.pool, start).is_none());
    assert_eq!(bench.monitor.emit_now(&bench.pool).metrics.frame.get(), 1);
}

#[test]
fn long_lived_buffers_are_named_in_memory_alerts() {
    let store = framepool::DiagnosticsStore::new();
    let mut bench = Bench::new(Thresholds::default());
    let kept = bench.pool.alloc::<u8>(60_000_000);
    Buffer::mark_long_lived(&kept);
    let health = bench.judge_after(1);
    let site = health.long_lived[0].location.to_string();
    assert_eq!(
        (health.long_lived.len(), health.long_lived[0].long_lived),
        (1, 1)
    );
    assert!(health.long_lived[0].long_lived_bytes >= 60_000_000);
    let alert = health
        .raised
        .iter()
        .find(|alert| alert.rule == Rule::PooledBytes)
        .unwrap();
    assert!(alert.to_string().contains(&site), "{alert}");
    store.receive(health);
    let report = store.to_string();
    assert!(
        report.contains("long-lived buffers by call site") && report.contains(&site),
        "{report}"
    );
    drop(kept);
    assert!(bench.judge_after(1).long_lived.is_empty());
}

#[test]
fn a_frame_never_ended_alerts_before_the_limit() {
    let mut bench = Bench::new(Thresholds::default().open_frame_age(16, Duration::ZERO));
    let line = line!() + 1;
    let forgotten = bench.pool.begin_frame();
    for _ in 0..17 {
        let frame = bench.pool.begin_frame();
        let ended = frame.release_all();
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(10));
    }
    let health = bench.judge_after(0);
    assert_eq!(health.raised.len(), 1, "{health}");
    let alert = &health.raised[0];
    assert_eq!(
        (alert.rule, alert.site.unwrap().line()),
        (Rule::OpenFrame, line)
    );
    assert_eq!(health.open_too_long[0].id, forgotten.id());
    assert!(bench.pool.try_begin_frame().is_ok());
    drop(forgotten);
    assert_eq!(bench.judge_after(0).resolved.len(), 1);
}

#[test]
fn a_healthy_frame_program_is_never_bloated() {
    let mut bench = Bench::new(Thresholds::default());
    for _ in 0..60 {
        let frame = bench.pool.begin_frame();
        frame.alloc::<u8>(20 << 20);
        drop(bench.pool.alloc::<u8>(20 << 20));
        let ended = frame.release_all();
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(10));
        bench.now += Duration::from_secs(1);
        let health = bench.monitor.emit_at(&bench.pool, bench.now).unwrap();
        assert!(health.active.is_empty(), "{health}");
    }
}

/// Prewarming does not help against misses of a leak.
#[test]
fn misses_of_a_leak_name_its_line() {
    let thresholds = only(Rule::Misses).leak_warm_up(0, Duration::ZERO);
    let (alert, line) = misses_of_a_line(thresholds);
    assert!(
        alert
            .next_step
            .contains(&format!("tests/health.rs:{line}:"))
            && alert.next_step.contains("not given back"),
        "{alert}"
    );
}

/// A load may still be a leak, and prewarming helps if it is none.
#[test]
fn misses_of_a_load_may_be_prewarmed() {
    let (alert, line) = misses_of_a_line(only(Rule::Misses));
    let step = &alert.next_step;
    assert!(
        step.contains(&format!("tests/health.rs:{line}:"))
            && step.contains("still rises: call `BufferPool::prewarm`")
            && !step.contains("not given back"),
        "{alert}"
    );
}

/// The alert on misses after six seconds of a line that keeps a buffer every second frame, and the number of the line.
fn misses_of_a_line(thresholds: Thresholds) -> (Alert, u32) {
    let pool = BufferPool::new();
    let mut bench = Bench {
        pool,
        ..Bench::new(thresholds)
    };
    let mut leaked: Vec<Buffer<u8>> = Vec::new();
    let (mut raised, mut line) = (None, 0);
    for frame in 0..600 {
        (0..4).for_each(|_| drop(bench.pool.alloc::<u8>(5_000)));
        if frame % 2 == 0 {
            (line, ()) = (line!(), leaked.push(bench.pool.alloc(2_000)));
        }
        bench.frames(1);
        bench.now += Duration::from_millis(10);
        if let Some(health) = bench.monitor.emit_at(&bench.pool, bench.now) {
            raised = health.active.first().cloned();
        }
    }
    let alert = raised.expect("an alert");
    assert_eq!(alert.rule, Rule::Misses);
    assert_eq!(alert.site.map(Location::line), Some(line));
    (alert, line)
}
