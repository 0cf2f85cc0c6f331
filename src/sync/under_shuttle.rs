//! The types of this module for shuttle, whose random scheduler may switch threads before each access.
//!
//! All threads of a scenario are coroutines of one thread, so no memory is really shared. Shuttle treats every ordering as sequentially
//! consistent. It does not check cells, so the cell below checks itself for overlapping accesses.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::stand_ins::checked_statics;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, RwLock, Weak};

/// Makes a pointer that does not keep the value alive.
pub(crate) fn downgrade<T>(value: &Arc<T>) -> Weak<T> {
    Arc::downgrade(value)
}

/// A cell that panics when an access overlaps one by another thread, unless both only read.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T> {
    value: std::cell::UnsafeCell<T>,
    /// Current reads; [`WRITING`] during a write.
    accesses: Cell<u32>,
    /// Loaded in the middle of an access, so that the scheduler may switch there.
    switch: AtomicBool,
}

const WRITING: u32 = u32::MAX;

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: std::cell::UnsafeCell::new(value),
            accesses: Cell::new(0),
            switch: AtomicBool::new(false),
        }
    }

    /// Reads through a pointer that is valid for the call.
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        let before = self.accesses.get();
        assert!(before != WRITING, "L6: a cell is read while it is written");
        let _access = self.begin(before + 1);
        f(self.value.get())
    }

    /// Writes through a pointer that is valid for the call.
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        let before = self.accesses.get();
        assert!(before == 0, "L6: a cell is written while it is in use");
        let _access = self.begin(WRITING);
        f(self.value.get())
    }

    fn begin(&self, during: u32) -> Access<'_> {
        self.accesses.set(during);
        let access = Access(&self.accesses);
        // Relaxed: only the possible switch matters.
        self.switch.load(Ordering::Relaxed);
        access
    }
}

/// A current access.
struct Access<'c>(&'c Cell<u32>);

impl Drop for Access<'_> {
    fn drop(&mut self) {
        // Other reads may have begun or ended meanwhile.
        self.0.set(match self.0.get() {
            WRITING => 0,
            reads => reads - 1,
        });
    }
}

checked_statics!(shuttle, $);
