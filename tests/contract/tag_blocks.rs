//! The idle blocks that a thread keeps for each tag: which buffers they serve.
//!
//! Laws: L1 Conservation.

use std::thread;

use framepool::BufferPool;

use crate::common::assert_empty;

/// A thread's blocks of a tag go through the depot to buffers without a tag, and back.
#[test]
fn blocks_of_a_tag_serve_other_buffers() {
    let pool = BufferPool::new();
    let tag = pool.tag("a");
    for round in 1..=3 {
        for len in [10, 1000, 100_000] {
            let kept: Vec<_> = (0..40).map(|_| tag.alloc::<u8>(len)).collect();
            drop(kept);
            // A thread that ends sends its blocks to the depot.
            let (handed, tag) = (pool.clone(), tag.clone());
            thread::spawn(move || {
                drop((0..40).map(|_| tag.alloc::<u8>(len)).collect::<Vec<_>>());
                drop((0..40).map(|_| handed.alloc::<u8>(len)).collect::<Vec<_>>());
            })
            .join()
            .unwrap();
            let kept: Vec<_> = (0..40).map(|_| pool.alloc::<u8>(len)).collect();
            drop(kept);
        }
        let own = pool.tags().get("a").unwrap().own;
        assert_eq!((own.allocs, own.releases), (240 * round, 240 * round), "L1");
        let untagged = pool.tags().untagged;
        assert_eq!(untagged.allocs, 240 * round, "L1");
        assert_eq!(untagged.releases, 240 * round, "L1");
    }
    assert_empty(&pool);
}

#[test]
fn blocks_of_tags_come_back_from_ended_threads() {
    let pool = BufferPool::new();
    // This thread has a slot of its own.
    drop(pool.alloc::<u8>(1));
    let tag = pool.tag("a");
    let ended = thread::spawn(move || {
        drop((0..40).map(|_| tag.alloc::<u8>(1000)).collect::<Vec<_>>());
    });
    ended.join().unwrap();
    pool.end_frame();
    let kept: Vec<_> = (0..40).map(|_| pool.alloc::<u8>(1000)).collect();
    assert_eq!(pool.end_frame().misses, 0);
    drop(kept);
}

#[test]
fn buffers_prepared_in_advance_serve_every_tag() {
    let pool = BufferPool::new();
    pool.prewarm::<u8>(1000, 20);
    pool.end_frame();
    for name in ["a", "b", "c"] {
        let tag = pool.tag(name);
        let kept: Vec<_> = (0..20).map(|_| tag.alloc::<u8>(1000)).collect();
        assert_eq!(pool.end_frame().misses, 0, "{name}");
        drop(kept);
    }
}

/// Also after the tags have taken blocks from each other.
#[test]
fn buffers_prepared_again_serve_a_used_tag() {
    let pool = BufferPool::new();
    let tag = pool.tag("a");
    (0..50).for_each(|_| drop(tag.alloc::<u8>(1000)));
    drop(pool.alloc::<u8>(1000));
    pool.prewarm::<u8>(1000, 20);
    pool.end_frame();
    let kept: Vec<_> = (0..20).map(|_| tag.alloc::<u8>(1000)).collect();
    assert_eq!(pool.end_frame().misses, 0);
    drop(kept);
}

/// Without room for a block of its own a tag takes that of another, instead of returning it to the system.
#[test]
fn tags_share_the_last_block_of_a_budget() {
    for (bytes, limit) in [(1000, 1 << 20), (60_000, 64 << 20), (300_000, 128 << 20)] {
        let pool = BufferPool::builder().max_bytes(limit).build().unwrap();
        let tag = pool.tag("a");
        let turns = |count| {
            for _ in 0..count {
                drop(pool.alloc::<u8>(bytes));
                drop(tag.alloc::<u8>(bytes));
            }
        };
        turns(500);
        let mut held = Vec::new();
        while let Ok(buffer) = pool.try_alloc::<u8>(bytes) {
            held.push(buffer);
        }
        held.pop();
        turns(10);
        pool.end_frame();
        turns(1000);
        assert_eq!(pool.end_frame().misses, 0, "{bytes} bytes");
    }
}

/// Each tag keeps a block of its own after a few turns, within what the thread may keep.
#[test]
fn tags_in_turns_stop_taking_each_others_blocks() {
    let pool = BufferPool::new();
    let tags = ["a", "b", "c"].map(|name| pool.tag(name));
    let turns = |count| {
        for _ in 0..count {
            for tag in &tags {
                drop(tag.alloc::<u8>(4096));
            }
            drop(pool.alloc::<u8>(4096));
        }
    };
    turns(200);
    pool.end_frame();
    turns(1000);
    let counts = pool.end_frame().counts;
    assert_eq!((counts.thread_hits, counts.depot_exchanges), (4000, 0));
    assert!(pool.stats().pooled_bytes <= 8 * 4096);
}

#[test]
fn tags_share_what_a_thread_may_keep() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(8 << 10)
        .build()
        .unwrap();
    let tags: Vec<_> = (0..10).map(|at| pool.tag(&format!("tag {at}"))).collect();
    let kept_bytes = || {
        let out = pool.outstanding();
        out.threads.iter().map(|it| it.idle_bytes).sum::<u64>()
    };
    for _ in 0..100 {
        for tag in &tags {
            let kept: Vec<_> = (0..8).map(|_| tag.alloc::<u8>(1024)).collect();
            drop(kept);
            assert!(kept_bytes() <= 8 << 10, "{} bytes", kept_bytes());
        }
    }
    assert!(kept_bytes() > 0);
}
