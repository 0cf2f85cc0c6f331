//! The memory that trimming gives back, exact to the byte and to the frame end (docs/design.md, "Trim").

use framepool::{Buffer, BufferPool};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A pool whose threads keep nothing, so that every idle block is in the depot.
fn pool() -> BufferPool {
    BufferPool::builder().thread_cache_bytes(0).build().unwrap()
}

/// Buffers that together have this many bytes; `each` is the size of a class.
fn taken(pool: &BufferPool, each: u64, together: u64) -> Vec<Buffer<u8>> {
    (0..together / each)
        .map(|_| pool.alloc::<u8>(each as usize))
        .collect()
}

fn end_frames(pool: &BufferPool, count: u64) {
    for _ in 0..count {
        pool.begin_frame().release_all();
    }
}

fn idle(pool: &BufferPool) -> u64 {
    pool.stats().idle_bytes
}

#[test]
fn trims_excess_after_128_ends_by_4_mib() {
    let pool = pool();
    drop(taken(&pool, 64 * KIB, 66 * MIB));
    let kept = 2 * MIB;
    end_frames(&pool, 127);
    for step in 0..=16 {
        assert_eq!(idle(&pool), kept + (16 - step) * 4 * MIB, "step {step}");
        end_frames(&pool, 1);
    }
    end_frames(&pool, 300);
    assert_eq!(idle(&pool), kept, "this much is worth keeping");
    assert_eq!(pool.stats().totals.evicted_bytes, 64 * MIB);
}

#[test]
fn half_of_other_held_bytes_may_stay_idle() {
    let pool = pool();
    let kept = taken(&pool, 64 * KIB, 8 * MIB);
    drop(taken(&pool, 64 * KIB, 6 * MIB));
    end_frames(&pool, 400);
    assert_eq!(idle(&pool), 6 * MIB, "2 MiB and half of 8");
    // One line more is too much, and the largest class pays for it.
    drop((pool.alloc::<u8>(64), taken(&pool, 64 * KIB, 6 * MIB)));
    end_frames(&pool, 127);
    assert_eq!(idle(&pool), 6 * MIB + 64);
    end_frames(&pool, 1);
    assert_eq!(idle(&pool), 6 * MIB + 64 - 64 * KIB);
    end_frames(&pool, 400);
    assert_eq!(idle(&pool), 6 * MIB + 64 - 64 * KIB);
    drop(kept);
}

#[test]
fn frame_without_excess_restarts_the_wait() {
    let pool = pool();
    drop(taken(&pool, 256 * KIB, 4 * MIB));
    end_frames(&pool, 127);
    let kept = taken(&pool, 256 * KIB, 4 * MIB);
    end_frames(&pool, 1);
    drop(kept);
    end_frames(&pool, 127);
    assert_eq!(idle(&pool), 4 * MIB);
    end_frames(&pool, 1);
    assert_eq!(idle(&pool), 2 * MIB);
}

#[test]
fn second_peak_waits_as_long_as_first() {
    let pool = pool();
    for _ in 0..2 {
        drop(taken(&pool, 256 * KIB, 10 * MIB));
        end_frames(&pool, 127);
        assert_eq!(idle(&pool), 10 * MIB);
        end_frames(&pool, 2);
        assert_eq!(idle(&pool), 2 * MIB);
        // The idle memory is not too much now, so the time restarts.
        end_frames(&pool, 1);
    }
}

#[test]
fn what_was_fetched_during_the_wait_stays() {
    let pool = pool();
    drop(taken(&pool, 256 * KIB, 12 * MIB));
    for _ in 0..128 {
        drop(taken(&pool, 256 * KIB, 6 * MIB));
        end_frames(&pool, 1);
    }
    end_frames(&pool, 127);
    assert_eq!(idle(&pool), 6 * MIB, "the other half was not fetched");
    // No thread fetched any in the second period of 128 frame ends.
    end_frames(&pool, 1);
    assert_eq!(idle(&pool), 2 * MIB);
}

#[test]
fn fetches_before_the_wait_do_not_count() {
    let pool = pool();
    drop(taken(&pool, 256 * KIB, 2 * MIB));
    end_frames(&pool, 5);
    drop(taken(&pool, 256 * KIB, 12 * MIB));
    end_frames(&pool, 300);
    assert_eq!(idle(&pool), 2 * MIB);
}

#[test]
fn the_largest_classes_go_first() {
    let pool = pool();
    let (large, small) = (
        taken(&pool, 512 * KIB, 3 * MIB),
        taken(&pool, 64 * KIB, 3 * MIB),
    );
    drop((large, small));
    end_frames(&pool, 300);
    assert_eq!(idle(&pool), 2 * MIB);
    assert_eq!(pool.stats().pool_keys, 1);
    let kept = taken(&pool, 64 * KIB, 2 * MIB);
    assert_eq!(pool.begin_frame().release_all().misses, 0);
    drop(kept);
}

#[test]
fn a_block_of_the_largest_class_goes_too() {
    let pool = pool();
    drop(pool.alloc::<u8>(1 << 30));
    end_frames(&pool, 127);
    assert_eq!(idle(&pool), 1 << 30);
    end_frames(&pool, 1);
    assert_eq!(idle(&pool), 0);
}

#[test]
fn prewarmed_memory_is_not_counted_as_excess() {
    let pool = pool();
    pool.prewarm::<u8>(256 << 10, 40);
    drop(taken(&pool, 256 * KIB, 20 * MIB));
    end_frames(&pool, 400);
    assert_eq!(idle(&pool), 10 * MIB);
}

