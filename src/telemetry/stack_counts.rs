//! Which pooled buffers have their call stack recorded, and counts of such samples.

use std::fmt;

use crate::text::bytes;

/// Which pooled buffers have their call stack recorded: see [`PoolBuilder::backtraces`](crate::PoolBuilder).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct StackSampling {
    /// One small buffer in this many, on average; zero for none.
    pub every: u32,
    /// Each buffer whose block has at least this many bytes.
    pub from_bytes: u64,
}

/// For example `1 in 4096, and all from 97.7 KiB`.
impl fmt::Display for StackSampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.every {
            0 => f.write_str("none")?,
            every => write!(f, "1 in {every}")?,
        }
        write!(f, ", and all from {}", bytes(self.from_bytes))
    }
}

/// Sampled pooled buffers. Not scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SampledCounts {
    /// The number of buffers.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// The part of them that is always sampled because it is large.
    pub large_buffers: u64,
    /// Bytes of the large buffers.
    pub large_bytes: u64,
}

#[cfg(feature = "backtrace")]
impl SampledCounts {
    /// Makes the counts from number and bytes of small and of large buffers.
    pub(crate) fn of([small, large]: [[u64; 2]; 2]) -> Self {
        Self {
            buffers: small[0] + large[0],
            bytes: small[1] + large[1],
            large_buffers: large[0],
            large_bytes: large[1],
        }
    }
}
