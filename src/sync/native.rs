//! The real types, from the standard library, `arc-swap` and `atomic`.

use std::fmt;

mod across_fork;
mod handed;

pub(crate) use across_fork::{ForkLock, StaticForkLock};
#[cfg(not(framepool_noise))]
pub(crate) use atomic::Atomic;
pub(crate) use handed::{Mutex, MutexGuard};
#[cfg(not(framepool_noise))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};
pub(crate) use std::sync::{Arc, Weak};

/// Makes a pointer that does not keep the value alive.
pub(crate) fn downgrade<T>(value: &Arc<T>) -> Weak<T> {
    Arc::downgrade(value)
}

/// An immutable value that one side replaces and any thread reads without waiting.
pub(crate) struct Published<T>(arc_swap::ArcSwap<T>);

/// A cached reader, which checks whether the shared pointer changed.
pub(crate) type Cached<A, T> = arc_swap::Cache<A, Arc<T>>;

impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    /// The latest value.
    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Replaces the value and returns the previous one. Readers that were loading the previous one hold a reference to it
    /// when this returns.
    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }

    /// The source of a cached reader.
    pub(crate) fn source(&self) -> &PublishedSource<T> {
        &self.0
    }
}

impl<T> fmt::Debug for Published<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}

/// A cell whose accesses the model checker can watch.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Reads through a pointer that is valid for the call.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Writes through a pointer that is valid for the call.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// A thread-local without destructor, so that it can be read at any moment of a thread's life.
macro_rules! plain_thread_local {
    ($(#[$attr:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        ::std::thread_local! { $(#[$attr])* static $name: $ty = const { $init } }
    };
}

/// A thread-local whose destructor runs at thread exit.
macro_rules! dropped_thread_local {
    ($(#[$attr:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        ::std::thread_local! { $(#[$attr])* static $name: $ty = const { $init } }
    };
}

/// A process-wide atomic number, on its own cache line, so that writes to neighbours do not slow readers.
macro_rules! global_counter {
    ($(#[$attr:meta])* static $name:ident;) => {
        $(#[$attr])*
        static $name: $crate::sync::CachePadded<$crate::sync::AtomicU64> =
            $crate::sync::CachePadded::new($crate::sync::AtomicU64::new(0));
    };
}

pub(crate) use {dropped_thread_local, global_counter, plain_thread_local};

/// The source of a [`Cached`] reader.
pub(crate) type PublishedSource<T> = arc_swap::ArcSwap<T>;
