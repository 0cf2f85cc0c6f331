//! The idle blocks that a thread keeps, exact to the byte and to the exchange.

use std::thread;

use framepool::telemetry::Counts;
use framepool::{Buffer, BufferPool};

use crate::common::Gate;

fn pool(thread_cache_bytes: usize) -> BufferPool {
    BufferPool::builder()
        .thread_cache_bytes(thread_cache_bytes)
        .build()
        .unwrap()
}

fn taken(pool: &BufferPool, count: usize, bytes: usize) -> Vec<Buffer<u8>> {
    (0..count).map(|_| pool.alloc::<u8>(bytes)).collect()
}

/// The counts of a frame that runs this.
fn counted(pool: &BufferPool, work: impl FnOnce()) -> Counts {
    pool.end_frame();
    work();
    pool.end_frame().counts
}

#[test]
fn thread_caches_buffers_up_to_half_its_cache() {
    let pool = pool(8192);
    for (bytes, hits_thread) in [(4096, 1), (4097, 0)] {
        pool.prewarm::<u8>(bytes, 1);
        let counts = counted(&pool, || drop(pool.alloc::<u8>(bytes)));
        assert_eq!(counts.thread_hits, hits_thread, "{bytes} bytes");
        assert_eq!(counts.depot_hits, 1 - hits_thread, "{bytes} bytes");
    }
}

#[test]
fn thread_caches_buffers_up_to_one_mebibyte() {
    for (bytes, hits_thread) in [(1 << 20, 1), (5 << 18, 0), (8 << 20, 0)] {
        let pool = pool(2 * bytes);
        pool.prewarm::<u8>(bytes, 1);
        let counts = counted(&pool, || drop(pool.alloc::<u8>(bytes)));
        assert_eq!(counts.thread_hits, hits_thread, "{bytes} bytes");
        assert_eq!(counts.depot_hits, 1 - hits_thread, "{bytes} bytes");
    }
}

#[test]
fn thread_keeps_only_what_it_earned() {
    let pool = BufferPool::new();
    let source = || {
        let counts = counted(&pool, || drop(pool.alloc::<u8>(4096)));
        (counts.depot_hits, counts.thread_hits)
    };
    drop(pool.alloc::<u8>(4096));
    assert_eq!(source(), (1, 0));
    // An alloc and a release earn 256 bytes.
    for _ in 0..16 {
        drop(pool.alloc::<u8>(4096));
    }
    assert_eq!(source(), (0, 1));
}

#[test]
fn exactly_full_thread_cache_needs_no_exchange() {
    let pool = pool(8192);
    pool.prewarm::<u8>(1024, 8);
    let eight = taken(&pool, 8, 1024);
    let counts = counted(&pool, || {
        drop(eight);
        drop(taken(&pool, 8, 1024));
    });
    assert_eq!((counts.thread_hits, counts.depot_exchanges), (8, 0));
    // One more is too many: a batch of four goes to the depot.
    let nine = taken(&pool, 9, 1024);
    let counts = counted(&pool, || drop(nine));
    assert_eq!(counts.depot_exchanges, 1);
}

#[test]
fn credit_covers_no_more_than_was_released() {
    let small_first = [64, 128, 256, 512, 1024, 2048];
    let mut large_first = small_first;
    large_first.reverse();
    for sizes in [small_first, large_first] {
        let pool = pool(2 * sizes.iter().sum::<usize>());
        let two_of_each = || -> Vec<_> {
            let each = sizes.iter().map(|&bytes| taken(&pool, 2, bytes));
            each.flatten().collect()
        };
        // Until each size has earned its places.
        for _ in 0..50 {
            drop(two_of_each());
        }
        let counts = counted(&pool, || drop(two_of_each()));
        assert_eq!((counts.thread_hits, counts.depot_exchanges), (12, 0));
    }
}

#[test]
fn fetched_batch_takes_only_the_missing_credit() {
    let pool = pool(16 << 10);
    // Places that are earned stay so.
    pool.prewarm::<u8>(1024, 16);
    pool.trim();
    drop(taken(&pool, 2, 1024));
    let shared = pool.clone();
    thread::spawn(move || drop(taken(&shared, 8, 1024)))
        .join()
        .unwrap();
    let kept = taken(&pool, 16, 1024);
    // A list and a spare batch of eight use all credit.
    let counts = counted(&pool, || drop(kept));
    assert_eq!(counts.depot_exchanges, 0);
}

/// Earns the calling thread places for eight blocks of 1 KiB, and for two of 4 KiB.
fn earn_both(pool: &BufferPool) {
    pool.prewarm::<u8>(4096, 2);
    pool.prewarm::<u8>(1024, 8);
}

#[test]
fn credit_comes_back_when_a_class_makes_way() {
    let pool = pool(8192);
    earn_both(&pool);
    for _ in 0..50 {
        // The list and the spare batch are the whole cache.
        drop(taken(&pool, 8, 1024));
        drop(taken(&pool, 2, 4096));
    }
    let counts = counted(&pool, || {
        drop(taken(&pool, 2, 4096));
    });
    assert_eq!((counts.thread_hits, counts.depot_exchanges), (2, 0));
}

#[test]
fn depot_batch_serves_until_its_last_block() {
    let pool = pool(2 << 20);
    let shared = pool.clone();
    thread::spawn(move || drop(taken(&shared, 64, 100)))
        .join()
        .unwrap();
    let mut kept = Vec::new();
    let counts = counted(&pool, || kept = taken(&pool, 64, 100));
    assert_eq!((counts.depot_hits, counts.thread_hits), (2, 62));
    assert_eq!(counts.depot_exchanges, 2);
    drop(kept);
}

/// A pool whose threads keep 8 KiB each, and 64 KiB together.
fn limited() -> BufferPool {
    BufferPool::builder().max_bytes(1 << 20).build().unwrap()
}

/// Exchanges of a thread that releases eight buffers of 1 KiB, and of one that releases nine, after it has earned places for them.
fn exchanges(pool: &BufferPool) -> [u64; 2] {
    for _ in 0..50 {
        drop(taken(pool, 8, 1024));
    }
    [8, 9].map(|count| {
        let kept = taken(pool, count, 1024);
        counted(pool, || drop(kept)).depot_exchanges
    })
}

#[test]
fn a_thread_keeps_a_128th_of_the_budget() {
    assert_eq!(exchanges(&limited()), [0, 1]);
}

#[test]
fn what_a_thread_no_longer_keeps_others_may() {
    let pool = limited();
    earn_both(&pool);
    for _ in 0..20 {
        drop(taken(&pool, 8, 1024));
        drop(taken(&pool, 2, 4096));
    }
    for _ in 0..20 {
        let shared = pool.clone();
        thread::spawn(move || drop(taken(&shared, 8, 1024)))
            .join()
            .unwrap();
    }
    assert_eq!(exchanges(&pool), [0, 1]);
}

#[test]
fn threads_keep_a_16th_of_the_budget_together() {
    let pool = limited();
    let together = Gate::new(21);
    thread::scope(|scope| {
        let work = || {
            for _ in 0..20 {
                drop(taken(&pool, 8, 1024));
            }
            together.wait();
            together.wait();
        };
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(work)).collect();
        together.wait();
        pool.trim();
        let kept = pool.stats().pooled_bytes;
        assert!((32 << 10..=64 << 10).contains(&kept), "{kept} bytes");
        together.wait();
        // The end of a scope does not wait for a thread's destructors, which hand back its slot.
        for thread in threads {
            thread.join().unwrap();
        }
    });
    // Threads that were granted nothing changed nothing.
    assert_eq!(exchanges(&pool), [0, 1]);
}
