//! The worst frames so far: by time, by bytes from the system, and by misses.
#![cfg_attr(
    feature = "serde",
    expect(
        clippy::ref_option_ref,
        reason = "serde passes every field by reference"
    )
)]

use std::panic::Location;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::id::{FrameEnd, FrameId};
use crate::telemetry::snapshot::FrameSnapshot;

/// Frames kept of each kind.
const KEPT: usize = 3;

/// One of the worst frames.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
/// use std::time::Duration;
///
/// # let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// monitor.record_frame(&pool.end_frame(), Duration::from_millis(40));
/// if let Some(slowest) = monitor.emit_now(&pool).worst.by_time[0] {
///     println!("frame {} at {}", slowest.frame, slowest.time);
///     assert_eq!(slowest.value, 40_000_000); // nanoseconds
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WorstFrame {
    /// The frame end.
    pub frame: FrameEnd,
    /// The frame that ended, if one did.
    pub ended: Option<FrameId>,
    /// When it ended.
    pub time: Timestamp,
    /// The value that ranks it, in the unit of its list.
    pub value: u64,
    /// The line of code whose alloc took the most memory from the system in this frame, if it is known.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::telemetry::largest_miss::serialize_site")
    )]
    pub site: Option<&'static Location<'static>>,
}

/// The worst frames since the monitor began, the worst first.
///
/// Frames of the warm-up are not in the lists by bytes and misses, because a warm-up takes memory from the system.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
/// use std::time::Duration;
///
/// let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// for ms in [16, 40, 17] {
///     monitor.record_frame(&pool.end_frame(), Duration::from_millis(ms));
/// }
/// let worst = monitor.emit_now(&pool).worst;
/// let slowest: Vec<_> = worst.by_time.iter().flatten().map(|it| it.frame.get()).collect();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(slowest, [2, 3, 1]);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WorstFrames {
    /// The longest frame times, in nanoseconds.
    pub by_time: [Option<WorstFrame>; KEPT],
    /// The most bytes taken from the system.
    pub by_system_bytes: [Option<WorstFrame>; KEPT],
    /// The most allocs that took memory from the system.
    pub by_misses: [Option<WorstFrame>; KEPT],
}

impl WorstFrames {
    pub(crate) fn add(&mut self, frame: &FrameSnapshot, frame_time: Duration, is_warm: bool) {
        let nanos = u64::try_from(frame_time.as_nanos()).unwrap_or(u64::MAX);
        insert(&mut self.by_time, frame, nanos);
        if is_warm {
            insert(&mut self.by_system_bytes, frame, frame.system_bytes);
            insert(&mut self.by_misses, frame, frame.misses);
        }
    }
}

/// Inserts a frame into a list if it is worse than the last one there. Equal frames stay in the order in which they
/// ended.
fn insert(list: &mut [Option<WorstFrame>; KEPT], frame: &FrameSnapshot, value: u64) {
    let is_worse = |kept: &Option<WorstFrame>| kept.is_none_or(|kept| kept.value < value);
    let Some(place) = list.iter().position(is_worse).filter(|_| value > 0) else {
        return;
    };
    list[place..].rotate_right(1);
    list[place] = Some(WorstFrame {
        frame: frame.frame,
        ended: frame.ended,
        time: frame.time,
        value,
        site: frame.largest_miss.and_then(|miss| miss.site),
    });
}
