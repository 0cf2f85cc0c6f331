//! A monitor's own time, and the time since the latest frame.

use std::time::Duration;

use crate::clock::Time;

/// The monitor's own time: it begins at the first reading and never goes back.
#[derive(Debug)]
pub(super) struct MonitorClock {
    pub(super) interval: Duration,
    read: Option<Time>,
    now: Duration,
    emitted: Option<Duration>,
    /// Whether a frame was recorded since the last reading.
    has_new_frame: bool,
    /// The first reading after the latest frame was recorded.
    frame_at: Option<Duration>,
}

impl MonitorClock {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            read: None,
            now: Duration::ZERO,
            emitted: None,
            has_new_frame: false,
            frame_at: None,
        }
    }

    pub(super) fn advance(&mut self, now: Time) {
        if let Some(before) = self.read.replace(now) {
            let step = now.since(before);
            self.now = self.now.saturating_add(step);
        }
        if std::mem::take(&mut self.has_new_frame) {
            self.frame_at = Some(self.now);
        }
    }

    /// Notes that a frame was recorded.
    pub(super) fn note_frame(&mut self) {
        self.has_new_frame = true;
    }

    /// The time since the latest frame was recorded, as far as readings show; zero if none was.
    pub(super) fn since_frame(&self) -> Duration {
        match self.frame_at {
            Some(at) if !self.has_new_frame => self.now.saturating_sub(at),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.emitted
            .is_none_or(|last| self.now.saturating_sub(last) >= self.interval)
    }

    /// Notes an emit, and returns its time.
    pub(super) fn emitted(&mut self) -> Duration {
        self.emitted = Some(self.now);
        self.now
    }
}
