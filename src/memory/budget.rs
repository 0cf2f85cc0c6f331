//! How much memory the pool holds from the system, and how much it may hold.
//!
//! # Three accounts
//!
//! ```text
//!   claimed   held, and what is being asked for
//!   held      what the system gave for buffers: every number that is published
//!   beside    what pooled blocks cost beside their bytes: records, and the slack of the system's allocator
//! ```
//!
//! The limit is enforced on `claimed` and on what `beside` exceeds an allowance by. The allowance lets a limit hold exactly as many
//! large buffers as it has room for.
//!
//! A request goes through three steps. A refusal ends it after the first, and then no published number ever showed it.
//!
//! 1. [`reserve`](Budget::reserve): `claimed` grows, if the limit allows it.
//! 2. The system is asked. If it gives nothing, [`cancel`](Budget::cancel): `claimed` shrinks again.
//! 3. [`commit`](Budget::commit): `held` grows, and with it the peak. Only then is the memory lent.
//!
//! Memory that goes back leaves `held` first and `claimed` after it ([`evicted`](Budget::evicted)). So `claimed` is never
//! less than what the pool has from the system for buffers, and these never exceed the limit.
//!
//! `beside` grows before its block is reserved, and shrinks after the block's record has gone back. A reservation reads it and does not
//! lock it: requests at the same moment may exceed the limit by what lies beside their own blocks: a few hundred bytes each, or about a page for a mapping.
//!
//! # Why in use plus idle is what is held (L3)
//!
//! `held` grows before a counter says that the memory is lent, and the counter is stored with Release. An aggregation loads
//! the counters with Acquire first and `held` last: it sees the growth behind every buffer that it counts. `held` shrinks
//! only under the aggregator's lock, which the aggregation has. So in use never exceeds what is held, and idle, the difference,
//! is never negative.
//!
//! # What magazines keep
//!
//! No thread reaches another's magazine: its owner takes and gives there without a read-modify-write, and a thread that rests
//! may rest in the middle of that. A store more in every operation would tell, and cost a tenth of a pair. So under a limit all
//! magazines together are granted a sixteenth of it at most, and one thread an eighth of that. This much can lie idle out of
//! reach of a request, in threads that rest; the refusal says in which.
//!
//! Every change is a read-modify-write of one word, so none is lost, whatever its ordering.

use crate::sync::{AtomicU64, Ordering};

/// The account of bytes held from the system.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes held, and bytes that are being asked for.
    claimed: AtomicU64,
    /// Bytes held. Grows before a block counts as lent; shrinks only under the aggregator's lock (L3).
    held: AtomicU64,
    /// What pooled blocks cost beside their bytes.
    beside: AtomicU64,
    /// The most that `held` was in the present phase (`telemetry/peaks.rs`).
    peak: AtomicU64,
    /// The most bytes that were not idle in the depot, of all frame ends.
    busiest: AtomicU64,
    /// Bytes given back, since the pool was made.
    evicted: AtomicU64,
    /// The same with what lay beside them.
    freed: AtomicU64,
    /// Bytes that the pool's magazines were granted.
    granted: AtomicU64,
    limit: Option<u64>,
}

/// So much of what lies beside blocks is never counted,
const ALLOWANCE_BYTES: u64 = 64 << 10;
/// and this part of the limit.
const ALLOWANCE_PART: u64 = 64;

/// All magazines of a pool together are granted at most this part of its limit.
const MAGAZINES_PART: u64 = 16;
/// One thread's magazine is granted at most this part of that.
const THREAD_PART: u64 = 8;

/// The most that a thread may keep in a pool with this limit.
pub(crate) fn max_kept_by_thread(limit: u64) -> usize {
    usize::try_from(limit / (MAGAZINES_PART * THREAD_PART)).unwrap_or(usize::MAX)
}

