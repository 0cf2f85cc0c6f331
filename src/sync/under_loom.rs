//! The types of this module for loom.
//!
//! Each atomic has a shadow. Loom reorders two threads' accesses only if it recorded both on the same object. A thread's own load before
//! its store hides the earlier loads of other threads, so loom would explore a single-writer counter in one order only. A
//! read-modify-write of the shadow before each access makes loom explore all orders. It is Relaxed, so it adds no ordering.

#![expect(unsafe_code, reason = "loom's loads without a step are unsafe")]

use std::sync::atomic::Ordering;

use super::guarded::guarded_atomics;
use super::stand_ins::checked_statics;

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, RwLock};

/// Stand-in for `Weak`, which loom does not have. It keeps the value alive, but does not upgrade once it has the only
/// reference. So there may be at most one for each value.
#[derive(Debug)]
pub(crate) struct Weak<T>(Arc<T>);

/// Makes a pointer that does not upgrade once it has the only reference.
pub(crate) fn downgrade<T>(value: &Arc<T>) -> Weak<T> {
    Weak(Arc::clone(value))
}

impl<T> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        (Arc::strong_count(&self.0) > 1).then(|| Arc::clone(&self.0))
    }
}

/// The atomic that loom sees before each access to the real one.
#[derive(Debug)]
pub(crate) struct Shadow(loom::sync::atomic::AtomicUsize);

impl Shadow {
    fn new() -> Self {
        Self(loom::sync::atomic::AtomicUsize::new(0))
    }

    fn before_access(&self) {
        // Relaxed: see the head of this file.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn before_change(&self) {
        self.before_access();
    }
}

guarded_atomics!(loom::sync::atomic, Shadow, []);

impl super::Owned for AtomicU64 {
    type Value = u64;

    fn load_own(&self) -> u64 {
        // SAFETY: loom itself fails the model if another thread's store is not ordered before this.
        unsafe { self.inner.unsync_load() }
    }
}

impl<T> super::Owned for AtomicPtr<T> {
    type Value = *mut T;

    fn load_own(&self) -> *mut T {
        // SAFETY: as for numbers.
        unsafe { self.inner.unsync_load() }
    }
}

checked_statics!(loom, $);

/// A word with one writer at a time, in which another thread may set a bit.
///
/// Under C++ rules no store can fall between the load and the store of a read-modify-write. Loom enforces that only against other
/// read-modify-writes. So a store is a swap here, whose result is ignored.
///
/// The swap also continues the release sequence of earlier stores, which a store would not. That adds no ordering in our use: a
/// holder that gives up the word orders all its accesses before those of the next holder anyway.
#[derive(Debug)]
pub(crate) struct Markable(AtomicU64);

impl Markable {
    pub(crate) fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.0.swap(value, ordering);
    }

    pub(crate) fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.0.fetch_or(bits, ordering)
    }
}
