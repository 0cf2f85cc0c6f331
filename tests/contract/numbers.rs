//! Every number of a snapshot after programs whose numbers can be computed by hand.

use std::thread;
use std::time::Duration;

use framepool::{Alignment, BufferPool, FrameSnapshot, PoolStats};

use crate::common::{
    Gate, TELEMETRY, assert_empty, assert_lawful, assert_lawful_stats, classes, frame_bytes,
    pooled_bytes,
};

#[test]
fn before_the_first_frame_end_everything_is_zero() {
    let pool = BufferPool::new();
    assert_eq!(*pool.snapshot(), FrameSnapshot::default());
    assert_eq!(pool.snapshot().frame.get(), 0);
    assert_lawful(&pool.snapshot());
}

/// Laws: L4 Whole and ordered.
#[test]
fn every_frame_end_raises_frame_number_by_one() {
    let pool = BufferPool::new();
    for number in 1..20 {
        let snapshot = if number % 3 == 0 {
            pool.end_frame()
        } else {
            pool.begin_frame().release_all()
        };
        assert_eq!(snapshot.frame.get(), number);
        assert_eq!(pool.snapshot().frame.get(), number);
        assert_eq!(snapshot.frame.to_string(), number.to_string());
    }
}

#[test]
fn durations_are_the_time_between_frame_ends() {
    let pool = BufferPool::new();
    let begun = std::time::Instant::now();
    pool.end_frame();
    let sum: Duration = (0..50).map(|_| pool.end_frame().duration).sum();
    assert!(sum <= begun.elapsed(), "the intervals do not overlap");
}

