//! A real receiver accepts the pushed data, and an independent decoder reads the pool's numbers from it.
//!
//! Needs Python with `rotel` and `opentelemetry-proto`; `cargo xtask ci setup` installs them into the target directory.

#[expect(dead_code, reason = "its main function is not called here")]
#[path = "../examples/otlp.rs"]
mod example;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use framepool::metrics::{Kind, METRICS};
use framepool::{BufferPool, HealthConfig, TagSettings, Watch};
use framepool_opentelemetry::PoolInstruments;
use framepool_prometheus::{Exposition, Format, PoolCollector};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// Name, labels, value: as a line of Prometheus' text has them.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The receiver and its output.
struct Otlp {
    process: Child,
    lines: Receiver<String>,
    endpoint: String,
}

impl Otlp {
    fn start() -> Self {
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python");
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/receiver.py"))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`python3`: {error}; Debian: apt-get install python3"));
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The test may be over.
                let _ = sender.send(line);
            }
        });
        let endpoint = lines
            .recv_timeout(PATIENCE)
            .expect("rotel and opentelemetry-proto; `cargo xtask ci setup` installs them");
        Self {
            process,
            lines,
            endpoint,
        }
    }

    fn provider(&self) -> SdkMeterProvider {
        // It pushes only on request.
        let interval = Duration::from_hours(1);
        example::provider(&self.endpoint, interval).expect("a provider")
    }

    /// The metrics of the next export.
    fn next(&self) -> Vec<Value> {
        let line = self.lines.recv_timeout(PATIENCE).expect("an export");
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// The current export.
    fn flush(&self, provider: &SdkMeterProvider) -> Vec<Value> {
        provider.force_flush().expect("a receiver");
        self.next()
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        // The script ends with its input, and stops rotel before.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn points(metric: &Value) -> &[Value] {
    metric["points"].as_array().expect("points")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect(key)
}

/// An export translated to Prometheus, by the rules of OpenTelemetry's specification.
fn translated(metrics: &[Value]) -> Samples {
    let mut samples = Samples::new();
    for metric in metrics {
        let unit = match text(metric, "unit") {
            "By" => "_bytes",
            "s" => "_seconds",
            unit => {
                assert!(unit.starts_with('{'), "{metric}");
                ""
            }
        };
        let total = if metric["kind"] == "counter" {
            "_total"
        } else {
            ""
        };
        let name = text(metric, "name").replace('.', "_") + unit + total;
        for point in points(metric) {
            let attributes = point["attributes"].as_object().expect("attributes");
            let labels = attributes.iter().map(|(name, value)| {
                let short = match name.as_str() {
                    "framepool.pool.name" => "pool",
                    name => name.rsplit('.').next().expect("a part"),
                };
                (short.to_owned(), value.as_str().expect("text").to_owned())
            });
            let labels: BTreeMap<_, _> = labels.collect();
            for (end, field) in [("", "value"), ("_count", "count"), ("_sum", "sum")] {
                if let Some(value) = point[field].as_f64() {
                    let before = samples.insert((format!("{name}{end}"), labels.clone()), value);
                    assert_eq!(before, None, "{name} {labels:?} is there twice");
                }
            }
        }
    }
    samples
}

/// The samples of Prometheus' text, without buckets.
fn scraped(text: &str) -> Samples {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.filter(|line| !line.contains("_bucket{"));
    let samples = samples.map(|line| {
        let (name, rest) = line.split_once('{').expect("labels");
        let (labels, value) = rest.split_once("} ").expect("a value");
        let labels = labels.split(',').map(|label| {
            let (name, value) = label.split_once('=').expect("a label");
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        let value = value.parse().expect("a number");
        ((name.to_owned(), labels.collect()), value)
    });
    samples.collect()
}

fn watched(name: &str) -> (BufferPool, Watch) {
    let pool = BufferPool::builder()
        .name(name)
        .max_bytes(64 << 20)
        .tag("render", TagSettings::default().max_bytes(32 << 20))
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    (pool, watch)
}

/// Whether the export has a number of this pool.
fn has(metrics: &[Value], pool: &str) -> bool {
    let mut points = metrics.iter().flat_map(points);
    points.any(|point| point["attributes"]["framepool.pool.name"] == pool)
}

#[test]
fn prometheus_derives_the_same_names_and_numbers() {
    let otlp = Otlp::start();
    let provider = otlp.provider();
    let (pool, watch) = watched("render");
    let instruments = PoolInstruments::new(&provider.meter("framepool"), &watch).expect("a thread");
    let exposition = Exposition::new(PoolCollector::new(&watch).expect("a thread"));
    let kept = pool.tag("render").tag("shadows").alloc::<u8>(4096);
    for _ in 0..10 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1000);
        drop(pool.alloc::<u8>(100));
        frame.release_all();
    }
    assert!(pool.try_alloc::<u8>(65 << 20).is_err());
    watch.stop();
    // The frames are read by a thread of their own.
    let began = Instant::now();
    let counted = (
        "framepool_frame_duration_seconds_count".to_owned(),
        BTreeMap::from([("pool".to_owned(), "render".to_owned())]),
    );
    let found = loop {
        let found = translated(&otlp.flush(&provider));
        if found.get(&counted) == Some(&10.0) || began.elapsed() > PATIENCE {
            break found;
        }
    };
    let wanted = scraped(&exposition.text(Format::OpenMetrics));
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>()
    );
    for ((key, found), wanted) in found.iter().zip(wanted.values()) {
        // The age grows between the two readings.
        if key.0 != "framepool_snapshot_age_seconds" {
            assert!(
                (found - wanted).abs() <= wanted.abs() * 1e-12,
                "{key:?}: {found}, not {wanted}"
            );
        }
    }
    drop((kept, instruments));
}

