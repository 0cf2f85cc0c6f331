//! Who may use a slot: its owner, or the thread that closed the pool. One word, of which every change is a read-modify-write.
//!
//! ```text
//!   0 ── claim ──▶ OWNED ── begin_release ──▶ OWNED | BUSY ── end_release ──▶ OWNED
//!   ▲                                             │
//!   └──────────────── hand_back ──────────────────┘
//! ```
//!
//! The owner lends and takes back without a change of the word while it has a handle. A closed pool has no handle, so only
//! three things can still go on in a slot: a quick release (`Slot::give`), a slow one, and the return of the slot. The last two
//! are marked `BUSY`. The first is not marked, and needs no mark; `closing.rs` says why.
//!
//! When the pool is closed:
//!
//! ```text
//!   closer:  sets CLOSED.  found 0: nobody has the slot, and nobody gets it any more
//!                          found OWNED | BUSY: the owner sees CLOSED when it ends, and pays
//!                          found OWNED: the closer pays, then sets PAID
//!   owner:   leaves, by taking OWNED away: before PAID, then the closer finishes; after it, then the owner does
//!   who frees the contents:  sets GONE.  found OWNED: the slot's memory stays until the owner leaves
//! ```

use crate::sync::{AtomicU32, Ordering};

const OWNED: u32 = 1;
const BUSY: u32 = 2;
const CLOSED: u32 = 4;
const PAID: u32 = 8;
const GONE: u32 = 16;

/// Who may use a slot.
#[derive(Debug)]
pub(crate) struct Owner(AtomicU32);

/// For what a slot is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// By somebody with a handle: the pool is not closed meanwhile.
    Handle,
    /// To release a buffer: the pool may be closed at any moment.
    Release,
}

impl Use {
    fn word(self) -> u32 {
        match self {
            Self::Handle => OWNED,
            Self::Release => OWNED | BUSY,
        }
    }
}

/// What the closer of a pool found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nobody has the slot, or its owner pays.
    Nothing,
    /// The closer must pay.
    Unpaid,
}

/// What an owner found that leaves the slot of a closed pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The slot is left, and the closer of the pool finishes it.
    ToCloser,
    /// The closer has paid, and the slot is still the caller's.
    Paid,
}

impl Owner {
    /// Of a new slot, claimed.
    pub(crate) fn new(claimed_for: Use) -> Self {
        Self(AtomicU32::new(claimed_for.word()))
    }

    /// Whether a thread has the slot.
    pub(crate) fn is_claimed(&self) -> bool {
        // Relaxed: for statistics.
        self.0.load(Ordering::Relaxed) & OWNED != 0
    }

    /// Tries to become the owner.
    pub(crate) fn claim(&self, claim_for: Use) -> bool {
        // Relaxed: a first look; the exchange decides.
        self.0.load(Ordering::Relaxed) == 0
            // Acquire: pairs with the Release in `hand_back`; the new owner sees all that the old one wrote.
            && self
                .0
                .compare_exchange(0, claim_for.word(), Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Marks that the owner releases a buffer, or returns the slot; `false` when the pool is closed.
    pub(crate) fn begin_release(&self) -> bool {
        // Relaxed: the owner reads what it wrote. Failure is final: no bit that a closer sets goes away.
        self.0
            .compare_exchange(OWNED, OWNED | BUSY, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the mark away; `false` when the pool was closed meanwhile, and then the mark stands and the owner must return the slot.
    pub(crate) fn end_release(&self) -> bool {
        // Release: pairs with the Acquire in `close`; the closer sees all that the owner wrote.
        // Relaxed on failure: the owner goes on with its own slot.
        self.0
            .compare_exchange(OWNED | BUSY, OWNED, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the slot up. Its owner has paid, and has marked it or a handle.
    pub(crate) fn hand_back(&self) {
        // Release: pairs with the Acquires in `claim`, `close` and `abandon`.
        // Acquire: pairs with the Release in `close`; an owner that the closer did not wait for sees the pool closed.
        self.0.fetch_and(!(OWNED | BUSY), Ordering::AcqRel);
    }

    /// Marks that the pool is closed.
    pub(crate) fn close(&self) -> Found {
        // Acquire: pairs with the Releases in `end_release` and `hand_back`.
        // Release: pairs with the Acquire in `hand_back`.
        match self.0.fetch_or(CLOSED, Ordering::AcqRel) & (OWNED | BUSY) {
            OWNED => Found::Unpaid,
            _ => Found::Nothing,
        }
    }

    /// Marks that the closer has paid; `false` when the owner has left meanwhile, and then the closer must finish.
    pub(crate) fn note_paid(&self) -> bool {
        // Release: pairs with the Acquire in `leave`; the owner sees what the closer counted.
        // Acquire: pairs with the Release in `leave`; the closer sees what the owner released last.
        self.0.fetch_or(PAID, Ordering::AcqRel) & OWNED != 0
    }

    /// Leaves the slot of a closed pool to its closer, unless that has paid.
    pub(crate) fn leave(&self) -> Left {
        // Acquire: pairs with the Release in `note_paid`.
        let mut word = self.0.load(Ordering::Acquire);
        while word & PAID == 0 {
            // Release: pairs with the Acquires in `note_paid` and `abandon`. Acquire on failure: as the load above.
            match self.0.compare_exchange_weak(
                word,
                word & !OWNED,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return Left::ToCloser,
                Err(seen) => word = seen,
            }
        }
        Left::Paid
    }

    /// Leaves a slot that was paid; `true` when the contents of the pool are gone, and the caller must free the slot.
    pub(crate) fn leave_paid(&self) -> bool {
        // Release: pairs with the Acquire in `abandon`. Acquire: pairs with the Release there.
        self.0.fetch_and(!OWNED, Ordering::AcqRel) & GONE != 0
    }

    /// Marks that the contents of the pool are gone; `true` when nobody has the slot, and the caller must free it.
    pub(crate) fn abandon(&self) -> bool {
        // Acquire: pairs with the Releases in `leave` and `leave_paid`. Release: pairs with the Acquire in `leave_paid`.
        self.0.fetch_or(GONE, Ordering::AcqRel) & OWNED == 0
    }
}
