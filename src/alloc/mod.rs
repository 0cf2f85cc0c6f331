//! What users hold: the pool's handle and its builder, pooled buffers, frames, and the errors.

mod buffer;
mod config;
mod error;
mod frame;
mod frame_arena;
mod located;
mod pool;

pub use buffer::Buffer;
pub use config::{Alignment, Attribution, PoolBuilder};
pub use error::{AllocError, ConfigError, FrameError};
pub use frame::Frame;
pub use frame_arena::FrameArena;
pub use pool::BufferPool;

pub(crate) use config::Config;
