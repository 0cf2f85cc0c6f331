//! The threads of a scenario and their checks.

use std::sync::Weak;

use framepool::{Buffer, BufferPool, FrameSnapshot};
use shuttle::thread::{JoinHandle, spawn};

use crate::common::assert_empty;

/// Runs `work` on `threads` threads of the scenario; each gets its number.
pub(crate) fn crew<R: Send + 'static>(
    threads: usize,
    work: impl Fn(usize) -> R + Clone + Send + 'static,
) -> Vec<JoinHandle<R>> {
    (0..threads)
        .map(|number| {
            let work = work.clone();
            spawn(move || work(number))
        })
        .collect()
}

/// Waits for all, in their order.
pub(crate) fn join<R>(threads: Vec<JoinHandle<R>>) -> Vec<R> {
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

/// A buffer with a mark in every element, so that a buffer with two owners is detected.
pub(crate) struct Marked {
    buffer: Buffer<u8>,
    mark: u8,
}

impl Marked {
    pub(crate) fn take(pool: &BufferPool, len: usize, mark: u8) -> Self {
        let mut buffer = pool.alloc::<u8>(len);
        buffer.fill(mark);
        Self { buffer, mark }
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        assert_marked(&self.buffer, self.mark);
    }
}

/// Asserts that no other thread wrote here (L6 One owner).
#[track_caller]
pub(crate) fn assert_marked(slice: &[u8], mark: u8) {
    assert!(
        slice.iter().all(|&byte| byte == mark),
        "L6: another thread wrote here"
    );
}

/// Sums over the snapshots of frame ends: allocs, releases, and the bytes of both.
pub(crate) type Sums = [u64; 4];

pub(crate) fn sums<'s>(snapshots: impl IntoIterator<Item = &'s FrameSnapshot>) -> Sums {
    let mut sums = [0; 4];
    for snapshot in snapshots {
        for (sum, part) in sums.iter_mut().zip([
            snapshot.allocs,
            snapshot.releases,
            snapshot.alloc_bytes,
            snapshot.release_bytes,
        ]) {
            *sum += part;
        }
    }
    sums
}

/// Ends a last frame, and checks that all snapshots of the pool add up to the expected sums and are numbered from 1 without
/// a gap (L1 Conservation, L4 Whole and ordered). Then drops the pool, which must free it (L7 All of it comes back).
#[track_caller]
pub(crate) fn close(pool: BufferPool, mut snapshots: Vec<FrameSnapshot>, expected: Sums) {
    snapshots.push(*pool.end_frame());
    assert_eq!(
        sums(&snapshots),
        expected,
        "L1: allocs, releases, bytes of both"
    );
    snapshots.sort_by_key(|snapshot| snapshot.frame);
    let numbers = snapshots.iter().map(|snapshot| snapshot.frame.get());
    assert!(numbers.eq(1..=snapshots.len() as u64), "L4: {snapshots:?}");
    assert_empty(&pool);
    let published = watch(&pool);
    drop(pool);
    assert_gone(&published);
}

/// The latest snapshot, which the pool holds until it is freed.
pub(crate) fn watch(pool: &BufferPool) -> Weak<FrameSnapshot> {
    std::sync::Arc::downgrade(&pool.snapshot())
}

#[track_caller]
pub(crate) fn assert_gone(published: &Weak<FrameSnapshot>) {
    assert_eq!(published.strong_count(), 0, "L7: the pool was not freed");
}
