//! A clock that stands still, goes back, or leaps: frames, trimming, monitors and watches still work.

mod silence;
mod window;

use std::time::{Duration, Instant};

use super::{Time, origin, told};
use crate::store::Watcher;
use crate::{
    BufferPool, DiagnosticsStore, HealthConfig, HealthMonitor, Rule, Thresholds, Timestamp,
};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// The clock of this thread, set by hand until this is dropped.
struct Clock(Instant);

impl Clock {
    /// A stopped clock, late enough that it can go back by days.
    fn new() -> Self {
        let clock = Self(Instant::now() + 100 * HOUR);
        told::set(Some(Time::of(clock.0)));
        clock
    }

    fn forward(&mut self, step: Duration) {
        self.0 += step;
        told::set(Some(Time::of(self.0)));
    }

    /// Sets the time of day, in seconds since 1970.
    fn set_unix(seconds: u64) {
        told::set_unix(Some(seconds * 1_000_000_000));
    }

    fn back(&mut self, step: Duration) {
        self.0 -= step;
        told::set(Some(Time::of(self.0)));
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        told::set(None);
        told::set_unix(None);
    }
}

#[test]
fn a_timestamp_follows_both_clocks() {
    let mut clock = Clock::new();
    Clock::set_unix(1_000_000);
    let pool = BufferPool::new();
    let end = |pool: &BufferPool| pool.begin_frame().release_all().time;
    let first = end(&pool);
    assert_eq!(first.unix_nanos(), 1_000_000_000_000_000);
    clock.forward(SECOND / 4);
    let second = end(&pool);
    assert_eq!(second.since(first), SECOND / 4);
    assert_eq!(first.since(second), Duration::ZERO);
    assert_eq!(second.wall(), first.wall() + SECOND / 4);
    // The system's clock is set: a second later the time of day follows, the monotonic time does not.
    Clock::set_unix(2_000_000);
    clock.forward(SECOND);
    let third = end(&pool);
    assert_eq!(third.unix_nanos(), 2_000_000_000_000_000);
    assert_eq!(third.since(second), SECOND);
    clock.back(HOUR);
    assert_eq!(third.since(end(&pool)), HOUR);
}

#[test]
fn times_before_the_first_use_are_in_order() {
    let before = Time::of(origin().checked_sub(SECOND).unwrap());
    let after = Time::of(origin() + SECOND);
    assert_eq!(after.since(before), 2 * SECOND);
    assert_eq!(before.since(after), Duration::ZERO);
    assert_eq!(before + 2 * SECOND, after);
    assert_eq!(Time::of_word(before.to_word()), before);
    assert_eq!(Timestamp::at(before).monotonic(), Duration::ZERO);
    // The difference of the two clocks is still known.
    let lasted = Timestamp::at(after).unix_nanos() - Timestamp::at(before).unix_nanos();
    assert!(
        Duration::from_nanos(lasted).abs_diff(2 * SECOND) < SECOND,
        "{lasted}"
    );
}

#[test]
fn a_timestamp_is_written_in_utc() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (1_773_480_413, "2026-03-14T09:26:53.000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
    ] {
        let _clock = Clock::new();
        Clock::set_unix(seconds);
        assert_eq!(Timestamp::now().to_string(), text);
    }
}

#[test]
fn frame_time_follows_clock_and_is_never_negative() {
    let mut clock = Clock::new();
    let pool = BufferPool::new();
    for (step, goes_back, lasts) in [
        (Duration::ZERO, false, Duration::ZERO),
        (2 * SECOND, false, 2 * SECOND),
        (HOUR, true, Duration::ZERO),
        (3 * SECOND, false, 3 * SECOND),
        (50 * HOUR, true, Duration::ZERO),
        (60 * HOUR, false, 60 * HOUR),
    ] {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        drop(pool.alloc::<u8>(100));
        if goes_back {
            clock.back(step);
        } else {
            clock.forward(step);
        }
        let snapshot = frame.release_all();
        assert_eq!(snapshot.duration, lasts);
        assert_eq!(snapshot.fold_duration, Duration::ZERO, "the clock stood");
        assert_eq!((snapshot.allocs, snapshot.releases), (2, 2));
    }
    assert_eq!(pool.snapshot().frame.get(), 6);
}

