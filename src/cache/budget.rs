//! How much memory the pool holds from the system, and how much it may hold.
//!
//! Every change is a read-modify-write of one word, so none is lost, whatever its ordering. What a fold must see, the growth
//! behind a buffer that it counts, comes to it with the counter: Release in `Counter::store`, Acquire in `Counter::get`.

use crate::sync::{AtomicU64, Ordering};

/// The account of bytes held from the system.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes held now. Grows before a block counts as lent; what was lent shrinks it only under the fold's lock (L3).
    reserved: AtomicU64,
    /// The most that `reserved` ever was.
    peak: AtomicU64,
    /// The most bytes that were not idle in the depot, of all frame ends.
    busiest: AtomicU64,
    /// Bytes given back, since the pool was made.
    evicted: AtomicU64,
    limit: Option<u64>,
}

impl Budget {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            reserved: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            busiest: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            limit,
        }
    }

    /// The most the pool may hold.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Enters `bytes` that are about to be taken; `false` when the limit forbids it, and then nothing has happened.
    pub(crate) fn reserve(&self, bytes: u64) -> bool {
        let limit = self.limit.unwrap_or(u64::MAX);
        // Relaxed: the update decides on the newest value.
        let mut reserved = self.reserved.load(Ordering::Relaxed);
        loop {
            let Some(raised) = reserved.checked_add(bytes).filter(|&sum| sum <= limit) else {
                return false;
            };
            // Relaxed: see the head of this file. Relaxed on failure: the next turn decides.
            match self.reserved.compare_exchange_weak(
                reserved,
                raised,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => reserved = seen,
            }
        }
    }

    /// Notes that the system gave what was reserved, or that a fold saw it.
    pub(crate) fn confirm(&self) -> u64 {
        let reserved = self.reserved();
        // Relaxed, both: a maximum of its own, which never falls; nothing is read through it.
        if reserved > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(reserved, Ordering::Relaxed);
        }
        reserved
    }

    /// Takes back a reservation whose memory the system did not give: it was never lent, so no lock is needed.
    pub(crate) fn cancel(&self, bytes: u64) {
        // Relaxed: as in `reserve`.
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Enters that memory went back to the system. Whoever calls this holds the fold's lock, so that no fold counts the
    /// memory as in use and then finds it gone.
    pub(crate) fn evicted(&self, bytes: u64) {
        // Relaxed: as in `reserve`.
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
        // Relaxed: written and read under the fold's lock.
        self.evicted.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes held.
    pub(crate) fn reserved(&self) -> u64 {
        // Relaxed: see the head of this file; a fold that saw a counter sees the growth before it.
        self.reserved.load(Ordering::Relaxed)
    }

    /// The most bytes ever held.
    pub(crate) fn peak(&self) -> u64 {
        // Relaxed: as in `confirm`.
        self.peak.load(Ordering::Relaxed)
    }

    /// Notes at a frame end how many bytes were not idle in the depot.
    pub(crate) fn note_busy(&self, bytes: u64) {
        // Relaxed, both: written under the fold's lock, read to judge by.
        if bytes > self.busiest.load(Ordering::Relaxed) {
            self.busiest.store(bytes, Ordering::Relaxed);
        }
    }

    /// The most bytes that were not idle in the depot, of all frame ends.
    pub(crate) fn busiest(&self) -> u64 {
        // Relaxed: as in `note_busy`.
        self.busiest.load(Ordering::Relaxed)
    }

    /// Bytes given back since their number was `before`. It wraps, so that a plain subtraction would not do.
    pub(crate) fn evicted_since(&self, before: u64) -> u64 {
        self.evicted_bytes().wrapping_sub(before)
    }

    /// Sets the bytes given back, as if it had been so many.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, evicted: u64) {
        // Relaxed: before anybody else has the pool.
        self.evicted.store(evicted, Ordering::Relaxed);
    }

    /// Bytes given back, since the pool was made.
    pub(crate) fn evicted_bytes(&self) -> u64 {
        // Relaxed: as in `evicted`.
        self.evicted.load(Ordering::Relaxed)
    }
}
