//! The one door to shared memory: atomics, cells, locks, queues, `ArcSwap` and thread-locals come from here only.
//!
//! In a normal build every name is the real thing, at no cost. Under the cfg `framepool_loom` the same names are
//! types that the model checker sees, so that the models drive the library's own code. See `loom-tests/`.

#[cfg(framepool_loom)]
mod model;
#[cfg(not(framepool_loom))]
mod native;

#[cfg(framepool_loom)]
pub(crate) use model::*;
#[cfg(not(framepool_loom))]
pub(crate) use native::*;

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use std::sync::PoisonError;
pub(crate) use std::sync::atomic::Ordering;

use std::fmt;

/// A lock that outlives the panic of a holder: what it guards is written so that every step leaves it whole.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, unless somebody holds it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}
