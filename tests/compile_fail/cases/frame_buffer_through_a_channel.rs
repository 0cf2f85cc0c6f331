//! A frame buffer goes through a channel and comes out after `release_all`.

use std::sync::mpsc::channel;

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    let (sender, receiver) = channel();
    sender.send(frame.alloc_copy(&[7_u32; 4])).unwrap();
    #[cfg(feature = "misuse")]
    frame.release_all();
    assert_eq!(receiver.recv().unwrap()[3], 7);
    #[cfg(not(feature = "misuse"))]
    {
        drop((sender, receiver));
        frame.release_all();
    }
}
