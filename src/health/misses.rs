//! What the recent frames took from the system, once the pool is warm: by allocs, by bytes, and by calls.

use std::time::Duration;

use super::recent::{FrameMisses, RecentFrames};

/// Frames needed to judge bytes and calls per frame.
const LEAST_FRAMES: u64 = 4;

/// What the frames in the window took from the system. All zero until there is enough to judge by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MissSummary {
    /// Misses per alloc, 0 to 1.
    pub(crate) ratio: f64,
    /// Bytes per frame. The frame with the most is left out, so that one large request does not count as a habit.
    pub(crate) bytes_per_frame: f64,
    /// Calls per frame, without the frame with the most calls.
    pub(crate) calls_per_frame: f64,
}

/// Sums up the frames in the window that ended after the warm-up. `least_allocs` are needed for the ratio.
pub(crate) fn miss_summary(
    recent: &RecentFrames,
    idle: Duration,
    least_allocs: u64,
) -> MissSummary {
    let mut sum = FrameMisses::default();
    let (mut frames, mut most_bytes, mut most_calls) = (0_u64, 0, 0);
    for frame in recent.in_window(idle).filter_map(|(frame, _)| frame.misses) {
        frames += 1;
        sum.allocs = sum.allocs.saturating_add(frame.allocs);
        sum.misses = sum.misses.saturating_add(frame.misses);
        sum.bytes = sum.bytes.saturating_add(frame.bytes);
        sum.calls = sum.calls.saturating_add(frame.calls);
        most_bytes = most_bytes.max(frame.bytes);
        most_calls = most_calls.max(frame.calls);
    }
    let mut summary = MissSummary::default();
    if sum.allocs >= least_allocs.max(1) {
        summary.ratio = sum.misses as f64 / sum.allocs as f64;
    }
    if frames >= LEAST_FRAMES {
        let per_frame = |all: u64, most: u64| (all - most) as f64 / (frames - 1) as f64;
        summary.bytes_per_frame = per_frame(sum.bytes, most_bytes);
        summary.calls_per_frame = per_frame(sum.calls, most_calls);
    }
    summary
}