impl Budget {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            claimed: AtomicU64::new(0),
            held: AtomicU64::new(0),
            beside: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            busiest: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            freed: AtomicU64::new(0),
            granted: AtomicU64::new(0),
            limit,
        }
    }

    /// The most the pool may hold.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Enters `bytes` that are about to be asked for; `false` when the limit forbids it, and then nothing has happened.
    pub(crate) fn reserve(&self, bytes: u64) -> bool {
        let limit = self.limit.unwrap_or(u64::MAX);
        // Relaxed: the update decides on the newest value.
        let mut claimed = self.claimed.load(Ordering::Relaxed);
        loop {
            let fits = |&sum: &u64| sum.saturating_add(self.bookkeeping()) <= limit;
            let Some(raised) = claimed.checked_add(bytes).filter(fits) else {
                return false;
            };
            // Relaxed: see the head of this file. Relaxed on failure: the next turn decides.
            match self.claimed.compare_exchange_weak(
                claimed,
                raised,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => claimed = seen,
            }
        }
    }

    /// Enters that the system gave what was reserved. Before the memory is lent.
    pub(crate) fn commit(&self, bytes: u64) {
        // Relaxed: the counter that says that the memory is lent passes it on; see the head of this file.
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.raise_peak(held);
    }

    /// Ends the present phase and begins one; the most bytes held in the phase that ended. Only under the aggregator's lock.
    pub(crate) fn begin_phase(&self) -> u64 {
        // Acquire: pairs with the Release in `raise_peak`; the look below sees every growth whose peak is taken away here.
        let peak = self.peak.swap(0, Ordering::Acquire);
        self.held_at_aggregation();
        peak
    }

    /// Takes back a reservation whose memory the system did not give.
    pub(crate) fn cancel(&self, bytes: u64) {
        // Relaxed: as in `reserve`.
        self.claimed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Enters that memory went back to the system. Whoever calls this holds the aggregator's lock, so that no aggregation counts the
    /// memory as in use and then finds it gone.
    pub(crate) fn evicted(&self, bytes: u64) {
        // Relaxed, both: as in `reserve`.
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.claimed.fetch_sub(bytes, Ordering::Relaxed);
        // Relaxed: written and read under the aggregator's lock.
        self.evicted.fetch_add(bytes, Ordering::Relaxed);
        self.freed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Enters what a block costs beside its bytes, before these are reserved.
    pub(crate) fn add_beside(&self, bytes: u64) {
        // Relaxed: see the head of this file.
        self.beside.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes back what was entered for a block that was not made.
    pub(crate) fn cancel_beside(&self, bytes: u64) {
        // Relaxed: as in `reserve`.
        self.beside.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Enters that a block has gone with what it cost beside its bytes. Under the aggregator's lock.
    pub(crate) fn evicted_beside(&self, bytes: u64) {
        self.cancel_beside(bytes);
        // Relaxed: as in `evicted`.
        self.freed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What lies beside blocks and counts against the limit.
    pub(crate) fn bookkeeping(&self) -> u64 {
        self.bookkeeping_with(0)
    }

    /// The same if so much more lay there.
    fn bookkeeping_with(&self, more: u64) -> u64 {
        let Some(limit) = self.limit else {
            return 0;
        };
        // Relaxed: a level to judge by.
        let beside = self.beside.load(Ordering::Relaxed).saturating_add(more);
        beside.saturating_sub(ALLOWANCE_BYTES + limit / ALLOWANCE_PART)
    }

    fn raise_peak(&self, held: u64) {
        // Relaxed: a first look; if a new phase begins meanwhile, the aggregator enters into it what is held.
        if held > self.peak.load(Ordering::Relaxed) {
            // Release: pairs with the Acquire in `begin_phase`; the thread that takes this peak away sees the growth behind it.
            self.peak.fetch_max(held, Ordering::Release);
        }
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> u64 {
        // Relaxed: see the head of this file; an aggregation that saw a counter sees the growth before it.
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes held, for an aggregation, whose peak is never below it: a thread may have committed and not yet raised the peak.
    pub(crate) fn held_at_aggregation(&self) -> u64 {
        let held = self.held();
        self.raise_peak(held);
        held
    }

    /// Bytes held, and bytes that are being asked for.
    pub(crate) fn claimed(&self) -> u64 {
        // Relaxed: a level to judge by.
        self.claimed.load(Ordering::Relaxed)
    }

    /// By how many bytes a request exceeds what the limit leaves, if `beside` still comes to what lies beside blocks.
    pub(crate) fn missing(&self, wanted: u64, beside: u64) -> u64 {
        let limit = self.limit.unwrap_or(u64::MAX);
        let counted = self.claimed().saturating_add(self.bookkeeping_with(beside));
        counted.saturating_add(wanted).saturating_sub(limit)
    }

    /// What a refused request wanted: its bytes, and what lies beside them if that counts. At most the limit, if the bytes are.
    pub(crate) fn wanted_with(&self, wanted: u64, beside: u64) -> u64 {
        if self.bookkeeping_with(beside) == 0 {
            return wanted;
        }
        let limit = self.limit.unwrap_or(u64::MAX);
        wanted.saturating_add(beside).min(limit.max(wanted))
    }

    /// Grants a magazine so many bytes; `false` if all magazines together would have too many.
    pub(crate) fn grant(&self, bytes: u64) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        // Relaxed, both: a sum of its own. Over the bound it is taken back at once; another grant may be refused for that meanwhile.
        if self.granted.fetch_add(bytes, Ordering::Relaxed) + bytes <= limit / MAGAZINES_PART {
            return true;
        }
        self.granted.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    /// Takes back what was granted to a magazine.
    pub(crate) fn take_back_grant(&self, bytes: u64) {
        if self.limit.is_some() {
            // Relaxed: as in `grant`.
            self.granted.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// The most bytes held in the present phase.
    pub(crate) fn peak(&self) -> u64 {
        // Relaxed: as in `raise_peak`.
        self.peak.load(Ordering::Relaxed)
    }

    /// Notes at a frame end how many bytes were not idle in the depot.
    pub(crate) fn note_busy(&self, bytes: u64) {
        // Relaxed, both: written under the aggregator's lock, read to judge by.
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

    /// Bytes given back with what lay beside them since their number was `before`.
    pub(crate) fn freed_since(&self, before: u64) -> u64 {
        self.freed_bytes().wrapping_sub(before)
    }

    /// Bytes given back with what lay beside them, since the pool was made.
    pub(crate) fn freed_bytes(&self) -> u64 {
        // Relaxed: as in `evicted`.
        self.freed.load(Ordering::Relaxed)
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
