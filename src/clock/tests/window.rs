//! A watch's numbers for frames with known times: work and period, spreads, worst frames, memory taken per frame.

use super::{Clock, SECOND};
use crate::health::FrameTimeSource;
use crate::store::Watcher;
use crate::{
    BufferPool, DiagnosticsStore, HealthConfig, HealthSnapshot, Rule, Severity, Thresholds,
};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

struct Bench {
    clock: Clock,
    pool: BufferPool,
    store: DiagnosticsStore,
    watcher: Watcher,
}

impl Bench {
    fn new(thresholds: Thresholds) -> Self {
        let clock = Clock::new();
        let pool = BufferPool::new();
        let store = DiagnosticsStore::new();
        let config = HealthConfig::default()
            .store(store.clone())
            .thresholds(thresholds);
        let watcher = Watcher::new(&pool, config);
        Self {
            clock,
            pool,
            store,
            watcher,
        }
    }

    /// Frames of 16 ms, of which the work takes some.
    fn frames(&mut self, count: u32, work: Duration, mut use_pool: impl FnMut(&BufferPool)) {
        for _ in 0..count {
            self.clock.forward((16 * MS).saturating_sub(work));
            let frame = self.pool.begin_frame();
            use_pool(&self.pool);
            self.clock.forward(work);
            frame.release_all();
            self.watcher.look();
        }
    }

    fn judged(&mut self) -> Arc<HealthSnapshot> {
        self.watcher.last_look();
        self.store.latest().expect("judged")
    }
}

fn active(health: &HealthSnapshot, rule: Rule) -> bool {
    health.active.iter().any(|alert| alert.rule == rule)
}

#[test]
fn the_budget_is_judged_by_the_work() {
    let budget = Thresholds::default().frame_budget(10 * MS);
    let mut bench = Bench::new(budget.clone());
    bench.frames(100, 9 * MS, |_| ());
    let snapshot = bench.pool.snapshot();
    assert_eq!(snapshot.work, Some(9 * MS));
    assert_eq!(snapshot.duration, 16 * MS);
    let health = bench.judged();
    assert!(!active(&health, Rule::FrameBudget), "{health}");
    assert_eq!(health.metrics.frame_time_source, FrameTimeSource::Work);
    assert!((health.metrics.p99_frame_ms - 9.0).abs() < 1e-9, "{health}");
    assert!(
        (health.metrics.fps_estimate - 62.5).abs() < 1e-9,
        "{health}"
    );
    assert!(
        health
            .to_string()
            .contains("from begin to end: 9.00 ms on average"),
        "{health}"
    );
    bench.frames(100, 11 * MS, |_| ());
    assert!(active(&bench.judged(), Rule::FrameBudget));
    // Without frames there is only the period.
    let mut bench = Bench::new(budget);
    bench.clock.forward(16 * MS);
    let snapshot = bench.pool.end_frame();
    assert_eq!((snapshot.work, snapshot.ended), (None, None));
    let health = bench.judged();
    assert_eq!(health.metrics.frame_time_source, FrameTimeSource::Period);
    assert!(active(&health, Rule::FrameBudget), "{health}");
}

#[test]
fn snapshot_tells_ended_frame_from_frame_end() {
    let pool = BufferPool::new();
    let (first, second) = (pool.begin_frame(), pool.begin_frame());
    let (first_id, second_id) = (first.id(), second.id());
    let ends = [second.release_all(), pool.end_frame(), first.release_all()];
    assert_eq!(ends.each_ref().map(|end| end.frame.get()), [1, 2, 3]);
    let ended = ends.each_ref().map(|end| end.ended);
    assert_eq!(ended, [Some(second_id), None, Some(first_id)]);
}

#[test]
fn spike_between_health_snapshots_is_in_the_spreads() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(1, MS, |_| ());
    bench.watcher.last_look();
    let mut number = 0;
    // 9 frames are less than the emit interval.
    bench.frames(9, MS, |pool| {
        number += 1;
        if number == 4 || number == 5 {
            drop(
                (0..100)
                    .map(|_| pool.alloc::<u8>(1 << 16))
                    .collect::<Vec<_>>(),
            );
        }
    });
    let health = bench.judged();
    let spreads = &health.interval;
    assert_eq!((spreads.frames(), spreads.lost), (9, 0));
    assert_eq!((spreads.allocs.min, spreads.allocs.max), (0, 100));
    assert_eq!((spreads.allocs.sum, spreads.releases.sum), (200, 200));
    assert_eq!(spreads.alloc_bytes.max, 100 << 16);
    assert_eq!(spreads.misses.max, 100);
    assert!(spreads.system_bytes.max >= 100 << 16);
    assert!(spreads.system_calls.max >= 100);
    assert_eq!(spreads.in_use_bytes.max, 0);
    assert_eq!(spreads.pooled_bytes.min, 0);
    assert!(spreads.pooled_bytes.max >= 100 << 16);
    assert_eq!(spreads.frame_time_ns.sum, 9_000_000);
    assert_eq!(spreads.period_ns.min, 16_000_000);
    assert_eq!(
        health.metrics.pool_allocs, 0,
        "the latest frame took nothing"
    );
    assert_eq!(bench.judged().interval.frames(), 0);
}

