//! The data and the renderer of the pictures.

pub(crate) mod sites;
pub(crate) mod software;

use std::time::{Duration, Instant};

use framepool::health::FrameTimeSource;
use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};

/// A monitor and a store of one pool, with a clock that the test sets.
pub(crate) struct Told {
    pub(crate) pool: BufferPool,
    pub(crate) store: DiagnosticsStore,
    monitor: HealthMonitor,
    begun: Instant,
    /// A frame takes 16 ms.
    frames: u32,
}

impl Told {
    pub(crate) fn new(store: &DiagnosticsStore, name: &str, thresholds: Thresholds) -> Self {
        // With a limit, so that nothing depends on the machine's memory.
        let builder = BufferPool::builder()
            .name(name)
            .max_bytes(256 << 20)
            .leak_after(Duration::ZERO);
        Self {
            pool: builder.build().expect("good settings"),
            store: store.clone(),
            monitor: HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO),
            begun: Instant::now(),
            frames: 0,
        }
    }

    /// Ends twelve frames, and judges the pool. Times are those of the test's clock.
    pub(crate) fn step(&mut self) {
        for _ in 0..12 {
            self.frames += 1;
            let mut frame = *self.pool.end_frame();
            frame.duration = Duration::from_millis(16);
            let slow = f64::from(self.frames % 97) / 40.0;
            self.monitor
                .record_frame(&frame, Duration::from_secs_f64((14.0 + slow) / 1e3));
        }
        let now = self.begun + self.frames * Duration::from_millis(16);
        let mut health = self.monitor.emit_at(&self.pool, now).expect("due");
        // The frames ended at once, so numbers from their real periods are replaced.
        let m = &mut health.metrics;
        m.frame_time_source = FrameTimeSource::Given;
        m.fps_estimate = 62.5;
        (m.avg_frame_ms, m.p99_frame_ms) = (15.2, 16.3);
        m.worst_frame_ms = 16.4 + f64::from(self.frames / 12 % 7) / 4.0;
        self.store.receive(health);
    }
}
