//! Readers of every kind, while threads allocate, release and end frames.

use framepool::BufferPool;
use shuttle::thread::spawn;

use crate::common::{assert_lawful, assert_lawful_stats};
use crate::support::{Marked, close, crew, explore, join};

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered.
#[test]
fn readings_during_work_and_frame_ends_are_lawful() {
    explore(6_000, |_| {
        let pool = BufferPool::builder().history_frames(1).build().unwrap();
        let mut feed = pool.subscribe();
        let workers = crew(2, {
            let pool = pool.clone();
            move |number| {
                let mark = number as u8 + 1;
                let kept = Marked::take(&pool, 100, mark);
                drop(Marked::take(&pool, 50, mark));
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                drop(kept);
                *snapshot
            }
        });
        let reader = {
            let pool = pool.clone();
            let mut reader = pool.snapshot_reader();
            spawn(move || {
                let mut last = 0;
                for _ in 0..2 {
                    let held = pool.snapshot();
                    let (before, number) = (*held, held.frame.get());
                    assert_lawful(&held);
                    assert!(number >= last, "L4: the frame numbers go back");
                    last = number;
                    let latest = reader.latest().frame.get();
                    assert!(latest >= last, "L4: the frame numbers go back");
                    last = latest;
                    assert_eq!(format!("{held:?}"), format!("{before:?}"), "L4: it changed");
                }
            })
        };
        let walker = {
            let pool = pool.clone();
            spawn(move || {
                let stats = pool.stats();
                assert_lawful_stats(&stats);
                let out = pool.outstanding();
                assert!(out.buffers <= 4 && out.bytes <= 4 * 128, "{out}");
                let later = pool.stats();
                assert!(later.totals.allocs >= stats.totals.allocs);
                assert!(later.totals.releases >= stats.totals.releases);
                // The printed memory comes from the walk over the records.
                assert!(out.sites.iter().all(|site| site.oldest_age_frames <= 2));
            })
        };
        let mut seen = Vec::new();
        seen.extend(feed.next().map(|snapshot| snapshot.frame.get()));
        let snapshots = join(workers);
        reader.join().unwrap();
        walker.join().unwrap();
        seen.extend(std::iter::from_fn(|| feed.next()).map(|snapshot| snapshot.frame.get()));
        assert!(seen.is_sorted(), "L4: {seen:?}");
        assert_eq!(seen.last(), Some(&2), "the newest is never the one lost");
        assert_eq!(
            seen.len() as u64 + feed.lost(),
            2,
            "every frame was read or lost"
        );
        drop(feed);
        close(pool, snapshots, [4, 4, 2 * 192, 2 * 192]);
    });
}

/// Laws: L2 Never negative, L3 It adds up, L6 One owner.
#[test]
fn memory_trimmed_during_allocs_is_unowned_and_counted() {
    explore(10_000, |_| {
        let pool = BufferPool::builder()
            .thread_cache_bytes(128)
            .build()
            .unwrap();
        drop([0; 3].map(|_| pool.alloc::<u8>(1)));
        let workers = crew(2, {
            let pool = pool.clone();
            move |number| {
                for step in 0..2 {
                    let mark = (number * 2 + step) as u8 + 1;
                    drop([Marked::take(&pool, 1, mark), Marked::take(&pool, 1, mark)]);
                }
            }
        });
        let trimmers = crew(2, {
            let pool = pool.clone();
            move |number| {
                if number == 0 {
                    pool.trim();
                }
                let stats = pool.stats();
                assert_lawful_stats(&stats);
            }
        });
        join(workers);
        join(trimmers);
        close(pool, Vec::new(), [11, 11, 11 * 64, 11 * 64]);
    });
}
