//! The open frames, with their age and the line of code that began each.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::telemetry::id::FrameId;
use crate::text::counted;

/// A frame that has begun and not ended.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let upload = pool.begin_frame();
/// pool.begin_frame().release_all();
/// let open = pool.open_frames();
/// assert_eq!((open.len(), open[0].id), (1, upload.id()));
/// println!("{}", open[0]); // with the line that began it
/// # upload.release_all();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenFrame {
    /// The frame's number.
    pub id: FrameId,
    /// The line that called `begin_frame`.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::outstanding::serialize_location")
    )]
    pub location: &'static Location<'static>,
    /// The time since it began.
    pub age: Duration,
    /// Its age in frames: frames of the pool that ended meanwhile, plus frames that could not begin because too many
    /// were open. Counted like the ages of buffers, see
    /// [`SiteHolding::oldest_age_frames`](crate::SiteHolding::oldest_age_frames).
    pub age_frames: u64,
}

impl fmt::Display for OpenFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "frame {} begun at {}, open for {:.1} s and {}",
            self.id,
            self.location,
            self.age.as_secs_f64(),
            counted(self.age_frames, "frame")
        )
    }
}
