//! Which slot the calling thread has in a pool.
//!
//! The fast path compares one word of a thread-local without destructor with a sum: the address of the pool used last
//! plus, above the bits of addresses, how many pools had been closed when it was looked up. The slow path keeps a list of the thread's slots in a second thread-local, whose
//! destructor hands them back at thread exit. Each entry of the list holds the pool's bookkeeping alive (`ledger.rs`),
//! so an address in the cache is never that of another pool.
//!
//! When a pool is closed (its last handle is gone) `CLOSED` rises, so that every thread's next use of any pool takes
//! the slow path, which hands back the slots of closed pools. A closed pool's buffers dropped after that, and any use
//! in the destructor of another thread-local after ours has run, claim a slot for that one operation: slow, but right.
#![expect(
    unsafe_code,
    reason = "thread-locals hold pointers to pools that they keep alive"
)]

use std::cell::{Cell, RefCell};
use std::hint::cold_path;
use std::ptr::NonNull;

use crate::cache::core::Core;
use crate::cache::slot::Slot;
use crate::sync::{Ordering, dropped_thread_local, global_counter, plain_thread_local};

/// The pool used last by this thread, if any, and its slot there.
struct Last {
    /// [`key`] of the pool, or 0.
    key: Cell<u64>,
    slot: Cell<NonNull<Slot>>,
    /// What `CLOSED` was when the list was last looked through.
    closed: Cell<u64>,
}

/// By how much `CLOSED` rises with each pool: it stands above the bits of an address, so that its sum with an address is
/// that of no other pool. After 65,536 pools it begins anew: a thread that used no pool meanwhile may then find out at a
/// later use that they were closed.
const ONE_CLOSED: u64 = 1 << ADDRESS_BITS;
const ADDRESS_BITS: u32 = 48;

/// What a thread compares to see that it used this pool last, and that no pool was closed since.
#[inline(always)]
fn key(core: NonNull<Core>, closed: u64) -> u64 {
    (core.addr().get() as u64).wrapping_add(closed)
}

/// Whether keys tell this pool from others. Systems give such addresses unless a program asks them for higher ones.
pub(super) fn is_addressable(core: NonNull<Core>) -> bool {
    (core.addr().get() as u64) < ONE_CLOSED
}

/// A slot that this thread owns.
struct Tenancy {
    core: NonNull<Core>,
    slot: NonNull<Slot>,
}

/// All slots that this thread owns.
struct Tenancies(RefCell<Vec<Tenancy>>);

global_counter! {
    /// How many pools were closed in this process, times [`ONE_CLOSED`].
    static CLOSED;
}

plain_thread_local! {
    static LAST: Last = Last {
        key: Cell::new(0),
        slot: Cell::new(NonNull::dangling()),
        closed: Cell::new(0),
    };
}

dropped_thread_local! {
    static TENANCIES: Tenancies = Tenancies(RefCell::new(Vec::new()));
}

/// The calling thread's slot of the pool, if the pool is the one it used last.
///
/// # Safety
///
/// The pool is alive while the slot is used: the caller has a handle, a frame or a buffer of it.
#[inline(always)]
pub(crate) unsafe fn current<'s>(core: NonNull<Core>) -> Option<&'s Slot> {
    LAST.try_with(|last| {
        // Relaxed: a thread that closed a pool, or learned of it, sees its own rise; for others it is a matter of time when
        // they hand their slot back.
        if last.key.get() == key(core, CLOSED.load(Ordering::Relaxed)) {
            // SAFETY: the cache names a slot, with its pool, only while this thread's list has it, and the list keeps the
            // pool alive.
            Some(unsafe { last.slot.get().as_ref() })
        } else {
            cold_path();
            None
        }
    })
    .unwrap_or(None)
}

/// Runs `f` with the calling thread's slot of the pool, whatever it used last; `None` when there is no memory for a slot.
///
/// # Safety
///
/// The pool is alive for the call: the caller has a handle, a frame or a buffer of it.
pub(crate) unsafe fn with_slot<R>(core: NonNull<Core>, f: impl FnOnce(&Slot) -> R) -> Option<R> {
    // SAFETY: the caller keeps the pool alive.
    if let Some(slot) = unsafe { current(core) } {
        return Some(f(slot));
    }
    // SAFETY: as above.
    let pool = unsafe { core.as_ref() };
    let listed = TENANCIES
        .try_with(|tenancies| tenancies.enter(core))
        .unwrap_or(None);
    if let Some(slot) = listed {
        // SAFETY: the list has the slot and keeps the pool alive.
        return Some(f(unsafe { slot.as_ref() }));
    }
    // No list to put it in: a slot for this one operation.
    pool.ledger.enter();
    let Some(slot) = pool.slots.claim(pool) else {
        // SAFETY: entered just above.
        unsafe { Core::leave(core, 0) };
        return None;
    };
    let visit = Visit {
        core,
        // SAFETY: claimed just now.
        slot: unsafe { slot.as_ref() },
    };
    let result = f(visit.slot);
    drop(visit);
    Some(result)
}

