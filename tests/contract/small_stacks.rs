//! Threads with small stacks can use pools.

use std::thread;

use framepool::BufferPool;

fn on_a_stack_of(bytes: usize, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(bytes)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn first_use_fits_a_24_kib_stack() {
    let pool = BufferPool::new();
    on_a_stack_of(24 << 10, move || {
        drop(pool.alloc::<u8>(100));
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        frame.release_all();
    });
}

/// Without optimisation, a pool is built on the stack before it is moved to the heap.
#[test]
fn pool_builds_and_closes_on_64_kib_stack() {
    on_a_stack_of(64 << 10, || {
        let pool = BufferPool::new();
        drop(pool.alloc::<u8>(100));
        pool.end_frame();
        pool.trim();
    });
}
