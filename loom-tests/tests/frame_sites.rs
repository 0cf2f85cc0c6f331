//! Sampled frames: access to arenas and tables of call sites.
//!
//! Laws: L1 Conservation, L6 One owner.

mod support;

use framepool_under_loom::BufferPool;
use loom::thread;
use support::{explore, shared};

/// A pool in which every frame is sampled.
fn sampled() -> BufferPool {
    BufferPool::builder().sample_frames(1).build().unwrap()
}

/// Allocates two frame buffers in a frame, if one can begin.
fn frame(pool: &BufferPool) -> Option<u64> {
    let frame = pool.try_begin_frame().ok()?;
    frame.alloc::<u8>(1)[0] = 1;
    frame.alloc::<u8>(65)[0] = 1;
    drop(frame.release_all());
    Some(2)
}

fn assert_sites_sum_to(pool: &BufferPool, allocs: u64) {
    let memory = pool.frame_memory();
    let sites = memory.sites.iter().map(|site| site.counts.allocs);
    assert_eq!(memory.sampling.total.allocs, allocs, "L1");
    assert_eq!(sites.sum::<u64>(), allocs, "L1");
}

/// The thread that begins a frame closes the arenas of the previous frame, which another thread ended. One preemption at
/// most: 5,587 executions; two take minutes.
#[test]
fn sampled_frame_begins_after_another_threads_frame() {
    explore(Some(1), || {
        let pool = shared(sampled());
        let other = {
            let pool = pool.clone();
            thread::spawn(move || frame(&pool))
        };
        let mine = frame(&pool);
        let theirs = other.join().unwrap();
        let allocs = [mine, theirs].into_iter().flatten().sum();
        assert!(allocs > 0);
        assert_sites_sum_to(&pool, allocs);
    });
}

/// Two threads count in one frame, which a third ends; the slot of one may change its owner. One preemption at most: 8,805
/// executions; two take minutes.
#[test]
fn sampled_frame_counts_sites_of_every_thread() {
    explore(Some(1), || {
        let pool = sampled();
        let frame = shared(pool.begin_frame());
        let other = {
            let frame = frame.clone();
            thread::spawn(move || frame.alloc::<u8>(1).len())
        };
        frame.alloc::<u8>(65)[0] = 1;
        other.join().unwrap();
        let frame = std::sync::Arc::into_inner(frame).expect("the other thread is gone");
        let ended = frame.release_all();
        assert_eq!(ended.frame_allocs, 2, "L1");
        assert_sites_sum_to(&pool, 2);
    });
}

/// A frame that begins while sampling is switched on is sampled or not; later ones are.
#[test]
fn sampling_switched_on_beside_a_frame_stays_on() {
    explore(Some(1), || {
        let pool = shared(BufferPool::builder().sample_frames(0).build().unwrap());
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.set_frame_sampling(1))
        };
        drop(pool.begin_frame());
        other.join().unwrap();
        frame(&pool);
        assert_sites_sum_to(&pool, 2);
    });
}
