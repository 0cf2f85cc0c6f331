//! The only module that provides shared memory: atomics, cells, locks, `ArcSwap` and thread-locals.
//!
//! In a normal build every name is the real type, at no cost. Three members of the workspace compile this same source with a cfg from
//! their build script. There the same names are other types:
//!
//! | cfg | member | the types behind the names |
//! |---|---|---|
//! | `framepool_loom` | `loom-tests/` | loom's: every execution of a small model, weak memory included |
//! | `framepool_shuttle` | `shuttle-tests/` | shuttle's: random schedules of a larger scenario, sequentially consistent |
//! | `framepool_noise` | `stress-tests/` | the real types, with a random delay before some accesses |

#[cfg(any(framepool_loom, framepool_shuttle, framepool_noise))]
mod bits;
#[cfg(any(framepool_loom, framepool_noise))]
mod guarded;
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
mod native;
#[cfg(any(framepool_loom, framepool_shuttle))]
mod stand_ins;
#[cfg(framepool_loom)]
mod under_loom;
#[cfg(framepool_noise)]
mod under_noise;
#[cfg(framepool_shuttle)]
mod under_shuttle;

#[cfg(any(framepool_loom, framepool_shuttle, framepool_noise))]
pub(crate) use bits::Atomic;
#[cfg(not(any(framepool_loom, framepool_shuttle)))]
pub(crate) use native::*;
#[cfg(any(framepool_loom, framepool_shuttle))]
pub(crate) use stand_ins::*;
#[cfg(framepool_loom)]
pub(crate) use under_loom::*;
#[cfg(framepool_noise)]
pub use under_noise::{Accesses, accesses};
#[cfg(framepool_noise)]
pub(crate) use under_noise::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, note_lock};
#[cfg(framepool_shuttle)]
pub(crate) use under_shuttle::*;

/// A word with one writer at a time, in which another thread may set a bit.
#[cfg(not(framepool_loom))]
pub(crate) type Markable = AtomicU64;

/// A word with one writer at a time, read by that writer.
pub(crate) trait Owned {
    /// The type of its value.
    type Value;

    /// Loads the value that the caller, or the previous writer, stored last.
    ///
    /// Under loom this is not a step that the model interleaves with others, because no other thread can change the result.
    fn load_own(&self) -> Self::Value;
}

#[cfg(not(framepool_loom))]
impl Owned for AtomicU64 {
    type Value = u64;

    #[inline(always)]
    fn load_own(&self) -> u64 {
        // Relaxed: the writer reads its own store, or a store that its claim of the word made visible.
        self.load(Ordering::Relaxed)
    }
}

#[cfg(not(framepool_loom))]
impl<T> Owned for AtomicPtr<T> {
    type Value = *mut T;

    #[inline(always)]
    fn load_own(&self) -> *mut T {
        // Relaxed: the writer reads its own store, or a store that its claim of the word made visible.
        self.load(Ordering::Relaxed)
    }
}

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use std::sync::PoisonError;
pub(crate) use std::sync::atomic::Ordering;

use std::fmt;

/// Selects a size by build: the real one, a smaller one for shuttle's scenarios, or the smallest for loom's models.
pub(crate) const fn sized(real: usize, shuttle: usize, loom: usize) -> usize {
    if cfg!(framepool_loom) {
        loom
    } else if cfg!(framepool_shuttle) {
        shuttle
    } else {
        real
    }
}

/// The order in which one thread takes locks of several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The lock of a store's receivers. No other lock is taken under it.
    Store,
    /// The walk of a pool's last refusal, which is rebuilt under it.
    Refusals,
    /// The walks over a pool's blocks. The aggregator is taken under it.
    Walks,
    /// A pool's frame ends.
    Aggregator,
    /// Rare notes by a pool's workers. No other lock of the pool is taken under it.
    Notes,
    /// The slabs of small regions, which all pools share. No other is taken under it. A list that grows under it calls the
    /// global allocator.
    System,
}

impl Rank {
    /// All ranks, in this order.
    #[cfg_attr(any(framepool_loom, framepool_shuttle), expect(dead_code))]
    pub(crate) const ALL: [Self; 6] = [
        Self::Store,
        Self::Refusals,
        Self::Walks,
        Self::Aggregator,
        Self::Notes,
        Self::System,
    ];
}

/// A lock that ignores poisoning: after every step of a holder the guarded value is consistent, so a panic leaves it usable.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::of(Mutex::new(value))
    }

    pub(crate) const fn of(mutex: Mutex<T>) -> Self {
        Self(mutex)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guarded value, without locking: `&mut self` excludes other threads.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock; `None` if another thread holds it.
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
