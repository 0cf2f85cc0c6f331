//! The lifetime of a pool. Its contents live until no handle, slot or buffer refers to them; its address until no
//! thread's list names it.
//!
//! # The contents
//!
//! Counting every buffer in one place would cost every alloc a contended read-modify-write. Instead a slot's owner keeps
//! its own balance: blocks received minus blocks passed on, which may be negative. It pays the balance into the
//! lifetime:
//!
//! ```text
//!   life  =  HOLD × (1 while there are handles  +  slots that owe a balance  +  temporary slots)  +  Σ balances paid in
//! ```
//!
//! - A slot pays when its balance reaches [`MAX_OWED`]. It pays the rest when its owner hands it back, or when the pool is closed
//!   (`closing.rs`). The last payment gives up the slot's hold in the same step.
//! - The unpaid balance of each hold is less than `HOLD`. So while there is a hold, `life` is above 0, however many buffers were
//!   passed between threads.
//! - When there is no hold, all balances are paid, and `life` is exactly the number of buffers out.
//! - Releasing such a buffer pays −1.
//!
//! So `life` becomes 0 once, in exactly one thread's step, when nothing refers to the contents any more. That thread frees
//! them. Afterwards `life` stays 0: only a buffer, a handle or a hold lets a thread raise it, and [`try_enter`](Lifetime::try_enter)
//! does not raise it from 0.
//!
//! # The address
//!
//! A thread's list of slots names pools by address. `names` counts the lists that name the pool, and one for the contents. At 0 the
//! pool's own memory is freed. So an address in a list never belongs to another pool. The lifetime itself is used until then.
//!
//! # Bounds
//!
//! | number | bound | reached |
//! |---|---|---|
//! | a slot's balance | `MAX_OWED` + a batch for each of its lanes, below 2^28 | never: paid in first |
//! | holds | 2^31, at `HOLD` = 2^32 | never: a thread each |
//! | buffers out | 2^31, the records of a pool | `Table::claim` refuses |
//! | handles, names | 2^64 | 5,000 years of forgotten clones, a nanosecond for two |

#![expect(
    unsafe_code,
    reason = "what a step on the lifetime ends is freed while the step returns"
)]

use std::ptr::NonNull;

#[cfg(any(doc, not(framepool_loom)))]
use crate::blocks::balance::MAX_OWED;
#[cfg(not(framepool_loom))]
use crate::blocks::class::MAX_PER_BATCH;
use crate::blocks::exchange::BlocksOut;
#[cfg(not(framepool_loom))]
use crate::memory::tag_budget::MAX_TAGS;
use crate::sync::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// More than the balance of a slot can be. Small under a model, so that a missed payment shows there.
const HOLD: i64 = if cfg!(framepool_loom) { 4 } else { 1 << 32 };
#[cfg(not(framepool_loom))]
const _: () = assert!(MAX_TAGS as i64 * (MAX_OWED + MAX_PER_BATCH as i64) < HOLD);

/// What keeps a pool alive.
#[derive(Debug)]
pub(crate) struct Lifetime {
    life: AtomicI64,
    handles: AtomicU64,
    names: AtomicU64,
    closed: AtomicBool,
}

impl Lifetime {
    /// A lifetime with one handle.
    pub(crate) fn new() -> Self {
        Self {
            life: AtomicI64::new(HOLD),
            handles: AtomicU64::new(1),
            names: AtomicU64::new(1),
            closed: AtomicBool::new(false),
        }
    }

