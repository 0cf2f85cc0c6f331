//! Threads that keep slots of closed pools.
//!
//! Loom fails a model that leaks one of its `Arc`s. The published snapshot is one, so contents that are not freed are
//! detected.
//!
//! Laws: L7 All of it comes back.
#![expect(unsafe_code, reason = "the model uses pools by their cores")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::explore;
use crate::pool::lookup;
use crate::pool::slot_guard::with_slot;
use crate::{Buffer, BufferPool};

/// The calling thread's next use of a pool, and nothing else.
fn touch(pool: &BufferPool) {
    // SAFETY: the handle keeps the pool alive.
    unsafe { with_slot(pool.inner_ptr(), |_| ()) }.unwrap();
}

/// The thread has a slot, and neither exits nor uses a pool.
/// Three preemptions at most.
#[test]
fn waiting_thread_keeps_no_contents_of_closed_pool() {
    explore(Some(3), || {
        let pool = BufferPool::new();
        let published = pool.snapshot();
        let flags = Arc::new((AtomicBool::new(false), AtomicBool::new(false)));
        let waiting = {
            let (pool, flags) = (pool.clone(), Arc::clone(&flags));
            thread::spawn(move || {
                touch(&pool);
                drop(pool);
                flags.0.store(true, Ordering::Release);
                while !flags.1.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            })
        };
        let was_first = flags.0.load(Ordering::Acquire);
        drop(pool);
        if was_first {
            assert_eq!(Arc::strong_count(&published), 1, "the contents are freed");
        }
        flags.1.store(true, Ordering::Release);
        waiting.join().unwrap();
        assert_eq!(Arc::strong_count(&published), 1, "the contents are freed");
    });
}

/// Two pools are closed by two threads while a third, which has slots of both, enters another pool.
/// Two preemptions at most: 27,560 executions.
#[test]
fn two_closers_and_entering_thread_free_pools_once() {
    explore(Some(2), || {
        let pools = [BufferPool::new(), BufferPool::new()];
        let other = BufferPool::new();
        let published = pools.each_ref().map(BufferPool::snapshot);
        for pool in &pools {
            touch(pool);
        }
        let closers = pools.map(|pool| thread::spawn(move || drop(pool)));
        touch(&other);
        for closer in closers {
            closer.join().unwrap();
        }
        for published in published {
            assert_eq!(Arc::strong_count(&published), 1, "the contents are freed");
        }
    });
}

/// The same pool is closed while its owner looks through its list, and leaves it.
/// Two preemptions at most; three are 121,667 executions and found nothing either.
#[test]
fn pool_closed_while_thread_leaves_is_freed_once() {
    explore(Some(2), || {
        let (closing, other) = (BufferPool::new(), BufferPool::new());
        let published = closing.snapshot();
        touch(&closing);
        let closer = thread::spawn(move || drop(closing));
        touch(&other);
        touch(&other);
        closer.join().unwrap();
        assert_eq!(Arc::strong_count(&published), 1, "the contents are freed");
    });
}

/// The releasing thread allocated its buffer from its own magazine and releases it there, without a mark.
fn release_during_close(alloc: fn(&BufferPool) -> Buffer<u8>) {
    explore(Some(2), move || {
        let pool = BufferPool::new();
        let published = pool.snapshot();
        drop(alloc(&pool));
        let buffer = alloc(&pool);
        let closer = thread::spawn(move || drop(pool));
        drop(buffer);
        closer.join().unwrap();
        // A release that the closer did not see is paid for when the thread uses any pool.
        let other = BufferPool::new();
        touch(&other);
        assert_eq!(Arc::strong_count(&published), 1, "the contents are freed");
    });
}

/// Two preemptions at most.
#[test]
fn unmarked_release_during_close_settles_balance_once() {
    release_during_close(|pool| pool.alloc(1));
}

/// The closer clears the keys of both lanes. Two preemptions at most.
#[test]
fn tagged_release_during_close_settles_balance_once() {
    release_during_close(|pool| pool.tag("a").alloc(1));
}

/// The thread leaves while the pool is closed, and a buffer keeps the contents. It leaves as at thread exit, for which a
/// join of the model checker does not wait. Two preemptions at most.
#[test]
fn thread_leaving_a_closed_pool_leaves_nothing_idle() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let kept = pool.alloc::<u8>(1);
        let inner = pool.inner_ptr();
        let leaving = {
            let pool = pool.clone();
            thread::spawn(move || {
                let inner = pool.inner_ptr();
                drop(pool.alloc::<u8>(1));
                drop(pool);
                // SAFETY: the thread names the pool, or has left it.
                unsafe { lookup::leave(inner) };
            })
        };
        drop(pool);
        leaving.join().unwrap();
        // SAFETY: the buffer keeps the contents.
        let depot = unsafe { &inner.as_ref().depot };
        assert_eq!(depot.idle_by_class().map(|(_, idle)| idle).sum::<u64>(), 0);
        drop(kept);
    });
}
