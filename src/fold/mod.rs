//! From the slots' counters to a published snapshot.

mod feed;
mod frame_end;
mod holders;
mod id;
mod outstanding;
mod publish;
mod reader;
mod ring;
mod snapshot;
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod wrapping;

pub use feed::FrameFeed;
pub use id::FrameId;
pub use outstanding::{Outstanding, SiteHolding};
pub use reader::SnapshotReader;
pub use snapshot::{FrameSnapshot, PoolStats, Totals};

#[cfg(all(test, framepool_loom))]
pub(crate) use ring::{Reader, ring};

pub(crate) use frame_end::Fold;
pub(crate) use ring::MOST_PLACES;
