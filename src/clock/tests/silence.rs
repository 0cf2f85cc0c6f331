//! A program that stops ending frames: health stays current, and idle memory goes back by time.

use super::{Clock, SECOND};
use crate::store::Watcher;
use crate::{
    Buffer, BufferPool, DiagnosticsStore, HealthConfig, HealthSnapshot, HealthStatus, Rule,
    Thresholds,
};
use std::sync::Arc;
use std::time::Duration;

const MIB: u64 = 1 << 20;
const POLL: Duration = Duration::from_millis(20);

/// A watched pool, and the clock.
struct Bench {
    clock: Clock,
    pool: BufferPool,
    store: DiagnosticsStore,
    watcher: Watcher,
}

impl Bench {
    fn new(thresholds: Thresholds) -> Self {
        let clock = Clock::new();
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
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

    /// Ends frames at 50 a second, each followed by a look.
    fn frames(&mut self, count: u64) {
        for _ in 0..count {
            self.clock.forward(POLL);
            self.pool.begin_frame().release_all();
            self.watcher.look();
        }
    }

    /// Lets time pass without frame ends.
    fn silence(&mut self, time: Duration) -> Arc<HealthSnapshot> {
        for _ in 0..time.as_nanos() / POLL.as_nanos() {
            self.clock.forward(POLL);
            self.watcher.look();
        }
        self.store.latest().expect("judged")
    }

    fn alloc(&self, mebibytes: u64) -> Vec<Buffer<u8>> {
        (0..mebibytes)
            .map(|_| self.pool.alloc::<u8>(MIB as usize))
            .collect()
    }
}

fn active(health: &HealthSnapshot) -> Vec<Rule> {
    health.active.iter().map(|alert| alert.rule).collect()
}

#[test]
fn memory_is_of_now_without_frame_ends() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(60);
    let kept = bench.alloc(200);
    let health = bench.silence(SECOND);
    let metrics = &health.metrics;
    assert_eq!(metrics.in_use_bytes, 200 * MIB, "{health}");
    assert_eq!(metrics.outstanding_bytes, 200 * MIB);
    assert_eq!(
        metrics.pooled_bytes,
        metrics.in_use_bytes + metrics.idle_bytes
    );
    assert_eq!(health.status, HealthStatus::Critical, "{health}");
    assert!(active(&health).contains(&Rule::PooledBytes));
    // The frame's own numbers stay those of the frame, with its time.
    assert_eq!(metrics.frame.get(), 60);
    assert!(metrics.read_at.since(metrics.frame_ended_at) >= 3 * SECOND / 4);
    assert_eq!(metrics.read_at, health.time);
    drop(kept);
    let health = bench.silence(SECOND);
    assert_eq!(health.metrics.in_use_bytes, 0);
}

#[test]
fn idle_memory_goes_by_time_without_frame_ends() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(60);
    drop(bench.alloc(200));
    assert_eq!(bench.silence(3 * SECOND).metrics.idle_bytes, 200 * MIB);
    let health = bench.silence(3 * SECOND);
    assert!(health.metrics.idle_bytes <= 2 * MIB, "{health}");
    assert_eq!(bench.pool.stats().idle_bytes, health.metrics.idle_bytes);
}

#[test]
fn idle_memory_is_trimmed_however_seldom_watch_polls() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(60);
    drop(bench.alloc(200));
    for _ in 0..9 {
        bench.clock.forward(SECOND);
        bench.watcher.look();
    }
    assert!(bench.pool.stats().idle_bytes <= 2 * MIB);
}

#[test]
fn frame_blocks_go_by_time_without_frame_ends() {
    let mut bench = Bench::new(Thresholds::default());
    let frame = bench.pool.begin_frame();
    for _ in 0..50 {
        frame.alloc::<u8>(MIB as usize);
    }
    frame.release_all();
    assert!(bench.pool.stats().idle_bytes >= 50 * MIB);
    bench.silence(6 * SECOND);
    assert!(bench.pool.stats().idle_bytes <= 2 * MIB);
}

#[test]
fn trimming_leaves_memory_in_use_alone() {
    let mut bench = Bench::new(Thresholds::default());
    bench.frames(60);
    let mut kept = bench.alloc(50);
    for buffer in &mut kept {
        buffer.fill(7);
    }
    drop(bench.alloc(50));
    bench.silence(10 * SECOND);
    let stats = bench.pool.stats();
    assert_eq!(stats.in_use_bytes, 50 * MIB);
    assert!(stats.idle_bytes <= 27 * MIB, "{stats:?}");
    assert!(
        kept.iter()
            .all(|buffer| buffer.iter().all(|&byte| byte == 7))
    );
}

#[test]
fn silence_is_an_alert_that_ends_with_it() {
    let mut bench = Bench::new(Thresholds::default());
    assert!(
        active(&bench.silence(5 * SECOND)).is_empty(),
        "no frame yet"
    );
    bench.frames(60);
    assert!(active(&bench.silence(SECOND / 2)).is_empty());
    let health = bench.silence(SECOND);
    assert_eq!(active(&health), [Rule::Stalled], "{health}");
    assert!(health.metrics.since_frame_end_ms >= 1000.0);
    assert!(health.metrics.fps_estimate < 45.0, "{health}");
    let health = bench.silence(5 * SECOND);
    assert!(health.metrics.fps_estimate.abs() < f64::EPSILON, "{health}");
    let text = health.to_string();
    assert!(text.contains("no frame end for 6."), "{text}");
    assert!(
        text.contains("0.0 frames/s") && text.contains("none ended in the last"),
        "{text}"
    );
    bench.frames(30);
    let health = bench.store.latest().expect("judged");
    assert!(active(&health).is_empty(), "{health}");
    assert!(health.metrics.since_frame_end_ms < 1000.0);
}

#[test]
fn slow_frames_are_no_silence() {
    let mut bench = Bench::new(Thresholds::default());
    for _ in 0..10 {
        let health = bench.silence(3 * SECOND);
        assert!(active(&health).is_empty(), "{health}");
        bench.pool.begin_frame().release_all();
    }
    let health = bench.silence(13 * SECOND);
    assert_eq!(active(&health), [Rule::Stalled], "{health}");
}

#[test]
fn the_silence_that_alarms_can_be_set() {
    let thresholds = Thresholds::default().stalled(10 * SECOND);
    let mut bench = Bench::new(thresholds);
    bench.frames(10);
    assert!(active(&bench.silence(9 * SECOND)).is_empty());
    assert_eq!(active(&bench.silence(2 * SECOND)), [Rule::Stalled]);
}
