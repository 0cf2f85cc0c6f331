//! Which thread may use a slot: its owner, or the closer of the pool. This is one word; every change is a
//! read-modify-write.
//!
//! ```text
//!   0 ── claim ──▶ OWNED ── begin_release ──▶ OWNED | BUSY ── end_release ──▶ OWNED
//!   ▲                                             │
//!   └──────────────── hand_back ──────────────────┘
//! ```
//!
//! While the owner has a handle, allocs and releases do not change the word. A closed pool has no handle, so only
//! three things can still happen in a slot: a fast release (`Lane::release_fast`), a slow release, and the return of
//! the slot. The last two are marked `BUSY`. The first needs no mark; `closing.rs` explains why.
//!
//! When the pool is closed:
//!
//! ```text
//!   closer:  sets CLOSED.  found 0: the slot has no owner, and no thread can claim it any more
//!                          found OWNED | BUSY: the owner sees CLOSED when it ends, and pays
//!                          found OWNED: the closer pays, then sets PAID
//!   owner:   leaves by clearing OWNED. Before PAID: the closer finishes the slot. After it: the owner finishes it
//!   the thread that frees the contents:  sets GONE.  found OWNED: the slot's memory stays until the owner leaves
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

/// The purpose of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// For a caller with a handle: the pool is not closed meanwhile.
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

/// The closer's result for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The slot has no owner, or its owner pays.
    Nothing,
    /// The closer must pay.
    Unpaid,
}

/// The result for an owner that leaves the slot of a closed pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The owner has left the slot, and the closer finishes it.
    ToCloser,
    /// The closer has paid, and the caller still owns the slot.
    Paid,
}

impl Owner {
    /// The word of a new, claimed slot.
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
        // Relaxed: only a hint; the exchange decides.
        self.0.load(Ordering::Relaxed) == 0
            // Acquire: pairs with the Release in `hand_back`; the new owner sees everything that the old one wrote.
            && self
                .0
                .compare_exchange(0, claim_for.word(), Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Marks that the owner releases a buffer, or returns the slot; `false` if the pool is closed.
    pub(crate) fn begin_release(&self) -> bool {
        // Relaxed: the owner reads its own write. Failure is final, because a bit that a closer sets is never
        // cleared.
        self.0
            .compare_exchange(OWNED, OWNED | BUSY, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Clears the mark; `false` if the pool was closed meanwhile. Then the mark stays, and the owner must return the
    /// slot.
    pub(crate) fn end_release(&self) -> bool {
        // Release: pairs with the Acquire in `close`; the closer sees everything that the owner wrote. Relaxed on
        // failure: the owner continues with its own slot.
        self.0
            .compare_exchange(OWNED | BUSY, OWNED, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the slot up. The owner has paid, and has set the mark or has a handle.
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

    /// Marks that the closer has paid; `false` if the owner has left meanwhile. Then the closer must finish.
    pub(crate) fn note_paid(&self) -> bool {
        // Release: pairs with the Acquire in `leave`; the owner sees what the closer counted. Acquire: pairs with the
        // Release in `leave`; the closer sees the owner's last releases.
        self.0.fetch_or(PAID, Ordering::AcqRel) & OWNED != 0
    }

    /// Leaves the slot of a closed pool to its closer, unless the closer has paid.
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

    /// Leaves a slot that was paid; `true` if the contents of the pool are gone, so that the caller must free the
    /// slot.
    pub(crate) fn leave_paid(&self) -> bool {
        // Release: pairs with the Acquire in `abandon`. Acquire: pairs with the Release there.
        self.0.fetch_and(!OWNED, Ordering::AcqRel) & GONE != 0
    }

    /// Marks that the contents of the pool are gone; `true` if the slot has no owner, so that the caller must free
    /// it.
    pub(crate) fn abandon(&self) -> bool {
        // Acquire: pairs with the Releases in `leave` and `leave_paid`. Release: pairs with the Acquire in `leave_paid`.
        self.0.fetch_or(GONE, Ordering::AcqRel) & OWNED == 0
    }
}
