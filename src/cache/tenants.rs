//! All threads that own slots, linked through what others know of each, so that whoever closes a pool can make them look
//! through their slots (`tenancy.rs`).
#![expect(
    unsafe_code,
    reason = "a list linked through what it consists of, on the heap"
)]

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::cache::slot::Slot;
use crate::sync::{AtomicPtr, Lock, Ordering, global_lock};

global_lock! {
    /// All threads that own slots.
    pub(super) fn threads() -> Threads = Threads { first: ptr::null() };
}

/// What other threads know of a thread that owns slots.
pub(super) struct Tenant {
    /// The slot that the thread remembers, or null; see `tenancy.rs`.
    pub(super) remembers: AtomicPtr<Slot>,
    /// The list that it is in.
    pub(super) list: &'static Lock<Threads>,
    /// The neighbours there. Only under its lock.
    before: Cell<*const Tenant>,
    behind: Cell<*const Tenant>,
}

/// All tenants, linked through themselves.
pub(super) struct Threads {
    first: *const Tenant,
}

// SAFETY: others use nothing of a tenant but its atomic word, and the links under the lock of `threads`; a tenant is freed only
// after it was taken out.
unsafe impl Send for Threads {}

impl Threads {
    /// Puts a new tenant in front; `None` when there is no memory for one.
    pub(super) fn add(list: &'static Lock<Self>) -> Option<NonNull<Tenant>> {
        // SAFETY: a tenant is not zero-sized.
        let tenant = NonNull::new(unsafe { alloc(Layout::new::<Tenant>()) })?.cast::<Tenant>();
        let mut threads = list.lock();
        let new = Tenant {
            remembers: AtomicPtr::new(ptr::null_mut()),
            list,
            before: Cell::new(ptr::null()),
            behind: Cell::new(threads.first),
        };
        // SAFETY: allocated just now for a tenant.
        unsafe { tenant.write(new) };
        // SAFETY: who is in the list is there.
        if let Some(first) = unsafe { threads.first.as_ref() } {
            first.before.set(tenant.as_ptr());
        }
        threads.first = tenant.as_ptr();
        Some(tenant)
    }

    /// Takes a tenant out and frees it.
    ///
    /// # Safety
    ///
    /// It is in the list, and its thread does not use it any more.
    pub(super) unsafe fn remove(&mut self, tenant: NonNull<Tenant>) {
        // SAFETY: it is in the list, and who is in the list is there: its neighbours too.
        unsafe {
            let (before, behind) = (tenant.as_ref().before.get(), tenant.as_ref().behind.get());
            match before.as_ref() {
                Some(before) => before.behind.set(behind),
                None => self.first = behind,
            }
            if let Some(behind) = behind.as_ref() {
                behind.before.set(before);
            }
            tenant.drop_in_place();
            dealloc(tenant.as_ptr().cast(), Layout::new::<Tenant>());
        }
    }

    /// Makes all threads forget what they remember.
    pub(super) fn forget_all(&self) {
        let mut at = self.first;
        // SAFETY: who is in the list is there.
        while let Some(tenant) = unsafe { at.as_ref() } {
            // AcqRel: pairs with the swaps of the thread; see `tenancy.rs`.
            let slot = tenant.remembers.swap(ptr::null_mut(), Ordering::AcqRel);
            // SAFETY: a slot that a tenant names under the lock is there.
            if let Some(slot) = unsafe { slot.as_ref() } {
                // Relaxed: when the owner sees it is a matter of time, unless something else orders it.
                slot.pool.store(ptr::null_mut(), Ordering::Relaxed);
            }
            at = tenant.behind.get();
        }
    }
}
