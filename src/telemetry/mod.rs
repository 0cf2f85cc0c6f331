//! Counters, peaks, open frames and the records behind a snapshot.
//!
//! [`FrameSnapshot`](crate::FrameSnapshot), [`PoolStats`](crate::PoolStats) and [`Outstanding`](crate::Outstanding)
//! are made of these.

pub(crate) mod arena_reading;
pub(crate) mod breakdown;
pub(crate) mod call_stack;
mod change;
pub(crate) mod counters;
pub(crate) mod feed;
pub(crate) mod frame_memory;
pub(crate) mod histogram;
pub(crate) mod holdings;
pub(crate) mod id;
pub(crate) mod kept;
pub(crate) mod largest_miss;
pub(crate) mod open_frames;
pub(crate) mod outstanding;
pub(crate) mod part;
pub(crate) mod peaks;
pub(crate) mod place;
pub(crate) mod publish;
pub(crate) mod recent_peak;
pub(crate) mod resident;
pub(crate) mod ring;
pub(crate) mod rounds;
pub(crate) mod sampled_allocs;
pub(crate) mod snapshot;
pub(crate) mod stack_counts;
pub(crate) mod tags;
pub(crate) mod wrapping;

pub use breakdown::{SizeHolding, ThreadHolding};
pub use call_stack::{Stack, StackFrame, StackHolding};
pub use change::{OutstandingChange, SiteChange};
pub use counters::{CounterDefinition, Counts};
pub use feed::FrameFeed;
pub use frame_memory::{FrameCounts, FrameMemory, FrameSampling, FrameSite};
pub use histogram::Log2Histogram;
pub use holdings::{HeldBy, Holding};
pub use largest_miss::LargestMiss;
pub use open_frames::OpenFrame;
pub use part::Part;
pub use peaks::{Mark, Peak};
pub use place::{Place, PlaceKind};
pub use resident::Resident;
pub use sampled_allocs::SampledAllocs;
pub use stack_counts::{SampledCounts, StackSampling};
pub use tags::{TagCounts, TagStats, Tags};
