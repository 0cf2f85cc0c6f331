//! How long a run must last before its growth can be judged.

use std::time::Duration;

use framepool::Thresholds;
use framepool::store::SavedPool;

use crate::args::WarmUp;
use crate::report::count;

/// The default start-up, in frames and in time: growth that begins in either may be a cache that fills.
const WARM_UP_FRAMES: u64 = 1_200;
const WARM_UP: Duration = Duration::from_secs(20);
/// After this time, growth that began in the start-up is a leak.
const FILL_TIME: Duration = Duration::from_secs(110);

/// The settings of leak verdicts that a replay uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GrowthSettings {
    frames: u64,
    time: Duration,
}

impl GrowthSettings {
    /// From the option `--warm-up`.
    pub(crate) fn of(warm_up: Option<WarmUp>) -> Self {
        let (frames, time) = match warm_up {
            None => (WARM_UP_FRAMES, WARM_UP),
            Some(WarmUp::Frames(frames)) => (frames, Duration::ZERO),
            Some(WarmUp::Time(time)) => (0, time),
        };
        Self { frames, time }
    }

    pub(crate) fn thresholds(self) -> Thresholds {
        Thresholds::default()
            .leak_warm_up(self.frames, self.time)
            .leak_fill_time(FILL_TIME)
    }

    /// Why the growth of this pool could not be judged: the run ended within the start-up.
    pub(crate) fn too_short(self, pool: &SavedPool) -> Option<String> {
        let has_left_start_up = pool.metrics.total_frames > self.frames && pool.at > self.time;
        (!has_left_start_up && pool.at < FILL_TIME).then(|| {
            format!(
                "too short to judge growth: {} s of {} s; growth that begins in the start-up ({}) may be a cache that fills; \
                 set the end of the start-up, such as `--warm-up 2s`",
                pool.at.as_secs(),
                FILL_TIME.as_secs(),
                self.start_up()
            )
        })
    }

    fn start_up(self) -> String {
        match (self.frames, self.time.as_secs_f64()) {
            (0, seconds) => format!("{seconds} s"),
            (frames, 0.0) => format!("{} frames", count(frames)),
            (frames, seconds) => format!("{seconds} s and {} frames", count(frames)),
        }
    }
}
