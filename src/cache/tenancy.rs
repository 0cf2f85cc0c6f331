//! Which slot the calling thread has in a pool.
//!
//! The fast path compares one word of a thread-local without destructor: the pool used last. The slow path keeps a list of
//! the thread's slots in a second thread-local, whose destructor hands them back at thread exit. Each entry of the list holds
//! the pool's bookkeeping alive (`ledger.rs`), so an address that is remembered is never that of another pool.
//!
//! # When a pool is closed
//!
//! Its last handle is gone, and every thread is to hand back its slot there at its next use of any pool, whichever it used
//! last. The fast path finds the pool's address in the slot that the thread remembers; whoever closes a pool counts it in
//! `CLOSED` and then takes that address out of the slots that threads remember. It finds them by the [`Tenant`]s, which are
//! linked under the lock of [`threads`].
//!
//! - *No thread goes on.* Both sides swap the word in which the tenant says which slot the thread remembers. If the thread's
//!   swap comes second it saw the other's, and so the rise of `CLOSED`, and it forgets the slot again. If it comes first, the
//!   closer got this very slot, with the address in it, and takes it out.
//! - *The slot is there.* A slot that a tenant names has its pool's hold, and is named no more, by a swap under the lock, before
//!   the thread hands it back. A thread whose destructors never run keeps its slots, its pools and its tenant for ever: that is a leak,
//!   and nothing is touched that is gone.
//!
//! A closed pool's buffers dropped after that, and any use in the destructor of another thread-local after ours has run,
//! claim a slot for that one use: slow, but right. A use within such a use (`Frame::with_arena`) claims another.
#![expect(
    unsafe_code,
    reason = "thread-locals hold pointers to pools that they keep alive"
)]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::hint::cold_path;
use std::ptr::{self, NonNull};

use crate::cache::core::Core;
use crate::cache::slot::Slot;
use crate::cache::tenants::{Tenant, Threads, threads};
use crate::sync::{Ordering, dropped_thread_local, global_counter, plain_thread_local};

/// A place like a slot that lends for no pool, so that the fast path need not ask whether a slot is remembered.
#[repr(C, align(128))]
struct Nowhere(UnsafeCell<[u8; size_of::<Slot>()]>);

// SAFETY: nobody writes there.
unsafe impl Sync for Nowhere {}

static NOWHERE: Nowhere = Nowhere(UnsafeCell::new([0; size_of::<Slot>()]));

/// No slot. Under a model checker, whose atomics are not made of zeroes, it has no place.
const NO_SLOT: NonNull<Slot> = if HAS_PLACE {
    NonNull::from_ref(&NOWHERE).cast()
} else {
    NonNull::dangling()
};
const HAS_PLACE: bool = cfg!(not(any(framepool_loom, framepool_shuttle)));

/// What this thread remembers.
struct Last {
    /// Its slot of the pool that it used last, or [`NO_SLOT`]. Only while the thread's list has it.
    slot: Cell<NonNull<Slot>>,
    /// What `CLOSED` was when the list was last looked through.
    closed: Cell<u64>,
}

/// A slot that this thread owns.
struct Tenancy {
    core: NonNull<Core>,
    slot: NonNull<Slot>,
}

/// All slots that this thread owns.
struct Tenancies {
    list: RefCell<Vec<Tenancy>>,
    /// What others know of the thread, once it owns a slot.
    tenant: Cell<Option<NonNull<Tenant>>>,
}

global_counter! {
    /// How many pools were closed in this process.
    static CLOSED;
}

plain_thread_local! {
    static LAST: Last = Last {
        slot: Cell::new(NO_SLOT),
        closed: Cell::new(0),
    };
}

dropped_thread_local! {
    static TENANCIES: Tenancies = Tenancies {
        list: RefCell::new(Vec::new()),
        tenant: Cell::new(None),
    };
}

