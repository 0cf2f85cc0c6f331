//! Frames that several threads fill while others end frames.

use framepool::BufferPool;
use shuttle::sync::{Arc, mpsc};
use shuttle::thread::spawn;

use crate::common::{assert_lawful, frame_bytes};
use crate::support::{assert_marked, close, crew, explore, join};

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner, L7 All of it comes back.
#[test]
fn frame_filled_during_concurrent_frame_ends_loses_nothing() {
    explore(8_000, |_| {
        let pool = BufferPool::builder()
            .max_frames_in_flight(3)
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let lens = [1, 4000, 100];
        let shared = Arc::new(pool.begin_frame());
        let frame = Arc::clone(&shared);
        let fillers = crew(2, move |number| {
            let mark = number as u8 + 1;
            let slices = lens.map(|len| {
                let slice = frame.alloc::<u8>(len);
                slice.fill(mark);
                slice
            });
            for slice in slices {
                assert_marked(slice, mark);
            }
        });
        let other = pool.clone();
        let enders = crew(2, move |number| {
            [0, 1].map(|_| {
                let frame = other.begin_frame();
                let slice = frame.alloc::<u8>(200);
                slice.fill(number as u8 + 10);
                assert_marked(slice, number as u8 + 10);
                let snapshot = frame.release_all();
                assert_lawful(&snapshot);
                *snapshot
            })
        });
        let mut snapshots = join(enders).concat();
        join(fillers);
        let last = Arc::into_inner(shared).unwrap().release_all();
        assert_lawful(&last);
        snapshots.push(*last);
        let filled: u64 = lens.iter().map(|&len| frame_bytes(len as u64, 64)).sum();
        let bytes = 2 * filled + 4 * frame_bytes(200, 64);
        close(pool, snapshots, [10, 10, bytes, bytes]);
    });
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner, L7 All of it comes back.
#[test]
fn frames_passed_between_threads_are_counted_once() {
    explore(8_000, |_| {
        let pool = BufferPool::builder()
            .max_frames_in_flight(4)
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let (to_fill, from_begin) = mpsc::channel();
        let (to_end, from_fill) = mpsc::channel();
        let beginner = {
            let pool = pool.clone();
            spawn(move || {
                for mark in 1..=3_u8 {
                    let frame = pool.begin_frame();
                    frame.alloc::<u8>(64).fill(mark);
                    to_fill
                        .send((frame, pool.alloc_copy(&[mark; 100])))
                        .unwrap();
                }
            })
        };
        let filler = spawn(move || {
            for (frame, passed) in from_begin {
                let copy = frame.alloc_copy(&passed);
                drop(passed);
                assert_marked(copy, copy[0]);
                to_end.send(frame).unwrap();
            }
        });
        let ender = spawn(move || {
            let end = |frame: framepool::Frame| {
                frame.alloc::<u8>(10).fill(99);
                let snapshot = frame.release_all();
                assert_lawful(&snapshot);
                *snapshot
            };
            from_fill.into_iter().map(end).collect::<Vec<_>>()
        });
        let other = {
            let pool = pool.clone();
            spawn(move || *pool.end_frame())
        };
        let mut snapshots = ender.join().unwrap();
        snapshots.push(other.join().unwrap());
        beginner.join().unwrap();
        filler.join().unwrap();
        let each = frame_bytes(64, 64) + frame_bytes(100, 64) + frame_bytes(10, 64) + 128;
        close(pool, snapshots, [12, 12, 3 * each, 3 * each]);
    });
}
