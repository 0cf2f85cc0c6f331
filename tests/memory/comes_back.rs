//! L7 (All of it comes back): after drops in any order on any thread, no memory is left.
//!
//! Laws: L7 All of it comes back.

use std::any::Any;
use std::panic::resume_unwind;
use std::thread;

use framepool::BufferPool;

use crate::alone::alone;
use crate::common::{Seeded, rounds};
use crate::counting::live;

/// The scenario, and then a use of another pool: until then this thread may keep its magazine of a pool that another thread
/// dropped.
fn up_to_the_next_use(mut scenario: impl FnMut()) -> impl FnMut() {
    let other = BufferPool::new();
    move || {
        scenario();
        // Large, so that it is not in a slab of the scenario and keeps no page there.
        drop(other.alloc::<u8>(1 << 16));
    }
}

/// Runs the scenario until the process's permanent memory (thread-locals, the standard library's own) is allocated, then
/// again, and compares.
#[track_caller]
fn leaves_nothing(scenario: impl FnMut()) {
    let mut scenario = up_to_the_next_use(scenario);
    scenario();
    scenario();
    let before = live();
    for round in 0..5 {
        scenario();
        assert_eq!(live() - before, 0, "bytes left after round {round}");
    }
}

/// Like [`leaves_nothing`], for threads that end frames at the same time: `arc-swap` sometimes allocates new per-thread
/// memory and reuses it later. The pools here are so large that a leaked one would be detected.
#[track_caller]
fn leaves_nothing_to_speak_of(scenario: impl FnMut()) {
    let mut scenario = up_to_the_next_use(scenario);
    for _ in 0..5 {
        scenario();
    }
    let before = live();
    for _ in 0..20 {
        scenario();
    }
    let left = live() - before;
    assert!(left < 4096, "{left} bytes left after 20 rounds");
}

type Thing = Box<dyn Any + Send>;

/// One of each type that refers to a pool, with memory in all places.
fn things(pool: BufferPool, size: usize) -> Vec<Thing> {
    let frame = pool.begin_frame();
    frame.alloc::<u8>(size * 3).fill(1);
    let other = pool.begin_frame();
    other.alloc::<u8>(size).fill(1);
    drop(frame);
    drop(
        (0..40)
            .map(|len| pool.alloc::<u8>(len * size / 10))
            .collect::<Vec<_>>(),
    );
    let buffers: Vec<_> = (0..10).map(|len| pool.alloc::<u8>(len * size)).collect();
    let mut reader = pool.snapshot_reader();
    reader.latest();
    let feed = pool.subscribe();
    let snapshot = pool.end_frame();
    pool.prewarm::<u8>(size, 3);
    vec![
        Box::new(pool.clone()),
        Box::new(pool.alloc::<u8>(size)),
        Box::new(pool.outstanding()),
        Box::new(pool.begin_frame()),
        Box::new(pool),
        Box::new(other),
        Box::new(buffers),
        Box::new(reader),
        Box::new(feed),
        Box::new(snapshot),
    ]
}

