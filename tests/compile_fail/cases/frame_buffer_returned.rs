//! A function ends the frame and returns a buffer of it.

use framepool::{BufferPool, Frame};

#[cfg(feature = "misuse")]
fn lend<'f>(pool: &'f BufferPool, _frame: &'f Frame) -> &'f mut [u8] {
    let own = pool.begin_frame();
    own.alloc::<u8>(16)
}

#[cfg(not(feature = "misuse"))]
fn lend<'f>(_pool: &'f BufferPool, frame: &'f Frame) -> &'f mut [u8] {
    frame.alloc::<u8>(16)
}

fn main() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    assert_eq!(lend(&pool, &frame).len(), 16);
}
