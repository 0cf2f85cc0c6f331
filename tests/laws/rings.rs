//! Buffers and frames passed from thread to thread and released on another thread than the one that allocated them.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L6 One owner.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use framepool::{Buffer, BufferPool};

use crate::common::{TELEMETRY, assert_empty, assert_lawful, pooled_bytes, rounds};

/// A buffer, its mark, and its remaining hops.
type Parcel = (Buffer<u32>, u32, usize);

/// A number in every element, so that a buffer with two owners is detected.
fn stamped(pool: &BufferPool, number: u32, len: usize) -> Buffer<u32> {
    pool.alloc_copy(&vec![number; len])
}

fn check(buffer: &Buffer<u32>, number: u32) {
    assert!(
        buffer.iter().all(|&element| element == number),
        "L6: another thread wrote here"
    );
}

#[test]
fn buffers_passed_around_thread_ring_are_released_once() {
    let pool = BufferPool::new();
    let (threads, each) = (4, rounds(2_000));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads)
        .map(|_| std::sync::mpsc::channel::<Parcel>())
        .unzip();
    thread::scope(|scope| {
        let workers: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(at, receiver)| {
                let next = senders[(at + 1) % threads].clone();
                let pool = &pool;
                scope.spawn(move || {
                    // Every parcel passes here once, and ends at its sender.
                    for step in 0..threads * each {
                        if step < each {
                            let number = (at * each + step) as u32;
                            let parcel = stamped(pool, number, step % 500);
                            next.send((parcel, number, threads - 1)).unwrap();
                        }
                        let (buffer, number, hops) = receiver.recv().unwrap();
                        check(&buffer, number);
                        if hops == 0 {
                            drop(buffer);
                        } else {
                            // A dropped receiver would mean that a parcel was received twice.
                            next.send((buffer, number, hops - 1)).unwrap();
                        }
                        if step % 100 == 0 {
                            assert_lawful(&pool.end_frame());
                        }
                    }
                })
            })
            .collect();
        // So that a panic of a worker ends its neighbours too, instead of leaving them waiting.
        drop(senders);
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let totals = pool.end_frame().totals;
    if TELEMETRY {
        assert_eq!(totals.allocs, (threads * each) as u64);
        let bytes: u64 = (0..each as u64)
            .map(|number| pooled_bytes(number % 500 * 4, 64))
            .sum();
        assert_eq!(totals.alloc_bytes, threads as u64 * bytes);
    }
    assert_empty(&pool);
}

#[test]
fn producer_and_consumer_share_bounded_memory() {
    let pool = BufferPool::new();
    let (sender, receiver): (SyncSender<(Buffer<u32>, u32)>, Receiver<_>) = sync_channel(16);
    let count = rounds(100_000) as u32;
    thread::scope(|scope| {
        let producer = scope.spawn({
            let pool = &pool;
            move || {
                for number in 0..count {
                    sender.send((stamped(pool, number, 64), number)).unwrap();
                }
            }
        });
        let consumer = scope.spawn(move || {
            for (buffer, number) in receiver {
                check(&buffer, number);
            }
        });
        producer.join().unwrap();
        consumer.join().unwrap();
    });
    let snapshot = pool.end_frame();
    assert_lawful(&snapshot);
    if TELEMETRY {
        assert_eq!(
            (snapshot.allocs, snapshot.releases),
            (u64::from(count), u64::from(count))
        );
        // 16 to 18 in transit, and one thread's cache, which goes back in batches.
        assert!(
            snapshot.peak_bytes < 256 * 300,
            "{} bytes for 18 buffers of 256",
            snapshot.peak_bytes
        );
    }
    assert_empty(&pool);
}

#[test]
fn pipeline_threads_begin_fill_and_end_frames() {
    let pool = BufferPool::builder()
        .max_frames_in_flight(3)
        .frame_block_bytes(8192)
        .build()
        .unwrap();
    let frames = rounds(3_000) as u64;
    let (to_render, from_simulation) = sync_channel(1);
    let (to_upload, from_render) = sync_channel(1);
    thread::scope(|scope| {
        let simulate = scope.spawn({
            let pool = &pool;
            move || {
                for number in 0..frames {
                    // Another frame may not have ended yet; then this thread does something else.
                    let frame = loop {
                        match pool.try_begin_frame() {
                            Ok(frame) => break frame,
                            Err(_) => thread::yield_now(),
                        }
                    };
                    frame.alloc::<u64>(100).fill(number);
                    let passed = pool.alloc_copy(&[number; 50]);
                    to_render.send((frame, passed)).unwrap();
                }
            }
        });
        let render = scope.spawn(move || {
            for (frame, passed) in from_simulation {
                let copy = frame.alloc_copy(&passed);
                assert_eq!(copy, &*passed);
                drop(passed);
                to_upload.send(frame).unwrap();
            }
        });
        let upload = scope.spawn(move || {
            let mut last = 0;
            for frame in from_render {
                frame.alloc::<u8>(3000).fill(1);
                let snapshot = frame.release_all();
                assert_lawful(&snapshot);
                assert_eq!(snapshot.frame.get(), last + 1);
                last += 1;
            }
            assert_eq!(last, frames);
        });
        for stage in [simulate, render, upload] {
            stage.join().unwrap();
        }
    });
    let totals = pool.end_frame().totals;
    if TELEMETRY {
        assert_eq!(
            (totals.counts.frame_allocs, totals.counts.pooled_allocs()),
            (3 * frames, frames)
        );
    }
    assert_empty(&pool);
}
