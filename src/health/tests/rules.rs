//! What every rule counts as too much.

use std::time::Duration;

use super::*;

#[test]
fn nothing_measured_is_healthy() {
    let mut bench = Bench::new(Thresholds::default());
    let health = bench.pooled(0, 0);
    assert_eq!(health.status, HealthStatus::Healthy);
    assert!(health.raised.is_empty() && health.resolved.is_empty() && health.active.is_empty());
    assert_eq!(health.metrics, RuntimeHealthMetrics::default());
}

#[test]
fn bloat_is_idle_memory_that_stays() {
    let mut bench = Bench::new(Thresholds::default());
    let frame = |idle: u64, in_use: u64| FrameSnapshot {
        idle_bytes: idle * MB,
        in_use_bytes: in_use * MB,
        pooled_bytes: (idle + in_use) * MB,
        ..FrameSnapshot::default()
    };
    let none = Outstanding::default();
    for (ms, idle, in_use, raised) in [
        (0, 17, 18, 0),
        (6_000, 17, 18, 0),
        (7_000, 16, 1, 0),
        (13_000, 17, 16, 0),
        (17_900, 17, 16, 0),
        (18_000, 17, 16, 1),
        (19_000, 30, 16, 0),
    ] {
        let health = bench.judge(ms, &frame(idle, in_use), &none);
        assert_eq!(health.raised.len(), raised, "at {ms} ms");
        assert!(health.raised.iter().all(|alert| alert.rule == Rule::Bloat));
    }
    assert!(
        bench
            .judge(20_000, &frame(17, 18), &none)
            .resolved
            .is_empty()
    );
    assert_eq!(bench.judge(21_000, &frame(17, 18), &none).resolved.len(), 1);
}

#[test]
fn pool_keys_have_two_levels() {
    let mut bench = Bench::new(Thresholds::default());
    let mut keys = |ms, count| {
        let frame = FrameSnapshot {
            pool_keys: count,
            ..FrameSnapshot::default()
        };
        bench.judge(ms, &frame, &Outstanding::default()).status
    };
    assert_eq!(keys(0, 50), HealthStatus::Healthy);
    assert_eq!(keys(1, 51), HealthStatus::Warning);
    assert_eq!(keys(2, 100), HealthStatus::Warning);
    assert_eq!(keys(3, 101), HealthStatus::Critical);
}

#[test]
fn misses_are_judged_once_the_pool_is_warm() {
    let mut bench = Bench::new(Thresholds::default());
    let mut play = |from: u64, to: u64, allocs: u64, misses: u64| {
        for number in from..=to {
            let frame = FrameSnapshot {
                frame: FrameEnd(number),
                allocs,
                misses,
                ..FrameSnapshot::default()
            };
            bench
                .monitor
                .record_frame(&frame, Duration::from_millis(16));
        }
        let latest = FrameSnapshot {
            frame: FrameEnd(to),
            ..FrameSnapshot::default()
        };
        bench.judge(to * 16, &latest, &Outstanding::default())
    };
    // Everything is taken from the system at first.
    assert!(play(1, 120, 100, 100).raised.is_empty());
    // Too few allocs to tell.
    assert!(play(121, 121, 99, 99).raised.is_empty());
    // 99 and 120 of 2499: 8.8 %.
    let health = play(122, 145, 100, 5);
    assert_eq!(
        severities(&health.raised),
        [(Rule::Misses, Severity::Warning)]
    );
    assert!((health.metrics.miss_ratio - 219.0 / 2499.0).abs() < 1e-12);
    // The window moves on to frames without misses: 5 s are 312 frames.
    assert!(play(146, 265, 100, 0).resolved.is_empty());
    let health = play(266, 700, 100, 0);
    assert_eq!(health.resolved.len(), 1);
    assert!(health.metrics.miss_ratio.abs() < f64::EPSILON);
}

#[test]
fn a_frame_budget_is_judged_by_the_percentile() {
    let thresholds = Thresholds::default().frame_budget(Duration::from_millis(16));
    let mut bench = Bench::new(thresholds);
    let frame = FrameSnapshot::default();
    let none = Outstanding::default();
    bench
        .monitor
        .record_frame(&frame, Duration::from_millis(400));
    for _ in 0..99 {
        bench
            .monitor
            .record_frame(&frame, Duration::from_millis(16));
    }
    let health = bench.judge(0, &frame, &none);
    assert!(health.raised.is_empty());
    assert_eq!(
        (health.metrics.p99_frame_ms, health.metrics.worst_frame_ms),
        (16.0, 400.0)
    );
    bench
        .monitor
        .record_frame(&frame, Duration::from_millis(20));
    bench
        .monitor
        .record_frame(&frame, Duration::from_millis(20));
    let health = bench.judge(200, &frame, &none);
    assert_eq!(
        severities(&health.raised),
        [(Rule::FrameBudget, Severity::Warning)]
    );
    assert_eq!(
        (health.raised[0].value, health.raised[0].threshold),
        (20.0, 16.0)
    );
}

#[test]
fn lost_records_are_reported_and_forgotten_in_time() {
    let mut bench = Bench::new(Thresholds::default());
    bench.monitor.record_lost(7);
    let health = bench.pooled(0, 0);
    assert_eq!(
        severities(&health.raised),
        [(Rule::TelemetryLost, Severity::Warning)]
    );
    assert_eq!(
        (health.raised[0].value, health.metrics.lost_records),
        (7.0, 7)
    );
    assert!(bench.pooled(1000, 0).resolved.is_empty());
    bench.monitor.record_lost(u64::MAX);
    assert!(bench.pooled(2000, 0).raised.is_empty());
    assert!(bench.pooled(3000, 0).resolved.is_empty());
    assert!(bench.pooled(7999, 0).resolved.is_empty());
    assert_eq!(bench.pooled(8000, 0).resolved.len(), 1);
}

#[test]
fn the_status_is_that_of_the_worst_alert() {
    let mut bench = Bench::new(Thresholds::default());
    let frame = FrameSnapshot {
        pooled_bytes: 101 * MB,
        in_use_bytes: 101 * MB,
        pool_keys: 60,
        ..FrameSnapshot::default()
    };
    let health = bench.judge(0, &frame, &outstanding(&[(here(), 1)]));
    assert_eq!(
        severities(&health.active),
        [
            (Rule::Leak, Severity::Warning),
            (Rule::PooledBytes, Severity::Critical),
            (Rule::PoolKeys, Severity::Warning)
        ]
    );
    assert_eq!(health.status, HealthStatus::Critical);
}

#[test]
fn a_frames_imbalance_is_in_the_metrics() {
    let mut bench = Bench::new(Thresholds::default());
    let frame = FrameSnapshot {
        allocs: 3,
        releases: 5,
        ..FrameSnapshot::default()
    };
    let metrics = bench.judge(0, &frame, &Outstanding::default()).metrics;
    assert_eq!(
        (
            metrics.pool_allocs,
            metrics.pool_releases,
            metrics.imbalance
        ),
        (3, 5, -2)
    );
}
