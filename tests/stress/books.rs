//! Counts the operations of a scenario's threads, and compares them with the pool and the allocator.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use framepool::{Buffer, BufferPool, Frame};

use crate::common::{TELEMETRY, assert_empty, frame_bytes, pooled_bytes};
use crate::counting::live;

/// Threads at once.
pub(crate) const CROWD: usize = 64;

/// The counts of one pool, kept by its users.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pooled: AtomicU64,
    framed: AtomicU64,
    bytes: AtomicU64,
    requested: AtomicU64,
}

impl Books {
    /// A buffer with a mark in every byte.
    pub(crate) fn buffer(&self, pool: &BufferPool, len: usize, mark: u8) -> Marked {
        self.pooled.fetch_add(1, Relaxed);
        self.bytes.fetch_add(pooled_bytes(len as u64, 64), Relaxed);
        self.requested.fetch_add(len as u64, Relaxed);
        let mut buffer = pool.alloc::<u8>(len);
        buffer.fill(mark);
        Marked { buffer, mark }
    }

    /// A frame buffer, filled and checked again after `meanwhile`.
    pub(crate) fn in_frame(&self, frame: &Frame, len: usize, mark: u8, meanwhile: impl FnOnce()) {
        self.framed.fetch_add(1, Relaxed);
        self.bytes.fetch_add(frame_bytes(len as u64, 64), Relaxed);
        self.requested.fetch_add(len as u64, Relaxed);
        let slice = frame.alloc::<u8>(len);
        slice.fill(mark);
        meanwhile();
        assert!(
            slice.iter().all(|&byte| byte == mark),
            "L6: written by another"
        );
    }

    /// Asserts that the pool has the same counts (L1 Conservation), and that everything came back (L2 Never negative, L3 It
    /// adds up).
    #[track_caller]
    pub(crate) fn compare(&self, pool: &BufferPool) {
        assert_empty(pool);
        if !TELEMETRY {
            return;
        }
        let stats = pool.stats();
        let counts = stats.totals.counts;
        let told = [
            counts.pooled_allocs(),
            counts.frame_allocs,
            stats.totals.alloc_bytes,
            counts.pooled_requested_bytes + counts.frame_requested_bytes,
        ];
        let kept = [&self.pooled, &self.framed, &self.bytes, &self.requested];
        assert_eq!(
            told,
            kept.map(|number| number.load(Relaxed)),
            "L1: pooled allocs, frame allocs, bytes, bytes requested"
        );
        assert!(stats.claimed_slots <= 1, "the threads are gone");
    }
}

/// A buffer that is checked when it is dropped: no other thread wrote there (L6 One owner).
#[derive(Debug)]
pub(crate) struct Marked {
    buffer: Buffer<u8>,
    mark: u8,
}

impl Drop for Marked {
    fn drop(&mut self) {
        let whole = self.buffer.iter().all(|&byte| byte == self.mark);
        assert!(whole || thread::panicking(), "L6: written by another");
    }
}

/// Runs the scenario at a tenth of its size until the process's permanent memory is allocated, then at full size, and
/// compares the live bytes (L7 All of it comes back). Only `arc-swap` may keep more than before: a node for a thread, used
/// again later.
#[track_caller]
pub(crate) fn to_the_last_byte(size: usize, mut scenario: impl FnMut(usize)) {
    let other = BufferPool::new();
    let mut scenario = |size| {
        scenario(size);
        // Until now this thread may keep its magazine of a pool that another thread dropped. The buffer is large, so that
        // it is not in a slab of the scenario and keeps no page there.
        drop(other.alloc::<u8>(1 << 16));
    };
    let node = bytes_of_a_node(&other);
    for _ in 0..2 {
        scenario(size.div_ceil(10));
    }
    let before = live();
    scenario(size);
    let left = live() - before;
    let nodes = left / node;
    assert!(
        left % node == 0 && (0..=2 * CROWD as i64).contains(&nodes),
        "L7: {left} bytes left, and a node has {node}"
    );
}

/// The memory that `arc-swap` keeps for every thread that reads at the same time as others.
fn bytes_of_a_node(pool: &BufferPool) -> i64 {
    let read_by = |threads: usize| {
        let together = Barrier::new(threads);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        drop(pool.snapshot());
                        together.wait();
                    })
                })
                .collect();
            for reader in readers {
                reader.join().unwrap();
            }
        });
        live()
    };
    read_by(1);
    let one = read_by(1);
    let node = read_by(2) - one;
    assert!(node > 0, "two threads that read at once need a node each");
    node
}

/// Runs `work` on `threads` threads at once and waits for all; each gets its number, which is also its mark.
pub(crate) fn crowd(threads: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A mark for a thread and a step.
pub(crate) fn mark(number: usize, step: usize) -> u8 {
    (number * 31 + step) as u8
}
