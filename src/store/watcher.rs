//! What the watch's thread does at each look: it drains the feed, trims, reads resident bytes, judges, and passes all to the store.

use std::thread;
use std::time::Duration;

use super::diagnostics::DiagnosticsStore;
use super::watch::HealthConfig;
use crate::clock::{self, Time};
use crate::health::{HealthMonitor, HealthSnapshot};
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::telemetry::FrameFeed;
use crate::{BufferPool, FrameSnapshot};

/// The watch trims when no frame has ended for this time.
const QUIET: Duration = Duration::from_millis(200);
/// Then it trims one step per this time, at any poll interval.
const TRIM_INTERVAL: Duration = Duration::from_millis(20);
/// The most trim steps at once: a few of them trim everything that is due.
const MAX_TRIM_STEPS: u128 = 50;

/// The least time between two queries for resident bytes.
const RESIDENCY_INTERVAL: Duration = Duration::from_secs(1);
/// Queries take at most this part of the time.
const RESIDENCY_SHARE: u32 = 200;

/// The state of the thread.
pub(crate) struct Watcher {
    pool: BufferPool,
    feed: FrameFeed,
    /// Records lost so far, by the feed's count.
    lost: u64,
    monitor: HealthMonitor,
    pub(super) store: DiagnosticsStore,
    trimmed_at: Time,
    /// Frames that the store does not have yet. Kept to reuse its memory.
    frames: Vec<FrameSnapshot>,
    /// The time of the next query for resident bytes.
    next_residency: Time,
}

impl Watcher {
    pub(crate) fn new(pool: &BufferPool, config: HealthConfig) -> Self {
        let mut monitor = HealthMonitor::new(config.thresholds)
            .with_emit_interval(config.emit_interval)
            .on_its_own_thread();
        if let Some(window) = config.window {
            monitor = monitor.with_window(window);
        }
        Self {
            pool: pool.clone(),
            feed: pool.subscribe(),
            lost: 0,
            monitor,
            store: config.store.unwrap_or_default(),
            trimmed_at: clock::now(),
            frames: Vec::new(),
            next_residency: clock::now(),
        }
    }

    pub(super) fn run(&mut self, stopping: &AtomicBool, interval: Duration) {
        // Acquire: pairs with the Release in `Watch::stop`.
        while !stopping.load(Ordering::Acquire) {
            self.look();
            // An earlier unpark is not lost: this returns at once then.
            thread::park_timeout(interval);
        }
        self.last_look();
    }

    /// Records new frames, trims if no frame ends, and judges if it is time.
    pub(crate) fn look(&mut self) {
        self.drain();
        self.trim();
        self.ask_for_residency();
        if let Some(health) = self.monitor.emit(&self.pool) {
            self.pass_on(health);
        }
        self.pass_frames_on();
    }

    /// Passes a judgement to the store, with what its walk found if the store keeps that.
    fn pass_on(&self, health: HealthSnapshot) {
        let keeps = self.store.keeps_outstanding();
        let outstanding = keeps.then(|| Arc::new(self.monitor.outstanding().clone()));
        self.store.receive_with(health, outstanding);
    }

    /// Records new frames, and judges.
    pub(crate) fn last_look(&mut self) {
        self.drain();
        let health = self.monitor.emit_now(&self.pool);
        self.pass_on(health);
        self.pass_frames_on();
    }

    /// Passes the recorded frames to the store, once it knows the pool.
    fn pass_frames_on(&mut self) {
        for frame in self.frames.drain(..) {
            self.store.record_frame(&frame);
        }
    }

    /// Trims as many steps as are due, if no frame has ended for a while.
    fn trim(&mut self) {
        let now = clock::now();
        let passed = now.since(self.trimmed_at);
        let steps = (passed.as_nanos() / TRIM_INTERVAL.as_nanos()).min(MAX_TRIM_STEPS);
        if steps > 0 {
            self.trimmed_at = now;
        }
        for _ in 0..steps {
            self.pool.inner().trim_if_quiet(QUIET);
        }
    }

    /// Queries the resident bytes, if that is due.
    fn ask_for_residency(&mut self) {
        let now = clock::now();
        if now < self.next_residency {
            return;
        }
        let resident = self.pool.resident();
        let took = resident.map_or(Duration::ZERO, |resident| resident.took);
        self.next_residency = now + RESIDENCY_INTERVAL.max(took * RESIDENCY_SHARE);
        self.monitor.record_resident(resident);
    }

    /// Records every frame that waits in the feed.
    fn drain(&mut self) {
        while let Some(frame) = self.feed.next() {
            self.monitor.record(&frame);
            self.frames.push(frame);
        }
        let lost = self.feed.lost();
        self.monitor.record_lost(lost.wrapping_sub(self.lost));
        self.lost = lost;
    }
}
