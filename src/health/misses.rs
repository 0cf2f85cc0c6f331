//! The memory that recent frames took from the system, once the pool is warm: by allocs, by bytes, and by calls.

use std::time::Duration;

use super::recent::{FrameMisses, RecentFrames};

/// Groups into which the frames of the window are divided. Judging bytes and calls per frame needs at least this many
/// frames.
const RUNS: usize = 4;

/// The memory that the frames in the window took from the system. All zero until there are enough frames.
///
/// Bytes and calls per frame are those of the quarter of the frames that took the least. So a load in a part of the
/// window does not count, and steady use throughout the window does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MissSummary {
    /// Misses per alloc, 0 to 1.
    pub(crate) ratio: f64,
    /// Misses per frame.
    pub(crate) per_frame: f64,
    /// Bytes per frame.
    pub(crate) bytes_per_frame: f64,
    /// Calls per frame.
    pub(crate) calls_per_frame: f64,
}

/// Sums up the frames in the window that ended after the warm-up. `least_allocs` are needed for the ratio.
pub(crate) fn miss_summary(
    recent: &RecentFrames,
    idle: Duration,
    least_allocs: u64,
) -> MissSummary {
    let judged = || recent.in_window(idle).filter_map(|(frame, _)| frame.misses);
    let frames = judged().count();
    let mut all = FrameMisses::default();
    let mut runs = [FrameMisses::default(); RUNS];
    let mut lengths = [0_u64; RUNS];
    for (at, frame) in judged().enumerate() {
        let run = at * RUNS / frames;
        all.add(frame);
        runs[run].add(frame);
        lengths[run] += 1;
    }
    let mut summary = MissSummary::default();
    if all.allocs >= least_allocs.max(1) {
        summary.ratio = all.misses as f64 / all.allocs as f64;
        summary.per_frame = all.misses as f64 / frames as f64;
    }
    if frames >= RUNS {
        let least = |of: fn(&FrameMisses) -> u64| {
            let means = runs
                .iter()
                .zip(lengths)
                .map(|(run, len)| of(run) as f64 / len as f64);
            means.fold(f64::INFINITY, f64::min)
        };
        summary.bytes_per_frame = least(|run| run.bytes);
        summary.calls_per_frame = least(|run| run.calls);
    }
    summary
}

impl FrameMisses {
    fn add(&mut self, other: Self) {
        self.allocs = self.allocs.saturating_add(other.allocs);
        self.misses = self.misses.saturating_add(other.misses);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.calls = self.calls.saturating_add(other.calls);
    }
}
