//! Memory from the system: how it is allocated and freed, and how much of it the pool may hold.

pub(crate) mod alignment;
pub(crate) mod budget;
pub(crate) mod mapping;
pub(crate) mod region;
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) mod residency;
#[cfg_attr(any(framepool_loom, framepool_shuttle), path = "no_slabs.rs")]
pub(crate) mod slab;
pub(crate) mod tag_budget;
