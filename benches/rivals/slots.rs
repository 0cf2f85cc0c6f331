//! A pool with many slots: threads that allocated once and now wait.

use std::sync::mpsc;
use std::thread::Builder;

use framepool::BufferPool;

/// Enough for a first alloc in a build without optimisation too.
const STACK: usize = 256 << 10;

/// Runs `body` while `others` other threads have a slot of the pool.
///
/// # Panics
///
/// If the threads cannot be started.
pub fn with_slots<R>(pool: &BufferPool, others: usize, body: impl FnOnce() -> R) -> R {
    std::thread::scope(|scope| {
        let (ready, all_ready) = mpsc::channel();
        let ends: Vec<_> = (0..others)
            .map(|_| {
                let (end, wait) = mpsc::channel::<()>();
                let ready = ready.clone();
                Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || {
                        drop(pool.alloc::<u8>(256));
                        ready.send(()).expect("the measurement waits");
                        // Ends when the other side is dropped.
                        let _ = wait.recv();
                    })
                    .expect("a thread");
                end
            })
            .collect();
        for _ in 0..others {
            all_ready.recv().expect("every thread gets a slot");
        }
        drop(pool.alloc::<u8>(256));
        let result = body();
        drop(ends);
        result
    })
}
