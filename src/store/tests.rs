//! The contents of the store after receipts.

use std::thread;
use std::time::{Duration, Instant};

use super::diagnostics::DiagnosticsStore;
use super::past::event::EventKind;
use crate::health::{
    AlertId, AlertState, HealthMonitor, HealthSnapshot, HealthStatus, PoolName, Rule, Severity,
    Thresholds,
};
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::snapshot::FrameSnapshot;

/// Judges pools of given sizes, a second apart.
struct Bench {
    monitor: HealthMonitor,
    now: Instant,
    pool: PoolName,
}

impl Bench {
    fn new(pool: &'static str) -> Self {
        Self::of(1, pool)
    }

    fn of(id: u64, pool: &'static str) -> Self {
        let thresholds = Thresholds::default().hold(Duration::ZERO);
        Self {
            monitor: HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO),
            now: Instant::now(),
            pool: PoolName::new(PoolId(id), pool),
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
        self.monitor.judge(
            &self.pool,
            &frame,
            &(&frame).into(),
            &Outstanding::default(),
        )
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
fn active_alerts_have_their_current_severity() {
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
    assert_eq!(log, [(5, AlertState::Resolved, Severity::Warning),]);
}

#[test]
fn alert_raised_and_resolved_is_one_log_entry() {
    let store = DiagnosticsStore::with_history(1);
    let mut bench = Bench::new("render");
    for frame in 1..=300 {
        store.receive(bench.pooled(frame, if frame % 40 == 1 { 60 } else { 1 }));
    }
    let log = store.alert_log();
    assert_eq!(log.len(), 1);
    let entry = &log[0];
    assert_eq!((entry.count, entry.first_frame.get()), (8, 1));
    assert_eq!(
        (entry.state, entry.raised_frame.get()),
        (AlertState::Resolved, 281)
    );
    assert!(entry.to_string().contains("it came 8 times"), "{entry}");
}

#[test]
fn active_log_entry_shows_the_current_alert() {
    let store = DiagnosticsStore::new();
    let mut bench = Bench::new("render");
    for (frame, megabytes) in [(1, 60), (2, 70), (3, 80)] {
        store.receive(bench.pooled(frame, megabytes));
    }
    let log = store.alert_log();
    assert_eq!((log.len(), log[0].frame.get(), log[0].value), (1, 3, 80e6));
}

/// A health snapshot of these alerts at the very end of a rule's hold times.
fn alerts(
    store: &DiagnosticsStore,
    pool: &PoolName,
    template: &HealthSnapshot,
    rules: &[(Rule, u64, AlertState)],
) {
    let mut health = template.clone();
    health.pool_id = pool.id();
    for &(rule, id, state) in rules {
        let mut alert = template.raised[0].clone();
        alert.rule = rule;
        alert.state = state;
        alert.id = AlertId::from_number(id);
        match state {
            AlertState::Raised => health.raised.push(alert),
            AlertState::Resolved => health.resolved.push(alert),
        }
    }
    health.raised.remove(0);
    store.receive(health);
}

#[test]
fn noisy_rule_evicts_only_its_own_resolved_entries() {
    let store = DiagnosticsStore::with_history(1);
    let mut bench = Bench::new("render");
    let template = bench.pooled(1, 60);
    let pool = PoolName::new(PoolId(1), "render");
    let receive = |rules: &[_]| alerts(&store, &pool, &template, rules);
    receive(&[
        (Rule::Leak, 1, AlertState::Raised),
        (Rule::Bloat, 2, AlertState::Raised),
    ]);
    receive(&[(Rule::Bloat, 2, AlertState::Resolved)]);
    for id in 100..400 {
        receive(&[(Rule::Leak, id, AlertState::Raised)]);
        receive(&[(Rule::Leak, id, AlertState::Resolved)]);
    }
    let ids: Vec<u64> = store
        .alert_log()
        .iter()
        .map(|alert| alert.id.get())
        .collect();
    assert_eq!(ids.len(), 65);
    // The leak that is still active, and the other rule's alert, which resolved long ago.
    assert_eq!(ids[..3], [1, 2, 337]);
    assert_eq!(ids.last(), Some(&399));
}

#[test]
fn alerts_push_out_no_mark() {
    let store = DiagnosticsStore::with_history(1);
    let mut bench = Bench::new("render");
    let template = bench.pooled(1, 60);
    let pool = PoolName::new(PoolId(1), "render");
    store.mark("begin");
    for id in 0..300 {
        for state in [AlertState::Raised, AlertState::Resolved] {
            alerts(&store, &pool, &template, &[(Rule::Leak, id, state)]);
        }
    }
    store.mark("end");
    let events = store.events();
    let marks = events.iter().filter(|it| it.kind == EventKind::Mark);
    let texts: Vec<&str> = marks.map(|it| &*it.text).collect();
    assert_eq!(texts, ["begin", "end"]);
    assert_eq!(events.len(), 512 + 2);
    assert!(events.is_sorted_by_key(|it| it.time));
}

#[test]
fn pools_are_distinguished_by_number_not_name() {
    let store = DiagnosticsStore::new();
    let (mut one, mut two) = (Bench::of(1, "same"), Bench::of(2, "same"));
    for frame in 1..=29 {
        store.receive(one.pooled(frame, 110));
        assert_eq!(store.status(), HealthStatus::Critical);
        store.receive(two.pooled(frame, 10));
        assert_eq!(store.status(), HealthStatus::Critical);
        assert_eq!(store.latest().unwrap().pool_id, PoolId(1));
    }
    assert_eq!(store.pools(), [PoolId(1), PoolId(2)]);
    for (pool, status) in [(1, HealthStatus::Critical), (2, HealthStatus::Healthy)] {
        let pool = PoolId(pool);
        assert_eq!(store.status_of(pool), Some(status));
        let history = store.history_of(pool);
        assert_eq!(history.len(), 29);
        assert!(
            history
                .iter()
                .all(|health| health.pool_id == pool && health.status == status)
        );
        assert_eq!(store.latest_of(pool).unwrap().metrics.frame.get(), 29);
    }
    assert_eq!(
        (store.active_alerts().len(), store.alert_log().len()),
        (1, 1)
    );
    store.receive(two.pooled(30, 110));
    let ids: Vec<_> = store.active_alerts().iter().map(|alert| alert.id).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(
        store.latest().unwrap().pool_id,
        PoolId(2),
        "the one made last"
    );
    store.forget(PoolId(1));
    store.receive(two.pooled(31, 10));
    assert_eq!(
        (store.status(), store.pools()),
        (HealthStatus::Healthy, vec![PoolId(2)])
    );
    assert!(store.latest_of(PoolId(1)).is_none() && store.history_of(PoolId(1)).is_empty());
}

#[test]
fn the_pool_heard_of_least_lately_makes_room() {
    let store = DiagnosticsStore::with_history(1);
    let mut first = Bench::of(1, "first");
    for id in 1..=64 {
        store.receive(Bench::of(id, "pool").pooled(1, 1));
    }
    store.receive(first.pooled(2, 1));
    store.receive(Bench::of(65, "new").pooled(1, 1));
    let pools = store.pools();
    assert_eq!(pools.len(), 64);
    assert!(
        pools.contains(&PoolId(1)) && pools.contains(&PoolId(65)) && !pools.contains(&PoolId(2))
    );
}

#[test]
fn pools_of_different_names_keep_their_alerts_apart() {
    let store = DiagnosticsStore::new();
    let (mut render, mut audio) = (Bench::of(1, "render"), Bench::of(2, "audio"));
    store.receive(render.pooled(1, 110));
    store.receive(audio.pooled(1, 1));
    assert_eq!(store.status(), HealthStatus::Critical);
    assert_eq!(store.active_alerts()[0].pool, "render");
    store.receive(audio.pooled(2, 60));
    assert_eq!(store.active_alerts().len(), 2);
    store.receive(render.pooled(2, 1));
    assert_eq!(store.status(), HealthStatus::Warning);
    assert_eq!(store.active_alerts()[0].pool, "audio");
    // The worst comes first, although it is the youngest.
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
fn reader_sees_whole_states_in_order() {
    const SNAPSHOTS: u64 = if cfg!(miri) { 40 } else { 2000 };
    let store = DiagnosticsStore::with_history(8);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < SNAPSHOTS {
                    let status = store.status();
                    let kept = store.kept();
                    let Some(pool) = kept.pools.first() else {
                        assert_eq!(status, HealthStatus::Healthy);
                        continue;
                    };
                    let latest = pool.latest();
                    assert!(latest.metrics.frame.get() >= last);
                    last = latest.metrics.frame.get();
                    let frames: Vec<u64> = pool
                        .history()
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
fn report_shows_status_courses_active_and_resolved_alerts() {
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
        "last 1.0 s, 2 readings",
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
