//! Counters beyond 2^63 and across 2^64: every number that is a difference stays right.
//!
//! So many buffers would take years, so the tests set the start of the counters: in the slots of two threads, in the allocs
//! of ended frames, in the number of frames, and in the released bytes.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.
#![expect(
    unsafe_code,
    reason = "counters are set in the slot that the thread owns"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::pool::slot_guard::with_slot;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::counters::Counts;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats, Totals};
use crate::{Buffer, BufferPool, HealthMonitor, HealthStatus, Rule, Thresholds};

/// The starts of counters: just below half the range, at it, and just below its end, so that a few frames cross it.
const STARTS: [u64; 6] = [
    (1 << 63) - 20,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 300,
    u64::MAX - 1,
    u64::MAX,
];

/// The counters of a thread that allocated `start` buffers, and of one that released all of them. Their sum already wraps.
fn lent_and_released(start: u64) -> [Counts; 2] {
    let lent = Counts {
        thread_hits: start,
        depot_hits: 1 << 62,
        cold_misses: 1 << 63,
        budget_misses: 1 << 62,
        pooled_alloc_bytes: start,
        pooled_requested_bytes: start,
        depot_exchanges: start,
        budget_refusals: start,
        memory_refusals: start,
        overflow_refusals: start,
        ..Counts::default()
    };
    let released = Counts {
        pooled_releases: start,
        pooled_release_bytes: start,
        pooled_released_requested: start,
        ..Counts::default()
    };
    [lent, released]
}

/// The allocs, and so the releases, of ended frames.
fn ended(start: u64) -> ArenaReading {
    ArenaReading {
        allocs: start,
        bytes: start,
        requested: start,
        misses: start,
    }
}

fn set(pool: &BufferPool, counts: &Counts) {
    // SAFETY: the handle keeps the pool alive, and the slot is this thread's.
    unsafe { with_slot(pool.inner_ptr(), |slot| slot.lane.start_at(counts)) }.expect("memory");
}

/// A pool in which two threads and many frames have counted `start` of everything; this thread is the one that allocated.
fn pool_at(start: u64) -> BufferPool {
    let pool = BufferPool::builder()
        .frame_block_bytes(4096)
        .leak_after(std::time::Duration::ZERO)
        .expect_release_within(4)
        .build()
        .unwrap();
    let [lent, released] = lent_and_released(start);
    set(&pool, &lent);
    thread::scope(|scope| {
        let other = scope.spawn(|| set(&pool, &released));
        other.join().unwrap();
    });
    let inner = pool.inner();
    inner
        .aggregator
        .lock()
        .start_at(start.wrapping_sub(1), ended(start));
    inner.in_flight.start_at(start);
    inner.budget.start_at(start);
    // The first difference is all of that.
    let first = pool.end_frame();
    assert_eq!(first.frame.get(), start);
    assert_eq!((first.in_use_buffers, first.in_use_bytes), (0, 0));
    pool
}

/// The totals minus their start.
fn since(now: &Totals, before: &Totals) -> [u64; 6] {
    [
        now.allocs.wrapping_sub(before.allocs),
        now.releases.wrapping_sub(before.releases),
        now.alloc_bytes.wrapping_sub(before.alloc_bytes),
        now.release_bytes.wrapping_sub(before.release_bytes),
        now.counts.misses().wrapping_sub(before.counts.misses()),
        now.frames.wrapping_sub(before.frames),
    ]
}

/// Asserts L2 (Never negative) and L3 (It adds up) as differences, at any value of the counters.
fn assert_lawful(snapshot: &FrameSnapshot) {
    let totals = &snapshot.totals;
    let out = totals.allocs.wrapping_sub(totals.releases);
    assert_eq!(
        (out, totals.imbalance()),
        (snapshot.in_use_buffers, out as i64)
    );
    let bytes = totals.alloc_bytes.wrapping_sub(totals.release_bytes);
    assert_eq!(bytes, snapshot.in_use_bytes);
    assert_eq!(
        snapshot.pooled_bytes,
        snapshot.in_use_bytes + snapshot.idle_bytes
    );
    assert!(snapshot.requested_bytes <= snapshot.in_use_bytes);
    assert_eq!(
        snapshot.allocs,
        snapshot.hits_thread + snapshot.hits_depot + snapshot.misses
    );
}

/// A frame with ten pooled buffers of 64 bytes, of which three are kept, and five frame buffers of 128.
fn frame(pool: &BufferPool, kept: &mut Vec<Buffer<u8>>) -> FrameSnapshot {
    let frame = pool.begin_frame();
    let mut taken: Vec<_> = (0..10).map(|_| pool.alloc::<u8>(60)).collect();
    for _ in 0..5 {
        frame.alloc::<u8>(100);
    }
    kept.extend(taken.drain(..3));
    drop(taken);
    *frame.release_all()
}

