//! The verdict on a site that grows, pauses, levels off, or is fixed.

use std::collections::VecDeque;
use std::time::Duration;

use framepool::health::{LeakVerdict, SiteVerdict};
use framepool::{BufferPool, DiagnosticsStore, HealthSnapshot, Rule, Severity};

use crate::bench::{Bench, TICK, leak_alert, leaks};
use crate::leak::{Leak, is_leak};

/// A warm bench, at frame 2,000.
fn warm() -> Bench {
    warmed_up(BufferPool::new())
}

fn warmed_up(pool: BufferPool) -> Bench {
    let mut bench = Bench::new();
    bench.pool = pool;
    bench.quiet(2_000);
    bench
}

/// The latest health snapshot after these frames of a step.
fn after(bench: &mut Bench, frames: u64, step: impl FnMut(&BufferPool, u64)) -> HealthSnapshot {
    bench.run(frames, TICK, step).1
}

/// The verdict on the leaking line.
fn of_leak(health: &HealthSnapshot) -> Option<&SiteVerdict> {
    health.verdicts.iter().find(|site| is_leak(site.location))
}

#[test]
fn a_leak_has_its_rate_and_its_beginning() {
    let mut bench = warm();
    let mut leak = Leak::new(3_000, 4);
    let health = after(&mut bench, 6_000, |pool, frame| leak.step(pool, frame));
    let site = of_leak(&health).unwrap();
    assert_eq!(site.verdict, LeakVerdict::Growing);
    assert!((3_000..3_030).contains(&site.since_frame.get()), "{site}");
    let growth = site.growth.unwrap();
    let near = |value: f64, truth: f64| (value / truth - 1.0).abs() < 0.02;
    assert!(near(growth.buffers_per_minute, 900.0), "{growth:?}");
    assert!(
        near(growth.buffers_per_1000_frames, 1_000.0 / 4.0),
        "{growth:?}"
    );
    assert!(near(growth.bytes_per_minute, 900.0 * 4096.0), "{growth:?}");
    assert!(near(growth.buffers as f64, 5_000.0 / 4.0), "{growth:?}");
    assert!(growth.confidence > 0.99);
    let alert = leak_alert(&health).unwrap().to_string();
    for part in [
        "leak.rs:",
        "growing since frame 30",
        "a minute",
        "thread `growth::",
        "; rose in ",
        " changes, the latest ",
    ] {
        assert!(alert.contains(part), "{part}: {alert}");
    }
    // Real time passes too, not only the bench's clock.
    let says = |rate: u32| alert.contains(&format!("by {rate} buffers"));
    assert!((885..=915).any(says), "{alert}");
    assert!(!alert.contains("mark_long_lived"), "{alert}");
}

#[test]
fn early_growth_is_a_warning() {
    let mut bench = warm();
    let mut leak = Leak::new(2_000, 2);
    let health = after(&mut bench, 3_000, |pool, frame| leak.step(pool, frame));
    let alert = leak_alert(&health).unwrap();
    assert_eq!(alert.severity, Severity::Warning, "{alert}");
    assert!(alert.to_string().contains("levels off"), "{alert}");
    let health = after(&mut bench, 5_000, |pool, frame| leak.step(pool, frame));
    let alert = leak_alert(&health).unwrap();
    assert_eq!(alert.severity, Severity::Critical, "{alert}");
    assert!(!alert.to_string().contains("levels off"), "{alert}");
}

#[test]
fn a_budget_says_when_it_is_full() {
    let mut bench = warmed_up(BufferPool::builder().max_bytes(64 << 20).build().unwrap());
    let mut leak = Leak::new(2_000, 6);
    let health = after(&mut bench, 6_000, |pool, frame| leak.step(pool, frame));
    let exhausts = of_leak(&health).unwrap().growth.unwrap().exhausts.unwrap();
    assert_eq!(exhausts.limit.to_string(), "the pool's budget");
    let left = (64 << 20) as f64 - 1_000.0 * 4096.0;
    let truth = left / (600.0 * 4096.0) * 60.0;
    assert!(
        (exhausts.after.as_secs_f64() / truth - 1.0).abs() < 0.05,
        "{exhausts:?}, {truth}"
    );
}

#[test]
fn a_mended_leak_resolves_at_once() {
    let mut bench = warm();
    let mut leak = Leak::new(2_000, 2);
    let health = after(&mut bench, 120, |pool, frame| leak.step(pool, frame));
    assert!(leak_alert(&health).is_some());
    leak.mend();
    let health = after(&mut bench, 30, |_, _| {});
    assert!(
        leaks(&health).is_empty() && of_leak(&health).is_none(),
        "{health}"
    );
}

