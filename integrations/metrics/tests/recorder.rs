//! A recorder gets every metric as described, the numbers of the pool, and every frame once.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use framepool::metrics::{Kind, METRICS, Reading};
use framepool::{BufferPool, DiagnosticsStore, HealthConfig, TagSettings, Watch};
use framepool_metrics::Reporter;
use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

const PATIENCE: Duration = Duration::from_secs(30);

/// Name and labels, sorted.
type Key = (String, BTreeMap<String, String>);

fn key(name: &str, labels: &[(&str, &str)]) -> Key {
    let labels = labels
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    (name.to_owned(), labels.collect())
}

/// The values recorded since the previous call; zero if there is none.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<Key, DebugValue> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    let values = all.map(|(composite, _, _, value)| {
        let (_, metric) = composite.into_parts();
        let labels: Vec<_> = metric.labels().map(|it| (it.key(), it.value())).collect();
        (key(metric.name(), &labels), value)
    });
    values.collect()
}

fn number(value: &DebugValue) -> Option<f64> {
    match value {
        DebugValue::Counter(value) => Some(*value as f64),
        DebugValue::Gauge(value) => Some(value.0),
        DebugValue::Histogram(_) => None,
    }
}

fn pool() -> BufferPool {
    BufferPool::builder()
        .name("render")
        .max_bytes(64 << 20)
        .tag("shadows", TagSettings::default().max_bytes(32 << 20))
        .build()
        .expect("good settings")
}

#[test]
fn numbers_and_frames_are_those_of_the_pool() {
    let (recorder, pool) = (DebuggingRecorder::new(), pool());
    let snapshotter = recorder.snapshotter();
    let reporter = Reporter::default();
    reporter.add(pool.clone(), DiagnosticsStore::new());
    let kept = pool.tag("shadows").alloc::<u8>(4096);
    let frames = |count: usize| {
        for _ in 0..count {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(1000);
            frame.release_all();
        }
        with_local_recorder(&recorder, || reporter.report());
        recorded(&snapshotter)
    };
    let first = frames(10);
    let reading = Reading::now(&pool, None);
    let mut wanted = 0;
    for metric in METRICS {
        metric.read(&reading, &mut |labels, value| {
            let mut labels = labels.to_vec();
            labels.push(("pool", "render"));
            let key = key(metric.name, &labels);
            let found = first.get(&key).and_then(number);
            assert_eq!(found, value, "{key:?}");
            wanted += usize::from(value.is_some());
        });
    }
    let histograms = METRICS
        .iter()
        .filter(|metric| metric.kind == Kind::Histogram);
    assert_eq!(first.len(), wanted + histograms.count(), "nothing else");
    let memory = |found: &BTreeMap<Key, DebugValue>| match &found
        [&key("framepool.frame.memory", &[("pool", "render")])]
    {
        DebugValue::Histogram(values) => values.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((memory(&first), memory(&frames(3))), (10, 3));
    drop(kept);
}

#[test]
fn metrics_are_described_and_fresh_pool_reports_zeros() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let (pool, reporter) = (pool(), Reporter::default());
    reporter.add(pool.clone(), DiagnosticsStore::new());
    // A histogram exists from its first value on.
    pool.end_frame();
    with_local_recorder(&recorder, || reporter.report());
    let found = snapshotter.snapshot().into_vec();
    for metric in METRICS {
        let mut of_metric = found
            .iter()
            .filter(|(composite, ..)| composite.key().name() == metric.name)
            .peekable();
        assert!(of_metric.peek().is_some(), "no {}", metric.name);
        for (_, unit, help, value) in of_metric {
            assert_eq!(help.as_deref(), Some(metric.help));
            let unit = unit.map_or("", |unit| unit.as_str());
            let wanted = match metric.unit {
                "By" => "bytes",
                "s" => "seconds",
                _ => "count",
            };
            assert_eq!(unit, wanted, "{}", metric.name);
            let is_set = ["limit", "telemetry", "frames"]
                .iter()
                .any(|part| metric.name.contains(part));
            assert!(
                is_set || number(value).is_none_or(|value| value.abs() < f64::EPSILON),
                "{}",
                metric.name
            );
        }
    }
}

#[test]
fn removed_pool_is_no_longer_reported() {
    let (recorder, pool) = (DebuggingRecorder::new(), pool());
    let snapshotter = recorder.snapshotter();
    let reporter = Reporter::default();
    reporter.add(pool.clone(), DiagnosticsStore::new());
    let in_use = key(
        "framepool.buffer.count",
        &[("pool", "render"), ("state", "in_use")],
    );
    let reported = || {
        with_local_recorder(&recorder, || reporter.report());
        recorded(&snapshotter).get(&in_use).and_then(number)
    };
    let kept = pool.alloc::<u8>(100);
    assert_eq!(reported(), Some(1.0));
    reporter.remove(pool.id());
    // A snapshot takes the value out of the recorder.
    assert_eq!(reported(), Some(0.0));
    drop(kept);
}

#[test]
fn a_thread_reports_until_the_reporter_is_dropped() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().expect("the first one");
    let pool = pool();
    let watch = Watch::start(&pool, HealthConfig::default());
    let interval = Duration::from_millis(5);
    let reporter = Reporter::start(&watch, interval).expect("a thread");
    let frames = key("framepool.frames", &[("pool", "render")]);
    let began = Instant::now();
    for wanted in 1..=3 {
        pool.end_frame();
        while recorded(&snapshotter).get(&frames).and_then(number) != Some(f64::from(wanted)) {
            assert!(began.elapsed() < PATIENCE, "frame {wanted}");
            thread::sleep(interval);
        }
    }
    drop(reporter);
    let mut quiet = 0;
    while quiet < 20 {
        let is_quiet = recorded(&snapshotter).get(&frames).and_then(number) == Some(0.0);
        quiet = if is_quiet { quiet + 1 } else { 0 };
        assert!(began.elapsed() < PATIENCE, "it goes on");
        thread::sleep(interval);
    }
}
