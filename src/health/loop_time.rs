//! The time of a frame loop. It advances with the frames, so that pauses and long frames count little.
//!
//! Windows over wall-clock time misread a program that pauses or slows down: nothing happens in most of them. Windows over
//! frames misread a program that runs at 2,000 frames a second: a hundred frames are too short to see anything. So verdicts
//! count *loop time*: each frame adds its period, but at most [`LONGEST_FRAME`]. At ordinary rates loop time is wall-clock time.
//! A minimised window at one frame a second, a stop in a debugger or a suspended laptop adds a tenth of a second per frame.
//!
//! Rates use the full time, without pauses: a frame counts for at most four times the frame before it, or a second.
//!
//! A program that allocates without ending frames has no frames to count. Its loop time is the wall-clock time between two
//! readings in which it allocated, at most a second each.

use std::time::Duration;

use super::recent::capped;

/// A frame counts for no more loop time than this: 0.1 s.
const LONGEST_FRAME: u64 = 100_000_000;
/// A reading without frame ends counts for no more loop time than this: 1 s.
const LONGEST_SILENCE: u64 = 1_000_000_000;
/// A frame that takes more than this many times as long as the one before is a pause.
const PAUSE: u64 = 4;
/// A reading without frame ends counts as this many frames, so that it can close a window.
const FRAMES_OF_SILENCE: u64 = 8;

/// A moment in the life of a frame loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoopTime {
    /// Frames so far.
    pub(crate) frames: u64,
    /// Nanoseconds of loop time so far.
    pub(crate) nanos: u64,
    /// The sum of all periods in nanoseconds, without pauses.
    pub(crate) elapsed: u64,
    /// The period of the latest frame.
    latest: u64,
}

impl LoopTime {
    /// Counts a frame of this period.
    pub(crate) fn add_frame(&mut self, period: Duration) {
        let period = capped(period);
        self.frames += 1;
        self.nanos = self.nanos.saturating_add(period.min(LONGEST_FRAME));
        let longest = LONGEST_SILENCE.max(self.latest.saturating_mul(PAUSE));
        self.elapsed = self.elapsed.saturating_add(period.min(longest));
        self.latest = period;
    }

    /// Counts frames that ended within this time and whose periods are unknown.
    pub(crate) fn add_frames(&mut self, frames: u64, within: Duration) {
        let within = capped(within);
        self.frames = self.frames.saturating_add(frames);
        let longest = frames.saturating_mul(LONGEST_FRAME);
        self.nanos = self.nanos.saturating_add(within.min(longest));
        self.elapsed = self.elapsed.saturating_add(within);
    }

    /// Counts time in which the program allocated and ended no frame.
    pub(crate) fn add_silence(&mut self, time: Duration) {
        let time = capped(time);
        self.frames = self.frames.saturating_add(FRAMES_OF_SILENCE);
        self.nanos = self.nanos.saturating_add(time.min(LONGEST_SILENCE));
        self.elapsed = self.elapsed.saturating_add(time);
    }

    /// Loop time from `earlier` to this moment.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// The full time without pauses from `earlier` to this moment.
    pub(crate) fn elapsed_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.elapsed.saturating_sub(earlier.elapsed))
    }
}
