//! Workers during a frame end, a walk or a trim that never finishes.
//!
//! Laws: L5 Workers never wait.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::{BufferPool, Frame};

/// A worker that waits for the lock would wait for ever. Loom reports that as a deadlock in every order of steps, so no
/// preemption is needed, only the switches at locks and joins.
#[test]
fn workers_finish_although_a_frame_end_never_does() {
    explore(Some(0), || {
        let pool = BufferPool::new();
        let frame = Arc::new(pool.begin_frame());
        let stuck = pool.inner().aggregator.lock();
        let work = |pool: &BufferPool, frame: &Frame| {
            frame.alloc::<u8>(64);
            assert_eq!(pool.snapshot().frame.get(), 0);
        };
        let worker = {
            let (pool, frame) = (pool.clone(), Arc::clone(&frame));
            thread::spawn(move || work(&pool, &frame))
        };
        work(&pool, &frame);
        worker.join().unwrap();
        drop(stuck);
        drop(frame);
        assert_eq!(pool.stats().totals.allocs, 2);
    });
}

/// A thread without a slot claims a free one, and fetches a batch from the depot. No preemption, as above.
#[test]
fn new_worker_never_waits_for_stalled_frame_end() {
    explore(Some(0), || {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        drop(pool.alloc::<u8>(1));
        let stuck = pool.inner().aggregator.lock();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        worker.join().unwrap();
        drop(stuck);
        assert_eq!(pool.end_frame().totals.releases, 2);
    });
}
