//! How much of a pool's memory is resident, and the time of the reading.

use std::time::Duration;

use crate::clock::Timestamp;

/// How many of a pool's bytes are in physical memory, as reported by the operating system.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let untouched = pool.alloc::<u8>(64 << 20);
/// if let Some(resident) = pool.resident() {
///     assert!(resident.bytes <= pool.stats().pooled_bytes);
///     println!("{} bytes are in physical memory", resident.bytes);
/// }
/// # drop(untouched);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Resident {
    /// Bytes of the pool's blocks in resident pages: at most `pooled_bytes`.
    pub bytes: u64,
    /// When the system was asked.
    pub time: Timestamp,
    /// The duration of the query.
    pub took: Duration,
}
