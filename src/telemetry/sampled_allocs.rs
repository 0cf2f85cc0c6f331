//! Sampled allocs since a pool was made, by call site.

use super::call_stack::StackHolding;
use super::frame_memory::FrameMemory;
use super::stack_counts::{SampledCounts, StackSampling};

/// The allocs since the pool was made, by call site: see [`BufferPool::sampled_allocs`](crate::BufferPool::sampled_allocs).
///
/// Nothing here is scaled. It has the counts of the samples, and of all buffers from which they were drawn.
///
/// ```
/// # #[cfg(feature = "backtrace")] {
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
/// for _ in 0..10 {
///     drop(pool.alloc::<u8>(1 << 20)); // large, so each is sampled
/// }
/// let sampled = pool.sampled_allocs();
/// let listed: u64 = sampled.stacks.iter().map(|stack| stack.buffers).sum();
/// assert_eq!((sampled.buffers, listed), (10, 10));
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SampledAllocs {
    /// Which pooled buffers are sampled, while [`Attribution::Backtraces`](crate::Attribution) is on.
    pub sampling: StackSampling,
    /// Pooled buffers that were allocated while backtraces were on. Exact, except for allocs at the moment of a switch.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// The sampled ones by call stack, in use or released; those that represent the most bytes first. They have no tags.
    pub stacks: Vec<StackHolding>,
    /// The sampled ones whose call stack did not fit in the pool's table.
    pub unlisted: SampledCounts,
    /// The frame buffers of all sampled frames since the pool was made. Call sites without allocs in two windows of 64
    /// sampled frames are in [`other`](super::FrameSampling::other).
    pub frames: FrameMemory,
}
