//! Threads that come and go: no count is lost, and slots are never more than threads that lived at once.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use framepool::BufferPool;

use crate::common::{TELEMETRY, assert_empty, assert_lawful, frame_bytes, pooled_bytes, rounds};

const AT_ONCE: usize = 8;

/// Runs `threads` threads, `AT_ONCE` at a time; each is gone (joined) before its batch's successor begins.
fn churn(threads: usize, work: impl Fn(usize) + Sync) {
    let work = &work;
    for batch in 0..threads / AT_ONCE {
        thread::scope(|scope| {
            let batch: Vec<_> = (0..AT_ONCE)
                .map(|at| scope.spawn(move || work(batch * AT_ONCE + at)))
                .collect();
            for worker in batch {
                worker.join().unwrap();
            }
        });
    }
}

#[test]
fn short_threads_lose_no_count_and_reuse_slots() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(16)
        .build()
        .unwrap();
    let threads = 10_000;
    churn(threads, |number| {
        let len = number % 700;
        let kept = pool.alloc::<u8>(len);
        let frame = (number % 4 == 0).then(|| pool.begin_frame());
        if let Some(frame) = frame {
            frame.alloc::<u8>(len);
            assert_lawful(&frame.release_all());
        }
        drop(pool.alloc::<u16>(len));
        drop(kept);
    });
    let snapshot = pool.end_frame();
    assert_lawful(&snapshot);
    if TELEMETRY {
        let counts = snapshot.totals.counts;
        assert_eq!(counts.pooled_allocs(), 2 * threads as u64);
        assert_eq!(counts.frame_allocs, threads as u64 / 4);
        let lens = || (0..threads as u64).map(|number| number % 700);
        let pooled: u64 = lens()
            .map(|len| pooled_bytes(len, 64) + pooled_bytes(2 * len, 64))
            .sum();
        let framed: u64 = lens().step_by(4).map(|len| frame_bytes(len, 64)).sum();
        assert_eq!(
            (counts.pooled_alloc_bytes, counts.frame_alloc_bytes),
            (pooled, framed)
        );
        assert_eq!(
            counts.pooled_requested_bytes,
            lens().map(|len| 3 * len).sum::<u64>()
        );
        assert_eq!(snapshot.totals.frames, threads as u64 / 4 + 1);
        let stats = pool.stats();
        assert!(stats.slots <= AT_ONCE as u32 + 1, "{} slots", stats.slots);
        assert_eq!(stats.claimed_slots, 0, "this thread took nothing");
    }
    assert_empty(&pool);
}

/// Laws: L1 Conservation.
#[test]
fn slot_of_joined_thread_is_reused_by_next() {
    let pool = BufferPool::new();
    for _ in 0..200 {
        let shared = pool.clone();
        thread::spawn(move || drop(shared.alloc::<u8>(1)))
            .join()
            .unwrap();
    }
    if TELEMETRY {
        assert_eq!((pool.stats().slots, pool.stats().claimed_slots), (1, 0));
    }
    assert_empty(&pool);
}

/// Laws: L1 Conservation, L3 It adds up, L6 One owner.
#[test]
fn slot_changes_owner_while_other_threads_exit() {
    let pool = BufferPool::new();
    let (spawners, each) = (4, rounds(1_600));
    // Threads exit and begin at the same moments here: a slot that is handed back too early would have two owners for a
    // while.
    let work = |mark: u64| {
        let lens = (0..60).rev().map(|len| len * 3);
        let mut kept: Vec<_> = lens.map(|len| pool.alloc::<u64>(len)).collect();
        for buffer in &mut kept {
            buffer.fill(mark);
        }
        let whole = |buffer: &framepool::Buffer<u64>| buffer.iter().all(|&element| element == mark);
        assert!(kept.iter().all(whole), "L6: another thread wrote here");
    };
    thread::scope(|scope| {
        let spawners: Vec<_> = (0..spawners as u64)
            .map(|spawner| {
                let work = &work;
                scope.spawn(move || {
                    for number in 0..each as u64 {
                        let mark = spawner << 32 | number;
                        thread::scope(|scope| scope.spawn(move || work(mark)).join().unwrap());
                    }
                })
            })
            .collect();
        for spawner in spawners {
            spawner.join().unwrap();
        }
    });
    if TELEMETRY {
        let stats = pool.stats();
        assert_eq!(stats.totals.allocs, (60 * spawners * each) as u64);
        assert!(stats.slots <= spawners as u32, "{} slots", stats.slots);
    }
    assert_empty(&pool);
}

