//! The same names as types that the model checker sees.
//!
//! Each atomic is guarded by a shadow: loom reorders two threads' accesses only if both touch the same object in a way
//! it records, and a thread's own load before its store hides earlier loads of others from it (a single-writer counter
//! would be explored in one order only). A relaxed read-modify-write of the shadow before each access brings all orders
//! back; being relaxed, it adds no ordering of its own.

#![expect(unsafe_code, reason = "loom's loads without a step are unsafe")]

use std::sync::atomic::Ordering;

use super::guarded::guarded_atomics;
use super::stand_ins::checked_statics;

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, RwLock};

/// Stand-in for a pointer that does not keep the value alive, which loom has not. It keeps the value, but does not give
/// it out once nobody else has it. So there may be one for each value.
#[derive(Debug)]
pub(crate) struct Weak<T>(Arc<T>);

/// A pointer that does not keep the value alive.
pub(crate) fn downgrade<T>(value: &Arc<T>) -> Weak<T> {
    Weak(Arc::clone(value))
}

impl<T> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        (Arc::strong_count(&self.0) > 1).then(|| Arc::clone(&self.0))
    }
}

/// What loom sees before each access to an atomic.
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

/// A word whose holders write it in turn, and in which somebody else may set a bit.
///
/// What reads and writes in one step leaves no room for a store between the two: a store that comes after the value that was
/// read comes after the one that was written too. Loom knows that of other such steps only. So a store is one here, whose
/// value nobody looks at. That it passes on what the stores before it passed on adds nothing: who gives up what the word
/// stands for orders all its own accesses before the next holder's.
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
