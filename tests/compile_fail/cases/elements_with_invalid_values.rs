//! Elements for which not every byte is valid.

#[cfg(feature = "misuse")]
type Element = bool;
#[cfg(not(feature = "misuse"))]
type Element = u8;

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    assert!(frame.try_alloc::<Element>(4).is_ok());
}
