//! Eviction for a request under a budget: exactly the missing bytes, and nothing if that is not enough.

use framepool::{AllocError, Buffer, BufferPool};

const KIB: u64 = 1 << 10;

/// A pool whose threads keep nothing, with a budget.
fn limited(kibibytes: u64) -> BufferPool {
    BufferPool::builder()
        .thread_cache_bytes(0)
        .max_bytes(kibibytes * KIB)
        .build()
        .unwrap()
}

fn taken(pool: &BufferPool, count: u64, kibibytes: u64) -> Vec<Buffer<u8>> {
    (0..count)
        .map(|_| pool.alloc::<u8>((kibibytes * KIB) as usize))
        .collect()
}

fn evicted(pool: &BufferPool) -> u64 {
    pool.stats().totals.evicted_bytes / KIB
}

#[test]
fn only_what_a_request_lacks_goes() {
    let pool = limited(2048);
    let kept = taken(&pool, 1, 1024);
    drop(taken(&pool, 16, 64));
    // All of 2048 is held. 640 are missing, which are ten blocks of 64.
    let more = pool.alloc::<u8>(640 << 10);
    assert_eq!(evicted(&pool), 640);
    assert_eq!(pool.stats().pooled_bytes, 2048 * KIB);
    drop((kept, more));
}

#[test]
fn reclaiming_frees_only_the_frame_blocks_needed() {
    let pool = limited(1024);
    let open: Vec<_> = (0..3).map(|_| pool.begin_frame()).collect();
    for frame in &open {
        frame.alloc::<u8>(1000);
    }
    drop(open);
    assert_eq!(pool.stats().pooled_bytes, 3 * 256 * KIB);
    let buffer = pool.alloc::<u8>(512 << 10);
    assert_eq!(evicted(&pool), 256);
    drop(buffer);
}

#[test]
fn nothing_goes_for_a_request_that_still_lacks() {
    let pool = limited(1024);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1000);
    drop(taken(&pool, 2, 64));
    // 256 are the open frame's, 128 lie idle: 768 would fit, 896 never.
    assert!(matches!(
        pool.try_alloc::<u8>(896 << 10),
        Err(AllocError::BudgetExceeded { .. })
    ));
    assert_eq!(evicted(&pool), 0);
    let buffer = pool.alloc::<u8>(768 << 10);
    assert_eq!(evicted(&pool), 128);
    drop(buffer);
}

#[test]
fn a_request_may_have_what_was_prewarmed() {
    let pool = limited(1024);
    pool.prewarm::<u8>(64 << 10, 16);
    let buffer = pool.alloc::<u8>(512 << 10);
    assert_eq!(evicted(&pool), 512);
    drop(buffer);
}

#[test]
fn prewarm_reclaims_idle_memory_to_the_last_byte() {
    let pool = limited(1024);
    drop(taken(&pool, 8, 64));
    pool.prewarm::<u8>(1 << 20, 1);
    assert_eq!(evicted(&pool), 512);
    assert_eq!(pool.stats().idle_bytes, 1024 * KIB);
}

#[test]
fn a_trim_ends_what_prewarming_keeps() {
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    pool.prewarm::<u8>(256 << 10, 40);
    assert_eq!(pool.trim(), 40 * 256 * KIB);
    drop(taken(&pool, 40, 256));
    for _ in 0..300 {
        pool.end_frame();
    }
    assert_eq!(pool.stats().idle_bytes, 2048 * KIB);
}

#[test]
fn exactly_the_whole_budget_can_be_lent() {
    let pool = limited(1024);
    let whole = pool.alloc::<u8>(1 << 20);
    assert!(pool.try_alloc::<u8>(1).is_err());
    drop(whole);
    let whole = pool.begin_frame();
    assert_eq!(whole.alloc::<u8>((1 << 20) - 64).len(), (1 << 20) - 64);
    assert_eq!(pool.stats().pooled_bytes, 1024 * KIB - 64);
}

#[test]
fn frame_block_halves_when_only_half_fits() {
    let pool = limited(200);
    pool.begin_frame().alloc::<u8>(1000);
    assert_eq!(pool.stats().pooled_bytes, 128 * KIB);
}

#[test]
fn idle_memory_goes_for_a_whole_frame_block() {
    let pool = limited(512);
    drop(taken(&pool, 6, 64));
    pool.begin_frame().alloc::<u8>(1000);
    assert_eq!(evicted(&pool), 128);
    assert_eq!(pool.stats().pooled_bytes, 512 * KIB);
}

#[test]
fn what_a_thread_keeps_counts_as_prewarmed() {
    let pool = BufferPool::new();
    for _ in 0..3 {
        pool.prewarm::<u8>(1000, 10);
        assert_eq!(pool.stats().idle_bytes, 10 * KIB);
    }
    let taken = taken(&pool, 4, 1);
    pool.prewarm::<u8>(1000, 10);
    assert_eq!(pool.stats().idle_bytes, 10 * KIB);
    drop(taken);
}

#[test]
fn a_refused_prewarm_keeps_nothing_from_trimming() {
    let pool = limited(16 << 10);
    let kept = taken(&pool, 1, 4096);
    drop(taken(&pool, 48, 256));
    assert!(pool.try_prewarm::<u8>(256 << 10, 60).is_err());
    assert_eq!(evicted(&pool), 0);
    for _ in 0..300 {
        pool.end_frame();
    }
    assert_eq!(pool.stats().idle_bytes, 4096 * KIB);
    drop(kept);
}
