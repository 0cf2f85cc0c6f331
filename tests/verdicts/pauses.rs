//! Leaks of programs that hitch, pause, or stop ending frames.

use std::time::Duration;

use framepool::{Alert, HealthSnapshot, Rule};

use crate::bench::{Bench, TICK};
use crate::leak::{Leak, is_leak};

fn leak_alert(health: &HealthSnapshot) -> Option<&Alert> {
    let mut alerts = health.active.iter();
    alerts.find(|alert| alert.rule == Rule::Leak && alert.site.is_some_and(is_leak))
}

/// The number of the first frame after which the leak is named, while the program hitches every `gap` frames.
fn named_after(every: u64, gap: u64, hitch: Duration) -> Option<u64> {
    let mut bench = Bench::new();
    let mut leak = Leak::new(2_000, every);
    for frame in 0..12_000 {
        if frame % gap == gap / 2 {
            bench.pause(hitch);
        }
        let health = bench.frame(|pool, frame| {
            leak.step(pool, frame);
            TICK
        });
        if health.as_ref().and_then(leak_alert).is_some() {
            return Some(frame - 2_000);
        }
    }
    None
}

#[test]
fn a_leak_is_named_across_hitches() {
    let hitch = Duration::from_millis(1_500);
    let named = named_after(60, 600, hitch).expect("an alert");
    assert!(named <= 3_600 + 600, "{named}");
    let named = named_after(3_600, 3_600, Duration::from_secs(20)).expect("an alert");
    assert!(named <= 2 * 3_600 + 600, "{named}");
}

#[test]
fn a_pause_hides_no_fast_leak() {
    // A pause after each number of frames of the leak.
    for after in 2..40 {
        let mut bench = Bench::new();
        let mut leak = Leak::new(2_000, 2);
        let named = (0..2_200).find(|&frame| {
            if frame == 2_000 + after {
                bench.pause(Duration::from_secs(300));
            }
            let health = bench.frame(|pool, frame| {
                leak.step(pool, frame);
                TICK
            });
            health.as_ref().and_then(leak_alert).is_some()
        });
        assert!(named.is_some(), "a pause after {after} frames");
    }
}

#[test]
fn a_leak_after_the_last_frame_is_named() {
    let mut bench = Bench::new();
    bench.quiet(2_000);
    let mut kept = Vec::new();
    let mut named = false;
    for second in 0..300 {
        if second % 3 == 0 {
            kept.push(bench.pool.alloc::<u8>(100));
        }
        drop(bench.pool.alloc::<u8>(100));
        bench.now += Duration::from_secs(1);
        let health = bench.monitor.emit_at(&bench.pool, bench.now);
        named |= health.is_some_and(|health| {
            let mut alerts = health.active.iter();
            alerts.any(|alert| alert.rule == Rule::Leak)
        });
    }
    assert!(named);
}

#[test]
fn a_pause_is_no_part_of_the_rate() {
    let mut bench = Bench::new();
    bench.quiet(2_000);
    let mut leak = Leak::new(2_000, 4);
    let mut rate = 0.0;
    for frame in 0..3_000 {
        let health = bench.frame(|pool, frame| {
            leak.step(pool, frame);
            if frame == 3_500 {
                Duration::from_hours(8)
            } else {
                TICK
            }
        });
        let alert = health.as_ref().and_then(leak_alert);
        if let Some(verdict) = alert.and_then(|alert| alert.verdict.as_ref()) {
            rate = verdict.growth.unwrap().buffers_per_minute;
            assert!(frame < 2_000 || rate > 750.0, "frame {frame}: {rate}");
        }
    }
    assert!((750.0..915.0).contains(&rate), "{rate}");
}
