//! L8 (Steady state allocates nothing): once warm, frames of any shape make no call to the system allocator.
//!
//! Laws: L8 Steady state allocates nothing.

use std::collections::VecDeque;

use framepool::{BufferPool, FrameSnapshot, Outstanding, TagSettings};

use crate::alone::alone;
use crate::common::assert_lawful;
use crate::counting::calls;

/// Frames for the warm-up, and frames that are then measured: more than every window of the pool, so that its periodic work
/// is included.
const WARM: usize = 600;
const WATCHED: usize = 600;

#[track_caller]
fn is_silent(mut frame: impl FnMut(usize)) {
    (0..WARM).for_each(&mut frame);
    let before = calls();
    for number in 0..WATCHED {
        frame(WARM + number);
        let made = calls() - before;
        assert_eq!(made, 0, "calls to the allocator in watched frame {number}");
    }
}

#[track_caller]
fn look(pool: &BufferPool, snapshot: &FrameSnapshot) {
    assert_lawful(snapshot);
    assert_eq!(pool.snapshot().frame, snapshot.frame);
}

/// Frames with `count` frame buffers of `bytes` bytes each.
#[track_caller]
fn frames_of(pool: &BufferPool, count: usize, bytes: usize) {
    is_silent(|_| {
        let frame = pool.begin_frame();
        for _ in 0..count {
            frame.alloc::<u8>(bytes)[0] = 1;
        }
        look(pool, &frame.release_all());
    });
}

