//! A slice of a pooled buffer is used after the buffer went back.

fn main() {
    let pool = framepool::BufferPool::new();
    let buffer = pool.alloc_copy(&[3_u8; 10]);
    let slice = &buffer[2..5];
    #[cfg(feature = "misuse")]
    drop(buffer);
    assert_eq!(slice, [3; 3]);
    #[cfg(not(feature = "misuse"))]
    drop(buffer);
}
