//! Parking: which thread may use an arena's blocks before the frame's first buffer.
//!
//! In a pool with a limit, every thread that allocates must be able to reclaim idle blocks. This includes the blocks of arenas that an
//! open frame has not used yet. So a frame end parks its arenas. An arena has three states:
//!
//! ```text
//!   OWNED   ── frame end ──▶   PARKED   ── the owner's first buffer ──▶   OWNED
//!                              PARKED   ◀── reclaim, under the aggregator's lock ──▶   SEIZED
//! ```
//!
//! - Owner: `end` of a parked arena is null, so the first alloc takes the slow path. It changes the state from PARKED to OWNED with a
//!   compare-exchange before it touches the blocks ([`unpark`](Arena::unpark)). If it finds SEIZED, it waits for the aggregator's lock and
//!   retries.
//! - Reclaim: it changes PARKED to SEIZED with a compare-exchange, removes blocks, and stores PARKED again. It never writes `end`,
//!   because the owner may read `end` at any time.
//!
//! Only one of the two exchanges can succeed, so the blocks have one user at a time. No buffer is allocated from a parked or
//! seized arena. In a pool without a limit no arena is ever parked.
#![expect(
    unsafe_code,
    reason = "the state says which thread may use the cell of the blocks"
)]

use std::ptr;

use crate::arena::bump::Arena;
use crate::sync::Ordering;

/// Which thread may touch the blocks: see the head of this file.
pub(crate) const OWNED: u32 = 0;
const PARKED: u32 = 1;
const SEIZED: u32 = 2;

impl Arena {
    /// Parks the arena until the owner's first alloc or a reclaim. Only for the thread that ends the frame.
    pub(crate) fn park(&self) {
        self.end.set(ptr::null_mut());
        // Release: pairs with the Acquires in `unpark` and `seize`; they see the blocks as they are now.
        self.state.store(PARKED, Ordering::Release);
    }

    /// Whether the arena is still parked, so that nothing was allocated from it.
    pub(crate) fn is_parked(&self) -> bool {
        // Relaxed: a hint; `seize` decides.
        self.state.load(Ordering::Relaxed) == PARKED
    }

    /// Whether the arena belongs to its owner now. Only for the owner.
    pub(crate) fn is_owned(&self) -> bool {
        // Relaxed: while a frame is open only the owner stores OWNED.
        self.state.load(Ordering::Relaxed) == OWNED
    }

    /// Returns the arena to its owner; `false` while another thread reclaims its blocks. Only for the owner.
    pub(crate) fn unpark(&self) -> bool {
        // Relaxed: while a frame is open only the owner stores OWNED. The exchange decides everything else.
        if self.state.load(Ordering::Relaxed) == OWNED {
            return true;
        }
        // Acquire: pairs with the Releases in `park` and `release`; the owner sees the blocks as they were left.
        // Relaxed on failure: the blocks are not read.
        let swung =
            self.state
                .compare_exchange(PARKED, OWNED, Ordering::Acquire, Ordering::Relaxed);
        if swung.is_ok() {
            // SAFETY: the exchange gave the blocks to the owner.
            let end = self.blocks.with(|blocks| unsafe { (*blocks).end() });
            self.end.set(end);
        }
        swung.is_ok()
    }

    /// Claims a parked arena for reclaim; `false` if it is not parked. Only under the aggregator's lock.
    pub(crate) fn seize(&self) -> bool {
        // Acquire: pairs with the Release in `park`. Relaxed on failure: the blocks are not read.
        self.state
            .compare_exchange(PARKED, SEIZED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Parks a seized arena again, at the end of a reclaim.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire in `unpark`; the owner sees the blocks without the reclaimed ones.
        self.state.store(PARKED, Ordering::Release);
    }
}
