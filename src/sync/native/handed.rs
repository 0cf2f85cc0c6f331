//! The standard library's mutex, with an extra flag that makes its transfer between threads visible to `ThreadSanitizer`.
//!
//! The standard library is precompiled, and a contended `std::sync::Mutex` is locked inside it. `ThreadSanitizer` does not see
//! those accesses. It would report every access under the lock as a race, in every program that uses this library.
//!
//! So a thread stores a flag before it unlocks, and the next one loads it after it locks. On most processors these are two plain
//! moves. They add only an order that the mutex already provides. The flag excludes no thread, so `ThreadSanitizer` still reports an
//! access without the lock.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

/// A mutex with the interface of [`std::sync::Mutex`].
pub(crate) struct Mutex<T> {
    mutex: std::sync::Mutex<T>,
    handed: AtomicBool,
}

/// The guard of a [`Mutex`], which unlocks it when dropped.
pub(crate) struct MutexGuard<'m, T> {
    handed: &'m AtomicBool,
    guard: std::sync::MutexGuard<'m, T>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            mutex: std::sync::Mutex::new(value),
            handed: AtomicBool::new(false),
        }
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        #[cfg(framepool_noise)]
        crate::sync::note_lock();
        match self.mutex.lock() {
            Ok(guard) => Ok(self.take(guard)),
            Err(poisoned) => Err(PoisonError::new(self.take(poisoned.into_inner()))),
        }
    }

    pub(crate) fn get_mut(&mut self) -> LockResult<&mut T> {
        self.mutex.get_mut()
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        #[cfg(framepool_noise)]
        crate::sync::note_lock();
        match self.mutex.try_lock() {
            Ok(guard) => Ok(self.take(guard)),
            Err(TryLockError::Poisoned(poisoned)) => {
                let guard = self.take(poisoned.into_inner());
                Err(TryLockError::Poisoned(PoisonError::new(guard)))
            }
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }

    fn take<'m>(&'m self, guard: std::sync::MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        // Acquire: pairs with the Release in the guard's `drop`; see the head of this file.
        self.handed.load(Ordering::Acquire);
        MutexGuard {
            handed: &self.handed,
            guard,
        }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    /// Runs before the fields are dropped, and so while the lock is still held.
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take`; the thread that gets the lock next sees what was done under it.
        self.handed.store(true, Ordering::Release);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
