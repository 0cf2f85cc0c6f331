//! The table of metric families, and how each is read from a pool.

use std::fmt;

use framepool::{
    BufferPool, DiagnosticsStore, HealthSnapshot, LeakVerdict, PoolStats, Rule, Severity, Timestamp,
};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::frames::{Frames, Histogram, Histograms};

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts of values by size.
    Histogram,
}

/// A metric family: metrics of one name that differ by their labels.
#[derive(Debug)]
#[non_exhaustive]
pub struct Family {
    /// The name without unit and without `_total`, which the text format appends.
    pub name: &'static str,
    /// `bytes`, `seconds`, or empty for counts.
    pub unit: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it means, in one sentence.
    pub help: &'static str,
    read: Read,
}

/// Where a family's numbers are read.
#[derive(Debug)]
enum Read {
    Numbers(fn(&Scrape) -> Vec<Sample>),
    Histogram(fn(&Histograms) -> &Histogram),
}

/// A number with its labels beside `pool`.
type Sample = (Vec<(&'static str, &'static str)>, f64);

/// All that one scrape reads of one pool.
#[derive(Debug)]
pub(crate) struct Scrape {
    pool: String,
    stats: PoolStats,
    health: Option<std::sync::Arc<HealthSnapshot>>,
    frames: Histograms,
}

impl Scrape {
    pub(crate) fn new(pool: &BufferPool, store: &DiagnosticsStore, frames: &Frames) -> Self {
        Self {
            pool: pool.name().to_owned(),
            frames: frames.read(),
            health: store.latest_of(pool.id()),
            stats: pool.stats(),
        }
    }

    /// A number of the latest judgement; zero before the first.
    fn judged(&self, number: impl Fn(&HealthSnapshot) -> f64) -> f64 {
        self.health.as_deref().map_or(0.0, number)
    }
}

impl Family {
    /// Writes the family of all pools.
    pub(crate) fn encode(
        &self,
        encoder: &mut DescriptorEncoder,
        scrapes: &[Scrape],
    ) -> Result<(), fmt::Error> {
        let unit = match self.unit {
            "bytes" => Some(Unit::Bytes),
            "seconds" => Some(Unit::Seconds),
            _ => None,
        };
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let mut family = encoder.encode_descriptor(self.name, self.help, unit.as_ref(), kind)?;
        for scrape in scrapes {
            match self.read {
                Read::Numbers(read) => {
                    for (labels, value) in read(scrape) {
                        let mut all = vec![("pool", scrape.pool.as_str())];
                        all.extend(labels);
                        encode_number(family.encode_family(&all)?, self.kind, value)?;
                    }
                }
                Read::Histogram(read) => {
                    let histogram = read(&scrape.frames);
                    let labels = [("pool", scrape.pool.as_str())];
                    family
                        .encode_family(&labels)?
                        .encode_histogram::<NoLabelSet>(
                            histogram.sum(),
                            histogram.count(),
                            &histogram.buckets(),
                            None,
                        )?;
                }
            }
        }
        Ok(())
    }
}

fn encode_number(mut metric: MetricEncoder<'_>, kind: Kind, value: f64) -> Result<(), fmt::Error> {
    match kind {
        // Counts are whole numbers, and are written as such: `f64` holds them exactly up to 2^53.
        Kind::Counter => metric.encode_counter::<NoLabelSet, u64, u64>(&(value as u64), None),
        _ => metric.encode_gauge(&value),
    }
}

/// One number without further labels.
fn one(value: f64) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

/// Numbers that differ by one label.
fn by<const N: usize>(label: &'static str, numbers: [(&'static str, u64); N]) -> Vec<Sample> {
    numbers
        .into_iter()
        .map(|(value, number)| (vec![(label, value)], number as f64))
        .collect()
}

const fn family(
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    help: &'static str,
    read: Read,
) -> Family {
    Family {
        name,
        unit,
        kind,
        help,
        read,
    }
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: fn(&Scrape) -> Vec<Sample>,
) -> Family {
    family(name, unit, Kind::Counter, help, Read::Numbers(read))
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: fn(&Scrape) -> Vec<Sample>,
) -> Family {
    family(name, unit, Kind::Gauge, help, Read::Numbers(read))
}

const fn histogram(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: fn(&Histograms) -> &Histogram,
) -> Family {
    family(name, unit, Kind::Histogram, help, Read::Histogram(read))
}

