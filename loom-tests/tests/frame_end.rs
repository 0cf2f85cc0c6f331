//! The frame end, concurrent with threads that count and with other aggregations.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

mod support;

use std::ops::RangeInclusive;

use framepool_under_loom::telemetry::Counts;
use framepool_under_loom::{Buffer, BufferPool, FrameSnapshot, PoolStats};
use loom::thread;
use support::{explore, shared};

fn assert_it_adds_up(snapshot: &FrameSnapshot) {
    let totals = &snapshot.totals;
    assert!(totals.releases <= totals.allocs, "L2");
    assert!(totals.release_bytes <= totals.alloc_bytes, "L2");
    assert_eq!(
        snapshot.pooled_bytes,
        snapshot.in_use_bytes + snapshot.idle_bytes,
        "L3"
    );
    assert!(snapshot.in_use_bytes <= snapshot.pooled_bytes, "L3");
    assert!(snapshot.requested_bytes <= snapshot.in_use_bytes);
    assert_eq!(
        snapshot.hits_thread + snapshot.hits_depot + snapshot.misses,
        snapshot.allocs
    );
}

/// A reading between frame ends sums the slots like a frame end, but publishes nothing, so there are fewer steps to
/// explore.
fn assert_a_reading_adds_up(stats: &PoolStats) {
    let totals = &stats.totals;
    assert!(totals.releases <= totals.allocs, "L2");
    assert!(totals.release_bytes <= totals.alloc_bytes, "L2");
    assert_eq!(
        stats.pooled_bytes,
        stats.in_use_bytes + stats.idle_bytes,
        "L3"
    );
    assert!(stats.in_use_bytes <= stats.pooled_bytes, "L3");
    assert!(stats.requested_bytes <= stats.in_use_bytes);
}

/// Four preemptions at most: 21,476 executions; the search without a bound takes over a minute.
#[test]
fn aggregating_during_alloc_and_release_loses_nothing() {
    explore(Some(3), || {
        let pool = shared(BufferPool::new());
        drop(pool.alloc::<u8>(1));
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.end_frame())
        };
        drop(pool.alloc::<u8>(1));
        let first = aggregation.join().unwrap();
        assert_it_adds_up(&first);
        let second = pool.end_frame();
        assert_it_adds_up(&second);
        assert_eq!(first.allocs + second.allocs, 2, "L1");
        assert_eq!(first.releases + second.releases, 2, "L1");
        assert_eq!(first.alloc_bytes + second.alloc_bytes, 128, "L1");
        assert_eq!(first.release_bytes + second.release_bytes, 128, "L1");
        assert_eq!(second.in_use_buffers, 0);
    });
}

/// Three preemptions at most: 4,541 executions; the search without a bound takes over a minute.
#[test]
fn an_aggregation_never_takes_a_count_back() {
    explore(Some(3), || {
        let pool = shared(BufferPool::new());
        let (one, other) = (pool.alloc::<u8>(1), pool.alloc::<u8>(1));
        drop((one, other));
        let before = pool.stats().totals;
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats())
        };
        // The first drop makes the aggregation read the slot again, possibly during the second.
        let taken = (pool.alloc::<u8>(1), pool.alloc::<u8>(1));
        let after = aggregation.join().unwrap();
        assert_a_reading_adds_up(&after);
        assert!(after.totals.allocs >= before.allocs);
        assert!(after.totals.releases >= before.releases);
        assert!(after.totals.release_bytes >= before.release_bytes);
        drop(taken);
    });
}

/// Two preemptions at most: 9,702 executions; the search without a bound takes over a minute.
#[test]
fn block_reallocated_during_aggregation_counts_once_in_use() {
    explore(Some(2), || {
        let pool = shared(BufferPool::new());
        drop(pool.alloc::<u8>(1));
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats())
        };
        drop(pool.alloc::<u8>(1));
        drop(pool.alloc::<u8>(1));
        let stats = aggregation.join().unwrap();
        assert_a_reading_adds_up(&stats);
        assert!(stats.in_use_buffers <= 1, "there is one block");
        assert_eq!(pool.stats().totals.allocs, 3, "L1");
    });
}

