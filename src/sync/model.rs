//! The same names as types that the model checker sees.
//!
//! Each atomic is guarded by a shadow: loom reorders two threads' accesses only if both touch the same object in a way
//! it records, and a thread's own load before its store hides earlier loads of others from it (a single-writer counter
//! would be explored in one order only). A relaxed read-modify-write of the shadow before each access brings all orders
//! back; being relaxed, it adds no ordering of its own.
//!
//! `ArcSwap` and the queue do not know the model checker: stand-ins with a lock take their place. What is checked is
//! our use of them, not they.
#![expect(
    unsafe_code,
    reason = "values of atomic types are kept as the bits of a word"
)]

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;

use loom::sync::atomic as checked;
use std::sync::atomic::Ordering;

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};

macro_rules! shadowed {
    ($name:ident, $value:ty $(, $method:ident)*) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            shadow: checked::AtomicUsize,
            inner: checked::$name,
        }

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self { shadow: checked::AtomicUsize::new(0), inner: checked::$name::new(value) }
            }

            fn inner(&self) -> &checked::$name {
                // Relaxed: see the head of this file.
                self.shadow.fetch_add(1, Ordering::Relaxed);
                &self.inner
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.inner().load(ordering)
            }

            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.inner().store(value, ordering);
            }

            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.inner().swap(value, ordering)
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.inner().compare_exchange(current, new, success, failure)
            }

            /// Not weak: a failure without a reason would only add executions.
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.inner().compare_exchange(current, new, success, failure)
            }

            $(
                pub(crate) fn $method(&self, value: $value, ordering: Ordering) -> $value {
                    self.inner().$method(value, ordering)
                }
            )*
        }
    };
}

shadowed!(AtomicBool, bool);
shadowed!(AtomicU32, u32, fetch_add, fetch_sub, fetch_or, fetch_and);
shadowed!(
    AtomicU64, u64, fetch_add, fetch_sub, fetch_or, fetch_and, fetch_max, fetch_min
);
shadowed!(AtomicI64, i64, fetch_add, fetch_sub);
shadowed!(AtomicUsize, usize, fetch_add, fetch_sub);

/// A shared pointer.
#[derive(Debug)]
pub(crate) struct AtomicPtr<T> {
    shadow: checked::AtomicUsize,
    inner: checked::AtomicPtr<T>,
}

impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> Self {
        Self {
            shadow: checked::AtomicUsize::new(0),
            inner: checked::AtomicPtr::new(value),
        }
    }

    fn inner(&self) -> &checked::AtomicPtr<T> {
        // Relaxed: see the head of this file.
        self.shadow.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }

    pub(crate) fn load(&self, ordering: Ordering) -> *mut T {
        self.inner().load(ordering)
    }

    pub(crate) fn store(&self, value: *mut T, ordering: Ordering) {
        self.inner().store(value, ordering);
    }

    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.inner()
            .compare_exchange(current, new, success, failure)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.inner()
            .compare_exchange(current, new, success, failure)
    }
}

/// A small value that threads share, as the bits of a word.
pub(crate) struct Atomic<T> {
    bits: AtomicU64,
    value: std::marker::PhantomData<T>,
}

impl<T: bytemuck::NoUninit> Atomic<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            bits: AtomicU64::new(to_bits(value)),
            value: std::marker::PhantomData,
        }
    }

    pub(crate) fn load(&self, ordering: Ordering) -> T {
        let bits = self.bits.load(ordering);
        // SAFETY: the bits come from a `T`, in its first bytes; there are enough of them (`to_bits`).
        unsafe { std::mem::transmute_copy(&bits) }
    }

    pub(crate) fn store(&self, value: T, ordering: Ordering) {
        self.bits.store(to_bits(value), ordering);
    }
}

fn to_bits<T: bytemuck::NoUninit>(value: T) -> u64 {
    let mut bytes = [0; 8];
    bytes[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
    u64::from_ne_bytes(bytes)
}

impl<T> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic").finish_non_exhaustive()
    }
}

/// Stand-in for the lock-free queue.
#[derive(Debug)]
pub(crate) struct ArrayQueue<T> {
    items: Mutex<VecDeque<T>>,
    capacity: usize,
}

impl<T> ArrayQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            items: Mutex::new(VecDeque::new()),
            capacity,
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn force_push(&self, item: T) -> Option<T> {
        let mut items = self.items.lock().expect("no panic under the lock");
        items.push_back(item);
        if items.len() > self.capacity {
            items.pop_front()
        } else {
            None
        }
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.items
            .lock()
            .expect("no panic under the lock")
            .pop_front()
    }
}

/// Stand-in for `ArcSwap`.
pub(crate) struct Published<T>(loom::sync::RwLock<Arc<T>>);

/// What a [`Cached`] reader watches.
pub(crate) type PublishedSource<T> = Published<T>;

impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(loom::sync::RwLock::new(value))
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

macro_rules! plain_thread_local {
    ($(#[$attr:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        ::loom::thread_local! { $(#[$attr])* static $name: $ty = $init; }
    };
}

macro_rules! dropped_thread_local {
    ($(#[$attr:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        ::loom::thread_local! { $(#[$attr])* static $name: $ty = $init; }
    };
}

macro_rules! global_counter {
    ($(#[$attr:meta])* static $name:ident;) => {
        ::loom::lazy_static! {
            $(#[$attr])*
            static ref $name: $crate::sync::AtomicU64 = $crate::sync::AtomicU64::new(0);
        }
    };
}

pub(crate) use {dropped_thread_local, global_counter, plain_thread_local};