#[test]
fn a_resolved_leak_says_what_is_held() {
    let mut bench = warm();
    let mut leak = Leak::new(2_000, 30);
    let health = after(&mut bench, 4_500, |pool, frame| leak.step(pool, frame));
    assert!(leak_alert(&health).is_some(), "{health}");
    let mut text = String::new();
    for _ in 0..20_000 {
        let health = bench.frame(|_, _| TICK);
        for alert in health.iter().flat_map(|health| &health.resolved) {
            text = alert.to_string();
        }
    }
    assert!(
        text.contains("150 buffers of this line are still in use"),
        "{text}"
    );
}

#[test]
fn released_gain_is_no_growth() {
    // A buffer in two frames, until it is named. Then all but the oldest third go.
    let mut bench = warm();
    let mut kept = Vec::new();
    let (named, _) = bench.run(1_000, TICK, |pool, frame| {
        if frame % 2 == 0 {
            kept.push(pool.alloc::<u8>(100));
        }
    });
    assert!(named.is_some());
    kept.truncate(kept.len() / 3);
    let health = after(&mut bench, 30, |_, _| ());
    assert!(leaks(&health).is_empty(), "{health}");
}

#[test]
fn growth_at_rest_has_no_forecast() {
    let mut bench = warmed_up(BufferPool::builder().max_bytes(8 << 20).build().unwrap());
    let mut leak = Leak::new(2_000, 4);
    let mut forecast = |frames: u64, leaks: bool| {
        let health = after(&mut bench, frames, |pool, frame| {
            if leaks {
                leak.step(pool, frame);
            }
        });
        of_leak(&health).unwrap().growth.unwrap().exhausts
    };
    assert!(forecast(600, true).is_some());
    assert!(forecast(900, false).is_none());
}

#[test]
fn a_leak_before_a_pause_stays_named() {
    let mut bench = warm();
    let mut leak = Leak::new(2_000, 2);
    after(&mut bench, 120, |pool, frame| leak.step(pool, frame));
    // A minute of a menu, an hour without frames, ten minutes at one frame a second.
    after(&mut bench, 3_600, |pool, _| drop(pool.alloc::<u8>(10)));
    bench.frame(|_, _| Duration::from_hours(1));
    for _ in 0..600 {
        bench.frame(|_, _| Duration::from_secs(1));
    }
    let health = after(&mut bench, 30, |_, _| {});
    assert!(leak_alert(&health).is_some(), "{health}");
    // It levels off for good.
    let health = after(&mut bench, 25_000, |_, _| {});
    assert!(leaks(&health).is_empty(), "{health}");
    assert_eq!(of_leak(&health).unwrap().verdict, LeakVerdict::Held);
}

#[test]
fn a_fill_is_watched_and_then_held() {
    let mut bench = Bench::new();
    let mut cache = Vec::new();
    let health = after(&mut bench, 600, |pool, _| cache.push(pool.alloc::<u8>(100)));
    assert_eq!(health.verdicts[0].verdict, LeakVerdict::Filling);
    assert!(health.verdicts[0].growth.is_some() && leaks(&health).is_empty());
    let health = after(&mut bench, 1_000, |_, _| {});
    assert_eq!(health.verdicts[0].verdict, LeakVerdict::Held, "{health}");
    assert!((590..620).contains(&health.verdicts[0].since_frame.get()));
    assert!(leaks(&health).is_empty() && health.leaks.is_empty());
}

#[test]
fn the_age_of_a_held_buffer_is_current() {
    let mut bench = Bench::new();
    let held = bench.pool.alloc::<u8>(100);
    let health = after(&mut bench, 20_000, |_, _| {});
    assert_eq!(health.verdicts[0].verdict, LeakVerdict::Held);
    let age = health.verdicts[0].oldest_age_frames;
    assert!((9_900..=20_000).contains(&age), "{age}");
    drop(held);
}

#[test]
fn long_lived_buffers_are_no_leak() {
    let mut bench = warm();
    let mut kept = Vec::new();
    let health = after(&mut bench, 600, |pool, frame| {
        if frame % 2 == 0 {
            let buffer = pool.alloc::<u8>(100);
            framepool::Buffer::mark_long_lived(&buffer);
            kept.push(buffer);
        }
    });
    assert!(
        leaks(&health).is_empty() && health.verdicts.is_empty(),
        "{health}"
    );
}

