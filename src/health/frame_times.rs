//! Computes rate, average, percentiles and maximum of the frame times in the window.

use std::time::Duration;

use super::recent::{FrameTimeSource, RecentFrames, USUAL};

/// Computes the summary of recent frame times, in memory that is reused.
#[derive(Debug)]
pub(crate) struct FrameTimes {
    scratch: Vec<u64>,
}

/// The summary of recent frame times. All zero if no frame ended within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FrameTimeSummary {
    pub(crate) frames: u32,
    pub(crate) window_ms: f64,
    pub(crate) source: FrameTimeSource,
    pub(crate) avg_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) worst_ms: f64,
    pub(crate) fps: f64,
    /// The median time between two frame ends.
    pub(crate) usual_period: Duration,
}

impl FrameTimes {
    pub(crate) fn new() -> Self {
        Self {
            scratch: Vec::with_capacity(USUAL),
        }
    }

    /// A percentile is an observed frame time: of `n` sorted times the 99th is the one at index `⌊0.99 (n − 1)⌋`, which for
    /// two frames or more is never the maximum.
    pub(crate) fn summary(&mut self, recent: &RecentFrames, idle: Duration) -> FrameTimeSummary {
        let covered = recent.covered(idle);
        let mut summary = FrameTimeSummary {
            window_ms: covered.as_secs_f64() * 1e3,
            ..FrameTimeSummary::default()
        };
        self.scratch.clear();
        let (mut shares, mut weighted, mut worst) = (0.0, 0.0, 0);
        for (frame, share) in recent.in_window(idle) {
            shares += share;
            weighted += share * frame.time as f64;
            worst = worst.max(frame.time);
            summary.source = if self.scratch.is_empty() {
                frame.source
            } else {
                summary.source.and(frame.source)
            };
            self.scratch.push(frame.time);
        }
        let frames = self.scratch.len();
        if frames == 0 {
            return summary;
        }
        let mut at = |part: f64| {
            let rank = ((frames - 1) as f64 * part) as usize;
            *self.scratch.select_nth_unstable(rank).1
        };
        (summary.p50_ms, summary.p99_ms) = (ms(at(0.5)), ms(at(0.99)));
        summary.frames = frames as u32;
        summary.avg_ms = weighted / shares / 1e6;
        summary.worst_ms = ms(worst);
        if !covered.is_zero() {
            summary.fps = shares / covered.as_secs_f64();
        }
        self.scratch.clear();
        let periods = recent.in_window(idle).map(|(frame, _)| frame.period);
        self.scratch.extend(periods);
        let (_, &mut median, _) = self.scratch.select_nth_unstable((frames - 1) / 2);
        summary.usual_period = Duration::from_nanos(median);
        summary
    }
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::recent::{RecentFrame, capped};
    use super::*;

    const WINDOW: Duration = Duration::from_secs(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn recent(periods: impl IntoIterator<Item = Duration>) -> RecentFrames {
        let mut recent = RecentFrames::new(WINDOW);
        for period in periods {
            recent.push(RecentFrame {
                period: capped(period),
                time: capped(period),
                source: FrameTimeSource::Period,
                misses: None,
            });
        }
        recent
    }

    fn summary(recent: &RecentFrames, idle: Duration) -> FrameTimeSummary {
        FrameTimes::new().summary(recent, idle)
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn no_frames_are_all_zero() {
        let none = summary(&recent([]), Duration::ZERO);
        assert_eq!(none, FrameTimeSummary::default());
    }

    #[test]
    fn percentiles_are_observed_times_below_the_maximum() {
        let summary = summary(&recent((1..=60).rev().map(ms)), Duration::ZERO);
        assert!(close(summary.p99_ms, 59.0), "{summary:?}");
        assert!(close(summary.p50_ms, 30.0), "{summary:?}");
        assert!(close(summary.worst_ms, 60.0), "{summary:?}");
        assert!(close(summary.avg_ms, 30.5), "{summary:?}");
        assert!(close(summary.fps, 1000.0 / 30.5), "{summary:?}");
        assert_eq!(summary.frames, 60);
    }

    #[test]
    fn one_slow_frame_leaves_with_the_window() {
        let slow = 600 * SECOND;
        let after = |frames| recent([slow].into_iter().chain((0..frames).map(|_| ms(10))));
        let at_once = summary(&after(0), Duration::ZERO);
        assert!(close(at_once.fps, 1.0 / 600.0), "{at_once:?}");
        assert!(close(at_once.avg_ms, 600e3), "{at_once:?}");
        // 4 of the 5 seconds are the slow frame's.
        let soon = summary(&after(100), Duration::ZERO);
        assert!(close(soon.fps, (100.0 + 4.0 / 600.0) / 5.0), "{soon:?}");
        assert!(
            close(soon.p99_ms, 10.0) && close(soon.p50_ms, 10.0),
            "{soon:?}"
        );
        assert!(close(soon.worst_ms, 600e3), "{soon:?}");
        let later = summary(&after(500), Duration::ZERO);
        assert!(close(later.fps, 100.0), "{later:?}");
        assert!(
            close(later.avg_ms, 10.0) && close(later.worst_ms, 10.0),
            "{later:?}"
        );
        assert_eq!(later.frames, 500);
    }

    #[test]
    fn the_rate_falls_to_zero_without_frame_ends() {
        let recent = recent((0..500).map(|_| ms(10)));
        for (idle, fps, frames) in [
            (Duration::ZERO, 100.0, 500),
            (SECOND, 80.0, 400),
            (4 * SECOND, 20.0, 100),
            (5 * SECOND, 0.0, 0),
            (3600 * SECOND, 0.0, 0),
        ] {
            let summary = summary(&recent, idle);
            assert!(close(summary.fps, fps), "{idle:?}: {summary:?}");
            assert_eq!(summary.frames, frames, "{idle:?}");
        }
    }

    #[test]
    fn frame_across_window_edge_counts_by_its_share() {
        let summary = summary(&recent((0..9).map(|_| 2 * SECOND)), Duration::ZERO);
        assert!(close(summary.fps, 0.5), "{summary:?}");
        assert!(close(summary.avg_ms, 2000.0), "{summary:?}");
        assert_eq!(summary.frames, 3);
        assert!(close(summary.window_ms, 5000.0));
    }

    #[test]
    fn many_frames_are_judged_by_the_latest() {
        let summary = summary(
            &recent((0..20_000).map(|_| Duration::from_micros(100))),
            Duration::ZERO,
        );
        assert!(close(summary.fps, 10_000.0), "{summary:?}");
        assert_eq!(summary.frames, 4096);
        assert!(close(summary.window_ms, 409.6), "{summary:?}");
    }

    #[test]
    fn the_longest_times_do_not_overflow() {
        let longest = (0..20_000).map(|_| Duration::MAX);
        assert!(summary(&recent(longest), Duration::MAX).avg_ms.abs() < 1.0);
        let longest = (0..20_000).map(|_| Duration::MAX);
        assert!(summary(&recent(longest), Duration::ZERO).avg_ms.is_finite());
    }

    #[test]
    fn frames_without_length_give_no_rate() {
        let summary = summary(&recent([Duration::ZERO; 3]), Duration::ZERO);
        assert!(
            close(summary.fps, 0.0) && summary.frames == 3,
            "{summary:?}"
        );
    }
}
