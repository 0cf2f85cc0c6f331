//! A stand-in for the generic atomic of the `atomic` crate: stores a small value as the bits of a word.
#![expect(unsafe_code, reason = "a value is read back from its bits")]

use std::fmt;
use std::marker::PhantomData;

use super::{AtomicU64, Ordering};

/// A small value that threads share, as the bits of a word.
pub(crate) struct Atomic<T> {
    bits: AtomicU64,
    value: PhantomData<T>,
}

impl<T: bytemuck::NoUninit> Atomic<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            bits: AtomicU64::new(to_bits(value)),
            value: PhantomData,
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