/// No preemption, only the switches at locks and joins: with one the search takes minutes. The counters alone
/// (`primitives/counters.rs`) are searched with three, and `shuttle-tests` searches many readers at random.
#[test]
fn cross_thread_release_is_never_seen_before_alloc() {
    explore(Some(0), || {
        let pool = shared(BufferPool::new());
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats())
        };
        let lender = {
            let pool = pool.clone();
            thread::spawn(move || pool.alloc::<u8>(1))
        };
        drop(lender.join().unwrap());
        assert_a_reading_adds_up(&aggregation.join().unwrap());
        let last = pool.stats();
        assert_a_reading_adds_up(&last);
        assert_eq!((last.totals.allocs, last.totals.releases), (1, 1), "L1");
    });
}

/// Three preemptions at most: 10,586 executions; the search without a bound takes over a minute.
/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered.
#[test]
fn concurrent_frame_ends_count_every_alloc_once() {
    explore(Some(3), || {
        let pool = shared(BufferPool::new());
        drop(pool.alloc::<u8>(1));
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.end_frame())
        };
        drop(pool.alloc::<u8>(1));
        let mine = pool.end_frame();
        let theirs = other.join().unwrap();
        assert_it_adds_up(&mine);
        assert_it_adds_up(&theirs);
        assert_ne!(mine.frame, theirs.frame, "L4");
        let last = pool.end_frame();
        assert_eq!(mine.allocs + theirs.allocs + last.allocs, 2, "L1");
        assert_eq!(mine.releases + theirs.releases + last.releases, 2, "L1");
    });
}

/// One preemption at most: 3,031 executions; a search with two takes over 20 s.
#[test]
fn open_frame_reads_consistently_while_arena_grows() {
    explore(Some(1), || {
        let pool = shared(
            BufferPool::builder()
                .frame_block_bytes(4096)
                .build()
                .unwrap(),
        );
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1);
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.end_frame())
        };
        frame.alloc::<u8>(4095);
        let during = aggregation.join().unwrap();
        assert_it_adds_up(&during);
        // Zero if every try of the aggregation met the arena in the middle of its change.
        assert!([0, 64, 64 + 4096 + 64].contains(&during.in_use_bytes));
        assert_eq!(during.misses, during.frame_allocs);
        let last = frame.release_all();
        assert_it_adds_up(&last);
        assert_eq!(during.allocs + last.allocs, 2, "L1");
        assert_eq!(last.releases, 2, "L1");
        assert_eq!(last.totals.counts.frame_requested_bytes, 4096);
    });
}

/// No preemption, only the switches at locks, and every value that a load may see: 21,648 executions. A search with one
/// preemption takes hours.
#[test]
fn memory_trimmed_during_alloc_stays_in_the_sum() {
    explore(Some(0), || {
        let pool = shared(BufferPool::builder().thread_cache_bytes(0).build().unwrap());
        drop(pool.alloc::<u8>(1));
        let trimmer = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.trim();
                pool.stats()
            })
        };
        drop(pool.alloc::<u8>(1));
        assert_a_reading_adds_up(&trimmer.join().unwrap());
        let last = pool.stats();
        assert_a_reading_adds_up(&last);
        assert_eq!((last.totals.allocs, last.in_use_bytes), (2, 0), "L1");
    });
}

/// The releases that an aggregation may find while another thread does `work` with a pool of which one buffer was released.
fn released_during(
    found: RangeInclusive<u64>,
    work: impl Fn(&BufferPool) -> Option<Buffer<u8>> + Send + Sync + 'static,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        let pool = shared(BufferPool::new());
        // So that one missing release does not make more blocks in use than exist, which would be corrected.
        pool.prewarm::<u8>(65, 1);
        drop(pool.alloc::<u8>(1));
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats().totals)
        };
        let kept = work(&pool);
        let totals = aggregation.join().unwrap();
        assert!(found.contains(&totals.releases), "{}", totals.releases);
        assert_eq!(totals.release_bytes, 64 * totals.releases);
        let last = pool.stats();
        assert_eq!(last.totals.releases, 1, "L1");
        assert_eq!(last.in_use_buffers, u64::from(kept.is_some()), "L1");
        drop(kept);
    }
}

