//! Average, 99th percentile and worst of the recent frame times.

use std::time::Duration;

use super::window::Window;

/// Frames looked back on: eight seconds at 64 frames a second.
const FRAMES: usize = 512;

/// No frame time counts for more, so that the sum of a whole window fits.
const LONGEST_NANOS: u64 = u64::MAX / FRAMES as u64;

/// The frame times of the last [`FRAMES`] frames.
#[derive(Debug)]
pub(crate) struct FrameTimes {
    nanos: Window<u64>,
    sum: u64,
    /// Where the percentile is selected; as long as the window, so that it never grows.
    scratch: Vec<u64>,
}

/// What the recent frame times come to. All zero when there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FrameTimeSummary {
    pub(crate) frames: u32,
    pub(crate) avg_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) worst_ms: f64,
    pub(crate) fps: f64,
}

impl FrameTimes {
    pub(crate) fn new() -> Self {
        let nanos = Window::new(FRAMES);
        Self {
            scratch: Vec::with_capacity(nanos.length()),
            nanos,
            sum: 0,
        }
    }

    pub(crate) fn push(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).map_or(LONGEST_NANOS, |n| n.min(LONGEST_NANOS));
        let left = self.nanos.push(nanos).unwrap_or(0);
        self.sum = self.sum - left + nanos;
    }

    /// The 99th percentile is an observed frame time: of `n` sorted times the one at index `⌊0.99 (n − 1)⌋`, which
    /// for two frames or more is never the maximum.
    pub(crate) fn summary(&mut self) -> FrameTimeSummary {
        let times = self.nanos.values();
        let Some(&worst) = times.iter().max() else {
            return FrameTimeSummary::default();
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(times);
        let rank = (times.len() - 1) * 99 / 100;
        let (_, &mut p99, _) = self.scratch.select_nth_unstable(rank);
        let average = self.sum as f64 / times.len() as f64;
        FrameTimeSummary {
            frames: times.len() as u32,
            avg_ms: average / 1e6,
            p99_ms: p99 as f64 / 1e6,
            worst_ms: worst as f64 / 1e6,
            fps: if self.sum == 0 { 0.0 } else { 1e9 / average },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn no_frames_are_all_zero() {
        assert_eq!(FrameTimes::new().summary(), FrameTimeSummary::default());
    }

    #[test]
    fn the_percentile_is_an_observed_time_and_not_the_maximum() {
        let mut times = FrameTimes::new();
        for n in (1..=100).rev() {
            times.push(ms(n));
        }
        let summary = times.summary();
        assert!(close(summary.p99_ms, 99.0), "{summary:?}");
        assert!(close(summary.worst_ms, 100.0), "{summary:?}");
        assert!(close(summary.avg_ms, 50.5), "{summary:?}");
        assert!(close(summary.fps, 1000.0 / 50.5), "{summary:?}");
        assert_eq!(summary.frames, 100);
    }

    #[test]
    fn one_slow_frame_among_few_is_the_worst_only() {
        let mut times = FrameTimes::new();
        for n in [10, 10, 500, 10] {
            times.push(ms(n));
        }
        let summary = times.summary();
        assert!(close(summary.p99_ms, 10.0), "{summary:?}");
        assert!(close(summary.worst_ms, 500.0), "{summary:?}");
    }

    #[test]
    fn old_frames_leave_the_window() {
        let mut times = FrameTimes::new();
        times.push(Duration::MAX);
        for _ in 0..FRAMES - 1 {
            times.push(ms(10));
        }
        assert!(times.summary().worst_ms > 1e9);
        times.push(ms(20));
        let summary = times.summary();
        assert!(close(summary.worst_ms, 20.0), "{summary:?}");
        assert_eq!(summary.frames, FRAMES as u32);
        for _ in 0..FRAMES {
            times.push(ms(4));
        }
        assert!(close(times.summary().avg_ms, 4.0));
        assert!(close(times.summary().fps, 250.0));
    }

    #[test]
    fn a_window_of_the_longest_times_does_not_overflow() {
        let mut times = FrameTimes::new();
        for _ in 0..FRAMES {
            times.push(Duration::MAX);
            times.push(Duration::from_nanos(u64::MAX));
        }
        assert!(times.summary().avg_ms.is_finite());
    }

    #[test]
    fn frames_of_no_length_give_no_rate() {
        let mut times = FrameTimes::new();
        times.push(Duration::ZERO);
        assert!(close(times.summary().fps, 0.0));
    }
}
