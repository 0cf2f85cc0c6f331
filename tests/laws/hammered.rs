//! Readers read continuously while workers allocate and several threads end frames: the laws hold in every reading.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use framepool::telemetry::Counts;
use framepool::{BufferPool, Outstanding, PoolStats, Totals};

use crate::common::{Seeded, TELEMETRY, assert_empty, assert_lawful, assert_lawful_stats, rounds};
use crate::watched::watched;

/// No count ever decreases.
#[track_caller]
fn assert_risen(before: &Totals, after: &Totals) {
    let numbers = |totals: &Totals| {
        [
            totals.frames,
            totals.allocs,
            totals.releases,
            totals.alloc_bytes,
            totals.release_bytes,
            totals.system_bytes,
            totals.evicted_bytes,
        ]
        .into_iter()
        .chain(totals.counts.values())
    };
    for (at, (before, after)) in numbers(before).zip(numbers(after)).enumerate() {
        assert!(before <= after, "number {at} fell from {before} to {after}");
    }
}

fn look_at_snapshots(pool: &BufferPool, last: &mut Totals) {
    let snapshot = pool.snapshot();
    assert_lawful(&snapshot);
    assert!(
        snapshot.totals.frames >= last.frames,
        "L4: a frame number went back"
    );
    assert_risen(last, &snapshot.totals);
    *last = snapshot.totals;
}

fn look_at_stats(pool: &BufferPool, last: &mut PoolStats) {
    let stats = pool.stats();
    assert_lawful_stats(&stats);
    assert_risen(&last.totals, &stats.totals);
    assert!(stats.peak_bytes >= last.peak_bytes && stats.slots >= last.slots);
    *last = stats;
}

#[derive(Default)]
struct Seen {
    totals: Totals,
    stats: PoolStats,
    out: Outstanding,
}

#[test]
fn laws_hold_in_readings_during_allocs_and_releases() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(1 << 15)
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    let lent = AtomicU64::new(0);
    let seed = AtomicU64::new(1);
    let worker = || {
        let mut random = Seeded(seed.fetch_add(1, Relaxed));
        let mut kept = Vec::new();
        for _ in 0..rounds(30_000) {
            for _ in 0..random.below(6) {
                kept.push(pool.alloc::<u8>(random.bytes()));
                lent.fetch_add(1, Relaxed);
            }
            kept.truncate(random.below(12));
        }
    };
    let framer = || {
        let mut random = Seeded(seed.fetch_add(1, Relaxed));
        for _ in 0..rounds(8_000) {
            let Ok(frame) = pool.try_begin_frame() else {
                continue;
            };
            let allocs = random.below(40);
            for _ in 0..allocs {
                frame.alloc::<u8>(random.below(700));
            }
            lent.fetch_add(allocs as u64, Relaxed);
            assert_lawful(&frame.release_all());
        }
    };
    let trimmer = || {
        for _ in 0..rounds(300) {
            pool.trim();
            assert_lawful(&pool.end_frame());
            thread::yield_now();
        }
    };
    watched::<Seen>(
        &[&worker, &worker, &framer, &framer, &trimmer],
        &[
            &|seen| look_at_snapshots(&pool, &mut seen.totals),
            &|seen| look_at_stats(&pool, &mut seen.stats),
            &|seen| pool.outstanding_into(&mut seen.out),
        ],
    );
    if TELEMETRY {
        assert_eq!(pool.end_frame().totals.allocs, lent.into_inner(), "L1");
    }
    assert_empty(&pool);
}

/// Threads that keep nothing send every block to the depot, from which the others take it at once.
#[test]
fn no_frame_counts_a_negative_number() {
    let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
    let running = AtomicU64::new(8);
    thread::scope(|scope| {
        let workers = [(); 8].map(|()| {
            scope.spawn(|| {
                for len in 0..rounds(50_000) {
                    drop(pool.alloc::<u8>(1 + len % 64));
                }
                running.fetch_sub(1, Relaxed);
            })
        });
        while running.load(Relaxed) > 0 {
            let frame = pool.end_frame();
            assert_lawful(&frame);
            for (definition, value) in Counts::DEFINITIONS.iter().zip(frame.counts.values()) {
                let name = definition.name;
                assert!(value.cast_signed() >= 0, "L1: {name} is {value} in a frame");
            }
        }
        for worker in workers {
            worker.join().unwrap();
        }
    });
    assert_empty(&pool);
}

#[test]
fn frame_filled_by_many_threads_reads_lawfully() {
    let pool = BufferPool::builder()
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    for round in 0..rounds(40) {
        let frame = pool.begin_frame();
        let filler = || {
            let mut random = Seeded(round as u64);
            for _ in 0..500 {
                frame.alloc::<u8>(random.below(900));
            }
        };
        watched::<Seen>(
            &[&filler, &filler, &filler],
            &[&|seen| {
                look_at_stats(&pool, &mut seen.stats);
                pool.end_frame();
                look_at_snapshots(&pool, &mut seen.totals);
            }],
        );
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        if TELEMETRY {
            assert_eq!(
                snapshot.totals.counts.frame_allocs,
                1500 * (round as u64 + 1)
            );
        }
    }
    assert_empty(&pool);
}

