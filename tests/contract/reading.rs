//! Reading from outside: immutable snapshots, feeds that count lost entries, readers, handles.

use std::sync::Arc;
use std::thread;

use framepool::{BufferPool, FrameSnapshot};

use crate::common::{TELEMETRY, assert_lawful};

/// Laws: L4 Whole and ordered.
#[test]
fn a_snapshot_that_is_kept_never_changes() {
    let pool = BufferPool::new();
    let mut kept: Vec<(Arc<FrameSnapshot>, FrameSnapshot)> = Vec::new();
    for number in 0..100_usize {
        drop(pool.alloc::<u8>(number * 10));
        let snapshot = pool.end_frame();
        if number % 3 == 0 {
            kept.push((Arc::clone(&snapshot), *snapshot));
        }
        if number % 20 == 0 {
            kept.drain(..kept.len() / 2);
        }
        for (shared, copy) in &kept {
            assert_eq!(**shared, *copy);
        }
    }
}

/// Laws: L4 Whole and ordered.
#[test]
fn referenced_snapshot_is_never_overwritten() {
    let pool = BufferPool::new();
    for number in (1..150).step_by(3) {
        let snapshot = pool.end_frame();
        assert_eq!(snapshot.frame.get(), number);
        let asked_for = Arc::downgrade(&snapshot);
        drop(snapshot);
        assert_eq!(pool.end_frame().frame.get(), number + 1);
        if let Some(snapshot) = asked_for.upgrade() {
            assert_eq!(snapshot.frame.get(), number);
        }
        assert_eq!(pool.end_frame().frame.get(), number + 2);
    }
}

/// Laws: L4 Whole and ordered.
#[test]
fn feed_delivers_every_frame_since_subscription_in_order() {
    let pool = BufferPool::new();
    pool.end_frame();
    let mut feed = pool.subscribe();
    assert!(feed.next().is_none());
    for number in 2..10 {
        drop(pool.alloc::<u8>(number));
        let published = pool.end_frame();
        let read = feed.next().expect("a frame ended");
        assert_eq!(read, *published);
        assert_eq!(read.frame.get(), number as u64);
        assert!(feed.next().is_none());
    }
    for _ in 0..256 {
        pool.end_frame();
    }
    let numbers: Vec<_> = std::iter::from_fn(|| feed.next())
        .map(|snapshot| snapshot.frame.get())
        .collect();
    assert_eq!(numbers, (10..266).collect::<Vec<_>>());
    assert_eq!(feed.lost(), 0);
}

#[test]
fn lagging_feed_loses_and_counts_the_oldest_frames() {
    let pool = BufferPool::builder().history_frames(5).build().unwrap();
    let mut slow = pool.subscribe();
    let mut quick = pool.subscribe();
    for number in 1..=12 {
        pool.end_frame();
        assert_eq!(
            quick.next().map(|snapshot| snapshot.frame.get()),
            Some(number)
        );
    }
    assert_eq!((slow.lost(), quick.lost()), (7, 0));
    let late = pool.subscribe();
    let fed: Vec<_> = std::iter::from_fn(|| slow.next())
        .map(|snapshot| snapshot.frame.get())
        .collect();
    assert_eq!(fed, [8, 9, 10, 11, 12]);
    pool.end_frame();
    assert_eq!(slow.next().map(|snapshot| snapshot.frame.get()), Some(13));
    assert_eq!((slow.lost(), late.lost()), (7, 0));
}

#[test]
fn feed_outlives_pool_and_drops_at_any_time() {
    let pool = BufferPool::new();
    let mut feed = pool.subscribe();
    drop(pool.subscribe());
    pool.end_frame();
    drop(pool);
    assert_eq!(feed.next().map(|snapshot| snapshot.frame.get()), Some(1));
    assert!(feed.next().is_none());
    assert_eq!(feed.lost(), 0);
}

#[test]
fn a_dropped_feed_takes_no_memory() {
    let pool = BufferPool::builder().history_frames(64).build().unwrap();
    for _ in 0..20 {
        pool.end_frame();
    }
    let before = pool.stats().telemetry_bytes;
    let feed = pool.subscribe();
    pool.end_frame();
    let during = pool.stats().telemetry_bytes;
    drop(feed);
    let after = pool.stats().telemetry_bytes;
    if TELEMETRY {
        let frames = 64 * size_of::<framepool::FrameSnapshot>() as u64;
        assert!(during >= before + frames);
        assert!(during < before + frames + frames / 10);
        assert_eq!(after, before);
    }
}

/// Laws: L2 Never negative, L3 It adds up, L4 Whole and ordered.
#[test]
fn a_feed_can_be_read_while_frames_end() {
    let pool = BufferPool::builder().history_frames(16).build().unwrap();
    let mut feed = pool.subscribe();
    let frames = 3000;
    let ender = thread::spawn(move || {
        for number in 0..frames {
            drop(pool.alloc::<u8>(number % 100));
            pool.end_frame();
        }
    });
    let (mut seen, mut last) = (0, 0);
    loop {
        let finished = ender.is_finished();
        while let Some(snapshot) = feed.next() {
            assert_lawful(&snapshot);
            assert!(snapshot.frame.get() > last, "in order");
            last = snapshot.frame.get();
            seen += 1;
        }
        if finished {
            break;
        }
    }
    ender.join().unwrap();
    assert_eq!(last, frames as u64);
    assert_eq!(
        seen + feed.lost(),
        frames as u64,
        "each frame was read or counted as lost"
    );
}

/// Laws: L4 Whole and ordered.
#[test]
fn a_reader_always_gives_the_latest() {
    let pool = BufferPool::new();
    let mut reader = pool.snapshot_reader();
    assert_eq!(reader.latest().frame.get(), 0);
    for number in 1..50 {
        let published = pool.end_frame();
        assert!(Arc::ptr_eq(reader.latest(), &published));
        assert_eq!(reader.latest().frame.get(), number);
    }
    let mut elsewhere = thread::spawn(move || {
        assert_eq!(reader.latest().frame.get(), 49);
        reader
    })
    .join()
    .unwrap();
    drop(pool);
    assert_eq!(elsewhere.latest().frame.get(), 49);
}

#[test]
fn handles_are_the_same_pool() {
    let pool = BufferPool::new();
    let clone = pool.clone();
    let buffer = clone.alloc::<u8>(100);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(10);
    drop(clone);
    let snapshot = frame.release_all();
    if TELEMETRY {
        assert_eq!((snapshot.allocs, snapshot.in_use_buffers), (2, 1));
    }
    drop(buffer);
    if TELEMETRY {
        assert_eq!(pool.end_frame().releases, 1);
    }
}
