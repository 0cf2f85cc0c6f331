//! The numbers and records that the library hands out, and how a snapshot reaches its readers. Knows no pool.

pub(crate) mod arena_reading;
pub(crate) mod counters;
pub(crate) mod feed;
pub(crate) mod holdings;
pub(crate) mod id;
pub(crate) mod largest_miss;
pub(crate) mod open_frames;
pub(crate) mod outstanding;
pub(crate) mod part;
pub(crate) mod peaks;
pub(crate) mod publish;
pub(crate) mod resident;
pub(crate) mod ring;
pub(crate) mod rounds;
pub(crate) mod snapshot;
pub(crate) mod tags;