#[test]
fn concurrent_frame_ends_get_distinct_numbers() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(8)
        .build()
        .unwrap();
    let (threads, each) = (4, rounds(2_000));
    let mut numbers: Vec<u64> = thread::scope(|scope| {
        let enders: Vec<_> = (0..threads)
            .map(|_| {
                let pool = &pool;
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    let mut allocs = 0;
                    for round in 0..each {
                        let snapshot = if round % 2 == 0 {
                            let frame = pool.begin_frame();
                            frame.alloc::<u8>(round % 90);
                            frame.release_all()
                        } else {
                            pool.end_frame()
                        };
                        assert_lawful(&snapshot);
                        assert!(pool.snapshot().frame >= snapshot.frame, "L4");
                        allocs += snapshot.allocs;
                        mine.push(snapshot.frame.get());
                    }
                    assert!(mine.is_sorted(), "L4");
                    (mine, allocs)
                })
            })
            .collect();
        let (numbers, allocs): (Vec<_>, Vec<_>) = enders
            .into_iter()
            .map(|ender| ender.join().unwrap())
            .unzip();
        if TELEMETRY {
            let lent = threads * each.div_ceil(2);
            assert_eq!(
                allocs.iter().sum::<u64>(),
                lent as u64,
                "L1: each alloc is in one frame"
            );
        }
        numbers.concat()
    });
    numbers.sort_unstable();
    let expected: Vec<u64> = (1..=(threads * each) as u64).collect();
    assert_eq!(numbers, expected);
    assert_empty(&pool);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L6 One owner.
#[test]
fn frame_begun_during_another_end_loses_nothing() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(4)
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    let lent = AtomicU64::new(0);
    let marks = AtomicU64::new(1);
    let framer = || {
        for _ in 0..rounds(40_000) {
            let Ok(frame) = pool.try_begin_frame() else {
                continue;
            };
            let mark = marks.fetch_add(1, Relaxed);
            let slices: Vec<&mut [u64]> = (1..5)
                .map(|len| frame.alloc_copy(&vec![mark; len]))
                .collect();
            lent.fetch_add(4, Relaxed);
            for slice in slices {
                assert!(
                    slice.iter().all(|&element| element == mark),
                    "L6: another thread wrote here"
                );
            }
            assert_lawful(&frame.release_all());
        }
    };
    watched::<()>(&[&framer, &framer, &framer], &[]);
    if TELEMETRY {
        assert_eq!(pool.end_frame().totals.allocs, lent.into_inner(), "L1");
    }
    assert_empty(&pool);
}

#[test]
fn budget_holds_under_many_allocating_threads() {
    let limit = 1 << 20;
    let pool = BufferPool::builder()
        .max_bytes(limit)
        .frame_block_bytes(8192)
        .build()
        .unwrap();
    let seed = AtomicU64::new(1);
    let (lent, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let worker = || {
        let mut random = Seeded(seed.fetch_add(1, Relaxed));
        let mut kept = Vec::new();
        for _ in 0..rounds(6_000) {
            match pool.try_alloc::<u8>(random.below(40_000)) {
                Ok(buffer) => {
                    lent.fetch_add(1, Relaxed);
                    kept.push(buffer);
                }
                Err(framepool::AllocError::BudgetExceeded {
                    in_use,
                    limit: said,
                    held,
                    parts,
                    ..
                }) => {
                    assert_eq!(said, limit);
                    let sum: u64 = parts.iter().map(|part| part.bytes).sum();
                    assert_eq!(sum, held, "L10: {parts:?}");
                    assert!(in_use <= limit, "{in_use} bytes in use");
                    refused.fetch_add(1, Relaxed);
                    kept.truncate(kept.len() / 2);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    };
    watched::<Seen>(
        &[&worker, &worker, &worker],
        &[&|seen| {
            assert!(pool.end_frame().pooled_bytes <= limit);
            assert!(pool.stats().peak_bytes <= limit);
            look_at_snapshots(&pool, &mut seen.totals);
        }],
    );
    let totals = pool.end_frame().totals;
    if TELEMETRY {
        assert_eq!(totals.allocs, lent.into_inner());
        assert_eq!(totals.counts.budget_refusals, refused.into_inner());
    }
    assert_empty(&pool);
}

/// Laws: L1 Conservation.
#[test]
fn trimming_never_makes_begin_frame_fail() {
    // Trimming claims bits of frames that are not open; a caller must never be refused because of that.
    let pool = BufferPool::builder()
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    let looper = || {
        for _ in 0..rounds(20_000) {
            pool.begin_frame().alloc::<u8>(10)[0] = 1;
        }
    };
    let trimmer = || {
        for _ in 0..rounds(10_000) {
            pool.trim();
        }
    };
    let ender = || {
        for _ in 0..rounds(10_000) {
            pool.end_frame();
        }
    };
    watched::<()>(&[&looper, &trimmer, &ender], &[]);
    assert_empty(&pool);
}
