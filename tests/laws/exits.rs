//! Use of a pool during thread exit: buffers, frames and handles dropped by the destructors of thread-locals.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L6 One owner, L7 All of it comes back.

use std::cell::RefCell;
use std::sync::Barrier;
use std::thread;

use framepool::{Buffer, BufferPool, Frame};

use crate::common::{TELEMETRY, assert_empty, assert_lawful, rounds};

/// The values that a thread still has when it ends.
#[derive(Default)]
struct Remains {
    buffers: Vec<Buffer<u8>>,
    frame: Option<Frame>,
    pool: Option<BufferPool>,
    /// Whether the destructor uses the pool again.
    goes_on: bool,
}

impl Drop for Remains {
    fn drop(&mut self) {
        if let (true, Some(pool)) = (self.goes_on, &self.pool) {
            let last = pool.alloc_copy(&[1_u8; 77]);
            assert!(last.iter().all(|&byte| byte == 1));
            if let Some(frame) = &self.frame {
                frame.alloc::<u8>(77).fill(2);
            }
            assert_lawful(&pool.end_frame());
            assert_lawful(&pool.snapshot());
            self.buffers.push(last);
        }
    }
}

thread_local! {
    static REMAINS: RefCell<Remains> = RefCell::default();
    static MORE_REMAINS: RefCell<Remains> = RefCell::default();
}

/// A thread that ends with parts of the pool in its thread-locals. The order of destructors depends on the order of first
/// use. So ours, the pool's own, and a second one of ours are initialised in both orders.
fn leave(pool: &BufferPool, ours_first: bool, goes_on: bool) {
    if ours_first {
        REMAINS.with(|_| ());
    }
    drop(pool.alloc::<u8>(500));
    let frame = pool.begin_frame();
    frame.alloc::<u8>(200).fill(1);
    REMAINS.with_borrow_mut(|remains| {
        remains.buffers = (0..20).map(|len| pool.alloc::<u8>(len * 100)).collect();
        remains.frame = Some(frame);
        remains.pool = Some(pool.clone());
        remains.goes_on = goes_on;
    });
    MORE_REMAINS.with_borrow_mut(|remains| {
        remains.buffers = (0..5).map(|len| pool.alloc::<u8>(len * 1000)).collect();
        remains.pool = Some(pool.clone());
        remains.goes_on = goes_on;
    });
}

#[test]
fn thread_locals_return_buffers_in_either_initialisation_order() {
    for ours_first in [false, true] {
        for goes_on in [false, true] {
            let pool = BufferPool::new();
            let threads = rounds(200);
            for _ in 0..threads {
                let shared = pool.clone();
                thread::spawn(move || leave(&shared, ours_first, goes_on))
                    .join()
                    .unwrap();
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                assert_eq!((snapshot.open_frames, snapshot.in_use_buffers), (0, 0));
            }
            let stats = pool.stats();
            if TELEMETRY {
                let each = 27 + 3 * u64::from(goes_on);
                assert_eq!(stats.totals.allocs, each * threads as u64);
                assert_eq!(stats.claimed_slots, 0);
                assert!(stats.slots <= 2, "{} slots for two threads", stats.slots);
            }
            assert_empty(&pool);
        }
    }
}

/// Laws: L2 Never negative, L3 It adds up, L7 All of it comes back.
#[test]
fn thread_local_may_hold_the_last_pool_handle() {
    for ours_first in [false, true] {
        for _ in 0..rounds(200) {
            thread::spawn(move || leave(&BufferPool::new(), ours_first, true))
                .join()
                .unwrap();
        }
    }
}

/// Uses its pool in its destructor, while another thread has the free slot.
struct Late(Option<BufferPool>);

impl Drop for Late {
    fn drop(&mut self) {
        let pool = self.0.take().expect("set by the test");
        let (claimed, used) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                drop(pool.alloc::<u8>(1));
                claimed.wait();
                used.wait();
            });
            claimed.wait();
            drop(pool.alloc::<u8>(1));
            used.wait();
            // ThreadSanitizer does not see the end of a scope.
            other.join().expect("no panic");
        });
    }
}

thread_local! {
    static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
}

/// Laws: L6 One owner.
#[test]
fn a_destructor_uses_no_slot_of_another_thread() {
    for ours_first in [false, true] {
        let pool = BufferPool::new();
        let shared = pool.clone();
        let leaving = thread::spawn(move || {
            if ours_first {
                LATE.with(|_| ());
            }
            drop(shared.alloc::<u8>(1));
            LATE.with_borrow_mut(|late| late.0 = Some(shared));
        });
        leaving.join().unwrap();
        if TELEMETRY {
            // One for each thread that lived at the same time.
            assert_eq!(pool.stats().slots, 2, "ours first: {ours_first}");
        }
    }
}

#[test]
fn a_pool_first_used_in_a_destructor_works() {
    let pool = BufferPool::new();
    for _ in 0..rounds(200) {
        let shared = pool.clone();
        thread::spawn(move || {
            REMAINS.with_borrow_mut(|remains| {
                remains.pool = Some(shared);
                remains.goes_on = true;
            });
        })
        .join()
        .unwrap();
    }
    if TELEMETRY {
        assert_eq!(pool.stats().totals.allocs, rounds(200) as u64);
        assert_eq!(
            pool.stats().claimed_slots,
            0,
            "what was claimed in a destructor was handed back"
        );
    }
    assert_empty(&pool);
}

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn buffers_outlive_pool_and_allocating_threads() {
    let mut kept = Vec::new();
    for number in 0..rounds(400) {
        let taken = thread::spawn(move || {
            let pool = BufferPool::new();
            (0..10)
                .map(|len| pool.alloc_copy(&vec![number as u8; len * 111]))
                .collect::<Vec<_>>()
        })
        .join()
        .unwrap();
        kept.push((number as u8, taken));
        if number % 3 == 0 {
            let (mark, buffers) = kept.swap_remove(kept.len() / 2);
            thread::spawn(move || {
                for buffer in buffers {
                    assert!(buffer.iter().all(|&byte| byte == mark));
                }
            })
            .join()
            .unwrap();
        }
    }
    for (mark, buffers) in kept {
        assert!(
            buffers
                .iter()
                .flat_map(|buffer| buffer.iter())
                .all(|&byte| byte == mark)
        );
    }
}

/// Laws: L6 One owner, L7 All of it comes back.
#[test]
fn handles_frames_and_buffers_may_drop_concurrently() {
    for _ in 0..rounds(400) {
        let pool = BufferPool::builder()
            .max_frames_in_flight(4)
            .build()
            .unwrap();
        let threads: Vec<_> = (0..4_u8)
            .map(|mark| {
                let buffers: Vec<_> = (0..20)
                    .map(|len| pool.alloc_copy(&vec![mark; len * 7]))
                    .collect();
                let frame = pool.begin_frame();
                frame.alloc::<u8>(100).fill(mark);
                let pool = pool.clone();
                thread::spawn(move || {
                    drop(pool);
                    let own = frame.alloc::<u8>(50);
                    own.fill(mark);
                    drop(frame);
                    assert!(
                        buffers
                            .iter()
                            .flat_map(|buffer| buffer.iter())
                            .all(|&byte| byte == mark)
                    );
                })
            })
            .collect();
        drop(pool);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
