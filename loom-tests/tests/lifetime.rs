//! Pools, buffers and threads that end in any order.
//!
//! Loom fails a model that leaks one of its `Arc`s. The published snapshot is one, so a pool that is not freed is detected.
//!
//! Laws: L7 All of it comes back.

mod support;

use framepool_under_loom::BufferPool;
use loom::sync::Arc;
use loom::thread;
use support::explore;

/// No preemption, only the switches at locks and joins: one preemption is 150,266 executions, which take minutes and found
/// nothing either. `primitives/closing.rs` has a release during the closing with two.
#[test]
fn pool_dropped_beside_its_last_buffer_frees_once() {
    explore(Some(0), || {
        let pool = BufferPool::new();
        let buffer = pool.alloc::<u8>(1);
        let other = thread::spawn(move || drop(buffer));
        drop(pool);
        other.join().unwrap();
    });
}

/// Two preemptions at most: 19 executions.
#[test]
fn last_two_buffers_dropped_concurrently_free_pool_once() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let (first, second) = (pool.alloc::<u8>(1), pool.alloc::<u8>(1));
        drop(pool);
        let other = thread::spawn(move || drop(second));
        drop(first);
        other.join().unwrap();
    });
}

/// Two preemptions at most; the search without a bound takes over a minute.
#[test]
fn pool_dropped_during_thread_exit_is_freed_once() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        drop(pool);
        other.join().unwrap();
    });
}

/// When the slot's owner exits, the closer may have marked the slot and not yet paid for it. One preemption at most; two
/// are 143,683 executions and found nothing either.
#[test]
fn thread_exit_during_close_settles_balance_once() {
    explore(Some(1), || {
        let pool = BufferPool::new();
        let owner = thread::spawn(move || {
            drop(pool.alloc::<u8>(1));
            let owner = thread::current();
            let closer = thread::spawn(move || {
                owner.unpark();
                drop(pool);
            });
            thread::park();
            closer
        });
        owner.join().unwrap().join().unwrap();
    });
}

/// The pool is in use while more buffers change threads than the value of a hold. No preemption, only the switches at
/// joins: one preemption is 106,140 executions and found nothing either.
#[test]
fn endless_buffer_handovers_never_free_pool_in_use() {
    explore(Some(0), || {
        let pool = BufferPool::new();
        let published = pool.snapshot();
        for _ in 0..2 {
            let buffers = [(); 4].map(|()| pool.alloc::<u8>(1));
            thread::spawn(move || drop(buffers)).join().unwrap();
        }
        assert!(Arc::strong_count(&published) > 1, "the contents are kept");
    });
}

/// Two preemptions at most: 158 executions; a search with three takes over 20 s.
#[test]
fn frame_outliving_the_pool_handles_still_ends() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let frame = pool.begin_frame();
        let other = thread::spawn(move || {
            frame.alloc::<u8>(1);
            frame.release_all().releases
        });
        drop(pool);
        assert_eq!(other.join().unwrap(), 1);
    });
}
