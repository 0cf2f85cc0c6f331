//! The frame times of the whole run: average, worst, and 99th percentile.

use std::time::Duration;

/// The width of a bucket.
const STEP: Duration = Duration::from_micros(20);
/// The last bucket has all longer frames, from 1 s on.
const BUCKETS: usize = 50_000;

/// Counts frames by their time.
#[derive(Debug)]
pub(crate) struct FrameTimes {
    buckets: Vec<u64>,
    frames: u64,
    sum: Duration,
    worst: Duration,
}

impl FrameTimes {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            frames: 0,
            sum: Duration::ZERO,
            worst: Duration::ZERO,
        }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let bucket = (time.as_nanos() / STEP.as_nanos()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.frames += 1;
        self.sum += time;
        self.worst = self.worst.max(time);
    }

    pub(crate) fn average_ms(&self) -> f64 {
        1e3 * self.sum.as_secs_f64() / self.frames.max(1) as f64
    }

    pub(crate) fn worst_ms(&self) -> f64 {
        1e3 * self.worst.as_secs_f64()
    }

    /// 99 % of the frames are at most this long; rounded up to the end of a bucket, but not above the worst.
    pub(crate) fn p99_ms(&self) -> f64 {
        let needed = self.frames - self.frames / 100;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|frames| {
            seen += frames;
            seen >= needed
        });
        let end = match bucket {
            Some(bucket) if bucket + 1 < BUCKETS => STEP * (bucket as u32 + 1),
            _ => self.worst,
        };
        1e3 * end.min(self.worst).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_cover_every_frame() {
        let mut times = FrameTimes::new();
        assert_eq!(
            (times.average_ms(), times.p99_ms(), times.worst_ms()),
            (0.0, 0.0, 0.0)
        );
        for ms in 1..=100 {
            times.add(Duration::from_millis(ms));
        }
        times.add(Duration::from_secs(5));
        let average = (5_050.0 + 5_000.0) / 101.0;
        assert!((times.average_ms() - average).abs() < 1e-9);
        assert!((times.p99_ms() - 100.02).abs() < 1e-9, "{}", times.p99_ms());
        assert!((times.worst_ms() - 5_000.0).abs() < 1e-9);
    }
}