alone! {
    #[test]
    fn one_thread_drops_everything_in_any_order() {
        let mut seed = 0;
        leaves_nothing(|| {
            for _ in 0..rounds(200) {
                seed += 1;
                let mut random = Seeded(seed);
                let cache = [0, 10_000, 2 << 20][random.below(3)];
                let pool = BufferPool::builder().thread_cache_bytes(cache).frame_block_bytes(8192);
                let size = 1 + random.below(5000);
                let mut things = things(pool.build().unwrap(), size);
                while !things.is_empty() {
                    drop(things.swap_remove(random.below(things.len())));
                }
            }
        });
    }

    #[test]
    fn memory_returns_after_drops_in_any_order() {
        let mut seed = 0;
        leaves_nothing(|| {
            for _ in 0..rounds(80) {
                seed += 1;
                let mut random = Seeded(seed);
                let mut things = things(BufferPool::new(), 1 + random.below(5000));
                while !things.is_empty() {
                    let many = 1 + random.below(4.min(things.len()));
                    let mut some: Vec<_> =
                        (0..many).map(|_| things.swap_remove(random.below(things.len()))).collect();
                    let at = random.below(many);
                    thread::spawn(move || {
                        drop(some.swap_remove(at));
                    })
                    .join()
                    .unwrap();
                }
            }
        });
    }

    #[test]
    fn threads_drop_everything_at_once() {
        let mut seed = 0;
        leaves_nothing_to_speak_of(|| {
            for _ in 0..rounds(40) {
                seed += 1;
                let mut random = Seeded(seed);
                let mut things = things(BufferPool::new(), 4096 + random.below(5000));
                let threads: Vec<_> = (0..4)
                    .map(|_| {
                        let many = random.below(4).min(things.len());
                        let some: Vec<_> =
                            (0..many).map(|_| things.swap_remove(random.below(things.len()))).collect();
                        thread::spawn(move || drop(some))
                    })
                    .collect();
                drop(things);
                for thread in threads {
                    thread.join().unwrap();
                }
            }
        });
    }

    #[test]
    fn pool_dropped_first_is_freed_with_last_buffer() {
        leaves_nothing(|| {
            let pool = BufferPool::new();
            let mut kept: Vec<_> = (0..100).map(|len| pool.alloc::<u8>(len * 100)).collect();
            drop(pool);
            while let Some(buffer) = kept.pop() {
                let elsewhere = kept.len().is_multiple_of(7);
                if elsewhere {
                    thread::spawn(move || drop(buffer)).join().unwrap();
                }
            }
        });
    }

    #[test]
    fn closed_pool_buffers_may_be_dropped_concurrently() {
        // Each of these drops claims a slot in the pool and hands it back.
        leaves_nothing_to_speak_of(|| {
            let pool = BufferPool::new();
            let mut shares: Vec<Vec<_>> = (0..4)
                .map(|_| (0..rounds(2_000)).map(|len| pool.alloc::<u8>(len)).collect())
                .collect();
            drop(pool);
            let last = shares.pop();
            let threads: Vec<_> = shares
                .into_iter()
                .map(|share| thread::spawn(move || drop(share)))
                .collect();
            drop(last);
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn empty_buffers_keep_a_pool_until_dropped() {
        leaves_nothing(|| {
            let pool = BufferPool::new();
            let kept: Vec<_> = (0..100).map(|_| pool.alloc::<u8>(0)).collect();
            drop(pool);
            drop(kept);
        });
    }

    #[test]
    fn many_short_threads_leave_nothing() {
        leaves_nothing(|| {
            let pool = BufferPool::new();
            for number in 0..rounds(300) {
                let shared = pool.clone();
                let kept = thread::spawn(move || {
                    drop((0..10).map(|len| shared.alloc::<u8>(len * number)).collect::<Vec<_>>());
                    shared.begin_frame().alloc::<u8>(number);
                    shared.alloc::<u8>(number)
                });
                drop(kept.join().unwrap());
            }
        });
    }

    #[test]
    fn panicking_threads_leave_nothing() {
        leaves_nothing(|| {
            let pool = BufferPool::new();
            for number in 0..rounds(200) {
                let shared = pool.clone();
                let outcome = thread::spawn(move || {
                    let _kept: Vec<_> = (0..10).map(|len| shared.alloc::<u8>(len * number)).collect();
                    let frame = shared.begin_frame();
                    frame.alloc::<u8>(5000).fill(1);
                    resume_unwind(Box::new(()));
                })
                .join();
                assert!(outcome.is_err());
            }
        });
    }

    #[test]
    fn a_refused_request_leaves_nothing() {
        leaves_nothing(|| {
            let pool = BufferPool::builder().max_bytes(1 << 16).frame_block_bytes(4096).build().unwrap();
            let frame = pool.begin_frame();
            let mut kept = Vec::with_capacity(1000);
            for _ in 0..20 {
                while let Ok(buffer) = pool.try_alloc::<u8>(1000) {
                    kept.push(buffer);
                }
                assert!(pool.try_alloc::<u64>(usize::MAX).is_err());
                assert!(pool.try_alloc::<u8>(1 << 60).is_err());
                assert!(frame.try_alloc::<u8>(1 << 20).is_err());
                kept.truncate(kept.len() / 2);
            }
        });
    }

    #[test]
    fn dropped_subscriptions_leave_nothing() {
        let pool = BufferPool::new();
        let mut feeds: Vec<_> = (0..10).map(|_| pool.subscribe()).collect();
        feeds.clear();
        let before = live();
        feeds.extend((0..10).map(|_| pool.subscribe()));
        assert!(live() > before + 10 * 256 * size_of::<framepool::FrameSnapshot>() as i64);
        feeds.clear();
        // The pool keeps a few words of each until the next frame end or subscription.
        assert!(live() < before + 10_000, "{} bytes are left", live() - before);
        for _ in 0..1_000 {
            drop(pool.subscribe());
        }
        assert!(live() < before + 10_000, "{} bytes are left", live() - before);
    }

    #[test]
    fn a_huge_buffer_leaves_nothing() {
        leaves_nothing(|| {
            let pool = BufferPool::new();
            let early = pool.alloc::<u8>((1 << 30) + 1);
            let frame = pool.begin_frame();
            frame.alloc::<u8>((1 << 30) + 1);
            drop(early);
            let late = pool.alloc::<u8>((1 << 30) + (1 << 20));
            frame.release_all();
            drop(pool);
            drop(late);
        });
    }
}
