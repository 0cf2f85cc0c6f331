//! The share of recent allocs that took memory from the system, once the pool is warm.

use super::window::Window;
use crate::fold::FrameSnapshot;

/// Frames looked back on: two seconds at 60 frames a second.
const FRAMES: usize = 120;

/// Allocs and misses of the last [`FRAMES`] frames after the warm-up.
#[derive(Debug)]
pub(crate) struct MissWindow {
    frames: Window<(u64, u64)>,
    allocs: u64,
    misses: u64,
}

impl MissWindow {
    pub(crate) fn new() -> Self {
        Self {
            frames: Window::new(FRAMES),
            allocs: 0,
            misses: 0,
        }
    }

    /// Counts a frame, unless it belongs to the pool's first `warm_up` frames: taking memory is what they are for.
    pub(crate) fn push(&mut self, frame: &FrameSnapshot, warm_up: u64) {
        if frame.frame.get() <= warm_up {
            return;
        }
        let new = (frame.allocs, frame.misses);
        let left = self.frames.push(new).unwrap_or((0, 0));
        self.allocs = self.allocs.wrapping_sub(left.0).wrapping_add(new.0);
        self.misses = self.misses.wrapping_sub(left.1).wrapping_add(new.1);
    }

    /// Misses per alloc, 0 to 1; zero while there are fewer than `least` allocs to judge by.
    pub(crate) fn ratio(&self, least: u64) -> f64 {
        if self.allocs < least.max(1) {
            0.0
        } else {
            self.misses as f64 / self.allocs as f64
        }
    }
}
