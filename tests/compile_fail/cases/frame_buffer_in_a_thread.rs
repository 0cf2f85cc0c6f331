//! A thread that may outlive the frame keeps a frame buffer past `release_all`.

use std::thread;

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    let samples = frame.alloc::<u32>(64);
    #[cfg(feature = "misuse")]
    let worker = thread::spawn(move || samples.fill(1));
    #[cfg(not(feature = "misuse"))]
    thread::scope(|scope| {
        scope.spawn(|| samples.fill(1)).join().unwrap();
    });
    frame.release_all();
    #[cfg(feature = "misuse")]
    worker.join().unwrap();
}
