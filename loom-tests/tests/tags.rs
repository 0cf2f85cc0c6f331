//! Tags: their counts while buffers change holders, and a budget that two threads use up at once.
//!
//! Laws: L1 Conservation, L2 Never negative.

mod support;

use framepool_under_loom::telemetry::{TagCounts, Tags};
use framepool_under_loom::{AllocError, BufferPool, TagSettings};
use loom::thread;
use support::{explore, shared};

#[track_caller]
fn total(tags: &Tags) -> TagCounts {
    let total = tags.get("a").expect("the tag exists").total;
    assert!(total.releases <= total.allocs, "L2");
    assert!(total.release_bytes <= total.alloc_bytes, "L2");
    total
}

/// Two preemptions at most.
#[test]
fn a_reading_never_finds_more_releases_than_allocs() {
    explore(Some(2), || {
        let pool = shared(BufferPool::new());
        let tag = shared(pool.tag("a"));
        let buffer = tag.alloc::<u8>(1);
        let reader = {
            let pool = pool.clone();
            thread::spawn(move || pool.tags())
        };
        drop(buffer);
        drop(tag.alloc::<u8>(1));
        let before = total(&reader.join().unwrap());
        let after = total(&pool.tags());
        assert!(before.allocs <= after.allocs && before.releases <= after.releases);
        assert_eq!((after.allocs, after.releases), (2, 2), "L1");
        assert_eq!((after.alloc_bytes, after.release_bytes), (128, 128), "L1");
    });
}

/// As `an_aggregation_never_takes_a_count_back` in `frame_end.rs`, for the numbers of a tag. Three preemptions at most.
#[test]
fn a_reading_never_takes_a_release_back() {
    explore(Some(3), || {
        let pool = shared(BufferPool::new());
        let tag = shared(pool.tag("a"));
        let (one, other) = (tag.alloc::<u8>(1), tag.alloc::<u8>(1));
        drop((one, other));
        let before = total(&pool.tags());
        let reader = {
            let pool = pool.clone();
            thread::spawn(move || pool.tags())
        };
        // The first makes the reading look at the lane again, possibly during the second.
        let taken = (tag.alloc::<u8>(1), tag.alloc::<u8>(1));
        let after = total(&reader.join().unwrap());
        assert!(after.allocs >= before.allocs && after.releases >= before.releases);
        assert!(after.release_bytes >= before.release_bytes);
        drop(taken);
    });
}

/// The buffer is released in the slot of another thread, which the reading may already have read. No preemption, only the
/// switches at locks and joins.
#[test]
fn a_release_on_another_thread_counts_once() {
    explore(Some(0), || {
        let pool = shared(BufferPool::new());
        let buffer = pool.tag("a").alloc::<u8>(1);
        let releaser = thread::spawn(move || drop(buffer));
        let before = total(&pool.tags());
        releaser.join().unwrap();
        let after = total(&pool.tags());
        assert!(before.releases <= after.releases);
        assert_eq!((after.allocs, after.releases), (1, 1), "L1");
        assert_eq!((after.alloc_bytes, after.release_bytes), (64, 64), "L1");
    });
}

/// A block of the tag goes through the depot to a buffer without a tag on another thread. One preemption at most.
#[test]
fn a_block_leaves_its_tag_in_the_depot() {
    explore(Some(1), || {
        // Threads keep nothing.
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        let (pool, tag) = (shared(pool.clone()), shared(pool.tag("a")));
        let buffer = tag.alloc::<u8>(1);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        drop(buffer);
        other.join().unwrap();
        let tags = pool.tags();
        let (of_tag, untagged) = (total(&tags), tags.untagged);
        assert_eq!((of_tag.allocs, of_tag.releases), (1, 1), "L1");
        assert_eq!((untagged.allocs, untagged.releases), (1, 1), "L1");
    });
}

/// One preemption at most.
#[test]
fn walker_never_joins_tag_to_untagged_holder() {
    explore(Some(1), || {
        let pool = shared(BufferPool::new());
        let tag = shared(pool.tag("a"));
        drop(tag.alloc::<u8>(1)); // makes room in the magazine, so that the next release is a fast one
        let (tagged, tagged_line) = (tag.alloc::<u8>(1), line!());
        let walker = {
            let pool = pool.clone();
            thread::spawn(move || pool.outstanding())
        };
        drop(tagged);
        let kept = pool.alloc::<u8>(1);
        for site in &walker.join().unwrap().sites {
            let is_tagged = site.location.line() == tagged_line;
            assert_eq!(site.tag, if is_tagged { "a" } else { "" });
            assert_eq!(site.bytes, 64);
        }
        drop(kept);
    });
}

/// The budget has room for one buffer. No preemption, only the switches at locks and joins; the account itself is searched
/// further (`primitives/tag_budget.rs`).
#[test]
fn two_threads_never_exceed_a_budget_together() {
    explore(Some(0), || {
        let settings = TagSettings::new().max_bytes(64);
        let pool = BufferPool::builder().tag("a", settings).build().unwrap();
        let tag = shared(pool.tag("a"));
        let other = {
            let tag = tag.clone();
            thread::spawn(move || tag.try_alloc::<u8>(1))
        };
        let mine = tag.try_alloc::<u8>(1);
        let other = other.join().unwrap();
        let lent = usize::from(mine.is_ok()) + usize::from(other.is_ok());
        assert_eq!(lent, 1, "one fits, and one must not be refused for nothing");
        for refused in [&mine, &other]
            .into_iter()
            .filter_map(|it| it.as_ref().err())
        {
            assert!(matches!(refused, AllocError::TagBudgetExceeded { .. }));
        }
        drop((mine, other));
        drop(tag.alloc::<u8>(1));
    });
}
