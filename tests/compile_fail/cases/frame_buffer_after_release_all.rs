//! A frame buffer is used after `release_all`.

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    let samples = frame.alloc::<f32>(64);
    #[cfg(feature = "misuse")]
    frame.release_all();
    samples[0] = 1.0;
    #[cfg(not(feature = "misuse"))]
    frame.release_all();
}