#[test]
fn a_leak_in_a_busy_line_is_found() {
    let mut bench = warm();
    let take = |pool: &BufferPool| pool.alloc::<u8>(1000);
    let cache: Vec<_> = (0..300).map(|_| take(&bench.pool)).collect();
    after(&mut bench, 100, |_, _| {});
    let (mut leaked, mut in_flight) = (Vec::new(), VecDeque::new());
    let health = after(&mut bench, 6_000, |pool, frame| {
        let buffer = take(pool);
        if frame % 10 == 0 {
            leaked.push(buffer);
        } else {
            in_flight.push_back(buffer);
        }
        if in_flight.len() > 7 {
            in_flight.pop_front();
        }
    });
    let alert = leak_alert(&health).expect("an alert");
    assert!((570.0..605.0).contains(&alert.value), "{alert}");
    drop(cache);
}

#[test]
fn leak_of_one_buffer_per_burst_is_reported() {
    let mut bench = warm();
    let (mut leaked, mut burst) = (Vec::new(), Vec::new());
    let health = after(&mut bench, 50_000, |pool, frame| match frame % 700 {
        0..60 => burst.push(pool.alloc::<u8>(1000)),
        200 => {
            leaked.extend(burst.pop());
            burst.clear();
        }
        _ => {}
    });
    let alert = leak_alert(&health).expect("an alert");
    assert!((60.0..75.0).contains(&alert.value), "{alert}");
}

#[test]
fn a_program_without_frame_ends_has_verdicts() {
    let mut bench = Bench::new();
    let mut kept = Vec::new();
    let mut latest = None;
    for second in 0..400 {
        drop(bench.pool.alloc::<u8>(100));
        if second % 3 == 0 {
            kept.push(bench.pool.alloc::<u8>(100));
        }
        bench.now += Duration::from_secs(1);
        latest = bench.monitor.emit_at(&bench.pool, bench.now).or(latest);
    }
    let health = latest.unwrap();
    assert_eq!(leaks(&health).len(), 1, "{health}");
}

#[test]
fn an_overdue_buffer_alerts_at_once() {
    let mut bench = Bench::new();
    bench.pool = BufferPool::builder()
        .expect_release_within(8)
        .build()
        .unwrap();
    assert_eq!(bench.pool.expect_release_within(), Some(8));
    let kept = bench.pool.alloc::<u8>(100);
    for frame in 1..=9 {
        let ended = bench.pool.end_frame();
        bench.monitor.record_frame(&ended, TICK);
        let health = bench.monitor.emit_now(&bench.pool);
        assert_eq!(
            health.active.len(),
            usize::from(frame == 9),
            "frame {frame}"
        );
        if frame == 9 {
            assert_eq!(health.active[0].rule, Rule::Overdue);
            assert_eq!(health.verdicts[0].verdict, LeakVerdict::Overdue);
            assert_eq!((health.verdicts[0].overdue, health.leaks.len()), (1, 1));
            let text = health.active[0].to_string();
            assert!(
                text.contains("growth.rs:") && text.contains("mark_long_lived"),
                "{text}"
            );
        }
    }
    drop(kept);
    let health = bench.monitor.emit_now(&bench.pool);
    assert_eq!((health.active.len(), health.resolved.len()), (0, 1));
}

#[test]
fn growth_from_the_start_keeps_its_beginning() {
    for limit in [None, Some(30)] {
        let mut bench = Bench::new();
        let builder = BufferPool::builder();
        let builder = match limit {
            Some(frames) => builder.expect_release_within(frames),
            None => builder,
        };
        bench.pool = builder.build().unwrap();
        let mut leak = Leak::new(40, 30);
        let store = DiagnosticsStore::new();
        // Too early for a verdict on growth, which began in the warm-up.
        let health = after(&mut bench, 4_500, |pool, frame| leak.step(pool, frame));
        let site = of_leak(&health).unwrap();
        let expected = limit.map_or(LeakVerdict::Filling, |_| LeakVerdict::Overdue);
        assert_eq!(site.verdict, expected);
        assert!(site.growth.is_some(), "{site}");
        assert!((40..80).contains(&site.since_frame.get()), "{site}");
        store.receive(health);
        let saved = store.saved();
        let why = saved.pools[0].growth_not_judged().expect("too short");
        assert!(
            why.contains("to judge the growth at tests/verdicts/leak.rs"),
            "{why}"
        );
        let health = after(&mut bench, 3_500, |pool, frame| leak.step(pool, frame));
        let site = of_leak(&health).unwrap();
        assert_eq!(site.verdict, LeakVerdict::Growing);
        assert!((40..80).contains(&site.since_frame.get()), "{site}");
        store.receive(health);
        assert_eq!(store.saved().pools[0].growth_not_judged(), None);
    }
}
