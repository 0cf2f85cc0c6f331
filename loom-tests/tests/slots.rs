//! Slots that change owners.
//!
//! Laws: L1 Conservation, L6 One owner.

mod support;

use framepool_under_loom::BufferPool;
use loom::sync::Arc;
use loom::thread;
use support::{explore, shared};

/// Laws: L1 Conservation.
/// One preemption at most: 3,870 executions; the search without a bound takes over a minute.
#[test]
fn slot_handed_over_at_exit_loses_no_count() {
    explore(Some(1), || {
        // The bins are empty, because a thread flushes them after its join; another model covers that. Both blocks exist
        // already; another model covers new memory.
        let pool = shared(BufferPool::builder().thread_cache_bytes(0).build().unwrap());
        drop((pool.alloc::<u8>(1), pool.alloc::<u8>(1)));
        let other = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        drop(pool.alloc::<u8>(1));
        other.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.totals.allocs, stats.totals.releases), (4, 4), "L1");
        assert!(
            (1..=2).contains(&stats.slots),
            "never more than lived at once"
        );
    });
}

/// A thread that sees the newest slot sees the older ones too.
///
/// Laws: L1 Conservation.
/// One preemption at most: 1,470 executions; with two it takes minutes.
#[test]
fn a_new_slot_hides_no_older_one() {
    explore(Some(1), || {
        let pool = shared(BufferPool::builder().thread_cache_bytes(0).build().unwrap());
        // In the older slot.
        let kept = pool.alloc::<u8>(1);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        let totals = pool.stats().totals;
        assert!(totals.allocs >= 1, "L1");
        other.join().unwrap();
        drop(kept);
    });
}

/// One preemption at most: 8,613 executions; the search without a bound takes over a minute.
#[test]
fn arena_handed_over_in_open_frame_lends_once() {
    explore(Some(1), || {
        let pool = BufferPool::new();
        let frame = Arc::new(pool.begin_frame());
        let other = {
            let frame = Arc::clone(&frame);
            thread::spawn(move || frame.alloc::<u8>(1).as_ptr().addr())
        };
        let mine = frame.alloc::<u8>(1).as_ptr().addr();
        assert_ne!(mine, other.join().unwrap(), "L6");
        let snapshot = Arc::try_unwrap(frame).ok().unwrap().release_all();
        assert_eq!((snapshot.allocs, snapshot.releases), (2, 2), "L1");
        assert_eq!(snapshot.in_use_bytes, 0);
    });
}

/// Laws: L1 Conservation.
/// Four preemptions at most: 919 executions; the search without a bound takes over a minute.
#[test]
fn frame_ended_by_another_thread_counts_every_alloc() {
    explore(Some(4), || {
        let pool = BufferPool::new();
        let frame = pool.begin_frame();
        frame.alloc::<u8>(1);
        let ender = thread::spawn(move || frame.release_all());
        // A second frame is filled while the first is ended.
        let other = pool.try_begin_frame();
        if let Ok(other) = &other {
            other.alloc::<u8>(1);
        }
        let ended = ender.join().unwrap();
        assert_eq!(ended.releases, 1, "L1");
        drop(other);
        let stats = pool.stats();
        assert_eq!(stats.totals.allocs, stats.totals.releases, "L1");
    });
}
