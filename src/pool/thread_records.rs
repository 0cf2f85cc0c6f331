//! The slots that a thread owns, found by pool.
//!
//! A list with an index by the pool's address, so that a look-up takes the same time with one pool and with ten
//! thousand.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::NonNull;

use crate::pool::inner::PoolInner;
use crate::slot::state::Slot;

/// Up to this many pools, a search through the list is faster than the index.
const SHORT: usize = 8;

/// A slot that the thread owns. It names its pool (`pool/lifetime.rs`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadRecord {
    pub(crate) inner: NonNull<PoolInner>,
    pub(crate) slot: NonNull<Slot>,
}

/// All slots of a thread.
#[derive(Debug)]
pub(crate) struct ThreadRecords {
    list: Vec<ThreadRecord>,
    /// The position of each pool's slot in the list. Filled once there are more than [`SHORT`].
    index: HashMap<NonNull<PoolInner>, usize, BuildHasherDefault<AddressHasher>>,
}

impl ThreadRecords {
    pub(crate) const fn new() -> Self {
        Self {
            list: Vec::new(),
            index: HashMap::with_hasher(BuildHasherDefault::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, at: usize) -> ThreadRecord {
        self.list[at]
    }

    /// The position of the pool's slot.
    pub(crate) fn find(&self, inner: NonNull<PoolInner>) -> Option<usize> {
        if self.is_indexed() {
            self.index.get(&inner).copied()
        } else {
            self.list.iter().position(|record| record.inner == inner)
        }
    }

    fn is_indexed(&self) -> bool {
        !self.index.is_empty()
    }

    /// Makes room for one more record; `None` if there is no memory for it.
    pub(crate) fn reserve(&mut self) -> Option<()> {
        self.list.try_reserve(1).ok()?;
        if self.list.len() < SHORT {
            return Some(());
        }
        self.index
            .try_reserve(1 + self.list.len() - self.index.len())
            .ok()
    }

    /// Adds a record, for which there is room.
    pub(crate) fn push(&mut self, record: ThreadRecord) {
        self.list.push(record);
        if self.list.len() > SHORT {
            for at in self.index.len()..self.list.len() {
                self.index.insert(self.list[at].inner, at);
            }
        }
    }

    /// Removes a record; the last one takes its place.
    pub(crate) fn remove(&mut self, at: usize) -> ThreadRecord {
        let removed = self.list.swap_remove(at);
        if self.is_indexed() {
            self.index.remove(&removed.inner);
            if let Some(moved) = self.list.get(at) {
                self.index.insert(moved.inner, at);
            }
        }
        removed
    }

    pub(crate) fn pop(&mut self) -> Option<ThreadRecord> {
        let last = self.list.len().checked_sub(1)?;
        Some(self.remove(last))
    }
}

/// Hashes addresses, whose lowest bits are all the same.
#[derive(Debug, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        // The odd number next to 2^64 divided by the golden ratio. The table looks at the lowest bits and the highest.
        let spread = (self.0 ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ spread >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use std::num::NonZero;

    use super::*;

    fn record(number: usize) -> ThreadRecord {
        let address = NonZero::new(number * 4096).unwrap();
        ThreadRecord {
            inner: NonNull::without_provenance(address),
            slot: NonNull::without_provenance(address),
        }
    }

    #[test]
    fn every_pool_is_found_at_its_place() {
        let mut all = ThreadRecords::new();
        let check = |all: &ThreadRecords| {
            for at in 0..all.len() {
                assert_eq!(all.find(all.get(at).inner), Some(at));
            }
            assert_eq!(all.find(record(1000).inner), None);
        };
        for number in 1..=3 * SHORT {
            all.reserve().unwrap();
            all.push(record(number));
            check(&all);
        }
        for at in [0, 5, 7, 3 * SHORT - 4] {
            all.remove(at);
            check(&all);
        }
        while all.pop().is_some() {
            check(&all);
        }
        for number in 1..=2 * SHORT {
            all.reserve().unwrap();
            all.push(record(number));
            check(&all);
        }
    }
}
