//! Batches through the depot.
//!
//! Laws: L6 One owner.

mod support;

use framepool_under_loom::{Buffer, BufferPool};
use loom::thread;
use support::{explore, shared};

/// A pool whose threads keep nothing: every alloc and release is an exchange with the depot.
fn without_magazines() -> BufferPool {
    BufferPool::builder().thread_cache_bytes(0).build().unwrap()
}

fn address(buffer: &Buffer<u8>) -> *const u8 {
    buffer.as_ptr()
}

/// One preemption at most: 524 executions; a search with two takes over 20 s.
#[test]
fn concurrent_pops_return_different_blocks() {
    explore(Some(1), || {
        let pool = shared(without_magazines());
        drop((pool.alloc::<u8>(1), pool.alloc::<u8>(1)));
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.alloc::<u8>(1))
        };
        let mine = pool.alloc::<u8>(1);
        let theirs = other.join().unwrap();
        assert_ne!(address(&mine), address(&theirs), "L6");
        assert_eq!(pool.stats().totals.counts.cold_misses, 2, "none was lost");
    });
}

/// One preemption at most: 1,495 executions; the model of the stack alone is searched without a bound.
#[test]
fn block_popped_and_repushed_never_corrupts_concurrent_pop() {
    explore(Some(1), || {
        let pool = shared(without_magazines());
        drop((pool.alloc::<u8>(1), pool.alloc::<u8>(1)));
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.alloc::<u8>(1))
        };
        // The top block is popped and pushed again, while the one below stays popped.
        let top = pool.alloc::<u8>(1);
        let below = pool.alloc::<u8>(1);
        drop(top);
        let theirs = other.join().unwrap();
        assert_ne!(address(&below), address(&theirs), "L6");
        let next = pool.alloc::<u8>(1);
        assert_ne!(address(&next), address(&theirs), "L6");
        assert_ne!(address(&next), address(&below), "L6");
    });
}

/// One preemption at most: 1,524 executions; a search with two takes over 20 s.
#[test]
fn concurrent_pushes_lose_no_block() {
    explore(Some(1), || {
        let pool = without_magazines();
        let (first, second) = (pool.alloc::<u8>(1), pool.alloc::<u8>(1));
        let other = thread::spawn(move || drop(second));
        drop(first);
        other.join().unwrap();
        let (first, second) = (pool.alloc::<u8>(1), pool.alloc::<u8>(1));
        assert_ne!(address(&first), address(&second), "L6");
        assert_eq!(pool.stats().totals.counts.cold_misses, 2, "both came back");
    });
}

/// One preemption at most: 98 executions; a search with two takes over 20 s.
#[test]
fn block_freed_elsewhere_is_reused_with_writes_visible() {
    explore(Some(1), || {
        let pool = without_magazines();
        let mut buffer = pool.alloc::<u8>(1);
        buffer[0] = 1;
        let other = thread::spawn(move || {
            buffer[0] = 2;
            drop(buffer);
        });
        let mine = pool.alloc::<u8>(1);
        assert!(mine[0] == 0 || mine[0] == 2, "new, or seen whole");
        other.join().unwrap();
    });
}