#[test]
fn memory_of_exited_threads_is_reused() {
    let pool = BufferPool::new();
    for _ in 0..rounds(400) {
        let shared = pool.clone();
        thread::spawn(move || {
            let taken: Vec<_> = (0..20).map(|_| shared.alloc::<u8>(10_000)).collect();
            drop(taken);
        })
        .join()
        .unwrap();
    }
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(snapshot.misses, 20, "only the first thread found none");
        assert_eq!(snapshot.pooled_bytes, 20 * pooled_bytes(10_000, 64));
    }
    assert_empty(&pool);
}

#[test]
fn buffers_of_exited_threads_are_released_by_others() {
    let pool = BufferPool::new();
    let mut kept = Vec::new();
    for number in 0..rounds(800) {
        let shared = pool.clone();
        let (given, taken) = (kept.pop(), number % 3);
        kept.extend(
            thread::spawn(move || {
                drop(given);
                (0..taken)
                    .map(|_| shared.alloc_copy(&[number as u8; 333]))
                    .collect::<Vec<_>>()
            })
            .join()
            .unwrap(),
        );
        if number % 10 == 0 {
            let snapshot = pool.end_frame();
            assert_lawful(&snapshot);
            if TELEMETRY {
                assert_eq!(snapshot.in_use_buffers, kept.len() as u64);
                assert_eq!(pool.outstanding().buffers, kept.len() as u64);
            }
        }
    }
    assert!(
        kept.iter()
            .all(|buffer| buffer.windows(2).all(|pair| pair[0] == pair[1]))
    );
    drop(kept);
    assert_empty(&pool);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L6 One owner.
#[test]
fn open_frame_is_filled_through_a_reclaimed_slot() {
    let pool = BufferPool::builder()
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    for _ in 0..rounds(40) {
        let frame = pool.begin_frame();
        let slices: Vec<&mut [u8]> = (0..20_u8)
            .map(|number| {
                thread::scope(|scope| {
                    let worker = scope.spawn(|| {
                        let slice = frame.alloc::<u8>(700);
                        slice.fill(number);
                        slice
                    });
                    worker.join().unwrap()
                })
            })
            .collect();
        for (number, slice) in slices.iter().enumerate() {
            assert!(slice.iter().all(|&byte| byte == number as u8));
        }
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!(
                (snapshot.frame_allocs, snapshot.alloc_bytes),
                (20, 20 * frame_bytes(700, 64))
            );
        }
    }
    if TELEMETRY {
        assert_eq!(pool.stats().slots, 1);
    }
    assert_empty(&pool);
}

#[test]
fn sixty_four_threads_on_few_cores_count_exactly() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(1 << 14)
        .build()
        .unwrap();
    let (allocs, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..64)
            .map(|seed| {
                let (pool, allocs, bytes) = (&pool, &allocs, &bytes);
                scope.spawn(move || {
                    let mut random = crate::common::Seeded(seed);
                    let mut kept = Vec::new();
                    for step in 0..rounds(2_000) {
                        let len = random.below(3000);
                        kept.push(pool.alloc::<u8>(len));
                        allocs.fetch_add(1, Relaxed);
                        bytes.fetch_add(pooled_bytes(len as u64, 64), Relaxed);
                        if kept.len() > 8 {
                            kept.swap_remove(random.below(8)).fill(1);
                        }
                        if random.below(16) == 0 {
                            thread::yield_now();
                        }
                        if step % 256 == 0 {
                            assert_lawful(&pool.end_frame());
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let totals = pool.end_frame().totals;
    if TELEMETRY {
        assert_eq!(
            (totals.allocs, totals.alloc_bytes),
            (allocs.into_inner(), bytes.into_inner())
        );
        assert!(pool.stats().slots <= 65);
    }
    assert_empty(&pool);
}
