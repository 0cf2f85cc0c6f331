//! A frame is used after `release_all` took it.

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    frame.release_all();
    #[cfg(not(feature = "misuse"))]
    let frame = pool.begin_frame();
    frame.release_all();
}