/// A buffer released during an aggregation, in a pool whose threads keep at most `cache` bytes.
fn given_back_during(thread_cache_bytes: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let pool = shared(
            BufferPool::builder()
                .thread_cache_bytes(thread_cache_bytes)
                .build()
                .unwrap(),
        );
        drop(pool.alloc::<u8>(1));
        let kept = pool.alloc::<u8>(1);
        let aggregation = {
            let pool = pool.clone();
            thread::spawn(move || pool.stats().totals)
        };
        drop(kept);
        let totals = aggregation.join().unwrap();
        assert!((1..=2).contains(&totals.releases), "{}", totals.releases);
        let last = pool.stats();
        assert_eq!((last.totals.releases, last.in_use_bytes), (2, 0), "L1");
        assert_eq!(last.requested_bytes, 0, "L1");
    }
}

#[test]
fn an_alloc_during_aggregation_adds_no_release() {
    explore(None, released_during(0..=1, |pool| Some(pool.alloc(1))));
}

/// Three preemptions at most: 165 executions.
#[test]
fn a_block_sent_to_the_depot_stays_released() {
    explore(
        Some(3),
        released_during(1..=1, |pool| {
            pool.trim();
            None
        }),
    );
}

/// Three preemptions at most: 26 executions.
#[test]
fn prewarming_during_aggregation_adds_no_release() {
    explore(
        Some(3),
        released_during(1..=1, |pool| {
            pool.prewarm::<u8>(1, 1);
            None
        }),
    );
}

#[test]
fn the_next_aggregation_counts_a_missed_release() {
    explore(None, given_back_during(1 << 20));
}

/// Three preemptions at most: 16,398 executions.
#[test]
fn the_next_aggregation_counts_an_unkept_release() {
    explore(Some(3), given_back_during(0));
}

/// One preemption at most: 29,647 executions.
#[test]
fn block_reused_by_another_thread_counts_as_released() {
    explore(Some(1), || {
        let pool = shared(BufferPool::builder().thread_cache_bytes(0).build().unwrap());
        // So that one missing release does not make more blocks in use than exist, which would be corrected.
        pool.prewarm::<u8>(65, 1);
        let kept = pool.alloc::<u8>(1);
        pool.stats();
        let next = {
            let pool = pool.clone();
            thread::spawn(move || {
                let again = pool.alloc::<u8>(1);
                let stats = pool.stats();
                let came_back = stats.totals.counts.depot_hits == 1;
                assert!(stats.in_use_buffers == 1 || !came_back, "{stats:?}");
                again
            })
        };
        drop(kept);
        let again = next.join().unwrap();
        assert_eq!(pool.stats().in_use_buffers, 1, "L1");
        drop(again);
    });
}

/// A refusal by the budget is marked by the slow path, one for its length by the guard of the slot. Two preemptions at most; the search
/// without a bound was not tried.
#[test]
fn the_next_aggregation_counts_a_missed_refusal() {
    let one_is_counted = |limit: u64, len: usize, counted: fn(&Counts) -> u64| {
        explore(Some(2), move || {
            let pool = shared(BufferPool::builder().max_bytes(limit).build().unwrap());
            let kept = pool.alloc::<u8>(1);
            let aggregation = {
                let pool = pool.clone();
                thread::spawn(move || pool.stats())
            };
            assert!(pool.try_alloc::<u64>(len).is_err());
            aggregation.join().unwrap();
            assert_eq!(counted(&pool.stats().totals.counts), 1, "L1");
            drop(kept);
        });
    };
    one_is_counted(64, 1, |counts| counts.budget_refusals);
    one_is_counted(64, usize::MAX, |counts| counts.overflow_refusals);
}

/// One thread sends a block to the depot while another takes it from there, aggregates, allocates a new block and
/// aggregates again. The release must be counted before the block reaches the depot. The second request is smaller than its
/// block, so the held bytes grow by more than the requested bytes, and the aggregation cannot infer the release in another
/// way. One preemption at most: a search with two takes over a minute.
#[test]
fn no_frame_counts_a_negative_number() {
    explore(Some(1), || {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        let buffer = pool.alloc::<u8>(64);
        let dropping = thread::spawn(move || drop(buffer));
        let frames = [
            (pool.alloc::<u8>(64), pool.end_frame()),
            (pool.alloc::<u8>(1), pool.end_frame()),
        ];
        dropping.join().unwrap();
        for (_, frame) in &frames {
            assert_it_adds_up(frame);
            for (definition, value) in Counts::DEFINITIONS.iter().zip(frame.counts.values()) {
                assert!(
                    value.cast_signed() >= 0,
                    "L1: {} is {value}",
                    definition.name
                );
            }
        }
    });
}
