//! Refusals by a budget and by the system: they appear in no other number and evict no idle memory in vain, and a request
//! that fits is never refused.
//!
//! Laws: L3 It adds up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;

use framepool::{Alignment, AllocError, BufferPool};

use crate::common::{TELEMETRY, assert_empty, assert_lawful, rounds};

/// Sizes that no system grants: at least half of what a process can address, and a size that reaches the system.
/// The system refuses the first, and for a frame the second. The others are refused without asking it.
const TOO_MUCH: [usize; 6] = [
    1 << 44,
    1 << 45,
    1 << 46,
    1 << 52,
    1 << 60,
    isize::MAX as usize - (1 << 21),
];

pub(crate) fn limited(bytes: u64) -> BufferPool {
    BufferPool::builder().max_bytes(bytes).build().unwrap()
}

#[test]
fn a_refused_request_shows_in_no_number() {
    let pool = BufferPool::new();
    let kept = pool.alloc::<u8>(1 << 20);
    let done = AtomicBool::new(false);
    let refused = AtomicU64::new(0);
    let worst = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for bytes in TOO_MUCH {
                    drop(pool.try_alloc::<u8>(bytes));
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let held = || {
            let snapshot = pool.end_frame();
            let (pooled, peak) = (snapshot.pooled_bytes, snapshot.peak_bytes);
            pooled.max(peak).max(snapshot.totals.system_bytes)
        };
        let worst = (0..rounds(20_000)).map(|_| held()).max();
        // On a busy machine the thread may have begun late.
        while refused.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        let worst = worst.max(Some(held()));
        done.store(true, Ordering::Relaxed);
        worst
    });
    assert!(worst <= Some(1 << 20), "{worst:?} bytes were held at most");
    assert_lawful(&pool.end_frame());
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn an_absurd_request_leaves_idle_memory_alone() {
    for limit in [None, Some(64 << 20)] {
        let mut builder = BufferPool::builder();
        if let Some(limit) = limit {
            builder = builder.max_bytes(limit);
        }
        let pool = builder.build().unwrap();
        pool.prewarm::<u8>(1 << 20, 16);
        drop(pool.alloc::<u8>(100));
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1000);
        drop(frame);
        let before = pool.stats();
        let frame = pool.begin_frame();
        for bytes in TOO_MUCH {
            assert!(pool.try_alloc::<u8>(bytes).is_err());
            assert!(frame.try_alloc::<u8>(bytes).is_err());
        }
        if limit.is_some() {
            assert!(pool.try_alloc::<u8>(65 << 20).is_err());
        }
        drop(frame);
        let after = pool.stats();
        assert_eq!(after.pooled_bytes, before.pooled_bytes);
        assert_eq!(after.totals.evicted_bytes, before.totals.evicted_bytes);
        drop(
            (0..16)
                .map(|_| pool.alloc::<u8>(1 << 20))
                .collect::<Vec<_>>(),
        );
        let misses = pool.end_frame().totals.counts.cold_misses;
        assert_eq!(misses, before.totals.counts.cold_misses);
    }
}

#[test]
fn idle_memory_stays_when_freeing_it_cannot_suffice() {
    let pool = limited(32 << 20);
    let kept: Vec<_> = (0..16).map(|_| pool.alloc::<u8>(1 << 20)).collect();
    drop(
        (0..8)
            .map(|_| pool.alloc::<u8>(1 << 20))
            .collect::<Vec<_>>(),
    );
    let before = pool.stats();
    // 16 MiB are in use, so 20 MiB cannot fit even after eviction.
    for _ in 0..3 {
        assert!(pool.try_alloc::<u8>(20 << 20).is_err());
    }
    let after = pool.stats();
    assert_eq!(after.idle_bytes, before.idle_bytes);
    // 14 MiB fit after some eviction.
    let fits = pool.alloc::<u8>(14 << 20);
    drop((kept, fits));
    assert_empty(&pool);
}

