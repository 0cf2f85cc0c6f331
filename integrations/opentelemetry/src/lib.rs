//! framepool's memory telemetry as OpenTelemetry metrics.
//!
//! [`PoolInstruments`] makes an instrument of a meter for each metric of the library's table,
//! [`framepool::metrics::METRICS`]. It depends only on the API crate `opentelemetry`: the program chooses the SDK, the
//! exporter and the interval.
//!
//! ```
//! use framepool::{BufferPool, HealthConfig, Watch};
//! use framepool_opentelemetry::PoolInstruments;
//!
//! let pool = BufferPool::builder().name("render").build()?;
//! let watch = Watch::start(&pool, HealthConfig::default());
//! let meter = opentelemetry::global::meter("framepool");
//! let instruments = PoolInstruments::new(&meter, &watch)?; // exported until it is dropped
//! # drop(instruments);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Metrics
//!
//! Names, units and kinds are those of the table. Prometheus' translation of them gives the names that
//! `framepool-prometheus` exports. Levels and counters are observed when the SDK collects, including zeros. Numbers of a
//! judgement have the age `framepool.snapshot.age`. The histograms have every frame since the pool was added: a thread
//! reads them four times a second, and a frame is missing only if the pool ended more than its `history_frames` in between.
//! A histogram has no point before the first frame.
//!
//! # Attributes
//!
//! They are bounded: `framepool.pool.name`, [those](attribute) of a few fixed values, and the pool's tags. Call sites and
//! frame numbers are not attributes.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use framepool::health::PoolName;
use framepool::metrics::{Kind, METRICS, Metric, Reading};
use framepool::store::WatchedPools;
use framepool::{BufferPool, DiagnosticsStore, PoolId, Watch};
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{Key, KeyValue};

/// The interval of reading frames.
const READ_EVERY: Duration = Duration::from_millis(250);
/// The longest time in which a collection uses one reading.
const COLLECTION: Duration = Duration::from_secs(1);

/// The instruments of one or more watched pools. After it is dropped, they observe nothing.
///
/// It holds a handle of each pool, so they live at least as long, or until [`remove`](Self::remove).
///
/// ```
/// use framepool::{BufferPool, DiagnosticsStore};
/// use framepool_opentelemetry::PoolInstruments;
///
/// let meter = opentelemetry::global::meter("framepool");
/// let instruments = PoolInstruments::of_pools(&meter, [])?;
/// let pool = BufferPool::builder().name("level 3").build()?;
/// instruments.add(pool.clone(), DiagnosticsStore::new()); // exported from now on
/// instruments.remove(pool.id()); // until now
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PoolInstruments(Arc<Shared>);

struct Shared {
    pools: Mutex<WatchedPools>,
    latest: Mutex<Readings>,
    /// One for each metric that has a value in every frame.
    histograms: Vec<(&'static Metric, Histogram<f64>)>,
}

/// The readings of the pools for one collection.
struct Readings {
    at: Instant,
    pools: Arc<Vec<(PoolName, Reading)>>,
    /// The metrics that were observed from it, by their index in the table.
    observed: Vec<bool>,
}

impl PoolInstruments {
    /// Makes the meter's instruments, for one watched pool. Starts the thread that reads frames.
    ///
    /// # Errors
    ///
    /// The system's error if the thread cannot be started.
    pub fn new(meter: &Meter, watch: &Watch) -> io::Result<Self> {
        Self::of_pools(meter, [(watch.pool().clone(), watch.store().clone())])
    }

    /// Makes the meter's instruments, for pools whose judgements go to these stores. Starts the thread that reads frames.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_pools(
        meter: &Meter,
        pools: impl IntoIterator<Item = (BufferPool, DiagnosticsStore)>,
    ) -> io::Result<Self> {
        let instruments = Self(Arc::new(Shared::new(meter)));
        for (pool, store) in pools {
            instruments.add(pool, store);
        }
        let shared = Arc::downgrade(&instruments.0);
        thread::Builder::new()
            .name("framepool-otel".to_owned())
            .spawn(move || {
                while let Some(shared) = shared.upgrade() {
                    shared.record_frames();
                    drop(shared);
                    thread::sleep(READ_EVERY);
                }
            })?;
        for (place, metric) in METRICS.iter().enumerate() {
            observe(meter, metric, place, Arc::downgrade(&instruments.0));
        }
        Ok(instruments)
    }

    /// Exports one more pool. Its name is `framepool.pool.name`; if the name is taken, its number is appended, as in
    /// `render#7`.
    pub fn add(&self, pool: BufferPool, store: DiagnosticsStore) {
        locked(&self.0.pools).add(pool, store);
    }

