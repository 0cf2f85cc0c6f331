//! From the slots' counters to a published snapshot.

mod feed;
mod frame_end;
mod holders;
mod holdings;
mod id;
mod largest_miss;
mod open_frames;
mod outstanding;
mod peaks;
mod publish;
mod reader;
mod ring;
mod rounds;
mod snapshot;
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod wrapping;

pub use feed::FrameFeed;
pub use holdings::{HeldBy, Holding};
pub use id::{FrameEnd, FrameId, PoolId};
pub use largest_miss::LargestMiss;
pub use open_frames::OpenFrame;
pub use outstanding::{Outstanding, SiteHolding};
pub use peaks::{Mark, Peak};
pub use reader::SnapshotReader;
pub use snapshot::{FrameSnapshot, PoolStats, Totals};

#[cfg(all(test, framepool_loom))]
pub(crate) use ring::{Reader, ring};

pub(crate) use frame_end::Fold;
pub(crate) use holders::Walks;
pub(crate) use holdings::LastWalk;
pub(crate) use largest_miss::Misses;
#[cfg(feature = "serde")]
pub(crate) use largest_miss::serialize_site;
pub(crate) use ring::MOST_PLACES;
pub(crate) use rounds::{RoundTimes, this_thread};
