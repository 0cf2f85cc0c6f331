//! Idle memory: prewarm and trim.

use std::thread;

use framepool::{AllocError, BufferPool};

use crate::common::{TELEMETRY, assert_empty, pooled_bytes};

#[test]
fn what_was_prewarmed_is_lent_without_a_miss() {
    for cache in [0, 1 << 14, 2 << 20] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(cache)
            .build()
            .unwrap();
        pool.prewarm::<f32>(1000, 100);
        let snapshot = pool.end_frame();
        assert_eq!(
            (snapshot.allocs, snapshot.misses, snapshot.in_use_bytes),
            (0, 0, 0)
        );
        if TELEMETRY {
            assert_eq!(snapshot.idle_bytes, 100 * pooled_bytes(4000, 64));
        }
        let buffers: Vec<_> = (0..100).map(|_| pool.alloc::<f32>(1000)).collect();
        let snapshot = pool.end_frame();
        if TELEMETRY {
            assert_eq!(
                (snapshot.allocs, snapshot.misses, snapshot.idle_bytes),
                (100, 0, 0)
            );
        }
        assert!(
            buffers
                .iter()
                .all(|buffer| buffer.iter().all(|&element| element == 0.0))
        );
        drop(buffers);
        assert_empty(&pool);
    }
}

#[test]
fn prewarmed_blocks_of_exited_thread_serve_another_thread() {
    let pool = BufferPool::new();
    let shared = pool.clone();
    thread::spawn(move || shared.prewarm::<u8>(100, 50))
        .join()
        .unwrap();
    let buffers: Vec<_> = (0..50).map(|_| pool.alloc::<u8>(100)).collect();
    assert_eq!(pool.end_frame().misses, 0);
    drop(buffers);
}

#[test]
fn prewarmed_memory_survives_quiet_frames_until_trim() {
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    pool.prewarm::<u8>(1 << 20, 16);
    for _ in 0..500 {
        pool.end_frame();
    }
    if TELEMETRY {
        assert_eq!(pool.stats().idle_bytes, 16 << 20);
    }
    let gone = pool.trim();
    assert_eq!(gone, 16 << 20);
    assert_eq!(pool.stats().pooled_bytes, 0);
}

#[test]
fn prewarming_nothing_does_nothing() {
    let pool = BufferPool::new();
    pool.prewarm::<u8>(0, 10);
    pool.prewarm::<u8>(100, 0);
    pool.prewarm::<()>(usize::MAX, 3);
    let snapshot = pool.end_frame();
    assert_eq!((snapshot.pooled_bytes, snapshot.allocs), (0, 0));
    assert_eq!(pool.alloc::<u8>(0).len(), 0);
}

#[test]
fn prewarming_beyond_the_budget_changes_nothing() {
    for cache in [0, 1 << 20] {
        let pool = BufferPool::builder()
            .max_bytes(1 << 20)
            .thread_cache_bytes(cache)
            .build()
            .unwrap();
        let outcome = pool.try_prewarm::<u8>(1 << 14, 1000);
        assert!(
            matches!(outcome, Err(AllocError::BudgetExceeded { limit, .. }) if limit == 1 << 20),
            "16 MiB cannot be ready within 1 MiB: {outcome:?}"
        );
        assert_eq!(pool.stats().pooled_bytes, 0);
        pool.prewarm::<u8>(1 << 14, 64);
        let buffers: Vec<_> = (0..64).map(|_| pool.alloc::<u8>(1 << 14)).collect();
        assert_eq!(pool.end_frame().misses, 0, "all that fit were ready");
        drop(buffers);
        assert_empty(&pool);
    }
}

#[test]
fn trim_frees_reachable_idle_memory_and_reports_bytes() {
    let pool = BufferPool::new();
    let kept = pool.alloc_copy(&[5_u8; 5000]);
    drop(
        (0..300)
            .map(|len| pool.alloc::<u8>(len * 100))
            .collect::<Vec<_>>(),
    );
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1 << 20);
    frame.release_all();
    let open = pool.begin_frame();
    let alive = open.alloc_copy(&[6_u8; 1000]);
    let before = pool.stats();
    let gone = pool.trim();
    let after = pool.stats();
    if TELEMETRY {
        assert_eq!(before.pooled_bytes - gone, after.pooled_bytes);
        assert_eq!(
            after.totals.evicted_bytes - before.totals.evicted_bytes,
            gone
        );
        // The rest: the kept buffer, and the blocks of the open frame.
        assert_eq!(after.in_use_bytes, before.in_use_bytes);
        assert!(
            after.idle_bytes <= (1 << 20) + 64 + (256 << 10),
            "{after:?}"
        );
    }
    assert!(gone > 0);
    assert!(kept.iter().all(|&byte| byte == 5) && alive.iter().all(|&byte| byte == 6));
    open.release_all();
    drop(kept);
    pool.trim();
    let stats = pool.stats();
    assert_eq!((stats.pooled_bytes, stats.idle_bytes), (0, 0));
    assert_eq!(pool.trim(), 0, "there is nothing left to give");
    // Everything works as before.
    let frame = pool.begin_frame();
    frame.alloc::<u8>(100).fill(1);
    drop(pool.alloc::<u8>(100));
    frame.release_all();
    assert_empty(&pool);
}