#[test]
fn frame_above_half_a_gibibyte_reuses_its_block() {
    const LARGE: usize = 600 << 20;
    for small_first in [false, true] {
        let pool = limited(1 << 30);
        let mut held = 0;
        for round in 0..6 {
            let frame = pool.begin_frame();
            if small_first {
                frame.alloc::<u8>(64);
            }
            frame.try_alloc::<u8>(LARGE).unwrap();
            if !small_first {
                frame.alloc::<u8>(64);
            }
            let snapshot = frame.release_all();
            assert_lawful(&snapshot);
            if round == 1 {
                held = snapshot.pooled_bytes;
            }
            if TELEMETRY {
                assert!(snapshot.pooled_bytes < 800 << 20, "{snapshot:?}");
                assert!(
                    round < 2 || snapshot.misses == 0,
                    "round {round}: {snapshot:?}"
                );
                assert!(round < 2 || snapshot.pooled_bytes == held);
            }
        }
        assert_empty(&pool);
    }
}

#[test]
fn frames_above_half_a_gibibyte_fit_budget() {
    let pool = limited(1 << 30);
    let sizes = [300 << 20, 100 << 20, 200 << 20, 64, 130 << 20];
    for round in 0..10 {
        let frame = pool.begin_frame();
        for at in 0..sizes.len() {
            let bytes = sizes[(at * (round % 4 + 1) + round) % sizes.len()];
            assert!(
                frame.try_alloc::<u8>(bytes).is_ok(),
                "round {round}, buffer {at}"
            );
        }
        assert_lawful(&frame.release_all());
    }
    assert_empty(&pool);
}

#[test]
fn an_ended_frame_leaves_room_for_a_buffer() {
    for alignment in [Alignment::Bytes64, Alignment::Bytes4096] {
        let pool = BufferPool::builder()
            .max_bytes(1 << 20)
            .alignment(alignment)
            .build()
            .unwrap();
        for _ in 0..3 {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(64);
            drop(frame);
            drop(pool.try_alloc::<u8>(900 << 10).unwrap());
        }
        // The unused memory of an open frame is evicted too.
        let frame = pool.begin_frame();
        drop(pool.try_alloc::<u8>(900 << 10).unwrap());
        frame.alloc::<u8>(64);
        drop(frame);
        assert_empty(&pool);
    }
}

/// Runs `work` on `threads` threads, and `then` once all of them have finished it and rest.
pub(crate) fn beside_resting(threads: usize, work: impl Fn() + Sync, then: impl FnOnce()) {
    let worked = Barrier::new(threads + 1);
    thread::scope(|scope| {
        // Dropped at the end, or by a panic of `then`, so that the threads end.
        let mut over = Vec::new();
        let mut resting = Vec::new();
        for _ in 0..threads {
            let (ends, rests) = mpsc::channel::<()>();
            over.push(ends);
            let (work, worked) = (&work, &worked);
            resting.push(scope.spawn(move || {
                work();
                worked.wait();
                let _ = rests.recv();
            }));
        }
        worked.wait();
        then();
        drop(over);
        // The end of a scope does not wait for a thread's destructors, which hand back its slot.
        for thread in resting {
            thread.join().unwrap();
        }
    });
}

#[test]
fn ended_frame_memory_of_other_threads_is_reclaimable() {
    let pool = limited(32 << 20);
    let first = Mutex::new(Some(pool.begin_frame()));
    let frame = || {
        let frame = first.lock().unwrap();
        frame.as_ref().unwrap().alloc::<u8>(7 << 20);
    };
    beside_resting(4, frame, || {
        drop(first.lock().unwrap().take());
        for _ in 0..3 {
            // A frame under the ended one's bit.
            let frame = pool.begin_frame();
            frame.try_alloc::<u8>(16 << 20).unwrap();
            assert_lawful(&frame.release_all());
        }
    });
    assert_empty(&pool);
}

#[test]
fn threads_that_rest_keep_little_of_a_budget() {
    const LIMIT: u64 = 8 << 20;
    for bytes in [1 << 10, 16 << 10, 64 << 10, 480 << 10] {
        let pool = limited(LIMIT);
        let fill = || {
            let count = (960 << 10) / bytes;
            // So that the thread may keep them.
            let _ = pool.try_prewarm::<u8>(bytes, count);
            drop(
                (0..count)
                    .map(|_| pool.try_alloc::<u8>(bytes))
                    .collect::<Vec<_>>(),
            );
        };
        beside_resting(8, fill, || {
            drop(
                pool.try_alloc::<u8>(7 << 20)
                    .unwrap_or_else(|error| panic!("{bytes}: {error}")),
            );
            let error = pool.try_alloc::<u8>(9 << 20).unwrap_err();
            assert!(matches!(error, AllocError::BudgetExceeded { .. }));
        });
        assert_empty(&pool);
    }
}
