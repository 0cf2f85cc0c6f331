//! How much memory recent frames needed at once, as the measure for idle memory.

use std::time::Duration;

use crate::telemetry::snapshot::FrameSnapshot;

/// How long a frame's need counts.
const WINDOW: Duration = Duration::from_secs(10);
/// The window's parts. A frame's need counts for up to one part longer than the window.
const PARTS: u32 = 10;
const KEPT: usize = PARTS as usize + 1;

/// An upper bound on the bytes that one recent frame had in use at once.
#[derive(Debug, Default)]
pub(crate) struct Need {
    /// Of the frames since the previous health snapshot.
    latest: u64,
    /// The number of a part, and the most in it.
    parts: [(u64, u64); KEPT],
}

impl Need {
    /// Takes a frame's record.
    ///
    /// The bytes in use at once in a frame are at most those in use at its end plus those released in it.
    pub(crate) fn push(&mut self, frame: &FrameSnapshot) {
        let most = frame.in_use_bytes.saturating_add(frame.release_bytes);
        self.latest = self.latest.max(most.min(frame.pooled_bytes));
    }

    /// The most over the window and the bytes in use now.
    pub(crate) fn peak(&mut self, at: Duration, in_use: u64) -> u64 {
        let part = (at.as_nanos() / (WINDOW / PARTS).as_nanos()) as u64;
        let most = std::mem::take(&mut self.latest).max(in_use);
        let own = &mut self.parts[(part % KEPT as u64) as usize];
        *own = if own.0 == part {
            (part, own.1.max(most))
        } else {
            (part, most)
        };
        let recent = |&&(then, _): &&(u64, u64)| part.saturating_sub(then) <= u64::from(PARTS);
        let most = self.parts.iter().filter(recent).map(|&(_, most)| most);
        most.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_counts_until_window_ends_from_any_start() {
        for start in [Duration::ZERO, Duration::MAX.saturating_sub(2 * WINDOW)] {
            let mut need = Need::default();
            assert_eq!(need.peak(start, 7), 7);
            assert_eq!(need.peak(start + WINDOW, 1), 7);
            assert_eq!(need.peak(start + 2 * WINDOW, 1), 1);
        }
    }
}