/// A slot claimed for one operation, handed back even if that panics.
struct Visit<'s> {
    core: NonNull<Core>,
    slot: &'s Slot,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        // SAFETY: the visit owns the slot and its entry in the ledger, and ends here.
        unsafe { hand_back(self.core, self.slot) };
    }
}

/// Gives a slot back, and with it this thread's hold on the pool.
///
/// # Safety
///
/// The caller owns the slot, has entered the ledger for it, and uses neither any more.
unsafe fn hand_back(core: NonNull<Core>, slot: &Slot) {
    // SAFETY: the entry in the ledger keeps the pool alive until `leave`; the caller owns the slot.
    unsafe {
        let pool = core.as_ref();
        let balance = pool.slots.hand_back(pool, slot);
        if pool.ledger.is_closed() {
            // What came back is of no use to anybody.
            pool.trim_now(None);
        }
        Core::leave(core, balance);
    }
}

impl Tenancies {
    /// The slot of the pool, claimed if this thread has none; `None` when there is no memory for one, or the pool is closed.
    fn enter(&self, core: NonNull<Core>) -> Option<NonNull<Slot>> {
        self.leave_closed();
        // Looked at after `CLOSED`: if the pool closes from here on, `CLOSED` rises once more, and this thread's next use of any
        // pool leaves it. Looked at before, a pool closed in between would be entered and never left.
        // SAFETY: the caller of `with_slot` keeps the pool alive.
        let pool = unsafe { core.as_ref() };
        if pool.ledger.is_closed() {
            return None;
        }
        let mut list = self.0.borrow_mut();
        let known = list.iter().find(|tenancy| tenancy.core == core);
        let slot = if let Some(tenancy) = known {
            tenancy.slot
        } else {
            list.try_reserve(1).ok()?;
            pool.ledger.enter();
            let Some(slot) = pool.slots.claim(pool) else {
                drop(list);
                // SAFETY: entered just above.
                unsafe { Core::leave(core, 0) };
                return None;
            };
            list.push(Tenancy { core, slot });
            slot
        };
        let _ = LAST.try_with(|last| {
            last.slot.set(slot);
            last.key.set(key(core, last.closed.get()));
        });
        Some(slot)
    }

    /// Hands back the slots of closed pools, if any pool was closed since this was last done.
    fn leave_closed(&self) {
        // Acquire: pairs with the Release in `note_closed`; the pools counted say that they are closed.
        let closed = CLOSED.load(Ordering::Acquire);
        let known = LAST.try_with(|last| last.closed.replace(closed));
        if known.is_ok_and(|known| known == closed) {
            return;
        }
        // The remembered key does not fit any more, but would again after 65,536 closings.
        forget_last();
        let mut list = self.0.borrow_mut();
        // SAFETY: an entry of the list keeps its pool alive.
        let is_closed = |tenancy: &mut Tenancy| unsafe { tenancy.core.as_ref() }.ledger.is_closed();
        while let Some(at) = list.iter_mut().position(is_closed) {
            let tenancy = list.swap_remove(at);
            // SAFETY: this thread owns the slot, and the entry is gone from the list.
            unsafe { hand_back(tenancy.core, tenancy.slot.as_ref()) };
        }
    }
}

fn forget_last() {
    let _ = LAST.try_with(|last| {
        last.key.set(0);
    });
}

impl Drop for Tenancies {
    fn drop(&mut self) {
        forget_last();
        for tenancy in self.0.get_mut().drain(..) {
            // SAFETY: this thread owns the slot, and the entry is gone from the list.
            unsafe { hand_back(tenancy.core, tenancy.slot.as_ref()) };
        }
    }
}

/// Tells every thread that a pool was closed, and hands back the calling thread's slots of closed pools.
pub(crate) fn note_closed() {
    // Release: pairs with the Acquire in `leave_closed`; who sees the rise sees the pool closed.
    CLOSED.fetch_add(ONE_CLOSED, Ordering::Release);
    let _ = TENANCIES.try_with(Tenancies::leave_closed);
}
