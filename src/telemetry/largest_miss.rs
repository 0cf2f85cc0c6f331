//! The alloc that took the most memory from the system in a frame.
#![cfg_attr(
    feature = "serde",
    expect(
        clippy::ref_option_ref,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes every field by reference"
    )
)]

use std::panic::Location;

use crate::sync::{AtomicU64, ForkLock, Ordering, Rank};

/// The alloc of a pooled buffer that took the most memory from the system in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LargestMiss {
    /// Bytes of the buffer's block.
    pub bytes: u64,
    /// The line of code; none while call sites are not recorded.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_site"))]
    pub site: Option<&'static Location<'static>>,
}

#[cfg(feature = "serde")]
pub(crate) fn serialize_site<S: serde::Serializer>(
    site: &Option<&'static Location<'static>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match site {
        Some(site) => serializer.collect_str(site),
        None => serializer.serialize_none(),
    }
}

/// Where misses are noted between two frame ends.
///
/// A miss goes to the system anyway, so it may take a lock. Most need not: `most` says whether a miss is the largest one.
#[derive(Debug)]
pub(crate) struct Misses {
    /// Bytes of `largest`, or 0.
    max: AtomicU64,
    largest: ForkLock<Option<LargestMiss>>,
}

impl Misses {
    /// Bytes of the lock, apart from the pool.
    pub(crate) const LOCK_BYTES: u64 = ForkLock::<Option<LargestMiss>>::BYTES;

    pub(crate) fn new() -> Self {
        Self {
            max: AtomicU64::new(0),
            largest: ForkLock::new(Rank::Notes, None),
        }
    }

    /// Notes a miss.
    ///
    /// Models leave this out: it passes nothing on that others rely on, and would multiply their executions.
    pub(crate) fn note(&self, bytes: u64, site: Option<&'static Location<'static>>) {
        // Relaxed: a first look; what counts is decided under the lock.
        if cfg!(framepool_loom) || bytes <= self.max.load(Ordering::Relaxed) {
            return;
        }
        let mut largest = self.largest.lock();
        if largest.is_none_or(|largest| largest.bytes < bytes) {
            *largest = Some(LargestMiss { bytes, site });
            // Relaxed: as above.
            self.max.store(bytes, Ordering::Relaxed);
        }
    }

    /// The largest miss since this was last asked.
    pub(crate) fn take(&self) -> Option<LargestMiss> {
        // Relaxed: a miss that is being noted at this moment is the next frame's.
        if cfg!(framepool_loom) || self.max.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // A frame end waits for no worker: a lock that is taken is tried again at the next one.
        let mut largest = self.largest.try_lock()?;
        // Relaxed: as in `note`.
        self.max.store(0, Ordering::Relaxed);
        largest.take()
    }
}
