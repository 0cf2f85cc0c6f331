//! How much memory recent frames needed at once: what idle memory is measured against.

use std::time::Duration;

use crate::telemetry::snapshot::FrameSnapshot;

/// How long a frame's need counts.
const WINDOW: Duration = Duration::from_secs(10);
/// The window's parts: a frame's need counts for up to a part longer.
const PARTS: u32 = 10;
const KEPT: usize = PARTS as usize + 1;

/// The most that one of the recent frames can have had in use at once.
#[derive(Debug, Default)]
pub(crate) struct Need {
    /// Of the frames since the health snapshot before.
    latest: u64,
    /// Part of the time, and the most in it.
    parts: [(u64, u64); KEPT],
}

impl Need {
    /// Takes a frame's record.
    ///
    /// What was in use at once in a frame is at most what is in use at its end and what it gave back.
    pub(crate) fn push(&mut self, frame: &FrameSnapshot) {
        let most = frame.in_use_bytes.saturating_add(frame.release_bytes);
        self.latest = self.latest.max(most.min(frame.pooled_bytes));
    }

    /// The most over the window, with what is in use now.
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
