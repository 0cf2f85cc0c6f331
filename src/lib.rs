//! stub docs
#![deny(unsafe_code)]

mod alloc;
mod cache;
mod fold;
pub mod show;
mod sync;

pub use alloc::{
    AllocError, Attribution, Buffer, BufferPool, ConfigError, Frame, FrameError, PoolBuilder,
};
pub use cache::{CounterDefinition, Counts};
pub use fold::{
    FrameFeed, FrameId, FrameSnapshot, Outstanding, PoolStats, SiteHolding, SnapshotReader, Totals,
};
