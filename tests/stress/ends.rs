//! Buffers, frames and handles that end in thread-locals, after their threads, and after their pool.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::thread;

use framepool::{BufferPool, Frame};

use crate::alone::alone;
use crate::books::{Books, CROWD, Marked, crowd, mark, to_the_last_byte};
use crate::common::{assert_lawful, rounds};

/// The values that a thread still has when it ends.
#[derive(Default)]
struct Remains {
    buffers: Vec<Marked>,
    frame: Option<Frame>,
    goes_on: Option<(BufferPool, Arc<Books>)>,
}

impl Drop for Remains {
    fn drop(&mut self) {
        if let Some((pool, books)) = &self.goes_on {
            self.buffers.push(books.buffer(pool, 77, 1));
            if let Some(frame) = &self.frame {
                books.in_frame(frame, 77, 2, || self.buffers.truncate(1));
            }
            assert_lawful(&pool.end_frame());
        }
    }
}

thread_local! {
    static REMAINS: RefCell<Remains> = RefCell::default();
    static MORE_REMAINS: RefCell<Remains> = RefCell::default();
}

/// Leaves parts of the pool in thread-locals. The number selects the order in which they and the pool's own are
/// initialised, and whether the destructors use the pool again.
fn leave(pool: &BufferPool, books: &Arc<Books>, number: usize) {
    if number.is_multiple_of(2) {
        REMAINS.with(|_| ());
    }
    let some = |many: usize| {
        (0..many)
            .map(|at| books.buffer(pool, at * 90, mark(number, at)))
            .collect()
    };
    let goes_on = number
        .is_multiple_of(3)
        .then(|| (pool.clone(), Arc::clone(books)));
    let frame = pool.try_begin_frame().ok();
    if let Some(frame) = &frame {
        books.in_frame(frame, 200, mark(number, 0), || ());
    }
    REMAINS.set(Remains {
        buffers: some(10),
        frame,
        goes_on: goes_on.clone(),
    });
    MORE_REMAINS.set(Remains {
        buffers: some(3),
        frame: None,
        goes_on,
    });
}

alone! {
    #[test]
    fn contents_of_many_threads_locals_are_freed() {
        to_the_last_byte(rounds(40), |times| {
            let pool = BufferPool::builder()
                .max_frames_in_flight(16)
                .frame_block_bytes(8192)
                .build()
                .unwrap();
            let books = Arc::new(Books::default());
            for _ in 0..times {
                crowd(CROWD, |number| leave(&pool, &books, number));
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                assert_eq!((snapshot.open_frames, snapshot.in_use_buffers), (0, 0));
            }
            books.compare(&pool);
        });
    }

    /// Laws: L6 One owner, L7 All of it comes back.
    #[test]
    fn pools_dropped_during_mass_exit_are_freed() {
        to_the_last_byte(rounds(60), |times| {
            for _ in 0..times {
                let pool = BufferPool::builder().frame_block_bytes(8192).build().unwrap();
                let books = Arc::new(Books::default());
                let threads: Vec<_> = (0..CROWD)
                    .map(|number| {
                        let (pool, books) = (pool.clone(), Arc::clone(&books));
                        thread::spawn(move || leave(&pool, &books, number))
                    })
                    .collect();
                drop(pool);
                for thread in threads {
                    thread.join().unwrap();
                }
            }
        });
    }

    /// Laws: L6 One owner, L7 All of it comes back.
    #[test]
    fn many_threads_drop_buffers_outliving_their_pools() {
        to_the_last_byte(rounds(60), |times| {
            for time in 0..times {
                let kept: Mutex<Vec<Marked>> = Mutex::default();
                let books = Books::default();
                crowd(CROWD, |number| {
                    let pool = BufferPool::new();
                    let taken = (0..8).map(|at| books.buffer(&pool, at * 111, mark(number, time)));
                    kept.lock().unwrap().extend(taken);
                });
                // Their pools are closed and their threads have ended; each thread here drops buffers of several.
                crowd(CROWD, |number| {
                    for _ in 0..8 {
                        let buffer = {
                            let mut kept = kept.lock().unwrap();
                            let at = (number * 13) % kept.len();
                            kept.swap_remove(at)
                        };
                        drop(buffer);
                    }
                });
                assert!(kept.into_inner().unwrap().is_empty());
            }
        });
    }
}
