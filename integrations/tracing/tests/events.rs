//! A real subscriber gets each alert once when it is raised, and once when it is resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use framepool::{BufferPool, HealthConfig, HealthMonitor, Rule, Thresholds, Watch};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const PATIENCE: Duration = Duration::from_secs(30);

/// An event as a subscriber sees it.
#[derive(Debug)]
struct Seen {
    level: Level,
    target: String,
    thread: String,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// Sends every event.
struct Forward(Sender<Seen>);

impl<S: Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen {
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            thread: thread::current().name().unwrap_or_default().to_owned(),
            fields: BTreeMap::new(),
        };
        event.record(&mut seen);
        // The test may be over.
        let _ = self.0.send(seen);
    }
}

/// One test at a time, because `tracing` caches its subscribers globally.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn each_alert_emits_one_raised_one_resolved_event() {
    let _turn = turn();
    let (sender, events) = channel();
    let subscriber = tracing_subscriber::registry().with(Forward(sender));
    tracing::subscriber::set_global_default(subscriber).expect("the first one");
    let pool = BufferPool::builder()
        .name("render")
        .build()
        .expect("good settings");
    let thresholds = Thresholds::default()
        .pooled_bytes(1 << 20, 1 << 40)
        .hold(Duration::ZERO);
    let config = HealthConfig::default()
        .thresholds(thresholds)
        .emit_interval(Duration::from_millis(1))
        .poll_interval(Duration::from_millis(1));
    let watch = Watch::start(&pool, config);
    framepool_tracing::forward(watch.store()).expect("a thread");

    let large = pool.alloc::<u8>(4 << 20);
    let raised = events.recv_timeout(PATIENCE).expect("raised");
    // It stays raised for a few judgements without further events.
    let judged = watch.store().history().len();
    while watch.store().history().len() < judged + 5 {
        thread::sleep(Duration::from_millis(1));
    }
    drop(large);
    pool.trim();
    let resolved = events.recv_timeout(PATIENCE).expect("resolved");
    watch.stop();
    let more = events.recv_timeout(Duration::from_millis(300));
    assert!(more.is_err(), "{more:?}");

    let states = [
        (&raised, "raised", Level::WARN),
        (&resolved, "resolved", Level::INFO),
    ];
    for (seen, state, level) in states {
        let field = |name: &str| seen.fields.get(name).map(String::as_str);
        assert_eq!((field("state"), seen.level), (Some(state), level));
        assert_eq!(field("message"), Some("framepool alert"));
        assert_eq!(field("rule"), Some(Rule::PooledBytes.name()));
        assert_eq!(field("severity"), Some("warning"));
        assert_eq!(field("pool"), Some("render"));
        assert_eq!(field("threshold"), Some("1048576.0"));
        assert_eq!(
            field("alert"),
            raised.fields.get("alert").map(String::as_str)
        );
        assert!(
            field("frame").is_some() && field("value").is_some() && field("description").is_some()
        );
        for absent in ["tag", "site", "escalated_from"] {
            assert_eq!(field(absent), None, "{absent}");
        }
        assert_eq!(
            (&*seen.target, &*seen.thread),
            ("framepool::alert", "framepool-alerts")
        );
    }
}

#[test]
fn tag_site_and_escalation_are_fields() {
    let _turn = turn();
    let (sender, events) = channel();
    let subscriber = tracing_subscriber::registry().with(Forward(sender));
    let pool = BufferPool::new();
    let kept = pool.alloc::<u8>(5_000);
    pool.end_frame();
    let thresholds = Thresholds::default()
        .pooled_bytes(1, 1)
        .hold(Duration::ZERO);
    let health = HealthMonitor::new(thresholds).emit_now(&pool);
    let mut alert = health.raised[0].clone();
    alert.escalated_from = Some(framepool::Severity::Warning);
    alert.tag = "shadows".to_owned();
    alert.site = Some(std::panic::Location::caller());
    tracing::subscriber::with_default(subscriber, || framepool_tracing::emit(&alert));
    let seen = events.try_recv().expect("an event");
    assert_eq!(seen.level, Level::ERROR);
    let field = |name: &str| seen.fields.get(name).map(String::as_str);
    assert_eq!(field("escalated_from"), Some("warning"));
    assert_eq!(field("tag"), Some("shadows"));
    assert!(field("site").is_some_and(|site| site.contains("events.rs:")));
    drop(kept);
}
