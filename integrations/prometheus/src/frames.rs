//! Histograms over all frames: a thread reads each pool's feed of frames and sorts them into buckets.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use framepool::metrics::{Kind, METRICS, Metric};
use framepool::store::WatchedPools;
use framepool::{BufferPool, DiagnosticsStore, FrameSnapshot, PoolId};

use crate::families::Scrape;

/// The interval of reading frames.
const READ_EVERY: Duration = Duration::from_millis(250);

/// The number of values in each bucket.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    ends: &'static [f64],
    /// One more than there are ends: the last counts values above the last end.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    fn new(ends: &'static [f64]) -> Self {
        Self {
            ends,
            counts: vec![0; ends.len() + 1],
            sum: 0.0,
        }
    }

    fn observe(&mut self, value: f64) {
        let bucket = self.ends.partition_point(|end| *end < value);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Upper end and count of every bucket, not cumulative, because the encoder adds them up. The encoder writes an
    /// infinite end as `+Inf`, which every histogram must have.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        let ends = self.ends.iter().copied().chain([f64::INFINITY]);
        ends.zip(self.counts.iter().copied()).collect()
    }
}

/// The histograms of one pool: one for each metric of the table that is one.
#[derive(Clone, Debug)]
pub(crate) struct Histograms(Vec<(&'static Metric, Histogram)>);

impl Histograms {
    fn new() -> Self {
        let metrics = METRICS
            .iter()
            .filter(|metric| metric.kind == Kind::Histogram);
        Self(
            metrics
                .map(|metric| (metric, Histogram::new(metric.buckets())))
                .collect(),
        )
    }

    /// The histogram of a metric, if it is one.
    pub(crate) fn of(&self, metric: &Metric) -> Option<&Histogram> {
        let found = self.0.iter().find(|(of, _)| of.name == metric.name);
        found.map(|(_, histogram)| histogram)
    }

    fn observe(&mut self, frame: &FrameSnapshot) {
        for (metric, histogram) in &mut self.0 {
            if let Some(value) = metric.of_frame(frame) {
                histogram.observe(value);
            }
        }
    }
}

/// The pools of a collector, and the histograms of each.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pools: WatchedPools,
    histograms: HashMap<PoolId, Histograms>,
}

impl Frames {
    pub(crate) fn add(&mut self, pool: BufferPool, store: DiagnosticsStore) {
        self.histograms.insert(pool.id(), Histograms::new());
        self.pools.add(pool, store);
    }

    /// Reads new frames.
    fn drain(&mut self) {
        self.pools.drain_frames(|pool, frame| {
            if let Some(histograms) = self.histograms.get_mut(&pool.id()) {
                histograms.observe(frame);
            }
        });
    }

    /// The numbers of every pool now.
    pub(crate) fn scrape(&mut self) -> Vec<Scrape> {
        self.drain();
        let pools = self.pools.read().into_iter();
        let scrapes = pools.filter_map(|(pool, reading)| {
            let frames = self.histograms.get(&pool.id())?.clone();
            Some(Scrape {
                pool,
                reading,
                frames,
            })
        });
        scrapes.collect()
    }
}

/// Starts the thread that reads frames, until they are dropped.
pub(crate) fn read(frames: &Arc<Mutex<Frames>>) -> io::Result<()> {
    let frames = Arc::downgrade(frames);
    let builder = thread::Builder::new().name("framepool-prometheus".to_owned());
    builder.spawn(move || {
        while let Some(frames) = frames.upgrade() {
            locked(&frames).drain();
            drop(frames);
            thread::sleep(READ_EVERY);
        }
    })?;
    Ok(())
}

/// Ignores poisoning: the counts are consistent after every frame.
pub(crate) fn locked(frames: &Mutex<Frames>) -> MutexGuard<'_, Frames> {
    frames.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_an_end_belongs_below_it() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.0, 1.0, 1.5, 1e12] {
            histogram.observe(value);
        }
        assert_eq!(
            histogram.buckets(),
            [(1.0, 2), (2.0, 1), (f64::INFINITY, 1)]
        );
        assert_eq!(histogram.count(), 4);
    }
}
