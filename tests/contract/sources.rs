//! The sources of buffers' memory: every counter, after programs that use each source.

use framepool::telemetry::Counts;
use framepool::{Alignment, AllocError, BufferPool};

use crate::common::assert_empty;

/// A pool whose threads keep nothing, so that released blocks are in the depot.
fn pool() -> BufferPool {
    BufferPool::builder()
        .thread_cache_bytes(0)
        .frame_block_bytes(4096)
        .build()
        .unwrap()
}

fn counts(set: impl FnOnce(&mut Counts)) -> Counts {
    let mut counts = Counts::default();
    set(&mut counts);
    counts
}

const HUGE: u64 = (1 << 30) + (64 << 10);

#[test]
fn every_allocation_source_has_its_exact_counters() {
    let pool = pool();
    let frame = pool.begin_frame();
    drop(pool.alloc::<u8>(100));
    let from_depot = pool.alloc::<u8>(90);
    drop(pool.alloc::<u8>((1 << 30) + 1));
    frame.alloc::<u8>(70);
    frame.alloc::<u8>(3000);
    frame.alloc::<u8>(2000);
    assert!(pool.try_alloc::<u8>(usize::MAX).is_err());
    assert!(frame.try_alloc::<u8>(usize::MAX).is_err());
    assert!(matches!(
        pool.try_alloc::<u8>(1 << 60),
        Err(AllocError::OutOfMemory { .. })
    ));
    let snapshot = frame.release_all();
    let expected = counts(|c| {
        c.pooled_releases = 2;
        c.pooled_release_bytes = 128 + HUGE;
        c.pooled_released_requested = 100 + (1 << 30) + 1;
        c.pooled_alloc_bytes = 128 + 128 + HUGE;
        c.pooled_requested_bytes = 100 + 90 + (1 << 30) + 1;
        c.depot_hits = 1;
        c.cold_misses = 1;
        c.oversize_misses = 1;
        // Two pushes, and a fetch.
        c.depot_exchanges = 3;
        c.memory_refusals = 1;
        c.overflow_refusals = 2;
        c.frame_allocs = 3;
        c.frame_misses = 2;
        c.frame_alloc_bytes = 128 + 3008 + 2112;
        c.frame_requested_bytes = 70 + 3000 + 2000;
        c.frame_releases = 3;
        c.frame_release_bytes = 128 + 3008 + 2112;
        c.frame_released_requested = 70 + 3000 + 2000;
    });
    assert_eq!(snapshot.counts, expected);
    assert_eq!(snapshot.totals.counts, expected);
    assert_eq!(
        (
            expected.allocs(),
            expected.pooled_allocs(),
            expected.releases()
        ),
        (6, 3, 5)
    );
    assert_eq!((expected.misses(), expected.hits_thread()), (4, 1));
    assert_eq!(expected.refusals(), 3);
    assert_eq!(expected.alloc_bytes(), 256 + HUGE + 128 + 3008 + 2112);
    assert_eq!(expected.release_bytes(), 128 + HUGE + 128 + 3008 + 2112);
    drop(from_depot);
    assert_empty(&pool);
}

#[test]
fn every_counter_of_a_program_at_its_budget() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(0)
        .max_bytes(1 << 20)
        .build()
        .unwrap();
    drop(pool.alloc::<u8>(512 << 10));
    let whole = pool.alloc::<u8>(1 << 20);
    assert!(pool.try_alloc::<u8>(64).is_err());
    let snapshot = pool.end_frame();
    let expected = counts(|c| {
        c.pooled_releases = 1;
        c.pooled_release_bytes = 512 << 10;
        c.pooled_released_requested = 512 << 10;
        c.pooled_alloc_bytes = (512 << 10) + (1 << 20);
        c.pooled_requested_bytes = (512 << 10) + (1 << 20);
        c.cold_misses = 1;
        c.budget_misses = 1;
        c.depot_exchanges = 1;
        c.budget_refusals = 1;
    });
    assert_eq!(snapshot.counts, expected);
    assert_eq!((expected.misses(), expected.refusals()), (2, 1));
    drop(whole);
    assert_empty(&pool);
}