#[test]
fn frames_and_levels_are_exact_when_counters_wrap() {
    for start in STARTS {
        let pool = pool_at(start);
        let mut feed = pool.subscribe();
        let before = pool.snapshot().totals;
        let mut kept = Vec::new();
        for round in 1..=40 {
            let snapshot = frame(&pool, &mut kept);
            assert_lawful(&snapshot);
            assert_eq!(snapshot.frame.get(), start.wrapping_add(round));
            assert_eq!((snapshot.allocs, snapshot.releases), (15, 12));
            assert_eq!(snapshot.imbalance(), 3);
            assert_eq!(
                (snapshot.alloc_bytes, snapshot.release_bytes),
                (10 * 64 + 5 * 128, 7 * 64 + 5 * 128)
            );
            assert_eq!(
                (snapshot.in_use_buffers, snapshot.in_use_bytes),
                (3 * round, 192 * round)
            );
            assert_eq!(snapshot.requested_bytes, 180 * round);
            assert_eq!(
                since(&snapshot.totals, &before)[..4],
                [15 * round, 12 * round, 1280 * round, 1088 * round]
            );
            assert_eq!(feed.next(), Some(snapshot));
        }
        let PoolStats {
            in_use_buffers,
            totals,
            ..
        } = pool.stats();
        assert_eq!((in_use_buffers, since(&totals, &before)[5]), (120, 40));
        kept.clear();
        let last = pool.end_frame();
        assert_lawful(&last);
        assert_eq!((last.releases, last.imbalance()), (120, -120));
        assert_eq!((last.in_use_buffers, last.in_use_bytes), (0, 0));
        assert_eq!(feed.lost(), 0);
    }
}

#[test]
fn old_buffers_are_named_across_the_counter_wrap() {
    for start in STARTS
        .into_iter()
        .chain([(1 << 39) - 2, (1 << 63) + (1 << 39) - 2])
    {
        let pool = pool_at(start);
        pool.assert_no_leaks();
        let kept = pool.alloc::<u8>(1);
        for age in 1..=6 {
            pool.end_frame();
            let site = &pool.outstanding().sites[0];
            assert_eq!(
                (site.oldest_age_frames, site.suspects),
                (age, u64::from(age > 4))
            );
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| pool.assert_no_leaks()));
        assert!(outcome.is_err(), "one buffer is out, at {start}");
        let mut monitor = HealthMonitor::new(Thresholds::default());
        monitor.record_frame(&pool.snapshot(), Duration::from_millis(1));
        let health = monitor.emit_now(&pool);
        assert_eq!(health.status, HealthStatus::Warning, "{health}");
        assert!(
            health
                .active
                .iter()
                .all(|alert| alert.rule == Rule::Overdue)
        );
        drop(kept);
        pool.assert_no_leaks();
        assert_eq!(monitor.emit_now(&pool).status, HealthStatus::Healthy);
    }
}

#[test]
fn returned_bytes_are_counted_across_the_wrap() {
    for start in STARTS {
        let pool = pool_at(start);
        let before = pool.stats().totals.evicted_bytes;
        assert_eq!(before, start);
        pool.begin_frame().alloc::<u8>(100);
        drop(
            (0..9)
                .map(|_| pool.alloc::<u8>(1 << 16))
                .collect::<Vec<_>>(),
        );
        let held = pool.stats().pooled_bytes;
        assert_eq!((held, pool.trim()), (9 * (1 << 16) + 4096, held));
        let stats = pool.stats();
        assert_eq!(stats.totals.evicted_bytes, start.wrapping_add(held));
        assert_eq!((stats.pooled_bytes, stats.idle_bytes), (0, 0));
        // By itself, in steps at frame ends.
        drop(
            (0..9)
                .map(|_| pool.alloc::<u8>(1 << 21))
                .collect::<Vec<_>>(),
        );
        for _ in 0..400 {
            pool.begin_frame().release_all();
        }
        let stats = pool.stats();
        assert!(stats.pooled_bytes < 6 << 20, "{stats:?}");
        let gone = stats.totals.evicted_bytes.wrapping_sub(start);
        assert_eq!(gone, held + 9 * (1 << 21) - stats.pooled_bytes);
    }
}

#[test]
fn threads_and_pool_may_end_at_any_count() {
    for start in STARTS {
        let pool = pool_at(start);
        let before = pool.snapshot().totals;
        for _ in 0..20 {
            let shared = pool.clone();
            // Claims the slot of the thread that released everything, whose balance is far from zero.
            let kept = thread::spawn(move || shared.alloc_copy(&[5_u8; 100]))
                .join()
                .unwrap();
            assert!(kept.iter().all(|&byte| byte == 5));
        }
        let snapshot = pool.end_frame();
        assert_lawful(&snapshot);
        assert_eq!(since(&snapshot.totals, &before)[..2], [20, 20]);
        let kept: Vec<_> = (0..5).map(|_| pool.alloc_copy(&[6_u8; 10])).collect();
        drop(pool);
        let elsewhere = thread::spawn(move || kept.iter().all(|buffer| buffer[9] == 6));
        assert!(elsewhere.join().unwrap());
    }
}