#[test]
fn arenas_unused_for_128_ends_give_all_back() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(1)
        .build()
        .unwrap();
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1000);
    drop(frame);
    // Frame ends that end no frame.
    for _ in 0..127 {
        pool.end_frame();
    }
    assert_eq!(idle(&pool), 256 * KIB);
    pool.end_frame();
    assert_eq!(idle(&pool), 0);
}

#[test]
fn growth_by_the_slack_lets_nothing_go() {
    let pool = pool();
    let needed = taken(&pool, 256 * KIB, 8 * MIB);
    end_frames(&pool, 1);
    drop(needed);
    let grown = pool.alloc::<u8>(512 << 10);
    let held = 8 * MIB + 512 * KIB;
    assert_eq!(
        pool.stats().pooled_bytes,
        held,
        "a 32nd of 8 MiB, and 256 KiB"
    );
    let line = pool.alloc::<u8>(64);
    assert_eq!(pool.stats().pooled_bytes, held + 64 - 256 * KIB);
    drop((grown, line));
}

#[test]
fn growth_lets_as_much_go_as_it_takes() {
    let pool = pool();
    drop(taken(&pool, 256 * KIB, 16 * MIB));
    let grown = pool.alloc::<u8>(1 << 20);
    let stats = pool.stats();
    assert_eq!(
        (stats.pooled_bytes, stats.totals.evicted_bytes),
        (16 * MIB, MIB)
    );
    drop(grown);
}

#[test]
fn growth_lets_the_slack_lie_idle() {
    let pool = pool();
    let mut kept = taken(&pool, 256 * KIB, 16 * MIB);
    kept.truncate(62);
    assert_eq!(idle(&pool), 512 * KIB, "less than a 32nd and 256 KiB");
    let first = pool.alloc::<u8>(64);
    assert_eq!(pool.stats().totals.evicted_bytes, 0);
    kept.pop();
    let second = pool.alloc::<u8>(128);
    assert_eq!(pool.stats().totals.evicted_bytes, 256 * KIB);
    drop((first, second));
}

#[test]
fn alternating_sizes_stop_evicting_each_other() {
    let pool = pool();
    let evicted = |frames: u32| {
        for _ in 0..frames {
            drop(taken(&pool, 64 * KIB, 4 * MIB));
            drop(taken(&pool, 128 * KIB, 4 * MIB));
            pool.end_frame();
        }
        pool.stats().totals.evicted_bytes
    };
    let at_first = evicted(1);
    assert!(at_first > 0, "the second size takes the place of the first");
    let settled = evicted(30);
    assert!(settled > at_first);
    assert_eq!(evicted(30), settled);
}

#[test]
fn sizes_in_turns_soon_keep_their_blocks() {
    for (size, count) in [(MIB, 20), (16 * KIB, 200)] {
        let pool = pool();
        let misses_of_turn = |turn: u64| {
            let before = pool.stats().totals.counts.misses();
            for _ in 0..10 {
                let bytes = if turn.is_multiple_of(2) {
                    size
                } else {
                    3 * size
                };
                drop(taken(&pool, bytes, count * bytes));
                pool.end_frame();
            }
            pool.stats().totals.counts.misses() - before
        };
        let first: Vec<u64> = (0..12).map(misses_of_turn).collect();
        assert!(first[2] > 0 && first[3] > 0, "each evicted the other");
        for turn in 12..20 {
            assert_eq!(misses_of_turn(turn), 0, "in turn {turn}, after {first:?}");
        }
    }
}

#[test]
fn growth_takes_nothing_that_was_prewarmed() {
    let pool = pool();
    pool.prewarm::<u8>(256 << 10, 64);
    let grown = pool.alloc::<u8>(1 << 20);
    assert_eq!(pool.stats().totals.evicted_bytes, 0);
    drop(grown);
}

#[test]
fn growth_takes_a_huge_buffer_given_back_first() {
    let pool = pool();
    let huge = (1_u64 << 30) + 64 * KIB;
    drop(pool.alloc::<u8>(huge as usize));
    let next = pool.alloc::<u8>(huge as usize);
    let stats = pool.stats();
    assert_eq!((stats.pooled_bytes, stats.peak_bytes), (huge, huge));
    drop(next);
    end_frames(&pool, 1);
    assert_eq!(pool.stats().pooled_bytes, 0, "it is not kept");
}

#[test]
fn freed_huge_buffer_is_no_longer_counted() {
    let pool = pool();
    for _ in 0..3 {
        drop(pool.alloc::<u8>((1 << 30) + 1));
        end_frames(&pool, 1);
    }
    drop(taken(&pool, 256 * KIB, 2 * MIB));
    end_frames(&pool, 300);
    assert_eq!(idle(&pool), 2 * MIB);
}

#[test]
fn a_step_is_1024_blocks_at_most() {
    let pool = pool();
    drop(taken(&pool, 64, 8 * MIB));
    // With the blocks that were made in advance.
    let all = idle(&pool);
    assert!((8 * MIB..8 * MIB + 4 * KIB).contains(&all), "{all} bytes");
    end_frames(&pool, 127);
    for step in 1..=96 {
        end_frames(&pool, 1);
        assert_eq!(idle(&pool), all - step * 64 * KIB, "after step {step}");
    }
    end_frames(&pool, 10);
    assert_eq!(idle(&pool), 2 * MIB);
}
