//! Threads that keep slots of pools, and pools that are closed.
//!
//! Laws: L7.
#![expect(unsafe_code, reason = "the model uses pools by their cores")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::explore;
use crate::BufferPool;
use crate::cache::with_slot;

/// The calling thread's next use of a pool, and nothing else.
fn touch(pool: &BufferPool) {
    // SAFETY: the handle keeps the pool alive.
    unsafe { with_slot(pool.core_ptr(), |_| ()) }.unwrap();
}

/// The thread uses another pool while the one it has a slot of is closed, and once more after it has learned of that.
/// If it took note of the closing the first time, but not of what was closed, the slot would stay.
/// Four preemptions at most: 40,046 executions; the search without a bound takes over a minute.
#[test]
fn a_closed_pool_is_gone_with_a_thread_s_next_use_of_another() {
    explore(Some(4), || {
        let (closing, other) = (BufferPool::new(), BufferPool::new());
        let published = closing.snapshot();
        let flags = Arc::new((AtomicBool::new(false), AtomicBool::new(false)));
        let user = {
            let (closing, other, flags) = (closing.clone(), other.clone(), Arc::clone(&flags));
            thread::spawn(move || {
                touch(&closing);
                drop(closing);
                flags.0.store(true, Ordering::Release);
                touch(&other);
                if flags.1.load(Ordering::Acquire) {
                    touch(&other);
                    assert_eq!(Arc::strong_count(&published), 1, "the pool is freed");
                }
            })
        };
        if flags.0.load(Ordering::Acquire) {
            drop(closing);
            flags.1.store(true, Ordering::Release);
            user.join().unwrap();
        } else {
            user.join().unwrap();
            drop(closing);
        }
    });
}
