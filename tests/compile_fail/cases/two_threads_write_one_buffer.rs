//! Two threads write to one pooled buffer at the same time.

use std::thread;

fn main() {
    let pool = framepool::BufferPool::new();
    let mut samples = pool.alloc_zeroed::<u16>(64);
    #[cfg(feature = "misuse")]
    let (left, right) = (&mut samples, &mut samples);
    #[cfg(not(feature = "misuse"))]
    let (left, right) = samples.split_at_mut(32);
    thread::scope(|scope| {
        let worker = scope.spawn(move || left.fill(1));
        right.fill(2);
        worker.join().unwrap();
    });
    assert_eq!(samples.len(), 64);
}
