//! Published snapshots against readers.
//!
//! Laws: L4 Whole and ordered.

mod support;

use framepool_under_loom::{BufferPool, FrameSnapshot};
use loom::thread;
use support::{explore, shared};

/// Asserts that all fields of the snapshot are from the same frame end.
fn assert_whole(snapshot: &FrameSnapshot) {
    assert_eq!(snapshot.frame.get(), snapshot.totals.frames);
    assert_eq!(
        snapshot.totals.allocs, snapshot.totals.frames,
        "one a frame"
    );
}

#[test]
fn reader_sees_whole_ordered_snapshots_while_recycled() {
    explore(None, || {
        let pool = shared(BufferPool::new());
        let reader = {
            let pool = pool.clone();
            thread::spawn(move || {
                let first = pool.snapshot();
                let seen = first.frame;
                let second = pool.snapshot();
                assert!(seen <= second.frame);
                assert_eq!(first.frame, seen, "a snapshot held is not written again");
                assert_whole(&first);
                assert_whole(&second);
            })
        };
        for _ in 0..3 {
            drop(pool.alloc::<u8>(1));
            pool.end_frame();
        }
        reader.join().unwrap();
        assert_eq!(pool.snapshot().frame.get(), 3);
    });
}

#[test]
fn subscriber_receives_or_counts_lost_every_frame() {
    explore(None, || {
        let pool = BufferPool::builder().history_frames(1).build().unwrap();
        let mut feed = pool.subscribe();
        let reader = thread::spawn(move || {
            let first = feed.next().map(|snapshot| snapshot.frame.get());
            (feed, first)
        });
        pool.end_frame();
        pool.end_frame();
        let (mut feed, first) = reader.join().unwrap();
        let mut got = first.into_iter().collect::<Vec<_>>();
        got.extend(std::iter::from_fn(|| feed.next()).map(|snapshot| snapshot.frame.get()));
        assert!(got.is_sorted());
        assert_eq!(*got.last().unwrap(), 2, "the newest is never the one lost");
        assert_eq!(got.len() as u64 + feed.lost(), 2);
    });
}
