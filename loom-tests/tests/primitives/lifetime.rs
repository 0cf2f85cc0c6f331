//! The lifetime, which decides which thread frees a pool.
//!
//! Laws: L7 All of it comes back.
#![expect(unsafe_code, reason = "a cell stands for what is freed")]

use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::pool::lifetime::Lifetime;

/// A lifetime, and the value that it keeps alive: used by many threads, freed by one.
struct Kept {
    lifetime: Lifetime,
    uses: UnsafeCell<u32>,
}

// SAFETY: the model checker watches the cell.
unsafe impl Sync for Kept {}
// SAFETY: as above.
unsafe impl Send for Kept {}

impl Kept {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lifetime: Lifetime::new(),
            uses: UnsafeCell::new(0),
        })
    }

    fn use_it(&self) {
        // SAFETY: it is freed only when nobody uses it any more, or the model fails.
        self.uses.with(|uses| assert_eq!(unsafe { *uses }, 0));
    }

    fn free(&self) -> u32 {
        // SAFETY: as above.
        self.uses.with_mut(|uses| unsafe { *uses += 1 });
        1
    }

    fn leave(&self, balance: i64) -> u32 {
        self.use_it();
        // SAFETY: the lifetime lives to the model's end.
        if unsafe { Lifetime::leave(NonNull::from(&self.lifetime), balance) } {
            self.free()
        } else {
            0
        }
    }

    /// Drops a buffer in a closed pool; returns how often that freed it.
    fn drop_buffer(&self) -> u32 {
        self.use_it();
        // SAFETY: the lifetime lives to the model's end.
        if unsafe { Lifetime::end_buffers(NonNull::from(&self.lifetime), 1) } {
            self.free()
        } else {
            0
        }
    }

    /// Gives up a handle; returns how often that freed it.
    fn drop_handle(&self) -> u32 {
        self.use_it();
        // SAFETY: the lifetime lives to the model's end.
        if unsafe { Lifetime::drop_handle(NonNull::from(&self.lifetime)) } {
            self.leave(0)
        } else {
            0
        }
    }
}

#[test]
fn last_handle_frees_pool_after_all_its_uses() {
    explore(None, || {
        let kept = Kept::new();
        kept.lifetime.add_handle();
        let other = {
            let kept = Arc::clone(&kept);
            thread::spawn(move || kept.drop_handle())
        };
        let freed = kept.drop_handle();
        assert_eq!(freed + other.join().unwrap(), 1);
    });
}

/// The thread's slot has allocated a buffer that the other thread drops.
#[test]
fn last_of_handle_slot_buffer_frees_pool_once() {
    explore(None, || {
        let kept = Kept::new();
        kept.lifetime.enter();
        let slot = {
            let kept = Arc::clone(&kept);
            thread::spawn(move || kept.leave(1))
        };
        let buffer = {
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                kept.use_it();
                kept.lifetime.enter();
                kept.leave(-1)
            })
        };
        let freed = kept.drop_handle();
        assert_eq!(freed + slot.join().unwrap() + buffer.join().unwrap(), 1);
    });
}

#[test]
fn concurrent_last_buffer_drops_free_the_pool_once() {
    explore(None, || {
        let kept = Kept::new();
        kept.lifetime.enter();
        assert_eq!(kept.leave(2) + kept.drop_handle(), 0);
        let other = {
            let kept = Arc::clone(&kept);
            thread::spawn(move || kept.drop_buffer())
        };
        let freed = kept.drop_buffer();
        assert_eq!(freed + other.join().unwrap(), 1);
    });
}

/// A thread that names the pool enters it while another drops the last buffer.
#[test]
fn nobody_enters_a_pool_that_is_freed() {
    explore(None, || {
        let kept = Kept::new();
        kept.lifetime.enter();
        assert_eq!(kept.leave(1) + kept.drop_handle(), 0);
        let other = {
            let kept = Arc::clone(&kept);
            thread::spawn(move || kept.drop_buffer())
        };
        let freed = if kept.lifetime.try_enter() {
            kept.leave(0)
        } else {
            0
        };
        assert_eq!(freed + other.join().unwrap(), 1);
    });
}
