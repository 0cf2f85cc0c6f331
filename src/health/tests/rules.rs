//! The levels of every rule.

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

/// A frame that ended with these MB idle and in use, and released these MB.
fn memory(idle: u64, in_use: u64, released: u64) -> FrameSnapshot {
    FrameSnapshot {
        idle_bytes: idle * MB,
        in_use_bytes: in_use * MB,
        pooled_bytes: (idle + in_use) * MB,
        release_bytes: released * MB,
        ..FrameSnapshot::default()
    }
}

#[test]
fn bloat_is_idle_memory_that_stays() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    for (ms, idle, in_use, raised) in [
        (0, 17, 18, 0),
        (6_000, 17, 18, 0),
        (7_000, 16, 1, 0),
        (23_000, 17, 16, 0),
        (27_900, 17, 16, 0),
        (28_000, 17, 16, 1),
        (29_000, 30, 16, 0),
    ] {
        let health = bench.judge(ms, &memory(idle, in_use, 0), &none);
        assert_eq!(health.raised.len(), raised, "at {ms} ms");
        assert!(health.raised.iter().all(|alert| alert.rule == Rule::Bloat));
    }
    let more = memory(17, 18, 0);
    assert!(bench.judge(30_000, &more, &none).resolved.is_empty());
    let eased = bench.judge(30_500, &more, &none).active[0].to_string();
    assert!(
        eased.contains("below its level for now, 28.6 MiB at worst"),
        "{eased}"
    );
    assert_eq!(bench.judge(31_000, &more, &none).resolved.len(), 1);
}

#[test]
fn a_declared_working_set_moves_the_memory_levels() {
    let none = Outstanding::default();
    let raised = |thresholds: Thresholds, in_use: u64| {
        let mut bench = Bench::new(thresholds);
        bench.judge(0, &memory(0, in_use, 0), &none).raised.len()
    };
    assert_eq!(raised(Thresholds::default(), 200), 1);
    let declared = || Thresholds::default().working_set(200 * MB);
    // The working set, and what rounding adds at most.
    assert_eq!(raised(declared(), 200), 0);
    assert_eq!(raised(declared(), 250), 0);
    assert_eq!(raised(declared(), 251), 1);
    let small = Thresholds::default().working_set(4 * MB);
    assert_eq!(raised(small, 6), 1, "also below the usual level");
}

#[test]
fn bloat_is_measured_against_what_frames_needed() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    // 20 MB used by every frame and given back at its end, for 40 s.
    for frame in 0..400 {
        let ended = memory(22, 0, 20);
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(16));
        let health = bench.judge(frame * 100, &ended, &none);
        assert_eq!(health.status, HealthStatus::Healthy, "{health}");
        assert_eq!(health.metrics.needed_bytes, 20 * MB);
    }
    // Then frames need 2 MB: the earlier need counts for 10 s, then it is bloat for 5 s.
    let mut raised = None;
    for frame in 400..800 {
        let ended = memory(22, 0, 2);
        bench
            .monitor
            .record_frame(&ended, Duration::from_millis(16));
        let health = bench.judge(frame * 100, &ended, &none);
        if let Some(alert) = health.raised.first() {
            assert_eq!((alert.rule, alert.value), (Rule::Bloat, 20e6));
            raised.get_or_insert(frame - 400);
        }
    }
    assert_eq!(raised, Some(150));
}

#[test]
fn prewarmed_memory_is_no_bloat() {
    let mut bench = Bench::new(Thresholds::default());
    let none = Outstanding::default();
    bench.monitor.reading.prewarmed_bytes = 40 * MB;
    for ms in [0, 6_000, 60_000] {
        assert!(bench.judge(ms, &memory(50, 0, 0), &none).raised.is_empty());
    }
    bench.monitor.reading.prewarmed_bytes = 30 * MB;
    bench.judge(61_000, &memory(50, 0, 0), &none);
    let health = bench.judge(66_000, &memory(50, 0, 0), &none);
    assert_eq!(
        severities(&health.raised),
        [(Rule::Bloat, Severity::Warning)]
    );
    assert_eq!(health.metrics.prewarmed_bytes, 30 * MB);
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
                crate::health::rules::Row {
                    tag: 0,
                    rule,
                    site: None,
                    blamed: None,
                    value,
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
fn pooled_bytes_name_what_holds_them() {
    let sites = [here(), here()];
    let step = |frame: &FrameSnapshot, out: &Outstanding, prewarmed: u64| {
        let mut bench = Bench::new(Thresholds::default());
        bench.monitor.reading.prewarmed_bytes = prewarmed;
        let health = bench.judge(0, frame, out);
        assert_eq!(health.raised[0].rule, Rule::PooledBytes);
        health.raised[0].next_step.clone()
    };
    let none = Outstanding::default();
    let idle = step(&memory(60, 0, 0), &none, 0);
    assert!(
        idle.contains("idle") && idle.contains("BufferPool::trim"),
        "{idle}"
    );
    let prewarmed = step(&memory(60, 0, 0), &none, 40 * MB);
    assert!(
        prewarmed.contains("38.1 MiB of it were prewarmed"),
        "{prewarmed}"
    );
    let framed = step(&memory(0, 60, 0), &none, 0);
    assert!(framed.contains("open frames"), "{framed}");
    let mut out = outstanding(&[(sites[0], 0), (sites[1], 0)]);
    out.bytes = 60 * MB;
    out.sites[0].bytes = 10 * MB;
    out.sites[1].bytes = 50 * MB;
    let held = step(&memory(0, 60, 0), &out, 0);
    let places = [1, 0].map(|site: usize| held.find(&sites[site].to_string()).unwrap());
    assert!(held.contains("in use") && places[0] < places[1], "{held}");
    out.long_lived_bytes = 50 * MB;
    out.sites[1].long_lived = 1;
    out.sites[1].long_lived_bytes = 50 * MB;
    let long_lived = step(&memory(0, 60, 0), &out, 0);
    assert!(
        long_lived.contains("long-lived")
            && long_lived.contains(&sites[1].to_string())
            && !long_lived.contains(&sites[0].to_string()),
        "{long_lived}"
    );
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
    // At first all memory comes from the system.
    assert!(play(1, 120, 100, 100).raised.is_empty());
    // Too few allocs to judge.
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
