//! framepool's memory telemetry as Prometheus metrics.
//!
//! [`PoolCollector`] is a collector for the registry of the `prometheus-client` crate. At every scrape it reads the pools
//! and the latest judgements of their watches. It exports zeros from the first scrape on. A program without a registry can
//! answer `/metrics` with an [`Exposition`]; the server of `framepool-dashboard` does that already.
//!
//! ```
//! use framepool::{BufferPool, HealthConfig, Watch};
//! use framepool_prometheus::PoolCollector;
//! use prometheus_client::{encoding::text::encode, registry::Registry};
//!
//! let pool = BufferPool::builder().name("render").build()?;
//! let watch = Watch::start(&pool, HealthConfig::default());
//! let mut registry = Registry::default();
//! registry.register_collector(Box::new(PoolCollector::new(&watch)?));
//!
//! let image = pool.alloc::<u8>(4096);
//! let mut text = String::new();
//! encode(&mut text, &registry)?; // what `/metrics` answers
//! assert!(text.contains(r#"framepool_memory_usage_bytes{pool="render",state="in_use"} 4096"#));
//! # drop(image);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Metrics
//!
//! Every metric of the library's table, [`framepool::metrics::METRICS`], under its [`prometheus_name`]. Levels and counters
//! are read at the scrape. Numbers of a judgement (leaks, growing sites, alerts) have the age
//! `framepool_snapshot_age_seconds`. Histograms cover every frame since the collector was made; a thread of the collector
//! reads them four times a second, and a frame is missing only if the pool ended more than its `history_frames` in between.
//!
//! Labels are bounded: `pool`, the pool's tags, and a few fixed values of `state`, `kind`, `source`, `reason`, `rule` and
//! `severity`. Call sites and frame numbers are not labels; the page of `framepool-dashboard` has them.
//!
//! # Rules
//!
//! The folder `rules` of this crate has alerting and recording rules for Prometheus, with unit tests for `promtool`.
#![forbid(unsafe_code)]

mod families;
mod format;
mod frames;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use framepool::{BufferPool, DiagnosticsStore, Watch};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

pub use families::prometheus_name;
pub use format::Format;

use frames::{Frames, locked};

/// A collector of one or more watched pools. It holds a handle of each, so they live at least as long.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_prometheus::{Exposition, Format, PoolCollector};
///
/// let [render, audio] = ["render", "audio"].map(|name| {
///     let pool = BufferPool::builder().name(name).build().unwrap();
///     Watch::start(&pool, HealthConfig::default())
/// });
/// let collector = PoolCollector::new(&render)?.and(&audio);
/// let text = Exposition::new(collector).text(Format::Text);
/// assert!(text.contains(r#"pool="render""#) && text.contains(r#"pool="audio""#));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PoolCollector(Arc<Mutex<Frames>>);

impl PoolCollector {
    /// A collector of one watched pool. It starts the thread that reads frames.
    ///
    /// # Errors
    ///
    /// The system's error if the thread cannot be started.
    pub fn new(watch: &Watch) -> io::Result<Self> {
        Self::of_pools([(watch.pool().clone(), watch.store().clone())])
    }

    /// A collector of pools whose judgements go to these stores. It starts the thread that reads frames.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_pools(
        pools: impl IntoIterator<Item = (BufferPool, DiagnosticsStore)>,
    ) -> io::Result<Self> {
        let frames = Arc::default();
        frames::read(&frames)?;
        let collector = Self(frames);
        for (pool, store) in pools {
            locked(&collector.0).add(pool, store);
        }
        Ok(collector)
    }

    /// Exports one more pool. The label `pool` is its name; if the name is taken, its number is appended, as in `render#7`.
    #[must_use]
    pub fn and(self, watch: &Watch) -> Self {
        locked(&self.0).add(watch.pool().clone(), watch.store().clone());
        self
    }
}

/// The answer to `GET /metrics` for a program without its own registry.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_prometheus::{Exposition, Format, PoolCollector};
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// let exposition = Exposition::new(PoolCollector::new(&watch)?);
/// let format = Format::accepted(Some("application/openmetrics-text")); // the request's `Accept` header
/// let (kind, body) = (format.content_type(), exposition.text(format));
/// assert!(kind.starts_with("application/openmetrics-text") && body.ends_with("# EOF\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    /// Makes answers from the collector's readings.
    pub fn new(collector: PoolCollector) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(collector));
        Self(registry)
    }

    /// The text of an answer in this format, with the current numbers.
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        // Writing to text cannot fail, and the collector has no errors.
        let _ = encode(&mut text, &self.0);
        match format {
            Format::OpenMetrics => text,
            Format::Text => format::to_text(&text),
        }
    }
}

impl Collector for PoolCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let scrapes = locked(&self.0).scrape();
        families::encode(&mut encoder, &scrapes)
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