#[test]
fn pool_keys_are_size_classes_holding_memory() {
    let pool = BufferPool::new();
    let kept = pool.alloc::<u8>(100);
    drop((
        pool.alloc::<u8>(1000),
        pool.alloc::<u8>(1000),
        pool.alloc::<u8>(5000),
    ));
    let before = pool.end_frame().pool_keys;
    pool.trim();
    let after = pool.end_frame().pool_keys;
    drop(kept);
    pool.trim();
    let last = pool.end_frame().pool_keys;
    if TELEMETRY {
        assert_eq!((before, after, last), (3, 1, 0));
    }
    assert_empty(&pool);
}

#[test]
fn the_peak_stays_when_the_memory_has_gone() {
    let pool = BufferPool::new();
    drop(pool.alloc::<u8>(10 << 20));
    let peak = pool.end_frame().peak_bytes;
    assert!(pool.trim() > 0);
    let kept = pool.alloc::<u8>(1000);
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(peak, pooled_bytes(10 << 20, 64));
        assert_eq!((snapshot.peak_bytes, snapshot.pooled_bytes), (peak, 1024));
        assert_eq!(pool.stats().peak_bytes, peak);
    }
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn memory_trimmed_and_reallocated_adds_no_bookkeeping() {
    let pool = BufferPool::new();
    let mut first = 0;
    for round in 0..50 {
        drop((0..60).map(|_| pool.alloc::<u8>(1000)).collect::<Vec<_>>());
        assert!(pool.trim() > 0);
        let occupied = pool.stats().telemetry_bytes;
        if round == 0 {
            first = occupied;
        }
        assert_eq!(occupied, first, "round {round}");
    }
    assert_empty(&pool);
}

#[test]
fn trim_takes_nothing_from_an_active_thread() {
    let pool = BufferPool::new();
    let shared = pool.clone();
    let worker = thread::spawn(move || {
        let mut buffer = shared.alloc::<u64>(100);
        for number in 0..2000 {
            buffer.fill(number);
            let mut next = shared.alloc::<u64>(100);
            next.copy_from_slice(&buffer);
            buffer = next;
            assert!(buffer.iter().all(|&element| element == number));
        }
    });
    while !worker.is_finished() {
        pool.trim();
    }
    worker.join().unwrap();
    pool.trim();
    assert_eq!(pool.stats().pooled_bytes, 0);
}

#[test]
fn prewarming_again_tops_up_to_the_count() {
    for cache in [0, 2 << 20] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(cache)
            .max_bytes(64 << 20)
            .build()
            .unwrap();
        for _ in 0..5 {
            pool.prewarm::<u8>(1 << 20, 50);
            if TELEMETRY {
                assert_eq!(pool.stats().pooled_bytes, 50 << 20);
            }
        }
        let kept: Vec<_> = (0..10).map(|_| pool.alloc::<u8>(1 << 20)).collect();
        pool.prewarm::<u8>(1 << 20, 50);
        if TELEMETRY {
            assert_eq!(pool.stats().idle_bytes, 50 << 20, "`count` are ready again");
        }
        drop(kept);
    }
}

#[test]
fn prewarming_nothing_takes_no_memory_for_records() {
    let pool = BufferPool::new();
    drop(pool.alloc::<u8>(1));
    let before = pool.stats().telemetry_bytes;
    pool.prewarm::<u8>(0, 100_000);
    pool.prewarm::<u8>(0, usize::MAX);
    pool.prewarm::<()>(1, usize::MAX);
    assert_eq!(pool.stats().telemetry_bytes, before);
}

#[test]
fn an_impossible_prewarm_gives_nothing_away() {
    for limit in [1 << 40, 64 << 20] {
        let pool = BufferPool::builder().max_bytes(limit).build().unwrap();
        pool.prewarm::<u8>(1 << 20, 8);
        drop(pool.alloc::<u64>(1000));
        let ready = pool.stats();
        let impossible = [
            pool.try_prewarm::<u8>(1 << 60, 1),
            pool.try_prewarm::<u8>(1 << 30, 1 << 60),
            pool.try_prewarm::<u8>(2 << 40, 1),
            pool.try_prewarm::<u8>(1 << 52, usize::MAX),
        ];
        for (at, outcome) in impossible.into_iter().enumerate() {
            assert!(outcome.is_err(), "{at}");
        }
        let after = pool.stats();
        assert_eq!(after.totals.evicted_bytes, ready.totals.evicted_bytes);
        assert_eq!(after.pooled_bytes, ready.pooled_bytes);
        drop(
            (0..8)
                .map(|_| pool.alloc::<u8>(1 << 20))
                .collect::<Vec<_>>(),
        );
        let misses = pool.end_frame().totals.counts.misses();
        assert_eq!(misses, ready.totals.counts.misses());
    }
}

#[test]
fn an_unlimited_pool_refuses_what_no_system_has() {
    let pool = BufferPool::new();
    pool.prewarm::<u8>(1 << 20, 2);
    let outcome = pool.try_prewarm::<u8>(1 << 20, 1 << 60);
    assert!(
        matches!(outcome, Err(AllocError::OutOfMemory { .. })),
        "{outcome:?}"
    );
    if TELEMETRY {
        assert_eq!(pool.stats().pooled_bytes, 2 << 20);
    }
}
