//! Whether a run was long enough to judge growth.

use std::time::Duration;

use super::SavedPool;
use crate::health::{GrowthLimits, LeakVerdict};
use crate::text::counted;

saved! {
    /// When growth counts as a leak: see [`Thresholds::leak_warm_up`](crate::Thresholds::leak_warm_up) and
    /// [`leak_fill_time`](crate::Thresholds::leak_fill_time).
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// let growth = store.saved().pools[0].growth.clone().unwrap();
    /// assert_eq!((growth.warm_up_frames, growth.warm_up.as_secs(), growth.fill_time.as_secs()), (1_200, 20, 110));
    /// ```
    SavedGrowthLimits {
        /// Frames of the warm-up.
        warm_up_frames: u64,
        /// Time of the warm-up.
        warm_up: Duration,
        /// Growth that began in the warm-up is a leak after this time.
        fill_time: Duration,
    }
}

impl From<GrowthLimits> for SavedGrowthLimits {
    fn from(limits: GrowthLimits) -> Self {
        Self {
            warm_up_frames: limits.warm_up_frames,
            warm_up: limits.warm_up,
            fill_time: limits.fill_time,
        }
    }
}

impl SavedPool {
    /// Why the growth of this pool was not judged: its run ended within the warm-up, so every growth may be a cache that
    /// fills, or soon after it, with a call site whose buffers still rose. `None` if it was judged, if a leak was found all the same, or if the file does not say.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// pool.end_frame();
    /// watch.stop(); // after a moment
    /// let pool = &watch.store().saved().pools[0];
    /// assert!(pool.growth_not_judged().unwrap().starts_with("too short to judge growth"));
    /// ```
    pub fn growth_not_judged(&self) -> Option<String> {
        let limits = self.growth.as_ref()?;
        let has_warmed_up =
            self.metrics.total_frames > limits.warm_up_frames && self.at > limits.warm_up;
        if self.with(LeakVerdict::Growing).next().is_some() {
            return None;
        }
        let (at, fill_time) = (self.at.as_secs_f64(), limits.fill_time.as_secs_f64());
        if has_warmed_up {
            let site = self.verdicts.iter().find(|it| it.growth.is_some())?;
            let is_short = self.at < limits.warm_up + limits.fill_time;
            return is_short.then(|| {
                format!(
                    "too short to judge the growth at {}: {:.1} s; its buffers still rise at the end, and a load or a cache may \
                     do so for {fill_time} s; run it for longer",
                    site.location, at
                )
            });
        }
        if self.at >= limits.fill_time {
            return None;
        }
        let warm_up = match (limits.warm_up_frames, limits.warm_up.as_secs_f64()) {
            (0, seconds) => format!("{seconds} s"),
            (frames, 0.0) => counted(frames, "frame"),
            (frames, seconds) => format!("{seconds} s and {}", counted(frames, "frame")),
        };
        Some(format!(
            "too short to judge growth: {at:.1} s of {fill_time} s; growth that begins in the start-up ({warm_up}) may be a cache that \
             fills; say when the start-up ends: `replay --warm-up 2s`, or `Thresholds::leak_warm_up` in a program"
        ))
    }
}
