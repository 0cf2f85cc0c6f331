//! Histograms over all frames: a thread reads each pool's feed of frames and sorts them into buckets.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framepool::{FrameFeed, FrameSnapshot};

/// How often frames are read.
const READ_EVERY: Duration = Duration::from_millis(250);

/// Upper ends of the buckets of times, in seconds: a ladder of 1, 2 and 5 from 10 µs to 10 s.
const SECONDS: [f64; 19] = [
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0,
    2.0, 5.0, 10.0,
];

/// Upper ends of the buckets of bytes: powers of two from 1 KiB to 4 GiB.
const BYTES: [f64; 23] = {
    let mut ends = [0.0; 23];
    let mut at = 0;
    while at < ends.len() {
        ends[at] = (1_u64 << (10 + at)) as f64;
        at += 1;
    }
    ends
};

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

/// The histograms of one pool.
#[derive(Clone, Debug)]
pub(crate) struct Histograms {
    /// Seconds of each frame: of its work where it is known, else of its period.
    pub(crate) duration: Histogram,
    /// Bytes of frame buffers of each frame.
    pub(crate) memory: Histogram,
    /// Seconds of each frame end.
    pub(crate) publish: Histogram,
}

impl Histograms {
    fn new() -> Self {
        Self {
            duration: Histogram::new(&SECONDS),
            memory: Histogram::new(&BYTES),
            publish: Histogram::new(&SECONDS),
        }
    }

    fn observe(&mut self, frame: &FrameSnapshot) {
        let time = frame.work.unwrap_or(frame.duration);
        self.duration.observe(time.as_secs_f64());
        self.memory.observe(frame.counts.frame_alloc_bytes as f64);
        self.publish.observe(frame.fold_duration.as_secs_f64());
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
        let mut histogram = Histogram::new(&BYTES);
        for value in [0.0, 1024.0, 1025.0, 1e12] {
            histogram.observe(value);
        }
        let buckets = histogram.buckets();
        assert_eq!(buckets[0], (1024.0, 2));
        assert_eq!(buckets[1], (2048.0, 1));
        assert_eq!(buckets.last(), Some(&(f64::MAX, 1)));
        assert_eq!(histogram.count(), 4);
    }

    #[test]
    fn the_ends_rise() {
        assert!(SECONDS.is_sorted() && BYTES.is_sorted());
        assert_eq!(BYTES.last(), Some(&4_294_967_296.0));
    }
}
