//! Threads that panic with live buffers and open frames: all memory comes back, and other threads are not affected.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::thread;

use framepool::BufferPool;

use crate::common::{TELEMETRY, assert_empty, assert_lawful, rounds};

/// A panic without the hook's message.
fn give_up() -> ! {
    resume_unwind(Box::new("on purpose"))
}

#[test]
fn what_a_panicking_thread_holds_comes_back() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(4)
        .build()
        .unwrap();
    for number in 0..rounds(400) {
        let shared = pool.clone();
        let outcome = thread::spawn(move || {
            let _kept: Vec<_> = (0..10)
                .map(|len| shared.alloc::<u8>(len * number))
                .collect();
            let frame = shared.begin_frame();
            let _second = shared.begin_frame();
            frame.alloc::<u8>(number).fill(1);
            if number % 2 == 0 {
                give_up();
            }
            let _third = shared.begin_frame();
            give_up();
        })
        .join();
        assert!(outcome.is_err());
        let snapshot = pool.end_frame();
        assert_lawful(&snapshot);
        assert_eq!(
            (
                snapshot.open_frames,
                snapshot.in_use_buffers,
                snapshot.in_use_bytes
            ),
            (0, 0, 0)
        );
    }
    if TELEMETRY {
        let totals = pool.stats().totals;
        assert_eq!(totals.allocs, 11 * rounds(400) as u64);
        assert_eq!(pool.stats().slots, 1, "one thread after the other");
    }
    assert_empty(&pool);
}

#[test]
fn panicking_thread_that_continues_keeps_its_slot() {
    let pool = BufferPool::new();
    for _ in 0..rounds(2_000) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(100)[99] = 1;
            let _kept = pool.alloc::<u8>(100);
            give_up();
        }));
        assert!(outcome.is_err());
    }
    if TELEMETRY {
        let stats = pool.stats();
        assert_eq!(
            (stats.slots, stats.open_frames, stats.in_use_buffers),
            (1, 0, 0)
        );
        assert_eq!(stats.totals.allocs, 2 * rounds(2_000) as u64);
        assert_eq!(
            stats.totals.frames,
            rounds(2_000) as u64,
            "each unwinding ended its frame"
        );
    }
    assert_empty(&pool);
}

#[test]
fn open_frame_of_panicked_thread_ends_on_another() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    for _ in 0..rounds(200) {
        let frame = pool.begin_frame();
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                frame.alloc::<u8>(5000).fill(3);
                give_up();
            });
            assert!(worker.join().is_err());
        });
        frame.alloc::<u8>(10).fill(4);
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!((snapshot.allocs, snapshot.releases), (2, 2));
        }
    }
    assert_empty(&pool);
}

#[test]
fn forgotten_frame_stays_open_and_harms_no_other() {
    // A forgotten frame keeps the pool for ever. It stays reachable, so that a leak checker does not report it.
    static KEPT: OnceLock<BufferPool> = OnceLock::new();
    let pool = BufferPool::builder()
        .max_frames_in_flight(2)
        .build()
        .unwrap();
    let shared = KEPT.get_or_init(|| pool.clone()).clone();
    thread::spawn(move || {
        let frame = shared.begin_frame();
        frame.alloc::<u8>(100).fill(1);
        std::mem::forget(frame);
    })
    .join()
    .unwrap();
    for _ in 0..100 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100).fill(2);
        assert!(pool.try_begin_frame().is_err());
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!(
                (
                    snapshot.open_frames,
                    snapshot.in_use_buffers,
                    snapshot.in_use_bytes
                ),
                (1, 1, 128)
            );
        }
    }
}

#[test]
fn many_threads_panic_at_once_while_others_work() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(16)
        .build()
        .unwrap();
    for _ in 0..rounds(80) {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|at| {
                    let pool = &pool;
                    scope.spawn(move || {
                        let frame = pool.begin_frame();
                        let kept: Vec<_> = (0..30).map(|len| pool.alloc::<u8>(len * 50)).collect();
                        frame.alloc::<u8>(1000 * at).fill(1);
                        if at % 2 == 0 {
                            give_up();
                        }
                        drop(kept);
                        assert_lawful(&frame.release_all());
                    })
                })
                .collect();
            for (at, thread) in threads.into_iter().enumerate() {
                assert_eq!(thread.join().is_err(), at % 2 == 0);
            }
        });
    }
    if TELEMETRY {
        let stats = pool.stats();
        assert_eq!(stats.totals.allocs, (rounds(80) * 8 * 31) as u64);
        assert!(stats.slots <= 9);
    }
    assert_empty(&pool);
}
