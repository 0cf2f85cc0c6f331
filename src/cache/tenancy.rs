//! Which slot the calling thread has in a pool.
//!
//! The fast path compares one word of a thread-local without destructor: the pool used last. The slow path keeps a list of
//! the thread's slots in a second thread-local, whose destructor hands them back at thread exit. Each entry of the list holds
//! the pool's bookkeeping alive (`ledger.rs`), so an address that is remembered is never that of another pool.
//!
//! # When a pool is closed
//!
//! Its last handle is gone, and every thread is to hand back its slot there at its next use of any pool, whichever it used
//! last. So whoever closes a pool counts it in `CLOSED` and then takes away what every thread remembers: all threads with
//! slots are listed in `THREADS`. Both sides swap the remembered word: if a thread remembers a pool after it was taken away,
//! its swap saw the other's, and so the rise of `CLOSED`, and it forgets the pool again.
//!
//! A closed pool's buffers dropped after that, and any use in the destructor of another thread-local after ours has run,
//! claim a slot for that one operation: slow, but right.
#![expect(
    unsafe_code,
    reason = "thread-locals hold pointers to pools that they keep alive"
)]

use std::cell::{Cell, RefCell};
use std::hint::cold_path;
use std::ptr::{self, NonNull};

use crate::cache::core::Core;
use crate::cache::slot::Slot;
use crate::sync::{
    AtomicPtr, Ordering, dropped_thread_local, global_counter, global_lock, shared_thread_local,
};

/// The pool used last by this thread, and its slot there.
struct Last {
    /// The pool, or null. Written by the thread, and taken away by whoever closes a pool.
    pool: AtomicPtr<Core>,
    slot: Cell<NonNull<Slot>>,
    /// What `CLOSED` was when the list was last looked through.
    closed: Cell<u64>,
    /// The neighbours in `THREADS`. Only under its lock.
    before: Cell<*const Last>,
    behind: Cell<*const Last>,
}

impl Last {
    /// Forgets which pool was used last.
    fn forget(&self) {
        // AcqRel: pairs with the other swaps of the word; see the head of this file.
        self.pool.swap(ptr::null_mut(), Ordering::AcqRel);
    }

    /// Remembers that a pool was used, unless a pool was closed since the list was looked through.
    fn remember(&self, core: NonNull<Core>, slot: NonNull<Slot>) {
        self.slot.set(slot);
        // AcqRel: as in `forget`.
        self.pool.swap(core.as_ptr(), Ordering::AcqRel);
        // Relaxed: if the word was taken away before, the swap saw it, and what came before it.
        if CLOSED.load(Ordering::Relaxed) != self.closed.get() {
            self.forget();
        }
    }
}

/// A list of threads through their `LAST`: it needs no memory of its own.
struct Threads {
    first: *const Last,
}

// SAFETY: others use nothing of a thread's `LAST` but `pool`, which is atomic, and the links, and both only under the lock of
// `THREADS`; a `LAST` is in the list only while the thread-local lives.
unsafe impl Send for Threads {}

impl Threads {
    /// Puts a thread in front.
    ///
    /// # Safety
    ///
    /// It is not in the list, and is taken out before it goes.
    unsafe fn add(&mut self, thread: &Last) {
        // SAFETY: who is in the list is there.
        if let Some(first) = unsafe { self.first.as_ref() } {
            first.before.set(thread);
        }
        thread.before.set(ptr::null());
        thread.behind.set(self.first);
        self.first = thread;
    }

    /// Takes a thread out.
    ///
    /// # Safety
    ///
    /// It is in the list.
    unsafe fn remove(&mut self, thread: &Last) {
        let (before, behind) = (thread.before.get(), thread.behind.get());
        // SAFETY: who is in the list is there.
        match unsafe { before.as_ref() } {
            Some(before) => before.behind.set(behind),
            None => self.first = behind,
        }
        // SAFETY: as above.
        if let Some(behind) = unsafe { behind.as_ref() } {
            behind.before.set(before);
        }
    }

    /// All threads.
    fn iter(&self) -> impl Iterator<Item = &Last> {
        // SAFETY: who is in the list is there, and stays while the list is borrowed: the lock is held.
        std::iter::successors(unsafe { self.first.as_ref() }, |thread| unsafe {
            thread.behind.get().as_ref()
        })
    }
}

/// A slot that this thread owns.
struct Tenancy {
    core: NonNull<Core>,
    slot: NonNull<Slot>,
}

/// All slots that this thread owns.
struct Tenancies {
    list: RefCell<Vec<Tenancy>>,
    /// Whether the thread is in `THREADS`.
    told: Cell<bool>,
}

global_counter! {
    /// How many pools were closed in this process.
    static CLOSED;
}

global_lock! {
    /// All threads that own slots.
    static THREADS: Threads = Threads { first: ptr::null() };
}

shared_thread_local! {
    static LAST: Last = Last {
        pool: AtomicPtr::new(ptr::null_mut()),
        slot: Cell::new(NonNull::dangling()),
        closed: Cell::new(0),
        before: Cell::new(ptr::null()),
        behind: Cell::new(ptr::null()),
    };
}

dropped_thread_local! {
    static TENANCIES: Tenancies = Tenancies {
        list: RefCell::new(Vec::new()),
        told: Cell::new(false),
    };
}

/// The calling thread's slot of the pool, if the pool is the one it used last.
///
/// # Safety
///
/// The pool is alive while the slot is used: the caller has a handle, a frame or a buffer of it.
#[inline(always)]
pub(crate) unsafe fn current<'s>(core: NonNull<Core>) -> Option<&'s Slot> {
    LAST.try_with(|last| {
        // Relaxed: the thread's own word; when it is taken away is a matter of time.
        if last.pool.load(Ordering::Relaxed) == core.as_ptr() {
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
        self.tell();
        self.leave_closed();
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
        let _ = LAST.try_with(|last| last.remember(core, slot));
        Some(slot)
    }

    /// Enters the thread in `THREADS`, once.
    fn tell(&self) {
        if !self.told.replace(true) {
            // SAFETY: it was not in the list, and `untell` takes it out before the thread's locals go.
            let _ = LAST.try_with(|last| unsafe { THREADS.lock().add(last) });
        }
    }

    /// Takes the thread out of `THREADS`.
    fn untell(&self) {
        if self.told.replace(false) {
            // SAFETY: `tell` put it in.
            let _ = LAST.try_with(|last| unsafe { THREADS.lock().remove(last) });
        }
    }

    /// Hands back the slots of closed pools, if any pool was closed since this was last done.
    fn leave_closed(&self) {
        // Acquire: pairs with the Release in `note_closed`; the pools counted say that they are closed.
        let closed = CLOSED.load(Ordering::Acquire);
        let known = LAST.try_with(|last| last.closed.replace(closed));
        if known.is_ok_and(|known| known == closed) {
            return;
        }
        forget_last();
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

fn forget_last() {
    let _ = LAST.try_with(|last| {
        last.forget();
    });
}

impl Drop for Tenancies {
    fn drop(&mut self) {
        self.untell();
        forget_last();
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
    for thread in THREADS.lock().iter() {
        thread.forget();
    }
    let _ = TENANCIES.try_with(Tenancies::leave_closed);
}
