//! How much memory the pool holds from the system, and how much it may hold.
//!
//! # Three accounts
//!
//! ```text
//!   claimed   bytes held, and bytes that a thread is allocating from the system now
//!   held      bytes of buffers from the system; the only account that is published
//!   beside    overhead of pooled blocks: their records, and the slack of their slab or mapping
//! ```
//!
//! The limit applies to `claimed` plus the part of `beside` above an allowance. With the allowance, a limit of n large
//! buffers holds exactly n of them.
//!
//! A request takes three steps. If the first one or the system refuses, no published number ever showed the request.
//!
//! 1. [`reserve`](Budget::reserve): raise `claimed`, if the limit allows it.
//! 2. Allocate from the system. If that fails, [`cancel`](Budget::cancel) lowers `claimed` again.
//! 3. [`commit`](Budget::commit): raise `held`, and the peak with it. Only then is the buffer allocated from the memory.
//!
//! When memory is returned to the system, [`evicted`](Budget::evicted) lowers `held` first and `claimed` after it. So `claimed` is
//! never less than the bytes that the pool has from the system for buffers, and those bytes never exceed the limit.
//!
//! `beside` grows before its block is reserved, and shrinks after the block's record was released. A reservation only loads it. So
//! concurrent requests can exceed the limit by the overhead of their own blocks: a few hundred bytes each, or about a page
//! for a mapping.
//!
//! # Why in use plus idle equals held (L3, it adds up)
//!
//! A thread raises `held` before it stores, with Release, the counter of the alloc. An aggregation loads the counters with Acquire first
//! and `held` last. So for every buffer that it counts, it also sees the growth of `held`. `held` shrinks only under the
//! aggregator's lock, which the aggregation holds. So in use never exceeds held, and idle, the difference, is never negative.
//!
//! # Memory in magazines
//!
//! No thread can evict blocks from another thread's magazine. The owner uses its magazine without read-modify-writes, and may be
//! suspended in the middle of an operation. Signalling that state would need one more store in every operation, a tenth of the cost
//! of an alloc and release. Instead the limit bounds the magazines: all magazines together are granted at most a sixteenth of the
//! limit, and one thread at most an eighth of that. This much memory can lie idle in resting threads while a request is refused. The
//! error names these threads.
//!
//! Every change is a read-modify-write of one word, so no change is lost, with any ordering.

use crate::sync::{AtomicU64, Ordering};

/// The account of bytes held from the system.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes held, and bytes that a thread is allocating from the system now.
    claimed: AtomicU64,
    /// Bytes held. Grows before a block counts as allocated; shrinks only under the aggregator's lock (L3, it adds up).
    held: AtomicU64,
    /// Overhead of pooled blocks.
    beside: AtomicU64,
    /// The largest value of `held` in the current phase (`telemetry/peaks.rs`).
    peak: AtomicU64,
    /// The largest number of bytes outside the depot at a frame end.
    busiest: AtomicU64,
    /// Bytes of blocks that were taken from the system for a class that had as many blocks before.
    regrown: AtomicU64,
    /// Bytes returned to the system since the pool was made.
    evicted: AtomicU64,
    /// Bytes returned to the system, with the overhead of their blocks.
    freed: AtomicU64,
    /// Bytes granted to the pool's magazines.
    granted: AtomicU64,
    limit: Option<u64>,
}

/// Overhead of blocks up to this many bytes never counts against the limit.
const ALLOWANCE_BYTES: u64 = 64 << 10;
/// The allowance also includes this part of the limit: one 64th.
const ALLOWANCE_PART: u64 = 64;

/// All magazines of a pool together are granted at most this part of its limit.
const MAGAZINES_PART: u64 = 16;
/// One thread's magazine is granted at most this part of that.
const THREAD_PART: u64 = 8;

/// The largest number of bytes that one thread may keep in a pool with this limit.
pub(crate) fn max_kept_by_thread(limit: u64) -> usize {
    usize::try_from(limit / (MAGAZINES_PART * THREAD_PART)).unwrap_or(usize::MAX)
}