#[test]
fn caching_thread_has_exact_counters() {
    let pool = BufferPool::new();
    for _ in 0..10 {
        drop(pool.alloc::<u8>(0));
        drop(pool.alloc::<u8>(50));
    }
    let expected = counts(|c| {
        c.pooled_releases = 20;
        c.pooled_release_bytes = 640;
        c.pooled_released_requested = 500;
        c.thread_hits = 18;
        c.pooled_alloc_bytes = 640;
        c.pooled_requested_bytes = 500;
        c.cold_misses = 2;
    });
    assert_eq!(pool.end_frame().counts, expected);
    assert_eq!(pool.end_frame().counts, Counts::default());
}

#[test]
fn a_thread_is_active_whatever_served_it() {
    let pool = pool();
    let threads = || pool.end_frame().threads;
    let kept = pool.alloc::<u8>(100);
    assert_eq!(threads(), 1, "new memory");
    drop(kept);
    assert_eq!(threads(), 0, "a release takes nothing");
    let kept = pool.alloc::<u8>(100);
    assert_eq!(threads(), 1, "the depot");
    let huge = pool.alloc::<u8>(HUGE as usize);
    assert_eq!(threads(), 1, "memory of its own size");
    drop((kept, huge));
    threads();
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1);
    assert_eq!(threads(), 1, "a frame that is open");
    frame.alloc::<u8>(0);
    assert_eq!(frame.release_all().threads, 1, "a frame that ends");
    assert_eq!(threads(), 0);

    let keeping = BufferPool::new();
    drop(keeping.alloc::<u8>(100));
    keeping.end_frame();
    drop(keeping.alloc::<u8>(100));
    assert_eq!(keeping.end_frame().threads, 1, "its own magazine");

    let bounded = BufferPool::builder()
        .thread_cache_bytes(0)
        .max_bytes(1 << 20)
        .build()
        .unwrap();
    drop(bounded.alloc::<u8>(512 << 10));
    bounded.end_frame();
    let whole = bounded.alloc::<u8>(1 << 20);
    let snapshot = bounded.end_frame();
    assert_eq!((snapshot.threads, snapshot.counts.budget_misses), (1, 1));
    drop(whole);
}

/// A pool of whole pages, whose threads keep nothing.
fn paged() -> BufferPool {
    BufferPool::builder()
        .alignment(Alignment::Bytes4096)
        .thread_cache_bytes(0)
        .build()
        .unwrap()
}

#[test]
fn blocks_of_one_page_serve_every_size() {
    let pool = paged();
    let sizes = [1, 100, 1000, 2000, 4000, 4096, 3000, 300, 64];
    for bytes in sizes {
        drop(pool.alloc::<u8>(bytes));
    }
    let stats = pool.stats();
    assert_eq!(stats.pooled_bytes, 4096, "one page");
    assert_eq!(stats.pool_keys, 1);
    assert_eq!(stats.totals.counts.cold_misses, 1);
    assert_eq!(stats.totals.counts.depot_hits, sizes.len() as u64 - 1);
    // Beyond a page they do not.
    drop(pool.alloc::<u8>(4097));
    assert_eq!(pool.stats().pooled_bytes, 3 * 4096);
}

#[test]
fn prewarmed_blocks_serve_only_their_own_size() {
    let pool = paged();
    pool.prewarm::<u8>(100, 3);
    drop(pool.alloc::<u8>(1000));
    assert_eq!(pool.stats().totals.counts.cold_misses, 1);
    let three = [(); 3].map(|()| pool.alloc::<u8>(100));
    assert_eq!(pool.stats().totals.counts.cold_misses, 1);
    drop(three);
}

/// A batch goes to the depot as a whole. Its first block is reused for another size, and the others stay.
#[test]
fn the_rest_of_a_batch_keeps_its_size() {
    let pool = BufferPool::builder()
        .alignment(Alignment::Bytes4096)
        .build()
        .unwrap();
    let worker = pool.clone();
    // Often enough that its magazine keeps all five, and its end sends them together.
    let often = move || (0..1_000).for_each(|_| drop([(); 5].map(|()| worker.alloc::<u8>(100))));
    std::thread::spawn(often).join().unwrap();
    let mut held = vec![pool.alloc::<u8>(4000)];
    held.extend((0..4).map(|_| pool.alloc::<u8>(100)));
    let stats = pool.stats();
    assert_eq!(stats.totals.counts.cold_misses, 5, "the worker's");
    assert_eq!(stats.pooled_bytes, 5 * 4096);
    assert_eq!(stats.idle_bytes, 0);
    drop(held);
    assert_eq!(pool.stats().in_use_bytes, 0);
}
