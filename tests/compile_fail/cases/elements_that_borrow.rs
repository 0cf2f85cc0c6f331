//! Elements that borrow: bytes left by another holder are not a valid reference.

#[cfg(feature = "misuse")]
type Element = &'static u32;
#[cfg(not(feature = "misuse"))]
type Element = usize;

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    assert_eq!(frame.alloc::<Element>(4).len(), 4);
}
