//! Runs a program under a monitor, frame by frame, with the bench's own clock.

use std::panic::Location;
use std::time::{Duration, Instant};

use framepool::{Alert, BufferPool, HealthMonitor, HealthSnapshot, Rule, Thresholds};

/// The frame time of 60 frames a second.
pub(crate) const TICK: Duration = Duration::from_nanos(16_666_667);

/// One frame of a program, and its length.
pub(crate) type Step = Box<dyn FnMut(&BufferPool, u64) -> Duration>;

/// A monitored program.
pub(crate) struct Bench {
    pub(crate) pool: BufferPool,
    pub(crate) monitor: HealthMonitor,
    pub(crate) now: Instant,
    pub(crate) frame: u64,
    dice: Dice,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Thresholds::default())
    }

    pub(crate) fn with(thresholds: Thresholds) -> Self {
        Self {
            pool: BufferPool::new(),
            monitor: HealthMonitor::new(thresholds),
            now: Instant::now(),
            frame: 0,
            dice: Dice(7),
        }
    }

    /// Runs one frame. The monitor reads the pool at a random moment of it, like a separate thread.
    pub(crate) fn frame(
        &mut self,
        mut step: impl FnMut(&BufferPool, u64) -> Duration,
    ) -> Option<HealthSnapshot> {
        let looks_early = self.dice.below(3) == 0;
        let early = looks_early
            .then(|| self.monitor.emit_at(&self.pool, self.now))
            .flatten();
        let period = step(&self.pool, self.frame);
        self.frame += 1;
        self.now += period;
        let snapshot = self.pool.end_frame();
        self.monitor.record_frame(&snapshot, period);
        let late = self.monitor.emit_at(&self.pool, self.now);
        early
            .filter(|early| late.is_none() || !leaks(early).is_empty())
            .or(late)
    }

    /// Runs frames of a step; returns the number of the first one with a leak alert, and the latest health snapshot.
    pub(crate) fn run(
        &mut self,
        frames: u64,
        period: Duration,
        mut step: impl FnMut(&BufferPool, u64),
    ) -> (Option<u64>, HealthSnapshot) {
        let (mut first, mut latest) = (None, None);
        for _ in 0..frames {
            let number = self.frame;
            let health = self.frame(|pool, frame| {
                step(pool, frame);
                period
            });
            if let Some(health) = health {
                if first.is_none() && !leaks(&health).is_empty() {
                    first = Some(number);
                }
                latest = Some(health);
            }
        }
        (first, latest.expect("a health snapshot"))
    }

    /// No frame ends for this time. The monitor looks five times a second, like a watch.
    pub(crate) fn pause(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(200);
            self.monitor.emit_at(&self.pool, self.now);
        }
    }

    /// Frames at 60 a second that keep nothing.
    pub(crate) fn quiet(&mut self, frames: u64) {
        for _ in 0..frames {
            self.frame(|pool, _| {
                drop(pool.alloc::<u8>(100));
                TICK
            });
        }
    }
}

/// The lines of the leak alerts that are active.
pub(crate) fn leaks(health: &HealthSnapshot) -> Vec<&'static Location<'static>> {
    let is_leak = |rule| matches!(rule, Rule::Leak | Rule::Overdue);
    let alerts = health.active.iter().filter(|alert| is_leak(alert.rule));
    alerts.filter_map(|alert| alert.site).collect()
}

/// A leak alert that is active.
pub(crate) fn leak_alert(health: &HealthSnapshot) -> Option<&Alert> {
    health.active.iter().find(|alert| alert.rule == Rule::Leak)
}

/// Pseudo-random numbers, the same in every run (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