/// The calling thread's slot of the pool, if the pool is the one it used last.
///
/// # Safety
///
/// The pool is alive while the slot is used: the caller has a handle, a frame or a buffer of it.
#[inline(always)]
pub(crate) unsafe fn current<'s>(core: NonNull<Core>) -> Option<&'s Slot> {
    let remembered = LAST.try_with(|last| {
        let slot = last.slot.get();
        if !HAS_PLACE && slot == NO_SLOT {
            return None;
        }
        // SAFETY: a slot is remembered only while this thread's list has it, and the list keeps its pool alive. `NOWHERE` is as
        // large and as aligned as a slot, and a pointer of zeroes is a null pointer.
        let pool = unsafe { &(*slot.as_ptr()).pool };
        // Relaxed: the owner reads what it wrote; when it is taken out is a matter of time.
        if pool.load(Ordering::Relaxed) != core.as_ptr() {
            return None;
        }
        // SAFETY: as above; a slot that has a pool's address is one.
        Some(unsafe { slot.as_ref() })
    });
    if let Ok(Some(slot)) = remembered {
        return Some(slot);
    }
    cold_path();
    None
}

/// Runs `f` with the calling thread's slot of the pool, whatever it used last; `None` when there is no memory for a slot. At its
/// end the fold is told that something was done.
///
/// # Safety
///
/// The pool is alive for the call: the caller has a handle, a frame or a buffer of it.
#[inline]
pub(crate) unsafe fn with_slot<R>(core: NonNull<Core>, f: impl FnOnce(&Slot) -> R) -> Option<R> {
    // SAFETY: as for the caller.
    unsafe {
        with_slot_untold(core, |slot| {
            let result = f(slot);
            slot.announce();
            result
        })
    }
}

/// The same for an `f` that itself does nothing with the slot of which the fold must be told. It may panic.
///
/// # Safety
///
/// As for [`with_slot`].
#[inline]
pub(crate) unsafe fn with_slot_untold<R>(
    core: NonNull<Core>,
    f: impl FnOnce(&Slot) -> R,
) -> Option<R> {
    // SAFETY: the caller keeps the pool alive.
    let stay = match unsafe { current(core) } {
        Some(slot) => Stay {
            core,
            slot,
            is_visit: false,
        },
        // SAFETY: as above.
        None => unsafe { Stay::begin(core) }?,
    };
    Some(f(stay.slot))
}

/// A use of a slot that the thread has, or has claimed for this use alone and hands back at its end, even if that is a panic.
struct Stay<'s> {
    core: NonNull<Core>,
    slot: &'s Slot,
    is_visit: bool,
}