    /// Stops exporting a pool, and drops its handle. Its histograms stay, because the API cannot remove them.
    pub fn remove(&self, pool: PoolId) {
        locked(&self.0.pools).remove(pool);
    }
}

impl fmt::Debug for PoolInstruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolInstruments")
            .field("pools", &locked(&self.0.pools))
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn new(meter: &Meter) -> Self {
        let in_frames = METRICS
            .iter()
            .filter(|metric| metric.kind == Kind::Histogram);
        let histograms = in_frames.map(|metric| {
            let histogram = meter
                .f64_histogram(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.help)
                .with_boundaries(metric.buckets().to_vec());
            (metric, histogram.build())
        });
        Self {
            pools: Mutex::default(),
            latest: Mutex::new(Readings::none()),
            histograms: histograms.collect(),
        }
    }

    /// The readings from which a metric is observed. All metrics of one collection get the same readings: if a metric was
    /// already observed from the latest, the next collection has begun.
    fn readings(&self, place: usize) -> Arc<Vec<(PoolName, Reading)>> {
        let mut latest = locked(&self.latest);
        if latest.observed[place] || latest.at.elapsed() > COLLECTION {
            *latest = Readings::new(locked(&self.pools).read());
        }
        latest.observed[place] = true;
        Arc::clone(&latest.pools)
    }

    /// Records new frames. Calls the SDK without holding a lock.
    fn record_frames(&self) {
        let mut frames = Vec::new();
        locked(&self.pools).drain_frames(|name, frame| {
            let values = self.histograms.iter();
            let values = values.map(|(metric, _)| metric.of_frame(frame));
            frames.push((name.clone(), values.collect::<Vec<_>>()));
        });
        for (name, values) in frames {
            let pool = [pool_name(&name)];
            for ((_, histogram), value) in self.histograms.iter().zip(values) {
                if let Some(value) = value {
                    histogram.record(value, &pool);
                }
            }
        }
    }
}

impl Readings {
    /// Expired readings.
    fn none() -> Self {
        let mut none = Self::new(Vec::new());
        none.observed.fill(true);
        none
    }

    fn new(pools: Vec<(PoolName, Reading)>) -> Self {
        Self {
            at: Instant::now(),
            pools: Arc::new(pools),
            observed: vec![false; METRICS.len()],
        }
    }
}

/// Makes the instrument that observes a metric, unless it is a histogram.
fn observe(meter: &Meter, metric: &'static Metric, place: usize, shared: Weak<Shared>) {
    let (name, unit, help) = (metric.name, metric.unit, metric.help);
    let each = move |observe: &dyn Fn(f64, &[KeyValue])| {
        let readings = shared.upgrade().map(|shared| shared.readings(place));
        for (pool, reading) in readings.iter().flat_map(|readings| &**readings) {
            metric.read(reading, &mut |labels, value| {
                let own = labels
                    .iter()
                    .map(|&(label, value)| KeyValue::new(attribute(label), value.to_owned()));
                let attributes: Vec<_> = own.chain([pool_name(pool)]).collect();
                if let Some(value) = value {
                    observe(value, &attributes);
                }
            });
        }
    };
    match metric.kind {
        Kind::Histogram => {}
        Kind::Counter => {
            let counter = meter.u64_observable_counter(name);
            let counter = counter.with_unit(unit).with_description(help);
            let counter = counter.with_callback(move |counter| {
                each(&|value, attributes| counter.observe(value as u64, attributes));
            });
            counter.build();
        }
        Kind::UpDownCounter => {
            let counter = meter.i64_observable_up_down_counter(name);
            let counter = counter.with_unit(unit).with_description(help);
            let counter = counter.with_callback(move |counter| {
                each(&|value, attributes| counter.observe(value as i64, attributes));
            });
            counter.build();
        }
        _ => {
            let gauge = meter.f64_observable_gauge(name);
            let gauge = gauge.with_unit(unit).with_description(help);
            let gauge =
                gauge.with_callback(move |gauge| each(&|value, all| gauge.observe(value, all)));
            gauge.build();
        }
    }
}

fn pool_name(pool: &PoolName) -> KeyValue {
    KeyValue::new("framepool.pool.name", pool.to_string())
}

/// The attribute of a label: `framepool.buffer.state` of `state`.
///
/// ```
/// use framepool_opentelemetry::attribute;
/// assert_eq!(attribute("severity").as_str(), "framepool.alert.severity");
/// assert_eq!(attribute("tag").as_str(), "framepool.tag");
/// ```
pub fn attribute(label: &str) -> Key {
    let of = match label {
        "state" | "kind" | "source" => "buffer.",
        "rule" | "severity" => "alert.",
        _ => "",
    };
    Key::new(format!("framepool.{of}{label}"))
}

/// Ignores poisoning: each change is one call, so the value is consistent after a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
