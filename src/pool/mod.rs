//! The types that users hold (pool, buffers, frames), and the paths that join the parts: lookup, allocs, frame end,
//! trimming, closing.

pub(crate) mod aggregator;
pub(crate) mod alloc;
#[cfg(feature = "backtrace")]
pub(crate) mod backtraces;
pub(crate) mod breakdown;
pub(crate) mod buffer;
pub(crate) mod builder;
pub(crate) mod closing;
pub(crate) mod compact;
pub(crate) mod config;
pub(crate) mod findings;
mod found_sites;
pub(crate) mod frame;
#[cfg(feature = "allocator-api2")]
mod frame_allocator;
pub(crate) mod frame_arena;
pub(crate) mod frame_book;
pub(crate) mod frame_end;
pub(crate) mod frame_sampling;
mod frame_values;
pub(crate) mod frame_vec;
pub(crate) mod framed;
pub(crate) mod handle;
mod handle_queries;
pub(crate) mod holdings;
pub(crate) mod inner;
pub(crate) mod lifetime;
pub(crate) mod located;
pub(crate) mod lookup;
pub(crate) mod new_blocks;
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) mod places;
pub(crate) mod pooled;
pub(crate) mod pressure;
pub(crate) mod prewarm;
pub(crate) mod queries;
pub(crate) mod reader;
pub(crate) mod refusal;
pub(crate) mod release;
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) mod resident;
pub(crate) mod slot_guard;
#[cfg(feature = "backtrace")]
mod stack_capture;
#[cfg(feature = "backtrace")]
pub(crate) mod stack_walk;
pub(crate) mod tag;
pub(crate) mod tag_book;
pub(crate) mod tag_settings;
pub(crate) mod tagged;
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;
pub(crate) mod thread_records;
#[cfg(feature = "backtrace")]
pub(crate) mod traced;
pub(crate) mod trim;
pub(crate) mod walk;

#[cfg(all(test, framepool_loom))]
#[path = "../../loom-tests/tests/primitives/mod.rs"]
mod models;
