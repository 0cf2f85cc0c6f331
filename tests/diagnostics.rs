//! A watched pool: the background thread, its store, and how it stops.

use std::thread;
use std::time::{Duration, Instant};

use framepool::health::AlertState;
use framepool::{
    BufferPool, DiagnosticsStore, HealthConfig, HealthStatus, Rule, Thresholds, Watch,
};

const LONG: Duration = Duration::from_secs(1000);

/// Waits for the background thread, far longer than it should take.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn config() -> HealthConfig {
    HealthConfig::default()
        .emit_interval(Duration::from_millis(5))
        .poll_interval(Duration::from_millis(1))
}

#[test]
fn a_watch_names_its_pool_and_limits() {
    let pool = BufferPool::new();
    let thresholds = Thresholds::default().leaked_buffers(3, 30);
    let watch = Watch::start(&pool, config().thresholds(thresholds.clone()));
    assert_eq!(watch.pool().id(), pool.id());
    assert_eq!(watch.thresholds(), &thresholds);
}

#[test]
fn watch_raises_and_resolves_an_overdue_alert() {
    let pool = BufferPool::builder()
        .name("watched")
        .leak_after_frames(2)
        .expect_release_within(2)
        .build()
        .unwrap();
    let watch = Watch::start(&pool, config());
    let store = watch.store().clone();
    eventually("a first health snapshot", || store.latest().is_some());
    assert_eq!(store.status(), HealthStatus::Healthy);

    let leaked = pool.alloc::<u8>(100);
    for _ in 0..5 {
        pool.end_frame();
    }
    eventually("the alert", || store.status() == HealthStatus::Warning);
    let alerts = store.active_alerts();
    assert_eq!((alerts.len(), alerts[0].rule), (1, Rule::Overdue));
    assert_eq!(alerts[0].pool, "watched");

    drop(leaked);
    eventually("the end of the alert", || store.active_alerts().is_empty());
    assert_eq!(store.status(), HealthStatus::Healthy);
    let log = store.alert_log();
    assert_eq!((log.len(), log[0].count), (1, 1));
    assert_eq!(log[0].state, AlertState::Resolved);
    assert!(store.to_string().contains("resolved"), "{store}");
}

#[test]
fn stop_judges_final_frames_without_awaiting_the_poll() {
    let pool = BufferPool::new();
    let config = HealthConfig::default()
        .poll_interval(LONG)
        .emit_interval(LONG);
    let watch = Watch::start(&pool, config);
    let store = watch.store().clone();
    eventually("a first health snapshot", || store.latest().is_some());
    for _ in 0..100 {
        pool.end_frame();
    }
    let asked = Instant::now();
    assert!(watch.is_running());
    watch.stop();
    assert!(asked.elapsed() < Duration::from_secs(20));
    assert!(!watch.is_running());
    let latest = store.latest().unwrap();
    assert_eq!(latest.metrics.frame.get(), 100);
    assert_eq!(latest.metrics.frames_measured, 100);
    assert_eq!(latest.metrics.lost_records, 0);

    let kept = store.history().len();
    watch.stop();
    drop(watch);
    assert_eq!(store.history().len(), kept);
}

#[test]
fn a_watch_dropped_at_once_stops_cleanly() {
    let pool = BufferPool::new();
    for _ in 0..50 {
        let config = HealthConfig::default().poll_interval(LONG);
        let watch = Watch::start(&pool, config);
        let store = watch.store().clone();
        pool.end_frame();
        drop(watch);
        assert!(store.latest().is_some());
    }
}

#[test]
fn records_overwritten_unread_raise_an_alert() {
    let pool = BufferPool::builder().history_frames(8).build().unwrap();
    let config = HealthConfig::default()
        .poll_interval(LONG)
        .emit_interval(LONG);
    let watch = Watch::start(&pool, config);
    let store = watch.store().clone();
    eventually("a first health snapshot", || store.latest().is_some());
    for _ in 0..1000 {
        pool.end_frame();
    }
    watch.stop();
    let latest = store.latest().unwrap();
    let alert = latest
        .raised
        .iter()
        .find(|alert| alert.rule == Rule::TelemetryLost)
        .unwrap();
    assert_eq!(latest.metrics.frame.get(), 1000);
    let read = u64::from(latest.metrics.frames_measured);
    assert_eq!(latest.metrics.lost_records + read, 1000, "{latest}");
    assert!((alert.value - latest.metrics.lost_records as f64).abs() < f64::EPSILON);
}

#[test]
fn a_lost_record_is_counted_once() {
    let pool = BufferPool::builder().history_frames(8).build().unwrap();
    let watch = Watch::start(&pool, config());
    let latest = || watch.store().latest();
    eventually("a loss", || {
        for _ in 0..1000 {
            pool.end_frame();
        }
        latest().is_some_and(|latest| latest.metrics.lost_records > 0)
    });
    let frames = pool.snapshot().frame;
    eventually("the last frame to be judged", || {
        latest().unwrap().metrics.frame == frames
    });
    let then = latest().unwrap();
    eventually("more judgements", || {
        latest().unwrap().at > then.at + Duration::from_millis(50)
    });
    let now = latest().unwrap();
    assert_eq!(now.metrics.lost_records, then.metrics.lost_records);
    assert!(now.metrics.lost_records <= frames.get());
}

#[test]
fn watch_feeds_given_store_and_obeys_its_thresholds() {
    let pool = BufferPool::builder()
        .expect_release_within(1)
        .build()
        .unwrap();
    let store = DiagnosticsStore::with_history(4);
    let thresholds = Thresholds::default().overdue_buffers(3, 4);
    let config = config().thresholds(thresholds).store(store.clone());
    let watch = Watch::try_start(&pool, config).unwrap();
    let mut leaked = Vec::new();
    for (buffers, status) in [
        (2, HealthStatus::Healthy),
        (3, HealthStatus::Warning),
        (4, HealthStatus::Critical),
    ] {
        leaked.resize_with(buffers, || pool.alloc::<u8>(64));
        for _ in 0..3 {
            pool.end_frame();
        }
        let frame = pool.snapshot().frame;
        eventually("the frame to be judged", || {
            store
                .latest()
                .is_some_and(|latest| latest.metrics.frame >= frame)
        });
        eventually("the status", || store.status() == status);
    }
    drop(watch);
    assert_eq!(store.history().len(), 4);
}

#[test]
fn report_lists_what_fills_frame_memory() {
    let pool = BufferPool::builder().sample_frames(1).build().unwrap();
    let watch = Watch::start(&pool, config());
    for _ in 0..4 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(8 << 10);
        frame.alloc::<u8>(64);
        frame.release_all();
    }
    watch.stop();
    let latest = watch.store().latest().unwrap();
    let sites: Vec<_> = latest.frame_sites.iter().collect();
    assert_eq!(sites.len(), 2);
    let sampling = latest.frame_sampling;
    assert_eq!(sampling.per_frame(sites[0].counts.requested_bytes), 8 << 10);
    let report = watch.store().to_string();
    let head = "sampled frames, 1 in 1: 2 buffers and 8.12 KiB a frame";
    assert!(report.contains(head), "{report}");
    let line = sites[0].location.to_string();
    assert!(report.contains(&line), "{report}");
}

#[test]
fn the_store_outlives_watch_and_pool() {
    let pool = BufferPool::new();
    let watch = Watch::start(&pool, config());
    let store = watch.store().clone();
    pool.end_frame();
    drop(pool);
    drop(watch);
    assert_eq!(store.latest().unwrap().metrics.frame.get(), 1);
}
