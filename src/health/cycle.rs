//! The low points of a call site's own cycle: what is left between two levels of a game, two jobs, two scenes.
//!
//! A level can last longer than any window of fixed length. So the population itself says when a cycle is over:
//!
//! ```text
//!              falls by half of the swing             rises by half of the swing: low point found
//!   high ────────────────────────────────▶ low ────────────────────────────────────────────────▶ high
//! ```
//!
//! The swing is the height of the latest high point above the low point before it, in the state *low* above the lowest number
//! so far. A swing of fewer than [`LEAST_SWING`] buffers is none. Samples count the buffers that stayed since the
//! sample before, so a level that is replaced within one frame has its low point too.

use crate::telemetry::kept::Amount;

/// The least swing.
const LEAST_SWING: u64 = 4;

/// The state of the cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cycle {
    /// The latest low point.
    low: Amount,
    /// The highest number since.
    high: u64,
    /// In the state *low*: the lowest number since it began.
    lowest: Option<Amount>,
}

impl Cycle {
    /// Takes a sample, and returns the low point that it ends.
    pub(super) fn push(&mut self, sample: Amount) -> Option<Amount> {
        let Some(lowest) = self.lowest else {
            self.high = self.high.max(sample.buffers);
            let swing = self.high.saturating_sub(self.low.buffers);
            if swing >= LEAST_SWING && sample.buffers <= self.high - swing.div_ceil(2) {
                self.lowest = Some(sample);
            }
            return None;
        };
        let lowest = lowest.min(sample);
        let swing = self.high - lowest.buffers;
        let is_over = sample.buffers >= lowest.buffers + swing.div_ceil(2);
        self.lowest = (!is_over).then_some(lowest);
        if is_over {
            self.low = lowest;
            self.high = sample.buffers;
        }
        is_over.then_some(lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low_points(samples: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut cycle = Cycle::default();
        let level = |buffers| Amount {
            buffers,
            bytes: buffers,
        };
        let ends = samples.into_iter().filter_map(|at| cycle.push(level(at)));
        ends.map(|low| low.buffers).collect()
    }

    #[test]
    fn each_cycle_has_one_low_point() {
        let levels = [0, 200, 200, 10, 210, 205, 20, 20, 100, 220, 30, 230];
        assert_eq!(low_points(levels), [10, 20, 30]);
    }

    #[test]
    fn small_swings_are_no_cycles() {
        assert!(low_points([0, 3, 0, 3, 0, 3]).is_empty());
        assert!(low_points([0, 100, 90, 100, 80, 100, 60, 100]).is_empty());
        assert!(low_points(0..500).is_empty());
    }
}