alone! {
    #[test]
    fn frames_of_pooled_buffers_are_silent() {
        let pool = BufferPool::new();
        let mut kept = Vec::with_capacity(100);
        is_silent(|_| {
            for len in 0..100 {
                kept.push(pool.alloc::<u8>(len * 300));
            }
            kept.clear();
            look(&pool, &pool.end_frame());
        });
    }

    #[test]
    fn frames_exceeding_thread_cache_make_no_allocator_calls() {
        let pool = BufferPool::builder().thread_cache_bytes(1 << 16).build().unwrap();
        let mut kept = Vec::with_capacity(400);
        is_silent(|_| {
            for len in 0..400 {
                kept.push(pool.alloc::<u8>(len * 100));
            }
            kept.clear();
            look(&pool, &pool.end_frame());
        });
    }

    #[test]
    fn frames_with_tags_are_silent() {
        let settings = TagSettings::new().max_bytes(64 << 20).warn_bytes(1 << 30);
        let pool = BufferPool::builder().tag("limited", settings).build().unwrap();
        let tags = ["limited", "a", "a/b"].map(|name| pool.tag(name));
        let mut kept = Vec::with_capacity(100);
        let (mut numbers, mut out) = (pool.tags(), pool.outstanding());
        is_silent(|number| {
            let frame = tags[number % 3].begin_frame();
            for len in 0..100 {
                kept.push(tags[len % 3].alloc::<u8>(len * 300));
                frame.alloc::<u8>(len);
            }
            pool.tags_into(&mut numbers);
            pool.outstanding_into(&mut out);
            kept.clear();
            look(&pool, &frame.release_all());
        });
    }

    #[test]
    fn frames_that_fit_one_block_are_silent() {
        frames_of(&BufferPool::new(), 100, 1000);
    }

    #[test]
    fn frames_of_several_blocks_are_silent() {
        frames_of(&BufferPool::new(), 100, 20_000);
    }

    #[test]
    fn frames_wasting_block_ends_make_no_allocator_calls() {
        frames_of(&BufferPool::new(), 10, 100_000);
    }

    #[test]
    fn frames_of_many_small_blocks_are_silent() {
        let pool = BufferPool::builder().frame_block_bytes(4096).build().unwrap();
        frames_of(&pool, 1000, 500);
    }

    #[test]
    fn frames_with_oversized_buffers_make_no_allocator_calls() {
        frames_of(&BufferPool::new(), 10, 1 << 20);
    }

    #[test]
    fn frames_with_one_in_flight_are_silent() {
        let pool = BufferPool::builder().max_frames_in_flight(1).build().unwrap();
        frames_of(&pool, 100, 20_000);
    }

    #[test]
    fn frames_in_flight_are_silent() {
        let pool = BufferPool::builder().max_frames_in_flight(3).build().unwrap();
        let mut open = VecDeque::with_capacity(4);
        is_silent(|_| {
            let frame = pool.begin_frame();
            for _ in 0..50 {
                frame.alloc::<u8>(20_000)[0] = 1;
            }
            open.push_back(frame);
            if open.len() == 3 {
                look(&pool, &open.pop_front().unwrap().release_all());
            }
        });
    }

    #[test]
    fn frames_with_surviving_buffers_make_no_allocator_calls() {
        let pool = BufferPool::new();
        let mut kept = VecDeque::with_capacity(200);
        is_silent(|number| {
            let frame = pool.begin_frame();
            for len in 0..30 {
                frame.alloc::<f32>(len * 400).fill(1.0);
                kept.push_back(pool.alloc_zeroed::<f32>(len * 50));
            }
            // Sometimes a burst of releases, sometimes none.
            let keep = 150 - (number % 5) * 30;
            while kept.len() > keep {
                kept.pop_front();
            }
            look(&pool, &frame.release_all());
        });
    }

    #[test]
    fn frames_whose_sizes_come_round_again_are_silent() {
        let pool = BufferPool::new();
        is_silent(|number| {
            let frame = pool.begin_frame();
            let size = 1000 * (1 + number % 7);
            for _ in 0..60 {
                frame.alloc::<u8>(size * 3)[0] = 1;
                drop(pool.alloc::<u8>(size));
            }
            look(&pool, &frame.release_all());
        });
    }

    #[test]
    fn load_every_sixtieth_frame_makes_no_allocator_calls() {
        // In between its memory is idle in the depot, and frames that do not use it must not give it back.
        let pool = BufferPool::new();
        let mut kept = Vec::with_capacity(200);
        is_silent(|number| {
            if number.is_multiple_of(60) {
                kept.extend((0..200).map(|_| pool.alloc::<u8>(100_000)));
                kept.clear();
            }
            drop(pool.alloc::<u8>(1000));
            look(&pool, &pool.end_frame());
        });
    }

    #[test]
    fn reading_every_way_is_silent() {
        let pool = BufferPool::new();
        let mut feed = pool.subscribe();
        let mut reader = pool.snapshot_reader();
        let mut out = Outstanding::default();
        let kept: Vec<_> = (0..20).map(|len| pool.alloc::<u8>(len * 100)).collect();
        is_silent(|_| {
            let snapshot = pool.end_frame();
            look(&pool, &snapshot);
            assert_eq!(reader.latest().frame, snapshot.frame);
            assert_eq!(feed.next().unwrap().frame, snapshot.frame);
            pool.stats();
            pool.outstanding_into(&mut out);
            pool.assert_no_leaks_but_for(kept.len());
        });
    }

    #[test]
    fn reader_holding_last_snapshots_makes_no_allocator_calls() {
        let pool = BufferPool::new();
        let mut held = VecDeque::with_capacity(5);
        is_silent(|_| {
            drop(pool.alloc::<u8>(10));
            held.push_back(pool.end_frame());
            if held.len() > 4 {
                held.pop_front();
            }
        });
    }

    #[test]
    fn two_pools_in_turn_are_silent() {
        let pools = [BufferPool::new(), BufferPool::new()];
        is_silent(|_| {
            for pool in &pools {
                let frame = pool.begin_frame();
                for other in &pools {
                    drop(other.alloc::<u8>(3000));
                    frame.alloc::<u8>(3000);
                }
                look(pool, &frame.release_all());
            }
        });
    }

    #[test]
    fn prewarmed_pool_makes_no_allocator_calls_from_start() {
        let pool = BufferPool::new();
        drop(pool.end_frame());
        for _ in 0..8 {
            pool.end_frame();
        }
        pool.prewarm::<u8>(10_000, 50);
        let mut kept = Vec::with_capacity(50);
        let before = calls();
        for _ in 0..3 {
            kept.extend((0..50).map(|_| pool.alloc::<u8>(10_000)));
            kept.clear();
            pool.end_frame();
        }
        assert_eq!(calls() - before, 0);
    }

    #[test]
    fn prewarmed_memory_is_resident_before_first_write() {
        let Some(before) = resident_pages() else {
            return;
        };
        let pool = BufferPool::new();
        pool.prewarm::<u8>(1 << 20, 64);
        let pages = resident_pages().expect("as before") - before;
        // Pages may be larger than the minimum; none of these was resident before.
        assert!(pages * 4096 > 60 << 20, "{pages} pages came in for 64 MiB");
    }

    #[test]
    fn prewarmed_memory_is_resident_to_its_last_page() {
        if resident_pages().is_none() {
            return;
        }
        let pool = BufferPool::new();
        pool.prewarm::<u8>(64 << 10, 256);
        let buffers: Vec<_> = (0..256).map(|_| pool.alloc::<u8>(64 << 10)).collect();
        let mut ends: Vec<u8> = Vec::with_capacity(256);
        let before = page_faults();
        ends.extend(buffers.iter().map(|buffer| buffer[(64 << 10) - 1]));
        let faults = page_faults() - before;
        assert!(faults < 16, "{faults} of 256 last pages came in when they were read");
    }
}

/// The page faults of this thread.
fn page_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("as `statm`");
    let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
    after_name
        .split_whitespace()
        .nth(7)
        .expect("a count of faults")
        .parse()
        .expect("a number")
}

/// The resident pages of this process, if the system reports them.
fn resident_pages() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse().ok()
}

/// For the shape that keeps buffers on purpose.
trait AssertHeld {
    fn assert_no_leaks_but_for(&self, held: usize);
}

impl AssertHeld for BufferPool {
    fn assert_no_leaks_but_for(&self, held: usize) {
        let out = self.stats().in_use_buffers;
        assert_eq!(
            out,
            if crate::common::TELEMETRY {
                held as u64
            } else {
                0
            }
        );
    }
}
