//! Which pooled buffers have their call stack recorded, and counts of such samples.

use std::fmt;

use crate::text::bytes;

/// Which pooled buffers have their call stack recorded: see [`PoolBuilder::backtraces`](crate::PoolBuilder).
///
/// ```
/// # #[cfg(feature = "backtrace")] {
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder()
///     .attribution(Attribution::Backtraces)
///     .backtraces(1_000, 1 << 20)
///     .build()?;
/// let sampling = pool.sampled_allocs().sampling;
/// assert_eq!(sampling.to_string(), "1 in 1000, and all from 1.00 MiB");
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
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
///
/// ```
/// let sampled = framepool::BufferPool::new().sampled_allocs();
/// if sampled.unlisted.buffers > 0 {
///     println!("{} bytes are missing in the list", sampled.unlisted.bytes);
/// }
/// assert_eq!(sampled.unlisted.buffers, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
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

impl SampledCounts {
    /// Divides a number of buffers, and their bytes, among groups of samples of them.
    ///
    /// All large buffers are sampled, so they are not scaled. The rest is divided in proportion to the small samples,
    /// rounded down. The parts can exceed the whole only by large buffers that were allocated meanwhile.
    ///
    /// ```
    /// use framepool::telemetry::SampledCounts;
    ///
    /// let sampled = |buffers, bytes| {
    ///     let mut counts = SampledCounts::default();
    ///     (counts.buffers, counts.bytes) = (buffers, bytes);
    ///     counts
    /// };
    /// let parts = SampledCounts::divide([8_000, 512_000], &[sampled(3, 192), sampled(1, 64)]);
    /// assert_eq!(parts, [[6_000, 384_000], [2_000, 128_000]]);
    /// ```
    pub fn divide(whole: [u64; 2], samples: &[Self]) -> Vec<[u64; 2]> {
        let sum = |of: fn(&Self) -> [u64; 2]| {
            let values = samples.iter().map(of);
            values.fold([0_u64; 2], |[a, b], [c, d]| {
                [a.saturating_add(c), b.saturating_add(d)]
            })
        };
        let (all_large, all_small) = (sum(Self::large), sum(Self::small));
        let part = |it: &Self| {
            std::array::from_fn(|at| {
                let rest = u128::from(whole[at].saturating_sub(all_large[at]));
                let share = rest * u128::from(it.small()[at]);
                let share = share.checked_div(u128::from(all_small[at]));
                it.large()[at].saturating_add(share.unwrap_or(0) as u64)
            })
        };
        samples.iter().map(part).collect()
    }

    fn large(&self) -> [u64; 2] {
        [self.large_buffers, self.large_bytes]
    }

    fn small(&self) -> [u64; 2] {
        [
            self.buffers.saturating_sub(self.large_buffers),
            self.bytes.saturating_sub(self.large_bytes),
        ]
    }
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
