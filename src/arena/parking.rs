//! Parking: which thread has an arena's blocks before the frame's first buffer.
//!
//! In a pool with a limit, idle blocks must be within reach of every thread that asks for memory, also those of a frame that
//! is open and that the thread has not used. So a frame end parks its arenas, in three states:
//!
//! ```text
//!   OWNED   ── frame end ──▶   PARKED   ── the owner's first buffer ──▶   OWNED
//!                              PARKED   ◀── reclaim, under the aggregator's lock ──▶   SEIZED
//! ```
//!
//! A parked arena has no `end`, so the owner's first buffer takes the slow way, which swings the state from PARKED to OWNED
//! before it touches the chunks ([`unpark`](Arena::unpark)). Reclaim swings it from PARKED to SEIZED first, and back when
//! it has taken what it wants. An owner that finds SEIZED waits for the aggregator's lock and looks again. Reclaim never writes `end`,
//! which the owner reads at any time. Nothing is lent from an arena that is parked or seized. Without a limit no arena is ever parked.
#![expect(
    unsafe_code,
    reason = "the state says which thread the cell of the chunks belongs to"
)]

use std::ptr;

use crate::arena::bump::Arena;
use crate::sync::Ordering;

/// Who may touch the chunks: see the head of this file.
pub(crate) const OWNED: u32 = 0;
const PARKED: u32 = 1;
const SEIZED: u32 = 2;

impl Arena {
    /// Leaves the blocks to the owner's first buffer, or to a thread that needs memory before. Only for the thread that ends the frame.
    pub(crate) fn park(&self) {
        self.end.set(ptr::null_mut());
        // Release: pairs with the Acquires in `unpark` and `seize`; they see the chunks as it is now.
        self.state.store(PARKED, Ordering::Release);
    }

    /// Whether nothing was lent since the arena was parked.
    pub(crate) fn is_parked(&self) -> bool {
        // Relaxed: a level to judge by.
        self.state.load(Ordering::Relaxed) == PARKED
    }

    /// Takes the blocks back for the owner; `false` while somebody reclaims them under the aggregator's lock. Only for the owner.
    pub(crate) fn unpark(&self) -> bool {
        // Relaxed: only the owner makes it OWNED while a frame is open; everything else is decided by the exchange.
        if self.state.load(Ordering::Relaxed) == OWNED {
            return true;
        }
        // Acquire: pairs with the Releases in `park` and `release`; the chunks are as their last owner left them.
        // Relaxed on failure: nothing is read.
        let swung =
            self.state
                .compare_exchange(PARKED, OWNED, Ordering::Acquire, Ordering::Relaxed);
        if swung.is_ok() {
            // SAFETY: the exchange made the chunks the owner's.
            let end = self.chunks.with(|chunks| unsafe { (*chunks).end() });
            self.end.set(end);
        }
        swung.is_ok()
    }

    /// Keeps the owner out, if the arena is parked. Only under the aggregator's lock.
    pub(crate) fn seize(&self) -> bool {
        // Acquire: pairs with the Release in `park`. Relaxed on failure: nothing is read.
        self.state
            .compare_exchange(PARKED, SEIZED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Ends what [`seize`](Self::seize) began.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire in `unpark`; the owner sees what is left of the chunks.
        self.state.store(PARKED, Ordering::Release);
    }
}
