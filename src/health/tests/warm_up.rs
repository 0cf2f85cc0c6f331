//! Shares and means over frames are judged once there are enough frames and allocs.

use std::time::Duration;

use super::*;

/// The ratio of misses after frames with these allocs, each of which missed once.
fn miss_ratio(thresholds: &Thresholds, allocs: &[u64]) -> f64 {
    let mut monitor = HealthMonitor::new(thresholds.clone());
    let mut frame = FrameSnapshot::default();
    for (number, &allocs) in (1..).zip(allocs) {
        frame = FrameSnapshot {
            frame: FrameEnd(number),
            duration: Duration::from_millis(10),
            allocs,
            misses: 1,
            ..FrameSnapshot::default()
        };
        monitor.record_frame(&frame, frame.duration);
    }
    let health = monitor.judge(
        &PoolName::new(PoolId(7), "render"),
        &frame,
        &(&frame).into(),
        &Outstanding::default(),
    );
    health.metrics.miss_ratio
}

#[test]
fn misses_are_judged_once_allocs_suffice() {
    let from_100 = Thresholds::default().warm_up(0, 100);
    assert!(miss_ratio(&from_100, &[50, 49]) < 1e-12);
    assert!((miss_ratio(&from_100, &[50, 50]) - 0.02).abs() < 1e-12);
    let after_two = Thresholds::default().warm_up(2, 1);
    assert!(miss_ratio(&after_two, &[1, 1]) < 1e-12);
    assert!((miss_ratio(&after_two, &[1, 1, 4]) - 0.25).abs() < 1e-12);
}

#[test]
fn bytes_and_calls_are_judged_after_four_frames() {
    let per_frame = |frames: u64| {
        let mut monitor = HealthMonitor::new(Thresholds::default().warm_up(0, 1));
        let mut frame = FrameSnapshot::default();
        for number in 1..=frames {
            frame = FrameSnapshot {
                frame: FrameEnd(number),
                duration: Duration::from_millis(10),
                system_bytes: 100 * number,
                system_calls: 10 * number,
                ..FrameSnapshot::default()
            };
            monitor.record_frame(&frame, frame.duration);
        }
        let health = monitor.judge(
            &PoolName::new(PoolId(7), "render"),
            &frame,
            &(&frame).into(),
            &Outstanding::default(),
        );
        let metrics = health.metrics;
        (
            metrics.system_bytes_per_frame as u64,
            metrics.system_calls_per_frame as u64,
        )
    };
    assert_eq!(per_frame(3), (0, 0));
    // The mean of the quarter that took the least.
    assert_eq!(per_frame(4), (100, 10));
    assert_eq!(per_frame(8), (150, 15));
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