/// A pool with 64 MiB idle in the depot.
fn bloated() -> BufferPool {
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    let many: Vec<_> = (0..64).map(|_| pool.alloc::<u8>(1 << 20)).collect();
    drop(many);
    assert!(pool.end_frame().idle_bytes >= 64 << 20);
    pool
}

/// Bytes held after this many frame ends, with a change of the clock between them.
fn held_after(pool: &BufferPool, frames: usize, mut between: impl FnMut()) -> u64 {
    for _ in 0..frames {
        between();
        pool.end_frame();
    }
    pool.stats().pooled_bytes
}

#[test]
fn enough_frames_trim_idle_memory_whatever_the_clock() {
    let mut clock = Clock::new();
    let pool = bloated();
    assert_eq!(held_after(&pool, 100, || ()), 64 << 20, "not long enough");
    assert!(held_after(&pool, 400, || ()) < 8 << 20);
    let pool = bloated();
    let mut back = || clock.back(60 * SECOND);
    assert_eq!(held_after(&pool, 100, &mut back), 64 << 20);
    assert!(held_after(&pool, 400, back) < 8 << 20);
}

#[test]
fn enough_time_trims_idle_memory_despite_clock_regression() {
    let mut clock = Clock::new();
    let pool = bloated();
    assert_eq!(held_after(&pool, 3, || clock.forward(SECOND)), 64 << 20);
    // 4 s are over, in 20 frames.
    assert!(held_after(&pool, 20, || clock.forward(SECOND)) < 64 << 20);
    let pool = bloated();
    clock.back(HOUR);
    assert_eq!(held_after(&pool, 1, || ()), 64 << 20);
    clock.forward(HOUR + 5 * SECOND);
    assert!(
        held_after(&pool, 2, || ()) < 64 << 20,
        "time goes on from there"
    );
}

#[test]
fn monitor_emits_once_until_clock_moves_or_regresses() {
    let mut clock = Clock::new();
    let pool = BufferPool::new();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    assert!(monitor.emit(&pool).is_some());
    for _ in 0..1000 {
        monitor.record_frame(&pool.end_frame(), Duration::ZERO);
        assert!(monitor.emit(&pool).is_none(), "no time has passed");
    }
    clock.back(HOUR);
    assert!(monitor.emit(&pool).is_none());
    clock.forward(199 * SECOND / 1000);
    assert!(monitor.emit(&pool).is_none());
    clock.forward(SECOND / 1000);
    let health = monitor.emit(&pool).expect("200 ms after the step back");
    assert_eq!(health.at, SECOND / 5, "the hour is not in it");
    assert!(monitor.emit(&pool).is_none());
    assert_eq!(monitor.emit_now(&pool).at, SECOND / 5);
}

#[test]
fn watch_records_every_frame_once_on_any_clock() {
    let mut clock = Clock::new();
    let pool = BufferPool::builder()
        .history_frames(8)
        .expect_release_within(2)
        .build()
        .unwrap();
    let store = DiagnosticsStore::new();
    let mut watcher = Watcher::new(&pool, HealthConfig::default().store(store.clone()));
    let kept = pool.alloc::<u8>(10);
    for round in 0..30 {
        pool.end_frame();
        watcher.look();
        match round % 3 {
            0 => clock.back(HOUR),
            1 => clock.forward(SECOND / 20),
            _ => (),
        }
    }
    // Ten steps forward of a 20th of a second each: judged at the start, after 200 ms and after 400 ms.
    let history = store.history();
    let frames: Vec<u64> = history
        .iter()
        .map(|health| health.metrics.frame.get())
        .collect();
    assert_eq!(frames, [1, 12, 24]);
    for _ in 0..10 {
        pool.end_frame();
    }
    watcher.last_look();
    let last = store.latest().expect("judged");
    assert_eq!(last.metrics.frame.get(), 40);
    assert_eq!(
        last.metrics.lost_records, 2,
        "ten frames, a history of eight"
    );
    let alerts: Vec<Rule> = last.active.iter().map(|alert| alert.rule).collect();
    assert!(alerts.contains(&Rule::Overdue), "{last}");
    drop(kept);
}
