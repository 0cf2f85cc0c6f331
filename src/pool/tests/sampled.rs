//! The path of a frame buffer, in sampled frames and in others.
#![expect(unsafe_code, reason = "the fast path is called by itself")]

use crate::pool::frame::Frame;
use crate::pool::framed::frame_alloc_fast;
use crate::{BufferPool, PoolBuilder};

/// Whether the fast path has memory.
fn has_fast_path(frame: &Frame) -> bool {
    // SAFETY: the frame keeps the pool alive and is open; the memory is not used.
    unsafe { frame_alloc_fast(frame.pool.inner_ptr(), &frame.layout, 64) }.is_some()
}

fn pool(settings: impl Fn(PoolBuilder) -> PoolBuilder) -> BufferPool {
    settings(BufferPool::builder())
        .build()
        .expect("valid settings")
}

/// Whether a frame leaves the fast path at its first buffer and at its last, and whether it was sampled.
fn frame(pool: &BufferPool) -> [bool; 3] {
    let sampled = pool.frame_memory().sampling.frames;
    let frame = pool.begin_frame();
    let at_first = !has_fast_path(&frame);
    for len in [100, 100, 20_000, 100] {
        frame.alloc::<u8>(len);
    }
    let at_last = !has_fast_path(&frame);
    frame.release_all();
    let is_sampled = pool.frame_memory().sampling.frames > sampled;
    [at_first, at_last, is_sampled]
}

#[test]
fn only_sampled_frames_leave_the_fast_path() {
    let pool = pool(|it| it.frame_block_bytes(16 << 10).sample_frames(4));
    let frames: Vec<_> = (0..44).map(|_| frame(&pool)).collect();
    // The first ones take their blocks.
    for [at_first, at_last, is_sampled] in &frames[4..] {
        assert_eq!((at_first, at_last), (is_sampled, is_sampled));
    }
    assert_eq!(frames[4..].iter().filter(|it| it[2]).count(), 10);
}

/// There the first buffer of each frame leaves the fast path (`arena/parking.rs`).
#[test]
fn limited_pools_leave_it_in_sampled_frames() {
    let pool = pool(|it| {
        it.max_bytes(1 << 20)
            .frame_block_bytes(16 << 10)
            .sample_frames(4)
    });
    for [_, at_last, is_sampled] in (0..40).map(|_| frame(&pool)) {
        assert_eq!(at_last, is_sampled);
    }
}
