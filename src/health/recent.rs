//! The frames of the last few seconds, for averages and percentiles over a window of time.
//!
//! A frame's *period* is the time from the previous frame end to its own. Periods follow each other without a gap, so the age of
//! a frame end is the time since the latest one plus the periods of the frames after it. The window holds the frames that ended
//! within its time. The oldest of them may have begun before the window. It counts with the *share* of its period that lies
//! inside, so a very long frame counts as a fraction of a frame.

use std::collections::VecDeque;
use std::time::Duration;

/// The kind of a frame time.
///
/// ```
/// use framepool::health::FrameTimeSource;
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// monitor.record(&pool.end_frame()); // no beginning is known, so no work
/// let metrics = monitor.emit_now(&pool).metrics;
/// assert_eq!(metrics.frame_time_source, FrameTimeSource::Period);
/// println!("{} ms ({})", metrics.avg_frame_ms, metrics.frame_time_source);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FrameTimeSource {
    /// From the previous frame end to this one, including waits:
    /// [`FrameSnapshot::duration`](crate::FrameSnapshot::duration).
    #[default]
    Period,
    /// From the beginning of the frame to its end: [`FrameSnapshot::work`](crate::FrameSnapshot::work).
    Work,
    /// The time that the program passed to [`HealthMonitor::record_frame`](crate::HealthMonitor::record_frame).
    Given,
    /// Different kinds for different frames.
    Mixed,
}

impl FrameTimeSource {
    /// The name in labels and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Period => "period",
            Self::Work => "work",
            Self::Given => "given",
            Self::Mixed => "mixed",
        }
    }

    /// The source that describes frames of both sources together.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Mixed }
    }
}

/// The most frames kept. A program with more frames in the window is judged by the latest of them.
const MAX: usize = 4096;

/// Room for this many frames is allocated at the start: five seconds at 100 frames a second.
pub(crate) const USUAL: usize = 512;

/// Longer times are capped at this, about 26 days, so that the sum over all frames fits.
const LONGEST: u64 = u64::MAX / (2 * MAX as u64);

/// The stored part of a frame's record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentFrame {
    pub(crate) period: u64,
    /// The frame's time, in nanoseconds, and its source.
    pub(crate) time: u64,
    pub(crate) source: FrameTimeSource,
    /// The memory that the frame took from the system; `None` during the warm-up.
    pub(crate) misses: Option<FrameMisses>,
}

/// The memory that a frame took from the system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameMisses {
    pub(crate) allocs: u64,
    pub(crate) misses: u64,
    pub(crate) bytes: u64,
    pub(crate) calls: u64,
}

/// The frames of the last few seconds, the oldest first.
#[derive(Debug)]
pub(crate) struct RecentFrames {
    window: u64,
    frames: VecDeque<RecentFrame>,
    /// The sum of their periods.
    span: u64,
}

impl RecentFrames {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window: capped(window).max(1),
            frames: VecDeque::with_capacity(USUAL),
            span: 0,
        }
    }

    /// A window of the same length without frames.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            window: self.window,
            ..Self::new(Duration::ZERO)
        }
    }

    pub(crate) fn push(&mut self, frame: RecentFrame) {
        if self.frames.len() == MAX {
            self.pop();
        }
        self.span += frame.period;
        self.frames.push_back(frame);
        while self.frames.len() > 1 && self.span - self.frames[0].period >= self.window {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.frames.pop_front() {
            self.span -= oldest.period;
        }
    }

    /// The frames in the window, the latest first, each with the share of it that lies inside. `idle` is the time since the
    /// latest frame end.
    pub(crate) fn in_window(&self, idle: Duration) -> impl Iterator<Item = (&RecentFrame, f64)> {
        let mut left = self.window.saturating_sub(capped(idle));
        self.frames.iter().rev().map_while(move |frame| {
            if left == 0 {
                return None;
            }
            let inside = frame.period.min(left);
            left -= inside;
            let share = if inside == frame.period {
                1.0
            } else {
                inside as f64 / frame.period as f64
            };
            Some((frame, share))
        })
    }

    /// The time that the window covers: shorter than its length while there were not enough frames.
    pub(crate) fn covered(&self, idle: Duration) -> Duration {
        let known = self.span.saturating_add(capped(idle));
        Duration::from_nanos(known.min(self.window))
    }
}

/// A duration in nanoseconds.
pub(crate) fn capped(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(LONGEST, |nanos| nanos.min(LONGEST))
}
