//! framepool's memory telemetry through the facade of the `metrics` crate.
//!
//! [`Reporter`] reports every metric of the library's table, [`framepool::metrics::METRICS`], to the program's recorder.
//!
//! ```
//! use std::time::Duration;
//! use framepool::{BufferPool, HealthConfig, Watch};
//! use framepool_metrics::Reporter;
//!
//! let pool = BufferPool::builder().name("render").build()?;
//! let watch = Watch::start(&pool, HealthConfig::default());
//! // After the recorder was installed.
//! let reporter = Reporter::start(&watch, Duration::from_secs(1))?; // reports until it is dropped
//! # drop(reporter);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Metrics
//!
//! Names and meanings are those of the table. The facade knows three kinds: counters are counters, histograms get a value
//! for every frame, and all others are gauges. Zeros are reported from the first report on. Numbers of a judgement have the
//! age `framepool.snapshot.age`. The histograms miss a frame only if the pool ended more than its `history_frames` between
//! two reports.
//!
//! Labels are bounded: `pool`, the pool's tags, and a few fixed values. Call sites and frame numbers are not labels.
#![forbid(unsafe_code)]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use framepool::metrics::{Kind, METRICS, Metric};
use framepool::store::WatchedPools;
use framepool::{BufferPool, DiagnosticsStore, PoolId, Watch};
use metrics::{Label, Unit};

/// Reports one or more watched pools to the installed recorder.
///
/// It holds a handle of each pool, so they live at least as long, or until [`remove`](Self::remove).
///
/// ```
/// use framepool::{BufferPool, DiagnosticsStore};
/// use framepool_metrics::Reporter;
/// use metrics_util::debugging::DebuggingRecorder;
///
/// let reporter = Reporter::default();
/// reporter.add(BufferPool::new(), DiagnosticsStore::new());
/// let recorder = DebuggingRecorder::new();
/// metrics::with_local_recorder(&recorder, || reporter.report());
/// let reported = recorder.snapshotter().snapshot().into_vec();
/// assert!(reported.iter().any(|(key, ..)| key.key().name() == "framepool.memory.usage"));
/// ```
#[derive(Debug, Default)]
pub struct Reporter(Arc<Mutex<WatchedPools>>);

impl Reporter {
    /// Reports the pool of a watch at this interval, on a thread named `framepool-metrics`, until it is dropped.
    ///
    /// # Errors
    ///
    /// The system's error if the thread cannot be started.
    pub fn start(watch: &Watch, interval: Duration) -> io::Result<Self> {
        let reporter = Self::default();
        reporter.add(watch.pool().clone(), watch.store().clone());
        let pools = Arc::downgrade(&reporter.0);
        let builder = thread::Builder::new().name("framepool-metrics".to_owned());
        builder.spawn(move || {
            while let Some(pools) = pools.upgrade() {
                report(&pools);
                drop(pools);
                thread::sleep(interval);
            }
        })?;
        Ok(reporter)
    }

    /// Reports one more pool whose judgements go to this store. The label `pool` is its name; if the name is taken, its
    /// number is appended, as in `render#7`.
    pub fn add(&self, pool: BufferPool, store: DiagnosticsStore) {
        locked(&self.0).add(pool, store);
    }

    /// Stops reporting a pool, and drops its handle. The facade cannot remove its metrics: a recorder drops them by their
    /// age.
    pub fn remove(&self, pool: PoolId) {
        locked(&self.0).remove(pool);
    }

    /// Reports now, on this thread. `Reporter::default()` has no thread and reports only this way.
    ///
    /// ```
    /// use framepool::{BufferPool, DiagnosticsStore};
    /// use framepool_metrics::Reporter;
    ///
    /// let reporter = Reporter::default();
    /// reporter.add(BufferPool::new(), DiagnosticsStore::new());
    /// reporter.report();
    /// ```
    pub fn report(&self) {
        report(&self.0);
    }
}

/// Reports the numbers now, and the frames since the previous report. Calls the recorder without holding the lock.
fn report(pools: &Mutex<WatchedPools>) {
    let mut frames = Vec::new();
    let readings = {
        let mut pools = locked(pools);
        pools.drain_frames(|pool, frame| {
            for metric in METRICS {
                if let Some(value) = metric.of_frame(frame) {
                    frames.push((metric, pool.clone(), value));
                }
            }
        });
        pools.read()
    };
    for metric in METRICS {
        describe(metric);
        for (pool, reading) in &readings {
            metric.read(reading, &mut |own, value| {
                let own = own
                    .iter()
                    .map(|&(name, value)| Label::new(name, value.to_owned()));
                let labels: Vec<_> = own.chain([pool_label(pool)]).collect();
                match (metric.kind, value) {
                    (_, None) => {}
                    (Kind::Counter, Some(value)) => {
                        metrics::counter!(metric.name, labels).absolute(value as u64);
                    }
                    (_, Some(value)) => metrics::gauge!(metric.name, labels).set(value),
                }
            });
        }
    }
    for (metric, pool, value) in frames {
        metrics::histogram!(metric.name, vec![pool_label(&pool)]).record(value);
    }
}

/// Describes unit and help to the recorder, which may have been installed after the previous report.
fn describe(metric: &Metric) {
    let unit = match metric.unit {
        "By" => Unit::Bytes,
        "s" => Unit::Seconds,
        // The name has what is counted.
        _ => Unit::Count,
    };
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
        Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        _ => metrics::describe_gauge!(metric.name, unit, metric.help),
    }
}

fn pool_label(pool: &str) -> Label {
    Label::new("pool", pool.to_owned())
}

/// Ignores poisoning: each change is one call, so the value is consistent after a panic.
fn locked(pools: &Mutex<WatchedPools>) -> MutexGuard<'_, WatchedPools> {
    pools.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
