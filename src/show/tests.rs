//! What the store keeps and shows of what it receives.

use std::thread;
use std::time::{Duration, Instant};

use super::DiagnosticsStore;
use crate::fold::{FrameEnd, FrameSnapshot, Outstanding};
use crate::health::{
    AlertState, HealthMonitor, HealthSnapshot, HealthStatus, Severity, Thresholds,
};

/// Judges pools of given sizes, a second apart.
struct Bench {
    monitor: HealthMonitor,
    now: Instant,
    pool: &'static str,
}

impl Bench {
    fn new(pool: &'static str) -> Self {
        let thresholds = Thresholds::default().hold(Duration::ZERO);
        Self {
            monitor: HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO),
            now: Instant::now(),
            pool,
        }
    }

    fn pooled(&mut self, frame: u64, megabytes: u64) -> HealthSnapshot {
        self.now += Duration::from_secs(1);
        assert!(self.monitor.is_due_at(self.now));
        let bytes = megabytes * 1_000_000;
        let frame = FrameSnapshot {
            frame: FrameEnd(frame),
            pooled_bytes: bytes,
            in_use_bytes: bytes,
            ..FrameSnapshot::default()
        };
        self.monitor
            .judge(self.pool, &frame, &(&frame).into(), &Outstanding::default())
    }
}

#[test]
fn an_empty_store_says_so() {
    let store = DiagnosticsStore::new();
    assert!(store.latest().is_none());
    assert!(
        store.history().is_empty()
            && store.active_alerts().is_empty()
            && store.alert_log().is_empty()
    );
    assert_eq!(store.status(), HealthStatus::Healthy);
    assert_eq!(store.to_string(), "nothing received yet");
}

#[test]
fn the_history_keeps_the_latest() {
    let mut bench = Bench::new("render");
    for (most, kept) in [(3, 3), (1, 1), (0, 1)] {
        let store = DiagnosticsStore::with_history(most);
        for frame in 1..=5 {
            store.receive(bench.pooled(frame, 1));
            assert_eq!(store.latest().unwrap().metrics.frame.get(), frame);
        }
        let frames: Vec<u64> = store
            .history()
            .iter()
            .map(|h| h.metrics.frame.get())
            .collect();
        assert_eq!(frames, [3, 4, 5][3 - kept..]);
    }
}

#[test]
fn active_alerts_are_as_bad_as_they_are_now_and_the_log_has_every_event() {
    let store = DiagnosticsStore::new();
    let same = store.clone();
    let mut bench = Bench::new("render");
    let severity =
        |store: &DiagnosticsStore| store.active_alerts().iter().map(|a| a.severity).max();
    for (frame, megabytes, expected) in [
        (1, 10, None),
        (2, 60, Some(Severity::Warning)),
        (3, 110, Some(Severity::Critical)),
        (4, 60, Some(Severity::Warning)),
        (5, 10, None),
    ] {
        store.receive(bench.pooled(frame, megabytes));
        assert_eq!(severity(&same), expected);
        assert_eq!(
            same.status(),
            expected.map_or(HealthStatus::Healthy, Into::into)
        );
        assert!(same.active_alerts().len() <= 1);
    }
    let log: Vec<_> = same
        .alert_log()
        .iter()
        .map(|a| (a.frame.get(), a.state, a.severity))
        .collect();
    assert_eq!(
        log,
        [
            (2, AlertState::Raised, Severity::Warning),
            (3, AlertState::Raised, Severity::Critical),
            (5, AlertState::Resolved, Severity::Warning),
        ]
    );
}

#[test]
fn the_log_is_bounded() {
    let store = DiagnosticsStore::with_history(1);
    let mut bench = Bench::new("render");
    for frame in 0..300 {
        store.receive(bench.pooled(frame, if frame % 2 == 0 { 60 } else { 1 }));
    }
    let log = store.alert_log();
    assert_eq!(log.len(), 256);
    assert_eq!((log[0].frame.get(), log[255].frame.get()), (44, 299));
}

#[test]
fn pools_of_different_names_keep_their_alerts_apart() {
    let store = DiagnosticsStore::new();
    let (mut render, mut audio) = (Bench::new("render"), Bench::new("audio"));
    store.receive(render.pooled(1, 110));
    store.receive(audio.pooled(1, 1));
    assert_eq!(store.status(), HealthStatus::Critical);
    assert_eq!(store.active_alerts()[0].pool, "render");
    store.receive(audio.pooled(2, 60));
    assert_eq!(store.active_alerts().len(), 2);
    store.receive(render.pooled(2, 1));
    assert_eq!(store.status(), HealthStatus::Warning);
    assert_eq!(store.active_alerts()[0].pool, "audio");
    // Told with the worst first, though it is the youngest.
    store.receive(render.pooled(3, 110));
    let text = store.to_string();
    let alerts: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with("pooled_bytes"))
        .collect();
    assert!(
        alerts[0].contains("critical") && alerts[1].contains("warning"),
        "{text}"
    );
}

#[test]
fn what_a_reader_sees_is_whole_and_never_goes_back() {
    const SNAPSHOTS: u64 = if cfg!(miri) { 40 } else { 2000 };
    let store = DiagnosticsStore::with_history(8);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < SNAPSHOTS {
                    let status = store.status();
                    let kept = store.kept();
                    let Some(latest) = kept.history.latest() else {
                        assert_eq!(status, HealthStatus::Healthy);
                        continue;
                    };
                    assert!(latest.metrics.frame.get() >= last);
                    last = latest.metrics.frame.get();
                    assert_eq!(kept.active, latest.active);
                    let frames: Vec<u64> = kept
                        .history
                        .to_vec()
                        .iter()
                        .map(|h| h.metrics.frame.get())
                        .collect();
                    assert!(frames.is_sorted_by(|a, b| a + 1 == *b), "{frames:?}");
                }
            });
        }
        let mut bench = Bench::new("render");
        for frame in 1..=SNAPSHOTS {
            store.receive(bench.pooled(frame, if frame % 3 == 0 { 60 } else { 1 }));
        }
    });
}

#[test]
fn the_report_shows_status_courses_alerts_and_what_is_over() {
    let store = DiagnosticsStore::new();
    let mut bench = Bench::new("render");
    let report = |store: &DiagnosticsStore| store.to_string();
    store.receive(bench.pooled(1, 10));
    assert!(
        report(&store).starts_with("pool `render`: healthy, frame 1"),
        "{}",
        report(&store)
    );
    assert!(
        report(&store).ends_with("no alert is active"),
        "{}",
        report(&store)
    );
    store.receive(bench.pooled(2, 110));
    let text = report(&store);
    for expected in [
        "critical, frame 2",
        "pooled_bytes",
        "105 MiB",
        "active alert",
        "▁█",
    ] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
    store.receive(bench.pooled(3, 10));
    let text = report(&store);
    assert!(
        text.contains("\nresolved ") && text.contains("no alert is active"),
        "{text}"
    );
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
}
