//! The number of exchanges with the depot, and the overhead of a thread and of a buffer.
//!
//! Laws: L5 Workers never wait.

use std::collections::VecDeque;
use std::sync::RwLock;
use std::sync::mpsc::sync_channel;
use std::thread;

use framepool::{Buffer, BufferPool, Frame};

use crate::common::{Gate, TELEMETRY, rounds};

/// The sizes in the README: of a thread's slot and of a pooled buffer's record.
const SLOT_BYTES: u64 = 10 << 10;
const BUFFER_BYTES: u64 = 64;

/// The most buffers in transit between two threads.
const RING: usize = 256;

fn exchanges(pool: &BufferPool) -> u64 {
    pool.stats().totals.counts.depot_exchanges
}

/// Exchanges with the depot, and operations, while buffers of `bytes` go from one thread to another through a ring of 256,
/// after a warm-up.
fn exchanges_through_a_ring(bytes: usize) -> (u64, u64) {
    let pool = BufferPool::new();
    let (warm, watched) = (20_000, rounds(40_000).max(4_000));
    let (sender, receiver) = sync_channel::<Buffer<u8>>(RING);
    let before = thread::scope(|scope| {
        let consumer = scope.spawn(move || receiver.into_iter().for_each(drop));
        let send = |count: usize| {
            for _ in 0..count {
                sender.send(pool.alloc::<u8>(bytes)).unwrap();
            }
        };
        send(warm);
        let before = exchanges(&pool);
        send(watched);
        drop(sender);
        consumer.join().unwrap();
        before
    });
    (exchanges(&pool) - before, 2 * watched as u64)
}

#[track_caller]
fn seldom_meet(bytes: usize) {
    let (met, operations) = exchanges_through_a_ring(bytes);
    // Buffers in transit at the start are released during the measurement, one more exchange for every sixteen buffers of
    // the ring. The same holds for the blocks in the two magazines, at most two batches each.
    let most = (operations + RING as u64) / 16 + 4;
    assert!(met <= most, "{met} of {operations}");
    assert!(!TELEMETRY || met > 0, "buffers go round by the depot");
}

#[test]
fn producer_consumer_256_b_exchange_every_sixteen_operations() {
    seldom_meet(256);
}

#[test]
fn producer_consumer_4_kib_exchange_every_sixteen_operations() {
    seldom_meet(4096);
}

#[test]
fn producer_consumer_64_kib_exchange_every_sixteen_operations() {
    seldom_meet(65_536);
}

const WARM: usize = 64;

/// A thread's part of a frame: both kinds of buffer, some of them live at the same time.
fn fill(pool: &BufferPool, frame: &Frame) {
    let held: Vec<_> = (0..32).map(|at| pool.alloc::<u8>(at * 100)).collect();
    for at in 0..64 {
        frame.alloc::<u8>(at * 500);
        drop(pool.alloc::<f32>(at * 10));
    }
    drop(held);
}

#[test]
fn steady_frames_of_one_thread_bypass_the_depot() {
    let pool = BufferPool::new();
    let run = |frames: usize| {
        for _ in 0..frames {
            let frame = pool.begin_frame();
            fill(&pool, &frame);
            frame.release_all();
        }
    };
    run(WARM);
    let before = exchanges(&pool);
    run(rounds(2_000));
    assert_eq!(exchanges(&pool), before);
}

#[test]
fn steady_frames_with_longer_lived_buffers_bypass_depot() {
    let pool = BufferPool::new();
    let mut kept = VecDeque::new();
    let mut run = |frames: usize| {
        for _ in 0..frames {
            let frame = pool.begin_frame();
            fill(&pool, &frame);
            kept.push_back(pool.alloc::<u8>(3_000));
            if kept.len() > 3 {
                kept.pop_front();
            }
            frame.release_all();
        }
    };
    run(WARM);
    let before = exchanges(&pool);
    run(rounds(2_000));
    assert_eq!(exchanges(&pool), before);
}

#[test]
fn steady_frames_of_several_threads_bypass_the_depot() {
    const WORKERS: usize = 3;
    let pool = BufferPool::new();
    let current: RwLock<Option<Frame>> = RwLock::new(None);
    let step = Gate::new(WORKERS + 1);
    let frames = WARM + rounds(1_000);
    thread::scope(|scope| {
        let work = || {
            for _ in 0..frames {
                step.wait();
                fill(&pool, current.read().unwrap().as_ref().unwrap());
                step.wait();
            }
            // A thread that exits flushes its magazine to the depot, so it must not exit before the exchanges are read.
            step.wait();
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let mut before = 0;
        for number in 0..frames {
            if number == WARM {
                before = exchanges(&pool);
            }
            *current.write().unwrap() = Some(pool.begin_frame());
            step.wait();
            step.wait();
            current.write().unwrap().take().unwrap().release_all();
        }
        let met = exchanges(&pool) - before;
        step.wait();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(met, 0, "in {frames} frames");
    });
}

#[test]
fn thread_bookkeeping_costs_the_documented_bytes() {
    const THREADS: usize = 64;
    let pool = BufferPool::new();
    drop(pool.alloc::<u8>(100));
    let before = pool.stats();
    let (come, go) = (Gate::new(THREADS + 1), Gate::new(THREADS + 1));
    let during = thread::scope(|scope| {
        let stay = || {
            drop(pool.alloc::<u8>(100));
            come.wait();
            go.wait();
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(stay)).collect();
        come.wait();
        let during = pool.stats();
        go.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        during
    });
    if TELEMETRY {
        let slots = u64::from(during.slots - before.slots);
        assert_eq!(slots, THREADS as u64);
        // Each thread allocated one buffer.
        let bytes = during.telemetry_bytes - before.telemetry_bytes - slots * BUFFER_BYTES;
        assert!(bytes > 0);
        assert!(bytes / slots <= SLOT_BYTES, "{} a slot", bytes / slots);
    }
}

#[test]
fn buffer_bookkeeping_costs_the_documented_bytes() {
    const BUFFERS: u64 = 50_000;
    let pool = BufferPool::new();
    drop(pool.alloc::<u8>(64));
    let before = pool.stats().telemetry_bytes;
    let held: Vec<_> = (0..BUFFERS).map(|_| pool.alloc::<u8>(64)).collect();
    let bytes = pool.stats().telemetry_bytes - before;
    drop(held);
    if TELEMETRY {
        assert!(bytes > 0);
        // Including the words that mark records in use.
        let least = BUFFERS * BUFFER_BYTES;
        // Under sanitizers the whole table is from the global allocator, and up to twice as large.
        let most = if cfg!(framepool_sanitized) {
            2 * least
        } else {
            least + least / 100
        };
        assert!(bytes <= most, "{bytes} bytes");
    }
}
