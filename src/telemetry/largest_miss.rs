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
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let small = pool.alloc::<u8>(100);
/// let large = pool.alloc::<u8>(1 << 20);
/// let snapshot = pool.end_frame();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(snapshot.largest_miss.unwrap().bytes, 1 << 20);
/// # }
/// if let Some(site) = snapshot.largest_miss.and_then(|miss| miss.site) {
///     println!("prewarm the buffers of {site}");
/// }
/// # drop((small, large));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LargestMiss {
    /// Bytes of the buffer's block.
    pub bytes: u64,
    /// The line of code; `None` while call sites are not recorded.
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

/// The largest miss between two frame ends.
///
/// A miss goes to the system anyway, so it may take a lock. Most do not: `max` shows whether a miss is the largest.
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
    /// Models skip this: no other code depends on it, and it would multiply their executions.
    pub(crate) fn note(&self, bytes: u64, site: Option<&'static Location<'static>>) {
        // Relaxed: only a hint; the comparison under the lock decides.
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
        // Relaxed: a miss that is being noted now may count for the next frame.
        if cfg!(framepool_loom) || self.max.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // A frame end waits for no worker: if the lock is taken, the next frame end tries again.
        let mut largest = self.largest.try_lock()?;
        // Relaxed: as in `note`.
        self.max.store(0, Ordering::Relaxed);
        largest.take()
    }
}
