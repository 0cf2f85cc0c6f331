//! Workers while a frame end, a walk or a trim is under way and does not come to its end.
//!
//! Laws: L5.

use loom::thread;

use super::explore;
use crate::BufferPool;

/// Whoever waited for the lock would wait for ever: loom calls that a deadlock.
#[test]
fn a_worker_finishes_although_a_frame_end_never_does() {
    explore(None, || {
        let pool = BufferPool::new();
        drop(pool.alloc::<u8>(1));
        let frame = pool.begin_frame();
        frame.alloc::<u8>(64);
        let stuck = pool.core().fold.lock();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.snapshot().frame.get())
        };
        drop(pool.alloc::<u8>(1));
        frame.alloc::<u8>(64);
        assert_eq!(worker.join().unwrap(), 0);
        drop(stuck);
        assert_eq!(frame.release_all().totals.allocs, 4);
    });
}

/// The same for a thread that has no slot yet, takes one that is free, and fetches what lies in the depot. Two preemptions at
/// most.
#[test]
fn a_new_worker_takes_a_free_slot_and_a_batch_although_a_frame_end_never_ends() {
    explore(Some(2), || {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        drop(pool.alloc::<u8>(1));
        let stuck = pool.core().fold.lock();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        worker.join().unwrap();
        drop(stuck);
        assert_eq!(pool.release_all().totals.releases, 2);
    });
}
