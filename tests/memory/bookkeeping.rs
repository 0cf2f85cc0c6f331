//! `telemetry_bytes` agrees with the bookkeeping bytes that this binary's allocator counted.
#![cfg(feature = "telemetry")]

use std::sync::Arc;
use std::thread;

use framepool::{BufferPool, FrameSnapshot};

use crate::alone::alone;
use crate::common::Gate;
use crate::counting::live;

/// Compares the reported bookkeeping with the bytes from the system: never more, and almost as much. It excludes the counts
/// of shared values and a few lists of pointers.
#[track_caller]
fn says_what_it_has(before: i64, pool: &BufferPool, stage: &str) -> u64 {
    pool.trim();
    let stats = pool.stats();
    assert_eq!(stats.pooled_bytes, 0, "{stage}");
    let (said, held) = (stats.telemetry_bytes, (live() - before) as u64);
    assert!(
        said <= held && held - said <= 1024,
        "{stage}: {said} bytes, and {held} are held"
    );
    said
}

/// Makes this many threads use the pool at once.
fn use_with(pool: &BufferPool, threads: usize) {
    let together = Gate::new(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    drop(pool.alloc::<u8>(64));
                    together.wait();
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

alone! {
    #[test]
    fn a_pools_bookkeeping_is_reported_as_it_grows() {
        // Memory that all pools share is allocated first.
        drop(BufferPool::new().alloc::<u8>(64));
        let before = live();
        let pool = BufferPool::new();
        drop(pool.alloc::<u8>(64));
        let mut last = says_what_it_has(before, &pool, "a new pool");
        let mut grows = |stage, at_least: u64| {
            let now = says_what_it_has(before, &pool, stage);
            assert!(now >= last + at_least, "{stage}: {now} bytes after {last}");
            last = now;
        };
        use_with(&pool, 30);
        grows("thirty threads", 30 * 1024);
        let snapshots: Vec<Arc<FrameSnapshot>> = (0..20).map(|_| pool.end_frame()).collect();
        drop(snapshots);
        grows("eight snapshots to be written again", 8 * size_of::<FrameSnapshot>() as u64);
        let feed = pool.subscribe();
        grows("a feed", 256 * size_of::<FrameSnapshot>() as u64);
        drop(feed);
    }

    #[test]
    fn buffers_out_are_in_the_bookkeeping() {
        let pool = BufferPool::new();
        drop(pool.alloc::<u8>(0));
        let before = (live(), pool.stats().telemetry_bytes);
        // As many as fill the doubling mappings of records; a mapping that is not full would be reported only in part.
        let kept: Vec<_> = (0..64 * 255).map(|_| pool.alloc::<u8>(0)).collect();
        let list = kept.capacity() * size_of_val(&kept[0]);
        let (held, said) = (live() - before.0 - list as i64, pool.stats().telemetry_bytes - before.1);
        assert!(
            said.abs_diff(held as u64) <= 4096 + held as u64 / 64,
            "{said} bytes, and {held} are held"
        );
        drop(kept);
    }

    #[test]
    fn names_of_threads_are_in_the_bookkeeping() {
        let occupied = |name: &str| {
            let pool = BufferPool::new();
            let shared = pool.clone();
            let taker = thread::Builder::new().name(name.to_owned());
            let taken = taker.spawn(move || shared.alloc::<u8>(1)).unwrap().join().unwrap();
            let occupied = pool.stats().telemetry_bytes;
            drop(taken);
            occupied
        };
        assert_eq!(occupied(&"n".repeat(8010)) - occupied("ten bytes!"), 8000);
    }
}
