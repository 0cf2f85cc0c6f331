//! A thread allocates from another thread's arena.

use std::thread;

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    frame.with_arena(|arena| {
        arena.alloc::<u32>(64).fill(1);
        thread::scope(|scope| {
            #[cfg(feature = "misuse")]
            scope.spawn(|| arena.alloc::<u32>(64).fill(1));
            #[cfg(not(feature = "misuse"))]
            scope.spawn(|| frame.with_arena(|arena| arena.alloc::<u32>(64).fill(1)));
        });
    });
    frame.release_all();
}