    /// Counts one more handle, made from an existing one.
    pub(crate) fn add_handle(&self) {
        // Relaxed: the handle it is made from keeps the pool alive meanwhile.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one handle less; returns whether it was the last. Then the caller must close the pool and
    /// [`leave`](Self::leave).
    ///
    /// # Safety
    ///
    /// The caller has a handle and uses it no more. If this is not the last, the lifetime may be gone when this returns.
    pub(crate) unsafe fn drop_handle(this: NonNull<Self>) -> bool {
        // SAFETY: the handle keeps the pool alive until this step, which is the only access.
        let handles = unsafe { &(*this.as_ptr()).handles };
        // AcqRel: Release for what this handle did, Acquire for what all others did before the last one goes.
        handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Notes that the last handle is gone.
    pub(crate) fn close(&self) {
        // Release: pairs with the Acquire in `is_closed`.
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the last handle is gone. A thread that names the pool may call this even when the contents are gone.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// Takes a hold. The caller has a handle, a frame or a buffer of the pool.
    pub(crate) fn enter(&self) {
        // Relaxed: the caller's reference keeps the pool alive until the hold counts.
        self.life.fetch_add(HOLD, Ordering::Relaxed);
    }

    /// Takes a hold if the contents still exist. The caller names the pool.
    pub(crate) fn try_enter(&self) -> bool {
        // Relaxed: the exchange decides.
        let mut life = self.life.load(Ordering::Relaxed);
        while life != 0 {
            // Relaxed, both: a hold orders nothing; the caller acquires other threads' data by other loads.
            match self.life.compare_exchange_weak(
                life,
                life + HOLD,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => life = seen,
            }
        }
        false
    }

    /// Pays in a balance and gives up a hold; returns whether nothing refers to the contents any more, so that the
    /// caller must free them.
    ///
    /// # Safety
    ///
    /// The caller has a hold, and uses the pool no more unless this returns true. The lifetime may be gone when it returns false.
    #[must_use]
    pub(crate) unsafe fn leave(this: NonNull<Self>, balance: i64) -> bool {
        // SAFETY: the hold keeps the pool alive until this step.
        unsafe { Self::add(this, balance - HOLD) }
    }

    /// Pays for `buffers` buffers that came back and that no slot counts; returns the same as [`leave`](Self::leave).
    ///
    /// # Safety
    ///
    /// The caller has these buffers, and uses the pool no more unless this returns true. The lifetime may be gone when it returns false.
    #[must_use]
    pub(crate) unsafe fn end_buffers(this: NonNull<Self>, buffers: i64) -> bool {
        // SAFETY: the buffers keep the pool alive until this step.
        unsafe { Self::add(this, -buffers) }
    }

    /// # Safety
    ///
    /// The caller keeps the pool alive until this step.
    unsafe fn add(this: NonNull<Self>, change: i64) -> bool {
        // SAFETY: the caller keeps the pool alive until this step, which is the only access.
        let life = unsafe { &(*this.as_ptr()).life };
        // AcqRel: Release for what this thread did with the pool, Acquire for what all others did before it is freed.
        life.fetch_add(change, Ordering::AcqRel) + change == 0
    }

    /// Counts one more list that names the pool. The caller keeps it alive.
    pub(crate) fn add_name(&self) {
        // Relaxed: the caller keeps the pool alive meanwhile.
        self.names.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one name less; returns whether it was the last, so that the caller must free the pool's own memory.
    ///
    /// # Safety
    ///
    /// The caller has a name, and uses the pool's memory no more unless this returns true.
    #[must_use]
    pub(crate) unsafe fn drop_name(this: NonNull<Self>) -> bool {
        // SAFETY: the name keeps the pool's own memory until this step, which is the only access.
        let names = unsafe { &(*this.as_ptr()).names };
        // AcqRel: Release for what this thread did with it, Acquire for what all others did before it is freed.
        names.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl BlocksOut for Lifetime {
    /// Pays in a part of a slot's balance; the slot keeps its hold.
    fn pay(&self, balance: i64) {
        // Release: as in `leave`. The hold keeps the sum above zero.
        self.life.fetch_add(balance, Ordering::Release);
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn last_balance_paid_frees_the_pool_once() {
        let lifetime = Lifetime::new();
        let this = NonNull::from(&lifetime);
        // SAFETY: the lifetime lives to the test's end.
        unsafe {
            // A thread allocates three buffers and exits; two are dropped elsewhere while the handle lives.
            lifetime.enter();
            assert!(!Lifetime::leave(this, 3));
            lifetime.enter();
            assert!(!Lifetime::leave(this, -2));
            assert!(Lifetime::drop_handle(this));
            assert!(!Lifetime::leave(this, 0), "one buffer is still out");
            assert!(lifetime.try_enter());
            assert!(!Lifetime::leave(this, 0));
            assert!(Lifetime::end_buffers(this, 1));
            assert!(!lifetime.try_enter(), "freed for good");
        }
    }
}
