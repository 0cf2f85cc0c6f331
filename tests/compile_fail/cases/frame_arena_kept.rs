//! A thread's arena is kept after its call, when the thread may have ended and another own the arena.

use framepool::{BufferPool, FrameArena};

fn main() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut kept: Option<FrameArena<'_, '_>> = None;
    #[cfg(feature = "misuse")]
    frame.with_arena(|arena| kept = Some(arena));
    #[cfg(not(feature = "misuse"))]
    frame.with_arena(|arena| {
        kept = None;
        arena.alloc::<u32>(64).fill(1);
    });
    assert!(kept.is_none());
    frame.release_all();
}
