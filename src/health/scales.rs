//! The windows over which minima are taken, and what the minima of each prove.
//!
//! Each site has an envelope for each of five scales. The finest finds a leak within a second. A longer window counts only
//! buffers that were in use throughout it: it finds a leak of one buffer per burst, or per level, by what stays between
//! the bursts, or between levels that are shorter than a window. The longest one finds one connection in a hundred that is never
//! closed, if they last for a minute on average. Two minutes are too short for that: one connection in seven is still open after them, and
//! the number of those varies by more than the leak adds. After eight minutes it is one in 3,000. The last scale has the site's own cycle
//! for a window (`cycle.rs`): it finds what each level leaves, however long levels are.

use std::time::Duration;

use super::loop_time::LoopTime;

/// When growth counts as a leak. See [`Thresholds`](crate::Thresholds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GrowthLimits {
    pub(crate) warm_up_frames: u64,
    pub(crate) warm_up: Duration,
    pub(crate) fill_time: Duration,
    pub(crate) load_time: Duration,
}

impl GrowthLimits {
    pub(super) fn is_warm_up(&self, time: LoopTime) -> bool {
        time.frames < self.warm_up_frames || time.since(LoopTime::default()) < self.warm_up
    }
}

/// A kind of window.
#[derive(Debug)]
pub(super) struct Scale {
    /// The least length of a window in loop time; each has [`MIN_FRAMES`] too. `None` for the site's own cycle.
    pub(super) window: Option<Duration>,
    /// What a stream is; `None` if streams prove nothing here.
    pub(super) stream: Option<Stream>,
    /// Whether a climb is proven by lasting long.
    pub(super) proves_long: bool,
    /// Whether it must also have doubled.
    pub(super) must_double: bool,
    /// Whether a minimum well below the record shows that the site gives back.
    pub(super) shows_return: bool,
    /// An unproven climb has levelled off after at least this time without a rise, and four times its usual gap.
    pub(super) level_after: Duration,
    /// A climb of one rise has no usual gap. It has levelled off after this time: 300 windows.
    pub(super) level_after_one: Duration,
}

/// Windows of which each must rise, and what else they must show.
#[derive(Debug)]
pub(super) enum Stream {
    /// A buffer in two frames, or clearly more than one in this time. A window that ends late, because the monitor judges rarely, needs
    /// only one buffer to rise, so rises alone do not give a rate.
    Dense(Duration),
    /// Only rises, over the load time.
    Sparse,
}

/// What most scales have in common. As it is, the scale of the site's own cycle, which levels off like windows of two minutes.
const USUAL: Scale = Scale {
    window: None,
    stream: None,
    proves_long: true,
    must_double: false,
    shows_return: false,
    level_after: Duration::from_secs(4 * 60),
    level_after_one: Duration::from_secs(10 * 3_600),
};

/// The scales, the finest first.
pub(super) const SCALES: [Scale; 5] = [
    Scale {
        window: Some(Duration::from_millis(100)),
        stream: Some(Stream::Dense(Duration::from_millis(100))),
        proves_long: false,
        shows_return: true,
        level_after: Duration::from_secs(10),
        level_after_one: Duration::from_secs(30),
        ..USUAL
    },
    Scale {
        window: Some(Duration::from_secs(5)),
        stream: Some(Stream::Sparse),
        level_after: Duration::from_secs(10),
        level_after_one: Duration::from_secs(25 * 60),
        ..USUAL
    },
    Scale {
        window: Some(Duration::from_secs(2 * 60)),
        ..USUAL
    },
    Scale {
        window: Some(Duration::from_secs(8 * 60)),
        level_after: Duration::from_secs(16 * 60),
        level_after_one: Duration::from_secs(40 * 3_600),
        ..USUAL
    },
    USUAL,
];

/// The scale of a site's bytes: windows as [`BYTES`] has them. Bytes prove nothing until they have doubled.
pub(super) const OF_BYTES: Scale = Scale {
    window: SCALES[BYTES].window,
    must_double: true,
    // Blocks become larger in steps of a quarter of a doubling, so bytes may rest between two steps.
    level_after: Duration::from_secs(60),
    level_after_one: Duration::from_secs(25 * 60),
    ..USUAL
};

/// The place of the scale with whose windows a site's bytes are judged.
pub(super) const BYTES: usize = 1;

/// The place of the scale whose windows end the climbs of cycles that have no low point for long.
pub(super) const TWO_MINUTES: usize = 2;

/// The place of the site's own cycle: the number of scales that have windows of time.
pub(super) const CYCLE: usize = SCALES.len() - 1;

/// The fewest frames of a window.
pub(super) const MIN_FRAMES: u64 = 5;
