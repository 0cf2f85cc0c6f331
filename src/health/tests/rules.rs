//! The levels of every rule; those about memory are in `memory_rules.rs`.

use std::time::Duration;

use super::*;
use crate::BufferPool;

#[test]
fn nothing_measured_is_healthy() {
    let mut bench = Bench::new(Thresholds::default());
    let health = bench.pooled(0, 0);
    assert_eq!(health.status, HealthStatus::Healthy);
    assert!(health.raised.is_empty() && health.resolved.is_empty() && health.active.is_empty());
    assert_eq!(health.metrics, RuntimeHealthMetrics::default());
}

#[test]
fn long_open_frame_raises_alert_naming_its_line() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    let mut open = |ms, frames: &[(u64, u64)]| {
        let frames = frames.iter().map(|&(age_ms, age_frames)| OpenFrame {
            id: FrameId(1),
            location: site,
            age: Duration::from_millis(age_ms),
            age_frames,
        });
        bench.monitor.reading.open_frames = frames.collect();
        bench.judge(ms, &FrameSnapshot::default(), &Outstanding::default())
    };
    for (ms, frame) in [(0, (1_000, 1_000)), (1, (100_000, 16)), (2, (0, 17))] {
        assert_eq!(
            open(ms, &[frame]).status,
            HealthStatus::Healthy,
            "{frame:?}"
        );
    }
    let old = (1_001, 17);
    let health = open(3, &[old, (5, 5)]);
    assert_eq!(
        severities(&health.raised),
        [(Rule::OpenFrame, Severity::Warning)]
    );
    assert_eq!(
        (health.raised[0].site, health.raised[0].value),
        (Some(site), 1.0)
    );
    assert_eq!(health.open_too_long.len(), 1);
    assert!(
        health.to_string().contains("open: frame 1 begun at"),
        "{health}"
    );
    assert_eq!(open(4, &[old, old]).status, HealthStatus::Critical);
    assert_eq!(open(5, &[old]).status, HealthStatus::Warning);
    assert_eq!(open(6, &[]).resolved.len(), 1);
}

/// Every state of every rule's alert, one level apart, each change at its hold time and not a millisecond before.
#[test]
fn every_rule_changes_state_at_its_levels() {
    for &rule in Rule::ALL {
        let limits = Limits {
            warning: 10.0,
            critical: 20.0,
            clear_ratio: 0.5,
            raise_after: Duration::from_millis(300),
            clear_after: Duration::from_millis(700),
        };
        let thresholds = Thresholds::default().with_limits(rule, limits);
        let mut book = crate::health::alert_book::AlertBook::default();
        let pool = PoolName::new(PoolId(1), "pool");
        let (metrics, outstanding) = (RuntimeHealthMetrics::default(), Outstanding::default());
        let mut severity = |ms: u64, value: f64| {
            book.enter(
                pool.id(),
                crate::health::rows::Row {
                    tag: 0,
                    rule,
                    site: None,
                    blamed: None,
                    value,
                    at_most: Severity::Critical,
                },
                &thresholds,
            );
            let moment = crate::health::alert_book::Moment {
                pool: &pool,
                frame: FrameEnd(ms),
                time: crate::clock::Timestamp::default(),
                at: Duration::from_millis(ms),
                situation: crate::health::next_step::Situation {
                    metrics: &metrics,
                    outstanding: &outstanding,
                    verdicts: &[],
                    tags: &[],
                    misses_per_frame: 0.0,
                },
            };
            let findings = book.report(&thresholds, moment);
            findings.active.first().map(|alert| alert.severity)
        };
        let (at, below) = if rule.is_from() {
            (10.0, 9.99)
        } else {
            (10.01, 10.0)
        };
        let twice = |value: f64| value * 2.0;
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        for (ms, value, expected) in [
            (0, below, None),
            (1000, at, None),
            (1299, at, None),
            (1300, at, warning),
            (2000, twice(below), warning),
            (2300, twice(below), warning),
            (3000, twice(at), warning),
            (3299, twice(at), warning),
            (3300, twice(at), critical),
            // Held down to half the critical level.
            (4000, at, critical),
            (4900, at, critical),
            // Below that it eases to a warning.
            (5000, below, critical),
            (5699, below, critical),
            (5700, below, warning),
            // Held down to half the warning level.
            (6000, at / 2.0, warning),
            (6900, at / 2.0, warning),
            (7000, below / 2.0, warning),
            (7699, below / 2.0, warning),
            (7700, below / 2.0, None),
            (7800, 0.0, None),
        ] {
            assert_eq!(severity(ms, value), expected, "{rule} at {ms} ms");
        }
    }
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
fn refused_requests_are_a_warning_until_they_stop() {
    let pool = BufferPool::builder().max_bytes(1 << 16).build().unwrap();
    let mut monitor = HealthMonitor::new(Thresholds::default()).with_emit_interval(Duration::ZERO);
    let begun = Instant::now();
    let mut judge = |ms| {
        let now = begun + Duration::from_millis(ms);
        monitor.emit_at(&pool, now).expect("due")
    };
    assert!(judge(0).active.is_empty());
    for _ in 0..3 {
        assert!(pool.try_alloc::<u8>(1 << 17).is_err());
    }
    let health = judge(1000);
    let [alert] = &health.raised[..] else {
        panic!("{health}");
    };
    assert_eq!((alert.rule, alert.value), (Rule::Refusals, 3.0));
    let text = alert.to_string();
    assert!(
        text.starts_with("warning: 3 requests were refused (warning from 1 request) in pool"),
        "{text}"
    );
    assert_eq!(health.status, HealthStatus::Warning);
    assert!(judge(2000).raised.is_empty());
    assert!(judge(6999).resolved.is_empty());
    assert_eq!(judge(7000).resolved.len(), 1);
    assert!(pool.try_alloc::<u8>(1 << 17).is_err());
    assert_eq!(severities(&judge(8000).raised).len(), 1);
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
            (Rule::Overdue, Severity::Warning),
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
