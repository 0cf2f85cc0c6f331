//! Target: a monitor with any thresholds and any times. It never panics, and raises an alert only for a value at its level.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use framepool::health::Limits;
use framepool::{
    AlertId, BufferPool, DiagnosticsStore, HealthConfig, HealthMonitor, HealthSnapshot,
    HealthStatus, Rule, Severity, Thresholds, Watch,
};

use crate::bytes::Bytes;

const MAX_STEPS: usize = 40;

/// Judges a pool by the thresholds that `bytes` encode, at the times and after the frames that they encode.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn health(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let thresholds = thresholds(&mut bytes);
    let history = bytes.number() as usize;
    let interval = bytes.duration();
    if bytes.below(16) == 15 {
        watch(&thresholds, history, interval, bytes.duration());
    }
    let monitor = HealthMonitor::new(thresholds.clone()).with_emit_interval(interval);
    let judged = Judged {
        thresholds,
        monitor,
        store: DiagnosticsStore::with_history(history),
        standing: BTreeMap::new(),
    };
    judged.run(&mut bytes);
}

fn thresholds(from: &mut Bytes<'_>) -> Thresholds {
    let mut thresholds = Thresholds::default();
    for _ in 0..from.below(8) {
        let rule = Rule::ALL[from.below(Rule::ALL.len())];
        thresholds = match from.below(16) {
            0 => thresholds.leaked_buffers(from.number(), from.number()),
            1 => thresholds.pooled_bytes(from.number(), from.number()),
            2 => thresholds.pool_keys(from.number() as u32, from.number() as u32),
            3 => thresholds.bloat(from.number(), from.duration()),
            4 => thresholds.misses(from.real()),
            5 => thresholds.warm_up(from.number(), from.number()),
            6 => thresholds.frame_budget(from.duration()),
            7 => thresholds.hold(from.duration()),
            8 => thresholds.off(rule),
            9 => thresholds.overdue_buffers(from.number(), from.number()),
            10 => thresholds.leak_warm_up(from.number(), from.duration()),
            11 => thresholds.leak_fill_time(from.duration()),
            _ => {
                let given = Limits {
                    warning: from.real(),
                    critical: from.real(),
                    clear_ratio: from.real(),
                    raise_after: from.duration(),
                    clear_after: from.duration(),
                };
                let thresholds = thresholds.with_limits(rule, given);
                assert_made_harmless(&given, &thresholds.limits(rule));
                thresholds
            }
        };
    }
    thresholds
}

/// Checks that `with_limits` corrects invalid values as its documentation says.
fn assert_made_harmless(given: &Limits, kept: &Limits) {
    for severity in [Severity::Warning, Severity::Critical] {
        let (given, kept) = (given.level(severity), kept.level(severity));
        if given.is_nan() {
            assert!(kept.is_infinite() && kept > 0.0);
        } else {
            let expected = given.max(0.0);
            assert!((expected..=expected).contains(&kept), "{kept} for {given}");
        }
    }
    assert!((0.0..=1.0).contains(&kept.clear_ratio));
    assert_eq!(kept.raise_after, given.raise_after);
    assert_eq!(kept.clear_after, given.clear_after);
}

/// A watch with these settings starts, sees the frame that ends, and stops at once.
fn watch(thresholds: &Thresholds, history: usize, emit: Duration, poll: Duration) {
    let pool = BufferPool::new();
    let config = HealthConfig::default()
        .thresholds(thresholds.clone())
        .history(history)
        .emit_interval(emit)
        .poll_interval(poll);
    let watch = Watch::start(&pool, config);
    let frames = pool.end_frame().frame;
    assert!(watch.is_running());
    watch.stop();
    assert!(!watch.is_running());
    let latest = watch
        .store()
        .latest()
        .expect("the last snapshot of the watch");
    assert_eq!(latest.metrics.frame, frames);
}

/// A monitor, and the alerts that it must have raised.
struct Judged {
    thresholds: Thresholds,
    monitor: HealthMonitor,
    store: DiagnosticsStore,
    /// The alerts that are active.
    standing: BTreeMap<AlertId, Severity>,
}

impl Judged {
    fn run(mut self, from: &mut Bytes<'_>) {
        let pool = BufferPool::new();
        let begun = Instant::now();
        let mut now = begun;
        let mut held = Vec::new();
        for _ in 0..MAX_STEPS {
            if from.is_empty() {
                break;
            }
            match from.below(8) {
                0 => held.push(pool.alloc::<u8>(usize::from(from.short()))),
                1 => held.truncate(held.len() / 2),
                2 | 3 => {
                    let snapshot = pool.end_frame();
                    self.monitor.record_frame(&snapshot, from.duration());
                }
                4 => self.monitor.record_lost(from.number()),
                5 => {
                    let health = self.monitor.emit_now(&pool);
                    self.check(health);
                }
                6 => {
                    // The clock may jump back, and far ahead.
                    let step = from.duration();
                    now = now.checked_sub(step).unwrap_or(begun);
                }
                _ => {
                    now = now.checked_add(from.duration()).unwrap_or(now);
                    if let Some(health) = self.monitor.emit_at(&pool, now) {
                        self.check(health);
                    }
                }
            }
        }
    }

    /// Checks what holds for every health snapshot with any limits.
    fn check(&mut self, health: HealthSnapshot) {
        let worst = health.active.iter().map(|alert| alert.severity).max();
        assert_eq!(
            health.status,
            worst.map_or(HealthStatus::Healthy, HealthStatus::from)
        );
        for alert in &health.resolved {
            let stood = self.standing.remove(&alert.id);
            assert!(
                stood.is_some(),
                "resolved without having been raised: {alert}"
            );
        }
        for alert in &health.raised {
            let before = self.standing.insert(alert.id, alert.severity);
            assert!(before < Some(alert.severity), "raised twice: {alert}");
            let limits = self.thresholds.limits(alert.rule);
            let level = limits.level(alert.severity);
            let from = matches!(
                alert.rule,
                Rule::Leak | Rule::Overdue | Rule::Refusals | Rule::OpenFrame | Rule::TelemetryLost
            );
            let (value, threshold) = (alert.value, alert.threshold);
            assert!(
                threshold.total_cmp(&level).is_eq(),
                "{threshold} for {limits:?}"
            );
            assert!(
                value > level || (from && value >= level),
                "{value} for {limits:?}"
            );
            assert!(value > 0.0 && value.is_finite(), "{alert}");
            assert!(!alert.to_string().contains('\n'), "{alert}");
        }
        let active: Vec<AlertId> = health.active.iter().map(|alert| alert.id).collect();
        for alert in &health.active {
            // An alert that eased is not raised again.
            let known = self.standing.get_mut(&alert.id).expect("raised before");
            assert!(
                alert.severity <= *known,
                "worse without having been raised: {alert}"
            );
            *known = alert.severity;
        }
        assert_eq!(active.len(), self.standing.len(), "{active:?}");
        let m = &health.metrics;
        for number in [
            m.avg_frame_ms,
            m.worst_frame_ms,
            m.p99_frame_ms,
            m.fps_estimate,
        ] {
            assert!(number.is_finite() && number >= 0.0, "{m:?}");
        }
        assert!(!health.to_string().is_empty());
        let latest = health.clone();
        self.store.receive(health);
        assert_eq!(*self.store.latest().expect("received"), latest);
        assert_eq!(self.store.active_alerts().len(), active.len());
        assert!(!self.store.to_string().is_empty());
    }
}
