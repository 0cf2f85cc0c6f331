//! Stand-ins for types that the model checkers do not support. A lock replaces `ArcSwap`.
//!
//! So the models check our use of `ArcSwap`, not `ArcSwap` itself. The lock orders a reader before a later writer; the real type does
//! not promise that. So no code may depend on the fact that a replacement has returned.

use std::fmt;
use std::ops::Deref;

use super::{Arc, Lock, Rank, RwLock};

/// Stand-in for a lock that survives forks; a model does not fork.
#[derive(Debug)]
pub(crate) struct ForkLock<T>(Lock<T>);

impl<T> ForkLock<T> {
    pub(crate) const BYTES: u64 = 0;

    pub(crate) fn new(_rank: Rank, value: T) -> Self {
        Self(Lock::new(value))
    }
}

impl<T> Deref for ForkLock<T> {
    type Target = Lock<T>;

    fn deref(&self) -> &Lock<T> {
        &self.0
    }
}

/// Stand-in for `ArcSwap`.
pub(crate) struct Published<T>(RwLock<Arc<T>>);

/// The source of a [`Cached`] reader.
pub(crate) type PublishedSource<T> = Published<T>;

impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(RwLock::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.read().expect("no panic under the lock"))
    }

    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        std::mem::replace(&mut self.0.write().expect("no panic under the lock"), value)
    }

    pub(crate) fn source(&self) -> &PublishedSource<T> {
        self
    }
}

impl<T> fmt::Debug for Published<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}

/// Stand-in for the cached reader of `ArcSwap`.
pub(crate) struct Cached<A, T> {
    source: A,
    value: Arc<T>,
}

impl<T, A: Deref<Target = PublishedSource<T>>> Cached<A, T> {
    pub(crate) fn new(source: A) -> Self {
        let value = source.load();
        Self { source, value }
    }

    pub(crate) fn load(&mut self) -> &Arc<T> {
        self.value = self.source.load();
        &self.value
    }
}

/// Thread-locals and process-wide values, made by the checker's own macros, so that each execution begins with new ones.
macro_rules! checked_statics {
    ($checker:ident, $dollar:tt) => {
        macro_rules! plain_thread_local {
            ($dollar(#[$dollar attr:meta])* static $dollar name:ident: $dollar ty:ty = $dollar init:expr;) => {
                ::$checker::thread_local! { $dollar(#[$dollar attr])* static $dollar name: $dollar ty = $dollar init; }
            };
        }

        macro_rules! dropped_thread_local {
            ($dollar(#[$dollar attr:meta])* static $dollar name:ident: $dollar ty:ty = $dollar init:expr;) => {
                ::$checker::thread_local! { $dollar(#[$dollar attr])* static $dollar name: $dollar ty = $dollar init; }
            };
        }

        macro_rules! global_counter {
            ($dollar(#[$dollar attr:meta])* static $dollar name:ident;) => {
                ::$checker::lazy_static! {
                    $dollar(#[$dollar attr])*
                    static ref $dollar name: $crate::sync::AtomicU64 = $crate::sync::AtomicU64::new(0);
                }
            };
        }

        pub(crate) use {dropped_thread_local, global_counter, plain_thread_local};
    };
}

pub(super) use checked_statics;
