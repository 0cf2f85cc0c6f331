//! The order in which an aggregation reads: releases, then allocs, then held bytes.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

mod support;

use framepool_under_loom::BufferPool;
use loom::thread;
use support::{explore, shared};

#[test]
fn memory_reserved_during_aggregation_is_not_released() {
    explore(Some(2), || {
        let pool = shared(BufferPool::new());
        let kept = pool.alloc::<u8>(1);
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.end_frame())
        };
        let more = pool.alloc::<u8>(1);
        let snapshot = aggregation.join().unwrap();
        assert_eq!((snapshot.releases, snapshot.release_bytes), (0, 0), "L1");
        drop((kept, more));
    });
}

/// One preemption at most: 103,155 executions. The scenario of many readers in `shuttle-tests` searches the same claim at
/// random.
#[test]
fn release_in_oldest_slot_never_precedes_newest_alloc() {
    explore(Some(1), || {
        let pool = shared(BufferPool::new());
        // This thread's slot is the oldest, and read last.
        drop(pool.alloc::<u8>(1));
        let before = pool.stats().totals;
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats())
        };
        let taker = {
            let pool = pool.clone();
            thread::spawn(move || pool.alloc::<u8>(1))
        };
        drop(taker.join().unwrap());
        let totals = aggregation.join().unwrap().totals;
        assert!(totals.releases >= before.releases, "L1");
        assert!(totals.releases <= totals.allocs, "L2");
        assert!(totals.release_bytes <= totals.alloc_bytes, "L2");
    });
}

/// The other thread's block reaches the depot; this thread allocates it, counts it, and makes the pool grow. Suppose the
/// release were not counted before its block left. Then the first aggregation would infer it, because more is in use than
/// held, and the second would miss it, because the pool has grown. One preemption at most: 28,562 executions.
#[test]
fn counted_release_stays_counted_when_pool_grows() {
    explore(Some(1), || {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        let first = pool.alloc::<u8>(1);
        let other = thread::spawn(move || drop(first));
        let second = pool.alloc::<u8>(1);
        let before = pool.stats().totals;
        pool.prewarm::<u8>(1, 1);
        let after = pool.stats().totals;
        assert!(after.releases >= before.releases, "L1");
        assert!(after.release_bytes >= before.release_bytes, "L1");
        other.join().unwrap();
        drop(second);
    });
}

/// Returned bytes stop counting as held and start counting as returned in one step. One preemption at most: 427 executions.
#[test]
fn bytes_taken_from_system_stay_constant_during_trim() {
    explore(Some(1), || {
        let pool = shared(BufferPool::builder().thread_cache_bytes(0).build().unwrap());
        drop(pool.alloc::<u8>(1));
        let taken = pool.stats().totals.system_bytes;
        let trimmer = {
            let pool = pool.clone();
            thread::spawn(move || pool.trim())
        };
        assert_eq!(pool.stats().totals.system_bytes, taken, "L3");
        trimmer.join().unwrap();
        assert_eq!(pool.stats().totals.system_bytes, taken, "L3");
    });
}