#[test]
fn rounding_is_what_the_documentation_says() {
    if !TELEMETRY {
        return;
    }
    for &boundary in Alignment::ALL {
        let alignment = boundary.bytes() as u64;
        let pool = BufferPool::builder().alignment(boundary).build().unwrap();
        let sizes = classes().take_while(|&class| class <= 1 << 22);
        for bytes in sizes.flat_map(|class| [class.saturating_sub(1), class, class + 1]) {
            let buffer = pool.alloc::<u8>(bytes as usize);
            let stats = pool.stats();
            assert_eq!(stats.requested_bytes, bytes);
            assert_eq!(
                stats.in_use_bytes,
                pooled_bytes(bytes, alignment),
                "{bytes} at {alignment}"
            );
            drop(buffer);
            let frame = pool.begin_frame();
            frame.alloc::<u8>(bytes as usize);
            let stats = pool.stats();
            assert_eq!(stats.requested_bytes, bytes);
            assert_eq!(
                stats.in_use_bytes,
                frame_bytes(bytes, alignment),
                "{bytes} at {alignment}"
            );
        }
        assert_empty(&pool);
    }
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up.
#[test]
fn a_known_program_gives_known_numbers() {
    let pool = BufferPool::new();
    let kept = pool.alloc::<f32>(1000); // 4000 bytes
    let frame = pool.begin_frame();
    frame.alloc::<u8>(100);
    frame.alloc::<u64>(1000); // 8000 bytes
    drop(pool.alloc::<u8>(250));
    drop(pool.alloc::<u8>(240));
    let during = pool.stats();
    let snapshot = frame.release_all();
    assert_lawful(&snapshot);
    assert_lawful_stats(&during);
    if !TELEMETRY {
        return;
    }
    let (four, frames) = (pooled_bytes(4000, 64), 128 + frame_bytes(8000, 64));
    assert_eq!((during.in_use_buffers, during.open_frames), (3, 1));
    assert_eq!(during.in_use_bytes, four + frames);
    assert_eq!(during.requested_bytes, 4000 + 100 + 8000);
    assert_eq!(
        (
            during.totals.allocs,
            during.totals.releases,
            during.totals.frames
        ),
        (5, 2, 0)
    );

    assert_eq!(
        (snapshot.allocs, snapshot.releases, snapshot.imbalance()),
        (5, 4, 1)
    );
    assert_eq!((snapshot.frame_allocs, snapshot.pooled_allocs), (2, 3));
    assert_eq!(snapshot.alloc_bytes, four + frames + 2 * 256);
    assert_eq!(snapshot.release_bytes, frames + 2 * 256);
    // New memory for 4000 bytes, for 250, and one frame block; 240 bytes and the second frame buffer were hits.
    assert_eq!(
        (snapshot.misses, snapshot.hits_thread, snapshot.hits_depot),
        (3, 2, 0)
    );
    assert_eq!(snapshot.counts.cold_misses, 2);
    assert_eq!(snapshot.counts.frame_misses, 1);
    assert!((snapshot.miss_ratio() - 0.6).abs() < 1e-9);
    assert_eq!((snapshot.in_use_buffers, snapshot.in_use_bytes), (1, four));
    assert_eq!(
        (snapshot.requested_bytes, snapshot.rounding_bytes()),
        (4000, four - 4000)
    );
    assert_eq!(snapshot.idle_bytes, (256 << 10) + 256);
    assert_eq!(snapshot.pooled_bytes, four + 256 + (256 << 10));
    assert_eq!(snapshot.peak_bytes, snapshot.pooled_bytes);
    assert_eq!(snapshot.pool_keys, 2, "4096 and 320 bytes");
    assert_eq!((snapshot.open_frames, snapshot.threads), (0, 1));
    assert!(snapshot.telemetry_bytes > 0);
    assert_eq!(snapshot.totals.frames, 1);
    assert_eq!((snapshot.totals.allocs, snapshot.totals.releases), (5, 4));
    assert_eq!(snapshot.totals.system_bytes, snapshot.pooled_bytes);
    assert_eq!(
        (snapshot.totals.evicted_bytes, snapshot.totals.imbalance()),
        (0, 1)
    );

    // The next frame's counts start at zero.
    drop(kept);
    let next = pool.end_frame();
    assert_eq!((next.allocs, next.releases, next.imbalance()), (0, 1, -1));
    assert_eq!((next.alloc_bytes, next.release_bytes), (0, four));
    assert_eq!((next.hits_thread, next.misses, next.threads), (0, 0, 0));
    assert_eq!((next.totals.allocs, next.totals.releases), (5, 5));
    assert_eq!(next.peak_bytes, snapshot.peak_bytes);
    assert_eq!(snapshot.releases, 4, "a published snapshot never changes");
    assert_empty(&pool);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up.
#[test]
fn stats_at_rest_say_what_the_snapshot_says() {
    let pool = BufferPool::builder().max_bytes(1 << 24).build().unwrap();
    let kept: Vec<_> = (0..100).map(|len| pool.alloc::<u8>(len * 37)).collect();
    let open = pool.begin_frame();
    open.alloc::<u8>(5000);
    let snapshot = pool.end_frame();
    let stats: PoolStats = pool.stats();
    assert_eq!(stats.in_use_buffers, snapshot.in_use_buffers);
    assert_eq!(stats.in_use_bytes, snapshot.in_use_bytes);
    assert_eq!(stats.idle_bytes, snapshot.idle_bytes);
    assert_eq!(stats.pooled_bytes, snapshot.pooled_bytes);
    assert_eq!(stats.peak_bytes, snapshot.peak_bytes);
    assert_eq!(stats.requested_bytes, snapshot.requested_bytes);
    assert_eq!(stats.pool_keys, snapshot.pool_keys);
    assert_eq!(stats.open_frames, snapshot.open_frames);
    assert_eq!(stats.totals, snapshot.totals);
    if TELEMETRY {
        assert_eq!(stats.limit_bytes, Some(1 << 24));
        assert_eq!((stats.in_use_buffers, stats.open_frames), (101, 1));
        assert_eq!((stats.slots, stats.claimed_slots), (1, 1));
    }
    drop((kept, open));
    assert_empty(&pool);
}

/// Laws: L1 Conservation.
#[test]
fn reading_stats_takes_nothing_from_the_frame() {
    let pool = BufferPool::new();
    drop(pool.alloc::<u8>(1));
    for _ in 0..3 {
        pool.stats();
        pool.outstanding();
    }
    drop(pool.alloc::<u8>(1));
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(
            (snapshot.allocs, snapshot.releases, snapshot.threads),
            (2, 2, 1)
        );
    }
    // The thread is not active in a frame in which it does nothing.
    drop(pool.alloc::<u8>(1));
    pool.stats();
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!((snapshot.allocs, snapshot.threads), (1, 1));
    }
}

#[test]
fn threads_counts_threads_that_allocated_in_this_frame() {
    let pool = BufferPool::new();
    let open = pool.begin_frame();
    drop(pool.alloc::<u8>(1));
    let ready = Gate::new(4);
    let expected = [3, 0, 2, 1];
    let mut seen = [FrameSnapshot::default(); 4];
    thread::scope(|scope| {
        let workers: Vec<_> = (1..4_usize)
            .map(|number| {
                let (pool, open, ready) = (&pool, &open, &ready);
                scope.spawn(move || {
                    for takers in expected {
                        if number <= takers as usize {
                            if number.is_multiple_of(2) {
                                drop(pool.alloc::<u8>(number));
                            } else {
                                open.alloc::<u8>(number);
                            }
                        }
                        ready.wait();
                        ready.wait();
                    }
                })
            })
            .collect();
        for snapshot in &mut seen {
            ready.wait();
            *snapshot = *pool.end_frame();
            ready.wait();
        }
        for worker in workers {
            worker.join().unwrap();
        }
    });
    for (round, snapshot) in seen.iter().enumerate() {
        assert_lawful(snapshot);
        if TELEMETRY {
            let takers = expected[round] + u32::from(round == 0);
            assert_eq!(snapshot.threads, takers, "round {round}");
        }
    }
    if TELEMETRY {
        assert_eq!(pool.end_frame().threads, 0);
        assert_eq!((pool.stats().slots, pool.stats().claimed_slots), (4, 1));
    }
    drop(open);
    assert_empty(&pool);
}