impl Stay<'_> {
    /// In the slot of the thread's list, or in one of its own when there is no list to put it in.
    ///
    /// # Safety
    ///
    /// As for [`with_slot`].
    #[cold]
    #[inline(never)]
    unsafe fn begin(core: NonNull<Core>) -> Option<Self> {
        // SAFETY: the caller keeps the pool alive.
        let pool = unsafe { core.as_ref() };
        let listed = TENANCIES
            .try_with(|tenancies| tenancies.enter(core))
            .unwrap_or(None);
        let is_visit = listed.is_none();
        let slot = listed.or_else(|| {
            pool.ledger.enter();
            let claimed = pool.slots.claim(pool);
            if claimed.is_none() {
                // SAFETY: entered just above.
                unsafe { Core::leave(core, 0) };
            }
            claimed
        })?;
        Some(Self {
            core,
            // SAFETY: the list has the slot and keeps the pool alive, or it was claimed just now.
            slot: unsafe { slot.as_ref() },
            is_visit,
        })
    }

    /// Hands the slot back. Apart, and by reference, so that the slot stays in memory and not in a register throughout the stay.
    #[cold]
    #[inline(never)]
    fn end_visit(&self) {
        // SAFETY: the visit owns the slot and its entry in the ledger, and ends here.
        unsafe { hand_back(self.core, self.slot) };
    }
}

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_visit {
            self.end_visit();
        }
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
        let tenant = self.tenant()?;
        self.leave_closed(tenant);
        // Looked at after `CLOSED`: if the pool closes from here on, `CLOSED` rises once more, and this thread's next use of any
        // pool leaves it. Looked at before, a pool closed in between would be entered and never left.
        // SAFETY: the caller of `with_slot` keeps the pool alive.
        let pool = unsafe { core.as_ref() };
        if pool.ledger.is_closed() {
            return None;
        }
        let mut list = self.list.borrow_mut();
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
        // SAFETY: the thread's tenant is freed only with the list; the thread owns the slot.
        unsafe { remember(tenant.as_ref(), core, slot) };
        Some(slot)
    }

    /// What others know of this thread; `None` when there is no memory for that.
    fn tenant(&self) -> Option<NonNull<Tenant>> {
        let tenant = self.tenant.get().or_else(|| Threads::add(threads()))?;
        self.tenant.set(Some(tenant));
        Some(tenant)
    }

    /// Hands back the slots of closed pools, if any pool was closed since this was last done.
    fn leave_closed(&self, tenant: NonNull<Tenant>) {
        // Acquire: pairs with the Release in `note_closed`; the pools counted say that they are closed.
        let closed = CLOSED.load(Ordering::Acquire);
        let known = LAST.try_with(|last| last.closed.replace(closed));
        if known.is_ok_and(|known| known == closed) {
            return;
        }
        forget_last();
        // SAFETY: the thread's tenant is freed only with the list of its slots.
        let tenant = unsafe { tenant.as_ref() };
        let unnamed = tenant.list.lock();
        // AcqRel: as all swaps of the word. Under the lock: nobody looks at a slot that was named before.
        tenant.remembers.swap(ptr::null_mut(), Ordering::AcqRel);
        drop(unnamed);
        let mut list = self.list.borrow_mut();
        // SAFETY: an entry of the list keeps its pool alive.
        let is_closed = |tenancy: &mut Tenancy| unsafe { tenancy.core.as_ref() }.ledger.is_closed();
        while let Some(at) = list.iter_mut().position(is_closed) {
            let tenancy = list.swap_remove(at);
            // SAFETY: this thread owns the slot, and the entry is gone from the list.
            unsafe { hand_back(tenancy.core, tenancy.slot.as_ref()) };
        }
    }
}

/// Remembers that a pool was used, unless a pool was closed since the thread's list was looked through.
///
/// # Safety
///
/// The thread owns the slot, which is one of the pool, and the tenant is its own.
unsafe fn remember(tenant: &Tenant, core: NonNull<Core>, slot: NonNull<Slot>) {
    // Relaxed: the owner's to read; the swap passes it on to who may take it out.
    // SAFETY: the thread owns the slot.
    unsafe { slot.as_ref() }
        .pool
        .store(core.as_ptr(), Ordering::Relaxed);
    // AcqRel: pairs with the swaps of others; see the head of this file.
    tenant.remembers.swap(slot.as_ptr(), Ordering::AcqRel);
    let _ = LAST.try_with(|last| {
        // Relaxed: if the word was taken away before, the swap saw it, and what came before it.
        let missed = CLOSED.load(Ordering::Relaxed) != last.closed.get();
        last.slot.set(if missed { NO_SLOT } else { slot });
    });
}

fn forget_last() {
    let _ = LAST.try_with(|last| last.slot.set(NO_SLOT));
}

impl Drop for Tenancies {
    fn drop(&mut self) {
        forget_last();
        if let Some(tenant) = self.tenant.take() {
            // SAFETY: `tenant` put it in, and it is used no more.
            unsafe { tenant.as_ref().list.lock().remove(tenant) };
        }
        for tenancy in self.list.get_mut().drain(..) {
            // SAFETY: this thread owns the slot, and the entry is gone from the list.
            unsafe { hand_back(tenancy.core, tenancy.slot.as_ref()) };
        }
    }
}

/// Tells every thread that a pool was closed, and hands back the calling thread's slots of closed pools.
pub(crate) fn note_closed() {
    // Release: pairs with the Acquire in `leave_closed`; who sees the rise sees the pool closed.
    CLOSED.fetch_add(1, Ordering::Release);
    threads().lock().forget_all();
    let _ = TENANCIES.try_with(|tenancies| {
        if let Some(tenant) = tenancies.tenant.get() {
            tenancies.leave_closed(tenant);
        }
    });
}
