//! Histograms over all frames: a thread reads each pool's feed of frames and sorts them into buckets.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framepool::FrameSnapshot;
use framepool::metrics::{Kind, METRICS, Metric};
use framepool::telemetry::FrameFeed;

/// How often frames are read.
const READ_EVERY: Duration = Duration::from_millis(250);

/// How many values fell into each bucket.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    ends: &'static [f64],
    /// One more than there are ends: what is above the last.
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

    /// Upper end and count of every bucket, not cumulative: the encoder adds them up.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        let ends = self.ends.iter().copied().chain([f64::MAX]);
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

/// The frames of one pool, as far as they were read.
#[derive(Debug)]
pub(crate) struct Frames(Mutex<(FrameFeed, Histograms)>);

impl Frames {
    pub(crate) fn new(feed: FrameFeed) -> Self {
        Self(Mutex::new((feed, Histograms::new())))
    }

    /// Reads what came since, and gives the histograms.
    pub(crate) fn read(&self) -> Histograms {
        self.drain().1.clone()
    }

    fn drain(&self) -> MutexGuard<'_, (FrameFeed, Histograms)> {
        // Counts are whole after every frame, whatever a panic interrupted.
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (feed, histograms) = &mut *both;
        while let Some(frame) = feed.next() {
            histograms.observe(&frame);
        }
        both
    }
}

/// The thread that reads the frames of all pools, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    frames: Mutex<Vec<Arc<Frames>>>,
    stop: AtomicBool,
}

impl Reader {
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("framepool-prometheus".to_owned())
            .spawn(move || {
                // Relaxed: a flag of its own; `unpark` wakes the thread.
                while !theirs.stop.load(Ordering::Relaxed) {
                    for frames in theirs.frames().iter() {
                        drop(frames.drain());
                    }
                    thread::park_timeout(READ_EVERY);
                }
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(crate) fn add(&self, frames: Arc<Frames>) {
        self.shared.frames().push(frames);
    }
}

impl Shared {
    fn frames(&self) -> MutexGuard<'_, Vec<Arc<Frames>>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Relaxed: as in the thread.
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread's own panic was reported when it happened.
            let _ = thread.join();
        }
    }
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
        assert_eq!(histogram.buckets(), [(1.0, 2), (2.0, 1), (f64::MAX, 1)]);
        assert_eq!(histogram.count(), 4);
    }
}
