//! How long a replay must last before its growth can be judged.

use std::time::Duration;

use framepool::Thresholds;

use crate::args::WarmUp;

/// The default start-up, in frames and in time: growth that begins in either may be a cache that fills.
const WARM_UP_FRAMES: u64 = 1_200;
const WARM_UP: Duration = Duration::from_secs(20);
/// After this time, slow even growth that began after the start-up is reported. Recordings are short.
const LOAD_TIME: Duration = Duration::from_secs(15);

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
            .leak_load_time(LOAD_TIME)
    }
}
