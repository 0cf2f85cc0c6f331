//! How long a pool lives: until nobody has a handle, a slot, or a buffer of it.
//!
//! Counting every buffer in one place would cost every alloc a contended read-modify-write. Instead a slot's owner keeps
//! its own balance (buffers lent minus buffers taken back, which may be negative), and pays it into the ledger when it
//! hands the slot back, in the same step in which it gives up its hold:
//!
//! ```text
//!   life  =  HOLD × (1 while there are handles  +  slots with an owner)  +  Σ balances paid in
//! ```
//!
//! - A slot's owner holds the pool, so while a balance is not paid in, `life` is at least `HOLD` minus the buffers out.
//! - When no holds are left all balances are paid in, and `life` is exactly the number of buffers out.
//! - A buffer dropped then enters (`+ HOLD`), is taken back, and leaves (`- 1 - HOLD`).
//!
//! So `life` becomes 0 once, in exactly one thread's step, when nothing refers to the pool any more; that thread frees
//! it. Balances stay far below `HOLD`: 2^40 buffers do not fit an address space, and of length zero they take minutes
//! to make and forget.

use crate::sync::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

const HOLD: i64 = 1 << 40;

/// What keeps a pool alive.
#[derive(Debug)]
pub(crate) struct Ledger {
    life: AtomicI64,
    handles: AtomicUsize,
    closed: AtomicBool,
}

impl Ledger {
    /// The ledger of a pool with one handle.
    pub(crate) fn new() -> Self {
        Self {
            life: AtomicI64::new(HOLD),
            handles: AtomicUsize::new(1),
            closed: AtomicBool::new(false),
        }
    }

    /// One more handle, made from one that exists.
    pub(crate) fn add_handle(&self) {
        // Relaxed: the handle it is made from keeps the pool alive meanwhile.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// One handle less; whether it was the last, whose holder must then [`leave`](Self::leave).
    pub(crate) fn drop_handle(&self) -> bool {
        // AcqRel: Release for what this handle did, Acquire for what all others did before the last one goes.
        if self.handles.fetch_sub(1, Ordering::AcqRel) != 1 {
            return false;
        }
        // Relaxed: `tenancy.rs::note_closed` follows it, and its Release tells other threads.
        self.closed.store(true, Ordering::Relaxed);
        true
    }

    /// Whether the last handle is gone.
    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: nothing is read through it; `tenancy.rs::leave_closed` acquired what it must see.
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes a hold. The caller has a handle, a frame or a buffer of the pool.
    pub(crate) fn enter(&self) {
        // Relaxed: what the caller has keeps the pool alive until the hold counts.
        self.life.fetch_add(HOLD, Ordering::Relaxed);
    }

    /// Pays in a balance and gives up a hold; whether nothing refers to the pool any more, and the caller must free it.
    #[must_use]
    pub(crate) fn leave(&self, balance: i64) -> bool {
        let change = balance - HOLD;
        // AcqRel: Release for what this thread did with the pool, Acquire for what all others did before it is freed.
        self.life.fetch_add(change, Ordering::AcqRel) + change == 0
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_ends_the_last_interest_is_told_so() {
        let ledger = Ledger::new();
        // A thread lends three buffers and exits; two are dropped elsewhere while the handle lives.
        ledger.enter();
        assert!(!ledger.leave(3));
        ledger.enter();
        assert!(!ledger.leave(-2));
        assert!(ledger.drop_handle());
        assert!(ledger.is_closed());
        assert!(!ledger.leave(0), "one buffer is still out");
        ledger.enter();
        assert!(ledger.leave(-1));
    }
}
