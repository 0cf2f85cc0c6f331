//! Records under a model checker, whose atomics are not all zeroes: what memory is before and after the table uses it.

use std::ptr;

use super::Block;
use crate::blocks::state::{IDLE, WATCHED, anonymous_stamp};
use crate::sync::{AtomicPtr, Markable, Ordering, UnsafeCell};

impl Block {
    /// A vacant record, for models, in which atomics are not all zeroes.
    pub(crate) fn vacant() -> Self {
        Self {
            state: Markable::new(IDLE),
            site: AtomicPtr::new(ptr::null_mut()),
            key: UnsafeCell::new(ptr::null_mut()),
            start: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// What memory may be that is not written yet, at its worst: a record that says that it is lent, and marked.
    pub(crate) fn unwritten() -> Self {
        Self {
            state: Markable::new(anonymous_stamp(0) | WATCHED),
            ..Self::vacant()
        }
    }

    /// Models the first write to an [`unwritten`](Self::unwritten) record, which makes it vacant.
    pub(crate) fn write_first(&self) {
        // Relaxed: it is no atomic write at all.
        self.state.store(IDLE, Ordering::Relaxed);
    }

    /// Models the system's return of the record's page.
    pub(crate) fn clear(&self) {
        // Relaxed, all: the table's lock orders the next use of the page, and readers without the lock may see either
        // value.
        self.state.store(IDLE, Ordering::Relaxed);
        self.site.store(ptr::null_mut(), Ordering::Relaxed);
        self.start.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: no thread holds the record; the checker fails the model otherwise.
        self.key.with_mut(|key| unsafe { *key = ptr::null_mut() });
    }
}
