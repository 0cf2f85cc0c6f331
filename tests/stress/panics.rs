//! Threads that panic with live buffers, inside frames, and with frames that only the unwinding ends.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use framepool::{BufferPool, Frame};

use crate::alone::alone;
use crate::books::{Books, CROWD, mark, to_the_last_byte};
use crate::common::{assert_lawful, rounds};

/// Runs a crowd of threads that all panic, without the hook's message.
fn crowd_that_panics(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..CROWD)
            .map(|number| {
                scope.spawn(move || {
                    let outcome = catch_unwind(AssertUnwindSafe(|| work(number)));
                    resume_unwind(outcome.err().unwrap_or_else(|| Box::new("on purpose")));
                })
            })
            .collect();
        for thread in threads {
            let panic = thread.join().unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"on purpose"), "no other panic");
        }
    });
}

fn give_up() -> ! {
    resume_unwind(Box::new("on purpose"))
}

alone! {
    #[test]
    fn panicking_threads_release_all_their_buffers() {
        to_the_last_byte(rounds(40), |times| {
            let pool = BufferPool::new();
            let books = Books::default();
            for time in 0..times {
                crowd_that_panics(|number| {
                    let _kept: Vec<_> =
                        (0..10).map(|len| books.buffer(&pool, len * 100, mark(number, time))).collect();
                    give_up();
                });
                assert_lawful(&pool.end_frame());
            }
            books.compare(&pool);
        });
    }

    #[test]
    fn a_crowd_that_panics_inside_frames_ends_them() {
        to_the_last_byte(rounds(40), |times| {
            let pool = BufferPool::builder()
                .max_frames_in_flight(16)
                .frame_block_bytes(8192)
                .build()
                .unwrap();
            let books = Books::default();
            for time in 0..times {
                crowd_that_panics(|number| {
                    let frame = loop {
                        match pool.try_begin_frame() {
                            Ok(frame) => break frame,
                            Err(_) => thread::yield_now(),
                        }
                    };
                    let _kept = books.buffer(&pool, number, mark(number, time));
                    books.in_frame(&frame, 100 * number, mark(number, time), || give_up());
                });
                assert_eq!(pool.end_frame().open_frames, 0);
            }
            books.compare(&pool);
        });
    }

    #[test]
    fn open_frames_of_panicked_threads_end_on_others() {
        to_the_last_byte(rounds(40), |times| {
            let pool = BufferPool::builder()
                .max_frames_in_flight(4)
                .frame_block_bytes(8192)
                .build()
                .unwrap();
            let books = Books::default();
            for time in 0..times {
                let left: Mutex<Vec<Arc<Frame>>> = Mutex::default();
                let shared: Vec<_> = (0..4).map(|_| Arc::new(pool.begin_frame())).collect();
                crowd_that_panics(|number| {
                    let frame = Arc::clone(&shared[number % 4]);
                    books.in_frame(&frame, 10 * number, mark(number, time), || ());
                    left.lock().unwrap().push(frame);
                    give_up();
                });
                assert_eq!(pool.end_frame().open_frames, if crate::common::TELEMETRY { 4 } else { 0 });
                drop(shared);
                let mut left = left.into_inner().unwrap();
                thread::scope(|scope| {
                    let enders: Vec<_> = (0..4)
                        .map(|number| {
                            let share = left.split_off(left.len().saturating_sub(CROWD / 4));
                            let books = &books;
                            scope.spawn(move || {
                                books.in_frame(&share[0], 500, mark(number, time), || ());
                                drop(share);
                            })
                        })
                        .collect();
                    for ender in enders {
                        ender.join().unwrap();
                    }
                });
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                assert_eq!((snapshot.open_frames, snapshot.in_use_buffers), (0, 0));
            }
            books.compare(&pool);
        });
    }
}