/// Every metric family, in the order in which it is exported.
pub const FAMILIES: &[Family] = &[
    gauge(
        "framepool_memory_usage",
        "bytes",
        "Bytes the pool holds from the system, in use and idle",
        |scrape| {
            by(
                "state",
                [
                    ("in_use", scrape.stats.in_use_bytes),
                    ("idle", scrape.stats.idle_bytes),
                ],
            )
        },
    ),
    gauge(
        "framepool_memory_limit",
        "bytes",
        "The most bytes the pool may hold; absent without a limit",
        |scrape| {
            scrape
                .stats
                .limit_bytes
                .map_or(Vec::new(), |limit| one(limit as f64))
        },
    ),
    counter(
        "framepool_memory_requested",
        "bytes",
        "Bytes asked for by callers",
        |scrape| {
            let counts = &scrape.stats.totals.counts;
            one((counts.pooled_requested_bytes + counts.frame_requested_bytes) as f64)
        },
    ),
    counter(
        "framepool_memory_allocated",
        "bytes",
        "Bytes taken from the system",
        |scrape| one(scrape.stats.totals.system_bytes as f64),
    ),
    counter(
        "framepool_memory_evicted",
        "bytes",
        "Bytes given back to the system",
        |scrape| one(scrape.stats.totals.evicted_bytes as f64),
    ),
    gauge(
        "framepool_memory_leaked",
        "bytes",
        "Bytes held by leak suspects",
        |scrape| one(scrape.judged(|health| health.metrics.leak_suspect_bytes as f64)),
    ),
    gauge("framepool_buffer_count", "", "Buffers in use", |scrape| {
        by("state", [("in_use", scrape.stats.in_use_buffers)])
    }),
    counter(
        "framepool_buffer_acquisitions",
        "",
        "Buffers allocated, by kind and by where their memory came from",
        |scrape| {
            let counts = &scrape.stats.totals.counts;
            let pooled_misses = counts.misses() - counts.frame_misses;
            let frame_hits = counts.frame_allocs - counts.frame_misses;
            [
                ("frame", "thread_cache", frame_hits),
                ("frame", "system", counts.frame_misses),
                ("pooled", "thread_cache", counts.thread_hits),
                ("pooled", "depot", counts.depot_hits),
                ("pooled", "system", pooled_misses),
            ]
            .into_iter()
            .map(|(kind, source, count)| (vec![("kind", kind), ("source", source)], count as f64))
            .collect()
        },
    ),
    counter(
        "framepool_buffer_releases",
        "",
        "Buffers given back, by kind",
        |scrape| {
            let counts = &scrape.stats.totals.counts;
            by(
                "kind",
                [
                    ("frame", counts.frame_releases),
                    ("pooled", counts.pooled_releases),
                ],
            )
        },
    ),
    counter(
        "framepool_buffer_refusals",
        "",
        "Requests refused, by reason",
        |scrape| {
            let counts = &scrape.stats.totals.counts;
            by(
                "reason",
                [
                    ("budget", counts.budget_refusals),
                    ("out_of_memory", counts.memory_refusals),
                    ("overflow", counts.overflow_refusals),
                ],
            )
        },
    ),
    gauge(
        "framepool_buffer_leaks",
        "",
        "Buffers that are leak suspects now",
        |scrape| one(scrape.judged(|health| health.metrics.leak_suspects as f64)),
    ),
    gauge(
        "framepool_buffer_growing",
        "",
        "Call sites judged growing now",
        |scrape| {
            one(scrape.judged(|health| health.verdicts.with(LeakVerdict::Growing).count() as f64))
        },
    ),
    counter("framepool_frames", "", "Frame ends", |scrape| {
        one(scrape.stats.totals.frames as f64)
    }),
    histogram(
        "framepool_frame_duration",
        "seconds",
        "Time of each frame: of its work where it is known, else of its period",
        |frames| &frames.duration,
    ),
    histogram(
        "framepool_frame_memory",
        "bytes",
        "Bytes of frame buffers allocated in each frame",
        |frames| &frames.memory,
    ),
    histogram(
        "framepool_frame_publish_duration",
        "seconds",
        "Time that each frame end took",
        |frames| &frames.publish,
    ),
    gauge(
        "framepool_frame_open",
        "",
        "Frames begun and not ended",
        |scrape| one(f64::from(scrape.stats.open_frames)),
    ),
    gauge(
        "framepool_frame_idle",
        "seconds",
        "Time since frames stopped ending, as of the latest judgement",
        |scrape| one(scrape.judged(|health| health.metrics.since_frame_end_ms / 1e3)),
    ),
    gauge(
        "framepool_snapshot_age",
        "seconds",
        "Time since the latest judgement of the pool",
        |scrape| one(scrape.judged(|health| Timestamp::now().since(health.time).as_secs_f64())),
    ),
    gauge(
        "framepool_alert_active",
        "",
        "Alerts active now, by rule and severity",
        alerts,
    ),
    gauge(
        "framepool_telemetry_memory_usage",
        "bytes",
        "Bytes that the pool's bookkeeping occupies",
        |scrape| one(scrape.stats.telemetry_bytes as f64),
    ),
];

/// Every rule and severity, zeros included.
fn alerts(scrape: &Scrape) -> Vec<Sample> {
    let active = scrape
        .health
        .as_deref()
        .map_or(&[][..], |health| &health.active);
    let severities = [
        (Severity::Warning, "warning"),
        (Severity::Critical, "critical"),
    ];
    let mut samples = Vec::new();
    for rule in Rule::ALL {
        for (severity, name) in severities {
            let count = active
                .iter()
                .filter(|alert| alert.rule == rule && alert.severity == severity)
                .count();
            let labels = vec![("rule", rule.name()), ("severity", name)];
            samples.push((labels, count as f64));
        }
    }
    samples
}
