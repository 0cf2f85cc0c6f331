//! Planted faults, one for each kind that a sanitizer must find. The sanitizers' steps of `cargo xtask ci` run them first
//! and fail unless the sanitizer reports each one.

use std::hint::black_box;
use std::thread;

use framepool::BufferPool;

/// An address that the compiler allows on any thread.
#[derive(Clone, Copy)]
struct Anywhere(*mut u64);

// SAFETY: none. That is the fault.
unsafe impl Send for Anywhere {}

impl Anywhere {
    fn write(self) {
        // SAFETY: none, where another thread does the same. That is the fault.
        unsafe { self.0.write(black_box(1)) }
    }
}

#[test]
#[ignore = "breaks a rule on purpose; see the head of this file"]
fn two_threads_write_to_one_buffer() {
    let pool = BufferPool::new();
    let mut buffer = pool.alloc::<u64>(1);
    let shared = Anywhere(buffer.as_mut_ptr());
    let other = thread::spawn(move || shared.write());
    shared.write();
    other.join().unwrap();
    assert_eq!(buffer[0], 1);
}

#[test]
#[ignore = "breaks a rule on purpose; see the head of this file"]
fn buffer_is_read_after_its_pool_is_freed() {
    let pool = BufferPool::new();
    let buffer = pool.alloc_copy(&[1_u64; 100]);
    let start = buffer.as_ptr();
    drop((buffer, pool));
    // SAFETY: none, the memory went back to the system. That is the fault.
    let read = unsafe { start.read_volatile() };
    black_box(read);
}

#[test]
#[ignore = "breaks a rule on purpose; see the head of this file"]
fn a_frame_is_forgotten() {
    // On a thread that ends, so that nothing refers to the pool.
    let leaking = thread::spawn(|| {
        let frame = BufferPool::new().begin_frame();
        frame.alloc::<u8>(100).fill(1);
        std::mem::forget(frame);
    });
    leaking.join().unwrap();
}
