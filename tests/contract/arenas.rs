//! The blocks that a thread keeps for its frame buffers, exact to the byte and to the frame end (docs/design.md, "Trim").

use std::thread;

use framepool::{BufferPool, Frame};

use crate::common::Gate;

/// A pool with the smallest frame blocks and one open frame at a time.
fn pool() -> BufferPool {
    BufferPool::builder()
        .frame_block_bytes(4096)
        .max_frames_in_flight(1)
        .build()
        .unwrap()
}

/// Ends this many frames, each with one buffer.
fn frames_of(pool: &BufferPool, count: usize, bytes: usize) {
    for _ in 0..count {
        pool.begin_frame().alloc::<u8>(bytes);
    }
}

/// Allocates a buffer of 3008 bytes from each of this many blocks.
fn use_blocks(frame: &Frame, blocks: usize) {
    for _ in 0..blocks {
        frame.alloc::<u8>(3000);
    }
}

/// Bytes that the pool holds.
fn held(pool: &BufferPool) -> u64 {
    pool.stats().pooled_bytes
}

#[test]
fn several_blocks_give_way_to_one_as_large() {
    let pool = pool();
    let frame = pool.begin_frame();
    use_blocks(&frame, 3);
    assert_eq!(held(&pool), 3 * 4096);
    frame.release_all();
    let stats = pool.stats();
    assert_eq!(stats.pooled_bytes, 3 * 4096);
    assert_eq!(stats.totals.evicted_bytes, 3 * 4096);
    // Buffers that did not fit at the end of a block fit now, with the remainders of the blocks.
    let frame = pool.begin_frame();
    frame.alloc::<u8>(3 * 4096 - 64);
    let snapshot = frame.release_all();
    assert_eq!((snapshot.misses, snapshot.pooled_bytes), (0, 3 * 4096));
}

/// Makes threads use this many blocks each in one frame.
fn crowded_frame(pool: &BufferPool, threads: usize, blocks: usize) {
    let (frame, together) = (pool.begin_frame(), Gate::new(threads));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    use_blocks(&frame, blocks);
                    together.wait();
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    frame.release_all();
}

#[test]
fn a_frame_end_joins_blocks_of_eight_threads() {
    let pool = pool();
    for expected in [8, 16, 20, 20] {
        crowded_frame(&pool, 20, 3);
        let stats = pool.stats();
        assert_eq!(stats.totals.evicted_bytes, expected * 3 * 4096);
        assert_eq!(stats.pooled_bytes, 20 * 3 * 4096);
    }
}

#[test]
fn unused_blocks_go_eight_at_a_time() {
    let pool = pool();
    crowded_frame(&pool, 9, 12);
    for _ in 0..127 {
        pool.end_frame();
    }
    let before = pool.stats();
    assert_eq!(before.in_use_bytes, 0);
    // For eight threads the one block that replaced their twelve; for the ninth eight of its twelve.
    pool.end_frame();
    assert_eq!(held(&pool), 4 * 4096);
    pool.end_frame();
    assert_eq!(held(&pool), 0);
}

#[test]
fn large_frame_is_remembered_64_to_128_frames() {
    for (small_before, small_after) in [(0, 127), (62, 65), (63, 64), (64, 127)] {
        let pool = pool();
        frames_of(&pool, small_before, 100);
        frames_of(&pool, 1, 60_000);
        let large = held(&pool);
        assert!(large >= 60_096);
        frames_of(&pool, small_after - 1, 100);
        assert_eq!(held(&pool), large, "{small_before} frames before it");
        frames_of(&pool, 1, 100);
        assert!(held(&pool) <= 4096, "{small_before} frames before it");
    }
}

#[test]
fn a_block_may_be_twice_what_frames_need() {
    // (blocks joined to one, what later frames need, whether it stays)
    for (blocks, bytes, stays) in [
        (3, 6200, true),
        (3, 6000, false),
        // Twice a usual block is never too large.
        (2, 64, true),
        (3, 64, false),
    ] {
        let pool = pool();
        let frame = pool.begin_frame();
        use_blocks(&frame, blocks);
        frame.release_all();
        frames_of(&pool, 126, bytes);
        let joined = blocks as u64 * 4096;
        assert_eq!(held(&pool), joined);
        frames_of(&pool, 300, bytes);
        assert_eq!(
            held(&pool) == joined,
            stays,
            "{blocks} blocks, {bytes} bytes"
        );
    }
}

#[test]
fn new_block_is_an_eighth_of_frame_memory() {
    let pool = pool();
    let frame = pool.begin_frame();
    let (mut held_by_frame, mut room) = (0_u64, 0);
    for _ in 0..300 {
        frame.alloc::<u8>(3000);
        if room < 3008 {
            room = (held_by_frame / 8 / 64 * 64).max(4096);
            held_by_frame += room;
        }
        room -= 3008;
        assert_eq!(held(&pool), held_by_frame);
    }
}

#[test]
fn unneeded_blocks_are_freed_eight_at_a_time() {
    let pool = pool();
    crowded_frame(&pool, 9, 12);
    for _ in 0..126 {
        crowded_frame(&pool, 9, 1);
    }
    // Of eight threads the block that their twelve became, of the ninth eight of its twelve.
    crowded_frame(&pool, 9, 1);
    assert_eq!(held(&pool), 4 * 4096);
    crowded_frame(&pool, 9, 1);
    assert_eq!(held(&pool), 9 * 4096, "eight new ones, and what is needed");
}