/// Adds to a word if the sum fits; `false` if it does not, and then nothing changed.
pub(super) fn add_if(word: &AtomicU64, amount: u64, fits: impl Fn(u64) -> bool) -> bool {
    // Relaxed: the compare-exchange decides on the newest value.
    let mut now = word.load(Ordering::Relaxed);
    loop {
        let Some(sum) = now.checked_add(amount).filter(|&sum| fits(sum)) else {
            return false;
        };
        // Relaxed: one word, whose changes have one order, and which publishes nothing else. Relaxed on failure: the next try decides.
        match word.compare_exchange_weak(now, sum, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(seen) => now = seen,
        }
    }
}

impl Budget {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            claimed: AtomicU64::new(0),
            held: AtomicU64::new(0),
            beside: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            busiest: AtomicU64::new(0),
            regrown: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            freed: AtomicU64::new(0),
            granted: AtomicU64::new(0),
            limit,
        }
    }

    /// The largest number of bytes that the pool may hold.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Reserves `bytes` before they are allocated from the system; `false` if the limit forbids it, and then nothing changed.
    pub(crate) fn reserve(&self, bytes: u64) -> bool {
        let limit = self.limit.unwrap_or(u64::MAX);
        let fits = |sum: u64| sum.saturating_add(self.bookkeeping()) <= limit;
        add_if(&self.claimed, bytes, fits)
    }

    /// Counts reserved bytes as held, once the system has allocated them and before a buffer uses them.
    pub(crate) fn commit(&self, bytes: u64) {
        // Relaxed: the Release store of the alloc's counter publishes it, see the head of this file.
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.raise_peak(held);
    }

    /// Begins a new phase, and returns the peak of the phase that ended. Only under the aggregator's lock.
    pub(crate) fn begin_phase(&self) -> u64 {
        // Acquire: pairs with the Release in `raise_peak`; the load of `held` below sees every growth whose peak is reset here.
        let peak = self.peak.swap(0, Ordering::Acquire);
        self.held_at_aggregation();
        peak
    }

    /// Cancels a reservation whose memory the system did not allocate.
    pub(crate) fn cancel(&self, bytes: u64) {
        // Relaxed: one word that publishes nothing else.
        self.claimed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts memory as returned to the system.
    ///
    /// The caller holds the aggregator's lock. Otherwise an aggregation could count the memory as in use, and then load a
    /// smaller `held`.
    pub(crate) fn evicted(&self, bytes: u64) {
        // Relaxed, both: words that publish nothing else; the aggregator's lock orders them for aggregations.
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.claimed.fetch_sub(bytes, Ordering::Relaxed);
        // Relaxed, both: written and read under the aggregator's lock.
        self.evicted.fetch_add(bytes, Ordering::Relaxed);
        self.freed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds the overhead of a block, before the block's bytes are reserved.
    pub(crate) fn add_beside(&self, bytes: u64) {
        // Relaxed: reservations only estimate with it, see the head of this file.
        self.beside.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts the overhead of a block that was not made.
    pub(crate) fn cancel_beside(&self, bytes: u64) {
        // Relaxed: reservations only estimate with it, see the head of this file.
        self.beside.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts the overhead of a block as returned to the system. Only under the aggregator's lock.
    pub(crate) fn evicted_beside(&self, bytes: u64) {
        self.cancel_beside(bytes);
        // Relaxed: written and read under the aggregator's lock.
        self.freed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The overhead of blocks that counts against the limit.
    pub(crate) fn bookkeeping(&self) -> u64 {
        self.bookkeeping_with(0)
    }

    /// The overhead that would count against the limit with `more` bytes added.
    fn bookkeeping_with(&self, more: u64) -> u64 {
        let Some(limit) = self.limit else {
            return 0;
        };
        // Relaxed: an estimate, see the head of this file.
        let beside = self.beside.load(Ordering::Relaxed).saturating_add(more);
        beside.saturating_sub(ALLOWANCE_BYTES + limit / ALLOWANCE_PART)
    }

    fn raise_peak(&self, held: u64) {
        // Relaxed: only a first check. If a new phase begins meanwhile, the aggregator raises that phase's peak to `held`.
        if held > self.peak.load(Ordering::Relaxed) {
            // Release: pairs with the Acquire in `begin_phase`; the thread that resets this peak sees the growth of `held` before it.
            self.peak.fetch_max(held, Ordering::Release);
        }
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> u64 {
        // Relaxed: an aggregation has loaded the counters with Acquire, so it sees the growth before them; see the head of this file.
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes held, for an aggregation. Raises the peak first, because a thread may have committed and not raised it yet.
    pub(crate) fn held_at_aggregation(&self) -> u64 {
        let held = self.held();
        self.raise_peak(held);
        held
    }

    /// Bytes held, and bytes that a thread is allocating from the system now.
    pub(crate) fn claimed(&self) -> u64 {
        // Relaxed: an estimate.
        self.claimed.load(Ordering::Relaxed)
    }

    /// The bytes by which a request with an overhead of `beside` bytes exceeds the limit.
    pub(crate) fn missing(&self, wanted: u64, beside: u64) -> u64 {
        let limit = self.limit.unwrap_or(u64::MAX);
        let counted = self.claimed().saturating_add(self.bookkeeping_with(beside));
        counted.saturating_add(wanted).saturating_sub(limit)
    }

    /// The size of a refused request for its error: its bytes, with their overhead if that counts.
    ///
    /// It is at most the limit if the bytes alone fit the limit.
    pub(crate) fn wanted_with(&self, wanted: u64, beside: u64) -> u64 {
        if self.bookkeeping_with(beside) == 0 {
            return wanted;
        }
        let limit = self.limit.unwrap_or(u64::MAX);
        wanted.saturating_add(beside).min(limit.max(wanted))
    }

    /// Grants bytes to a magazine; `false` if all magazines together would then exceed their part of the limit.
    pub(crate) fn grant(&self, bytes: u64) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        // Relaxed, both: one word that publishes nothing else. A sum above the bound is lowered at once; another grant may be
        // refused in between.
        if self.granted.fetch_add(bytes, Ordering::Relaxed) + bytes <= limit / MAGAZINES_PART {
            return true;
        }
        self.granted.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    /// Returns bytes that were granted to a magazine.
    pub(crate) fn take_back_grant(&self, bytes: u64) {
        if self.limit.is_some() {
            // Relaxed: one word that publishes nothing else.
            self.granted.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// The largest number of bytes held in the current phase.
    pub(crate) fn peak(&self) -> u64 {
        // Relaxed: only a number to publish.
        self.peak.load(Ordering::Relaxed)
    }

    /// Records at a frame end how many bytes were outside the depot.
    pub(crate) fn note_busy(&self, bytes: u64) {
        // Relaxed, both: written under the aggregator's lock, and read as an estimate.
        if bytes > self.busiest.load(Ordering::Relaxed) {
            self.busiest.store(bytes, Ordering::Relaxed);
        }
    }

    /// Counts a block of a class that had as many blocks before, and gave some back.
    pub(crate) fn note_regrown(&self, bytes: u64) {
        // Relaxed: read as an estimate.
        self.regrown.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An estimate of the bytes that the pool needs: what was outside the depot at the busiest frame end, and a twelfth of what
    /// came back. If more than twice the busiest came back, half of the rest counts. So classes that give memory back for each other
    /// again and again end with enough for all of them.
    pub(crate) fn needed(&self) -> u64 {
        // Relaxed, both: an estimate, written in `note_busy` and `note_regrown`.
        let busiest = self.busiest.load(Ordering::Relaxed);
        let regrown = self.regrown.load(Ordering::Relaxed);
        busiest + regrown / 12 + regrown.saturating_sub(2 * busiest) / 2
    }

    /// Bytes returned to the system since the counter was `before`. The counter wraps.
    pub(crate) fn evicted_since(&self, before: u64) -> u64 {
        self.evicted_bytes().wrapping_sub(before)
    }

    /// Bytes returned to the system with their overhead, since the counter was `before`. The counter wraps.
    pub(crate) fn freed_since(&self, before: u64) -> u64 {
        self.freed_bytes().wrapping_sub(before)
    }

    /// Bytes returned to the system with their overhead, since the pool was made.
    pub(crate) fn freed_bytes(&self) -> u64 {
        // Relaxed: written in `evicted` under the aggregator's lock, which readers of exact values hold.
        self.freed.load(Ordering::Relaxed)
    }

    /// Sets the counter of returned bytes, so that a test can make it wrap.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, evicted: u64) {
        // Relaxed: no other thread has the pool yet.
        self.evicted.store(evicted, Ordering::Relaxed);
    }

    /// Bytes returned to the system since the pool was made.
    pub(crate) fn evicted_bytes(&self) -> u64 {
        // Relaxed: written in `evicted` under the aggregator's lock, which readers of exact values hold.
        self.evicted.load(Ordering::Relaxed)
    }
}