#[test]
fn a_fresh_pool_exports_every_metric_as_described() {
    let otlp = Otlp::start();
    let provider = otlp.provider();
    let (_pool, watch) = watched("fresh");
    let _instruments =
        PoolInstruments::new(&provider.meter("framepool"), &watch).expect("a thread");
    let exported = otlp.flush(&provider);
    for metric in METRICS {
        let found = exported.iter().find(|it| it["name"] == metric.name);
        if metric.kind == Kind::Histogram {
            assert_eq!(found, None, "the API has no empty histogram");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("no {}", metric.name));
        let described = (
            text(found, "unit"),
            text(found, "help"),
            text(found, "kind"),
        );
        assert_eq!(described, (metric.unit, metric.help, metric.kind.name()));
        let is_level = ["limit", "age", "telemetry"]
            .iter()
            .any(|part| metric.name.contains(part));
        for point in points(found) {
            assert!(is_level || point["value"].as_f64() == Some(0.0), "{found}");
        }
    }
}

#[test]
fn a_pool_that_is_removed_disappears() {
    let otlp = Otlp::start();
    let provider = otlp.provider();
    let ((one, first), (two, second)) = (watched("one"), watched("two"));
    let meter = provider.meter("framepool");
    let instruments = PoolInstruments::new(&meter, &first).expect("a thread");
    instruments.add(two.clone(), second.store().clone());
    let both = otlp.flush(&provider);
    assert!(has(&both, "one") && has(&both, "two"));
    instruments.remove(one.id());
    let left = otlp.flush(&provider);
    assert!(!has(&left, "one") && has(&left, "two"));
    drop(instruments);
    provider.force_flush().expect("a receiver");
    // Without a point there may be no export: the next one is that of another pool.
    let instruments = PoolInstruments::new(&provider.meter("other"), &first).expect("a thread");
    provider.force_flush().expect("a receiver");
    let last = std::iter::repeat_with(|| otlp.next()).find(|metrics| has(metrics, "one"));
    assert!(!has(&last.expect("an export"), "two"));
    drop(instruments);
}

#[test]
fn the_example_pushes_its_pool() {
    let otlp = Otlp::start();
    example::push(&otlp.endpoint, 3).expect("a receiver");
    let exported = otlp.next();
    assert!(has(&exported, "example"), "{exported:?}");
    let frames = exported.iter().find(|it| it["name"] == "framepool.frames");
    assert_eq!(points(frames.expect("frames"))[0]["value"], 3);
}
