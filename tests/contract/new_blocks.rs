//! How many blocks a cold alloc makes: one, or several small ones.

use framepool::{Buffer, BufferPool};

use crate::common::assert_empty;

/// Small blocks are pieces of slabs on 64-bit Linux, apart from builds with a sanitizer, which checks each block by itself.
const HAS_SLABS: bool = cfg!(all(
    target_os = "linux",
    target_pointer_width = "64",
    not(framepool_sanitized)
));

fn taken(pool: &BufferPool, count: usize, bytes: usize) -> Vec<Buffer<u8>> {
    (0..count).map(|_| pool.alloc::<u8>(bytes)).collect()
}

#[test]
fn later_small_blocks_are_made_together() {
    // A thread that keeps nothing sends the others to the depot.
    for (bytes, cache) in [(64, 2 << 20), (1024, 2 << 20), (64, 0), (1024, 0)] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(cache)
            .build()
            .unwrap();
        let kept = taken(&pool, 2000, bytes);
        let ended = pool.end_frame();
        let counts = ended.counts;
        let all = counts.thread_hits + counts.depot_hits + counts.cold_misses;
        assert_eq!(all, 2000, "{bytes} bytes: every alloc has one source");
        assert!(
            counts.cold_misses < 1000 || !HAS_SLABS,
            "{} misses for 2000 buffers of {bytes} bytes",
            counts.cold_misses
        );
        assert!(
            ended.idle_bytes < 4096,
            "{} bytes are made in advance",
            ended.idle_bytes
        );
        drop(kept);
        pool.trim();
        assert_eq!(pool.stats().pooled_bytes, 0, "buffers of {bytes} bytes");
        assert_empty(&pool);
    }
}

#[test]
fn records_used_again_end_their_batches() {
    let pool = BufferPool::new();
    for _ in 0..3 {
        let mut kept = taken(&pool, 2000, 64);
        for (at, buffer) in kept.iter_mut().enumerate() {
            buffer[..8].copy_from_slice(&at.to_ne_bytes());
        }
        let content = kept.iter().map(|buffer| buffer[..8].to_vec());
        assert!(content.eq((0..2000_usize).map(|at| at.to_ne_bytes().to_vec())));
        drop(kept);
        pool.trim();
    }
    assert_empty(&pool);
}

#[test]
fn few_small_blocks_are_made_one_by_one() {
    let pool = BufferPool::new();
    let kept = taken(&pool, 64, 100);
    let ended = pool.end_frame();
    assert_eq!((ended.counts.cold_misses, ended.idle_bytes), (64, 0));
    drop(kept);
}

#[test]
fn larger_blocks_are_made_one_by_one() {
    let pool = BufferPool::new();
    let kept = taken(&pool, 1000, 1025);
    let ended = pool.end_frame();
    assert_eq!((ended.counts.cold_misses, ended.idle_bytes), (1000, 0));
    drop(kept);
}
