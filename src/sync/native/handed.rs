//! The standard library's mutex, whose hand-over is also written in code of ours.
//!
//! A contended `std::sync::Mutex` is taken in code that came compiled with the standard library. `ThreadSanitizer` knows
//! nothing of what happens there, and would report every access under the lock as a race, in every program that uses this
//! library. So the thread that gives the lock up stores a word, and the next one loads it: two plain moves on most processors,
//! in which it sees the hand-over. The word adds an order that the mutex has anyway; it takes no part in excluding anybody,
//! so an access without the lock is still reported.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

/// A mutual exclusion of threads, as [`std::sync::Mutex`].
pub(crate) struct Mutex<T> {
    mutex: std::sync::Mutex<T>,
    handed: AtomicBool,
}

/// The lock of a [`Mutex`], given up when it is dropped.
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
