//! Writes metrics as Prometheus families.

use std::fmt;

use framepool::health::PoolName;
use framepool::metrics::{Kind, METRICS, Metric, Reading};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::frames::Histograms;

/// The reading of one pool for one scrape.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) pool: PoolName,
    pub(crate) reading: Reading,
    pub(crate) frames: Histograms,
}

/// The Prometheus name of a metric: `framepool_frames_total` for `framepool.frames`.
///
/// ```
/// use framepool::metrics::METRICS;
/// let names: Vec<String> = METRICS.iter().map(framepool_prometheus::prometheus_name).collect();
/// assert!(names.contains(&"framepool_memory_evicted_bytes_total".to_owned()));
/// ```
pub fn prometheus_name(metric: &Metric) -> String {
    let mut name = base(metric);
    if let Some(unit) = unit(metric) {
        name = format!("{name}_{}", unit.as_str());
    }
    if metric.kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

/// The name without unit and without `_total`, which the text format appends.
fn base(metric: &Metric) -> String {
    metric.name.replace('.', "_")
}

fn unit(metric: &Metric) -> Option<Unit> {
    match metric.unit {
        "By" => Some(Unit::Bytes),
        "s" => Some(Unit::Seconds),
        // The name has what is counted.
        _ => None,
    }
}

/// The labels of one number: the pool's name, and its own.
struct Labels<'a> {
    pool: &'a str,
    own: &'a [(&'static str, &'a str)],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        ("pool", self.pool).encode(encoder.encode_label())?;
        for label in self.own {
            label.encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// Writes every metric of all pools.
pub(crate) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    scrapes: &[Scrape],
) -> Result<(), fmt::Error> {
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Histogram => MetricType::Histogram,
            _ => MetricType::Gauge,
        };
        let (name, unit) = (base(metric), unit(metric));
        let mut family = encoder.encode_descriptor(&name, metric.help, unit.as_ref(), kind)?;
        for scrape in scrapes {
            if let Some(histogram) = scrape.frames.of(metric) {
                let labels = [("pool", &*scrape.pool)];
                family
                    .encode_family(&labels)?
                    .encode_histogram::<NoLabelSet>(
                        histogram.sum(),
                        histogram.count(),
                        &histogram.buckets(),
                        None,
                    )?;
            }
            let mut result = Ok(());
            metric.read(&scrape.reading, &mut |own, value| {
                let labels = Labels {
                    pool: &scrape.pool,
                    own,
                };
                if let (Ok(()), Some(value)) = (result, value) {
                    let metric = family.encode_family(&labels);
                    result = metric.and_then(|metric| encode_number(metric, kind, value));
                }
            });
            result?;
        }
    }
    Ok(())
}

fn encode_number(
    mut metric: MetricEncoder<'_>,
    kind: MetricType,
    value: f64,
) -> Result<(), fmt::Error> {
    match kind {
        // Counts are whole numbers, and are written as such: `f64` holds them exactly up to 2^53.
        MetricType::Counter => metric.encode_counter::<NoLabelSet, u64, u64>(&(value as u64), None),
        _ => metric.encode_gauge(&value),
    }
}
