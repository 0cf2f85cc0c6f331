//! How much of a pool's memory is resident, and when that was so.

use std::time::Duration;

use crate::clock::Timestamp;

/// How many of a pool's bytes are in physical memory, as the operating system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Resident {
    /// Bytes of the pool's blocks that lie in resident pages: at most `pooled_bytes`.
    pub bytes: u64,
    /// When the system was asked.
    pub time: Timestamp,
    /// How long the system took to answer.
    pub took: Duration,
}