#[test]
fn buffers_of_exited_thread_come_from_depot() {
    let pool = BufferPool::new();
    let shared = pool.clone();
    let worker = thread::spawn(move || {
        // So that the thread may keep it.
        shared.prewarm::<u8>(1000, 4);
        drop(shared.alloc::<u8>(1000));
    });
    worker.join().unwrap();
    assert_eq!(pool.end_frame().hits_thread, u64::from(TELEMETRY));
    let buffer = pool.alloc::<u8>(1000);
    let snapshot = pool.end_frame();
    if TELEMETRY {
        assert_eq!(
            (snapshot.hits_depot, snapshot.hits_thread, snapshot.misses),
            (1, 0, 0)
        );
        assert!(
            snapshot.totals.counts.depot_exchanges >= 2,
            "one there, one back"
        );
    }
    drop(buffer);
    assert_empty(&pool);
}

#[test]
fn exchanges_of_exiting_thread_are_counted() {
    let pool = BufferPool::new();
    let counted = Gate::new(2);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            drop(pool.alloc::<u8>(100));
            counted.wait();
            counted.wait();
        });
        counted.wait();
        let before = pool.end_frame().totals.counts.depot_exchanges;
        counted.wait();
        worker.join().unwrap();
        let after = pool.end_frame().totals.counts.depot_exchanges;
        assert_eq!((before, after), (0, u64::from(TELEMETRY)));
    });
    assert_empty(&pool);
}

#[test]
fn cached_releases_become_hits_of_the_same_thread() {
    let pool = BufferPool::new();
    pool.prewarm::<u8>(1000, 61);
    // So often that an exchange that lost a little credit would use up all of it.
    for _ in 0..300 {
        let buffers: Vec<_> = (0..60).map(|_| pool.alloc::<u8>(1000)).collect();
        let snapshot = pool.end_frame();
        if TELEMETRY {
            assert_eq!((snapshot.misses, snapshot.hits_thread), (0, 60));
            assert_eq!(snapshot.hits_depot, 0);
        }
        drop(buffers);
    }
    assert_empty(&pool);
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up.
#[test]
fn sources_sum_to_allocs_after_any_program() {
    let pool = BufferPool::builder()
        .thread_cache_bytes(1 << 14)
        .frame_block_bytes(4096)
        .build()
        .unwrap();
    let mut random = crate::common::Seeded(1);
    let mut kept = Vec::new();
    for _ in 0..200 {
        let frame = pool.begin_frame();
        for _ in 0..random.below(30) {
            match random.below(3) {
                0 => kept.push(pool.alloc::<u8>(random.bytes())),
                1 if !kept.is_empty() => drop(kept.swap_remove(random.below(kept.len()))),
                _ => drop(frame.alloc::<u8>(random.bytes())),
            }
        }
        let snapshot = frame.release_all();
        assert_lawful(&snapshot);
        assert_eq!(
            snapshot.hits_thread + snapshot.hits_depot + snapshot.misses,
            snapshot.allocs
        );
        assert_eq!(snapshot.misses, snapshot.counts.misses());
        if TELEMETRY {
            assert_eq!(snapshot.in_use_buffers, kept.len() as u64);
        }
    }
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn without_telemetry_every_number_reads_zero() {
    if TELEMETRY {
        return;
    }
    let pool = BufferPool::builder().max_bytes(1 << 24).build().unwrap();
    let kept = pool.alloc::<u8>(5000);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(5000);
    assert!(pool.try_alloc::<u8>(usize::MAX).is_err());
    let snapshot = frame.release_all();
    let expected = {
        let mut zero = FrameSnapshot::default();
        // Not compared: the identity of the snapshot, and clock readings.
        (zero.pool_id, zero.frame, zero.ended) = (snapshot.pool_id, snapshot.frame, snapshot.ended);
        (zero.time, zero.duration, zero.fold_duration) =
            (snapshot.time, snapshot.duration, snapshot.fold_duration);
        zero
    };
    assert_eq!(*snapshot, expected);
    assert_eq!(snapshot.frame.get(), 1, "frames are still told apart");
    let stats = pool.stats();
    let mut zero = PoolStats::default();
    zero.time = stats.time;
    assert_eq!(stats, zero);
    assert_eq!(pool.outstanding(), framepool::Outstanding::default());
    pool.assert_no_leaks();
    drop(kept);
}
