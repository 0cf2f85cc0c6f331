//! Atomics that call a guard of the backend before every access.

/// Defines the atomic types of the seam over those of `$inner`. `$guard` is a type with `new()`, `before_access()`, and
/// `before_change()` for read-modify-writes; `[const]` makes `new` a `const fn`, for backends that support it.
macro_rules! guarded_atomics {
    ($inner:path, $guard:ty, [$($constness:tt)?]) => {
        use $inner as unguarded;
        use $crate::sync::guarded::{guarded_accesses, guarded_integer};

        guarded_integer!($guard, [$($constness)?], AtomicBool, bool, []);
        guarded_integer!($guard, [$($constness)?], AtomicU32, u32, [fetch_add, fetch_sub, fetch_or, fetch_and, fetch_max]);
        guarded_integer!($guard, [$($constness)?], AtomicU64, u64, [fetch_add, fetch_sub, fetch_or, fetch_max, fetch_min]);
        guarded_integer!($guard, [$($constness)?], AtomicI64, i64, [fetch_add, fetch_sub]);

        /// A shared pointer.
        #[derive(Debug)]
        pub(crate) struct AtomicPtr<T> {
            guard: $guard,
            inner: unguarded::AtomicPtr<T>,
        }

        #[allow(dead_code, reason = "the library does not do everything with every type")]
        impl<T> AtomicPtr<T> {
            pub(crate) $($constness)? fn new(value: *mut T) -> Self {
                Self { guard: <$guard>::new(), inner: unguarded::AtomicPtr::new(value) }
            }

            guarded_accesses!(unguarded::AtomicPtr<T>, *mut T);
        }
    };
}

/// An integer or boolean atomic, with its additional methods.
macro_rules! guarded_integer {
    ($guard:ty, [$($constness:tt)?], $name:ident, $value:ty, [$($method:ident),*]) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            guard: $guard,
            inner: unguarded::$name,
        }

        #[allow(dead_code, reason = "the library does not do everything with every type")]
        impl $name {
            pub(crate) $($constness)? fn new(value: $value) -> Self {
                Self { guard: <$guard>::new(), inner: unguarded::$name::new(value) }
            }

            guarded_accesses!(unguarded::$name, $value);

            $(
                pub(crate) fn $method(&self, value: $value, ordering: Ordering) -> $value {
                    self.inner_to_change().$method(value, ordering)
                }
            )*
        }
    };
}

/// The methods that all atomics have.
macro_rules! guarded_accesses {
    ($inner:ty, $value:ty) => {
        fn inner(&self) -> &$inner {
            self.guard.before_access();
            &self.inner
        }

        fn inner_to_change(&self) -> &$inner {
            self.guard.before_change();
            &self.inner
        }

        pub(crate) fn load(&self, ordering: Ordering) -> $value {
            self.inner().load(ordering)
        }

        pub(crate) fn store(&self, value: $value, ordering: Ordering) {
            self.inner().store(value, ordering);
        }

        #[allow(
            dead_code,
            reason = "the library does not do everything with every type"
        )]
        pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
            self.inner_to_change().swap(value, ordering)
        }

        pub(crate) fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.inner_to_change()
                .compare_exchange(current, new, success, failure)
        }

        /// Not weak: spurious failures would only add executions to a model.
        pub(crate) fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.inner_to_change()
                .compare_exchange(current, new, success, failure)
        }
    };
}

pub(super) use {guarded_accesses, guarded_atomics, guarded_integer};
