//! The numbers of pools and frames. A frame has two: one in the order of beginnings, one in the order of ends.
#![expect(
    unsafe_code,
    reason = "a transparent number says that it has no padding"
)]

use std::fmt;

use crate::sync::{Ordering, global_counter};

/// The number of a frame: the n-th frame that began in a pool, from 1.
///
/// Frames that are open at once may end in another order than they began; [`FrameEnd`] counts the ends.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let simulate = pool.begin_frame();
/// let render = pool.begin_frame();
/// assert_eq!((simulate.id().get(), render.id().get()), (1, 2));
/// let id = render.id();
/// assert_eq!(render.release_all().ended, Some(id));
/// # drop(simulate);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct FrameId(pub(crate) u64);

impl FrameId {
    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

global_counter! {
    /// The number of pools made in this process.
    static POOLS;
}

/// The number of a pool, unique in this process.
///
/// It identifies the pool; names are only labels, and several pools can share one. The first pool is number 1; 0 is
/// no pool.
///
/// ```
/// use framepool::BufferPool;
///
/// let render = BufferPool::builder().name("level").build()?;
/// let audio = BufferPool::builder().name("level").build()?;
/// assert_ne!(render.id(), audio.id());
/// assert_eq!(audio.end_frame().pool_id, audio.id());
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolId(pub(crate) u64);

impl PoolId {
    /// The number of a new pool.
    pub(crate) fn next() -> Self {
        // Relaxed: no other data depends on it.
        Self(POOLS.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of a frame end: the n-th of a pool, from 1. It rises by one with every frame end.
///
/// Number 0 is the time before the first frame end.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// assert_eq!(pool.snapshot().frame.get(), 0);
/// let first = pool.end_frame().frame;
/// let second = pool.end_frame().frame;
/// assert_eq!((first.get(), second.get()), (1, 2));
/// assert!(first < second);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct FrameEnd(pub(crate) u64);

// SAFETY: a transparent `u64`, hence no padding; `Copy` and `'static`.
unsafe impl bytemuck::NoUninit for FrameEnd {}

impl FrameEnd {
    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FrameEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