#[test]
fn frame_bytes_are_in_the_spreads() {
    let mut bench = Bench::new(Thresholds::default());
    let frame = bench.pool.begin_frame();
    frame.alloc::<u8>(1000);
    frame.release_all();
    let spread = bench.judged().interval.frame_bytes;
    assert!((1000..2000).contains(&spread.max), "{spread:?}");
}

#[test]
fn worst_frames_are_kept_with_time_and_site() {
    let mut bench = Bench::new(Thresholds::default().warm_up(2, 0));
    bench.frames(5, MS, |_| ());
    bench.frames(1, 15 * MS, |_| ());
    let slow = bench.pool.snapshot();
    let mut site = None;
    bench.frames(1, MS, |pool| {
        site = Some(Location::caller().line());
        drop(pool.alloc::<u8>(3 << 20));
        drop(pool.alloc::<u8>(100));
    });
    let large = bench.pool.snapshot();
    let miss = large.largest_miss.expect("missed");
    assert!(miss.bytes >= 3 << 20);
    bench.frames(2000, MS, |_| ());
    let worst = bench.judged().worst;
    let longest = worst.by_time[0].expect("kept");
    assert_eq!((longest.frame, longest.time), (slow.frame, slow.time));
    assert_eq!((longest.value, longest.ended), (15_000_000, slow.ended));
    for list in [worst.by_system_bytes, worst.by_misses] {
        let most = list[0].expect("kept");
        assert_eq!((most.frame, most.site), (large.frame, miss.site));
        assert_eq!(list[1], None);
    }
    let line = miss.site.expect("recorded").line();
    assert_eq!(Some(line), site.map(|before| before + 1));
    assert_eq!(
        worst.by_system_bytes[0].map(|most| most.value),
        Some(large.system_bytes)
    );
    assert_eq!(worst.by_misses[0].map(|most| most.value), Some(2));
    let text = format!("{:200}", bench.store);
    let lines: Vec<&str> = text.lines().collect();
    let has = |parts: [&str; 3]| {
        lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    };
    let site = miss.site.map(ToString::to_string).unwrap_or_default();
    assert!(has(["frame time", "15.00 ms", " 6 "]), "{text}");
    assert!(has(["bytes from the system", " 7 ", &site]), "{text}");
}

#[test]
fn one_huge_miss_per_frame_warns_with_line() {
    let mut bench = Bench::new(Thresholds::default().warm_up(5, 0));
    let mut line = 0;
    bench.frames(200, 5 * MS, |pool| {
        (0..500).for_each(|_| drop(pool.alloc::<u8>(64)));
        line = line!() + 1;
        drop(pool.alloc::<u8>((1 << 30) + 1));
    });
    let health = bench.judged();
    assert!(health.metrics.miss_ratio < 0.05, "{health}");
    assert!(!active(&health, Rule::Misses));
    assert!(
        health.metrics.system_bytes_per_frame >= f64::from(1 << 30),
        "{health}"
    );
    let mut alerts = health.active.iter();
    let alert = alerts.find(|alert| alert.rule == Rule::MissedBytes);
    let alert = alert.expect("raised");
    assert_eq!(alert.severity, Severity::Warning);
    assert_eq!(alert.site.map(Location::line), Some(line));
    assert!(
        alert.to_string().contains("1.00 GiB each from the system"),
        "{alert}"
    );
}

#[test]
fn many_system_calls_per_frame_raise_a_warning() {
    let mut bench = Bench::new(
        Thresholds::default()
            .warm_up(5, 0)
            .misses(1.0)
            .system_calls(3),
    );
    bench.frames(100, 5 * MS, |pool| {
        (0..2).for_each(|_| drop(pool.alloc::<u8>((1 << 30) + 1)));
    });
    let health = bench.judged();
    // Each is allocated and released.
    assert!(
        (health.metrics.system_calls_per_frame - 4.0).abs() < 0.1,
        "{health}"
    );
    assert!(active(&health, Rule::SystemCalls), "{health}");
    bench.frames(400, 5 * MS, |_| ());
    assert!(!active(&bench.judged(), Rule::SystemCalls));
}

#[test]
fn a_load_of_many_frames_is_no_warning() {
    let mut bench = Bench::new(Thresholds::default().warm_up(5, 0));
    bench.frames(100, 5 * MS, |_| ());
    let mut level = Vec::new();
    bench.frames(40, 5 * MS, |pool| level.push(pool.alloc::<u8>(4 << 20)));
    bench.frames(200, 5 * MS, |_| ());
    let health = bench.judged();
    assert!(!active(&health, Rule::MissedBytes), "{health}");
    assert!(health.metrics.system_bytes_per_frame < 1.0, "{health}");
}

#[test]
fn a_peak_has_its_time() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(3, MS, |_| ());
    bench.frames(1, MS, |pool| drop(pool.alloc::<u8>(1 << 20)));
    let peak = bench.pool.snapshot();
    assert_eq!(peak.peak_at, peak.time);
    bench.frames(10, MS, |_| ());
    bench.clock.forward(SECOND);
    let stats = bench.pool.stats();
    assert_eq!(
        (stats.peak_bytes, stats.peak_at),
        (peak.peak_bytes, peak.time)
    );
    assert_eq!(stats.time.since(peak.time), 160 * MS + SECOND);
}
