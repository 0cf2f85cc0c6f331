//! The order in which a fold reads: what was released, then what was lent, then the bytes held.
//!
//! Laws: L1, L2, L3.

mod support;

use framepool_under_loom::BufferPool;
use loom::thread;
use support::explore;

#[test]
fn memory_that_comes_during_a_fold_is_not_counted_as_given_back() {
    explore(Some(2), || {
        let pool = BufferPool::new();
        let kept = pool.alloc::<u8>(1);
        let folder = {
            let pool = pool.clone();
            thread::spawn(move || pool.release_all())
        };
        let more = pool.alloc::<u8>(1);
        let snapshot = folder.join().unwrap();
        assert_eq!((snapshot.releases, snapshot.release_bytes), (0, 0), "L1");
        drop((kept, more));
    });
}

#[test]
fn a_release_in_the_oldest_slot_is_never_seen_before_its_alloc_in_the_newest() {
    explore(Some(1), || {
        let pool = BufferPool::new();
        // This thread's slot is the oldest, and read last.
        drop(pool.alloc::<u8>(1));
        let before = pool.release_all().totals;
        let folder = {
            let pool = pool.clone();
            thread::spawn(move || pool.release_all())
        };
        let taker = {
            let pool = pool.clone();
            thread::spawn(move || pool.alloc::<u8>(1))
        };
        drop(taker.join().unwrap());
        let totals = folder.join().unwrap().totals;
        assert!(totals.releases >= before.releases, "L1");
        assert!(totals.releases <= totals.allocs, "L2");
        assert!(totals.release_bytes <= totals.alloc_bytes, "L2");
    });
}
