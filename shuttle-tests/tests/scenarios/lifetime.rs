//! Pools, buffers and threads that end in any order.

use framepool::BufferPool;
use shuttle::thread::spawn;

use crate::support::{Marked, assert_gone, crew, explore, join, watch};

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn dropped_pool_is_freed_with_its_last_buffer() {
    explore(10_000, |_| {
        let pool = BufferPool::new();
        let published = watch(&pool);
        let threads = (1..=4)
            .map(|mark| {
                let kept = [Marked::take(&pool, 1, mark), Marked::take(&pool, 0, mark)];
                spawn(move || kept.into_iter().for_each(drop))
            })
            .collect();
        drop(pool);
        join(threads);
        assert_gone(&published);
    });
}

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn exit_or_next_use_frees_a_dropped_pool() {
    explore(8_000, |_| {
        let (pool, other) = (BufferPool::new(), BufferPool::new());
        let published = [watch(&pool), watch(&other)];
        let threads = crew(4, {
            let (pool, other) = (pool.clone(), other.clone());
            move |number| {
                let mark = number as u8 + 1;
                let kept = Marked::take(&pool, 100, mark);
                drop(Marked::take(&pool, 1, mark));
                if number % 2 == 0 {
                    drop(Marked::take(&other, 1, mark));
                }
                kept
            }
        });
        drop(pool);
        for thread in threads {
            drop(thread.join().unwrap());
            drop(other.alloc::<u8>(1));
        }
        assert_gone(&published[0]);
        drop(other);
        assert_gone(&published[1]);
    });
}

/// Laws: L7 All of it comes back.
#[test]
fn thread_releasing_during_close_leaves_at_next_use() {
    explore(4_000, |_| {
        let (pool, other) = (BufferPool::new(), BufferPool::new());
        let published = watch(&pool);
        let kept = pool.alloc::<u8>(1);
        // So that the drop must search for this thread's slot.
        drop(other.alloc::<u8>(1));
        let closer = spawn(move || drop(pool));
        drop(kept);
        closer.join().unwrap();
        drop(other.alloc::<u8>(1));
        assert_gone(&published);
    });
}

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn frames_handles_feeds_dropped_concurrently_free_pool_once() {
    explore(8_000, |_| {
        let pool = BufferPool::builder()
            .max_frames_in_flight(2)
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let published = watch(&pool);
        let frames = [pool.begin_frame(), pool.begin_frame()];
        let feed = pool.subscribe();
        let kept = Marked::take(&pool, 100, 1);
        let enders = frames.map(|frame| {
            spawn(move || {
                frame.alloc::<u8>(100).fill(2);
                drop(frame);
            })
        });
        let others = [spawn(move || drop(kept)), spawn(move || drop(feed))];
        drop(pool);
        join(enders.into_iter().chain(others).collect());
        // Another thread closed the pool; this one keeps its slot until it uses a pool again.
        drop(BufferPool::new().alloc::<u8>(1));
        assert_gone(&published);
    });
}
