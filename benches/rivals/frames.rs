//! Frames on one thread, from the first buffer to the frame's end.

use std::alloc::Layout;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use framepool::BufferPool;

/// The alignment of framepool's buffers, which is also requested from a bump allocator.
const ALIGNMENT: usize = 64;

/// Writes a frame buffer's first byte, so that the compiler cannot remove it.
#[inline(always)]
pub(crate) fn touch(start: *mut u8) {
    // SAFETY: the callers pass the start of a buffer they just got, which has at least one byte.
    unsafe { start.write_volatile(1) }
}

/// One frame of framepool: a buffer of each size from the thread's arena, and the frame's end.
#[inline(always)]
pub fn arena_frame(pool: &BufferPool, sizes: impl IntoIterator<Item = usize>) {
    let frame = pool.begin_frame();
    frame.with_arena(|arena| {
        for bytes in sizes {
            touch(arena.alloc::<u8>(bytes).as_mut_ptr());
        }
    });
    frame.release_all();
}

/// The same with a lookup of the thread for each buffer.
#[inline(always)]
pub fn frame(pool: &BufferPool, sizes: impl IntoIterator<Item = usize>) {
    let frame = pool.begin_frame();
    for bytes in sizes {
        touch(frame.alloc::<u8>(bytes).as_mut_ptr());
    }
    frame.release_all();
}

/// The layout with which a bump allocator is asked for `bytes` bytes.
///
/// # Panics
///
/// If there are no buffers of that size.
#[inline(always)]
pub fn bump_layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGNMENT).expect("a small layout")
}

/// The same with a bump allocator, all buffers of one size.
#[inline(always)]
pub fn bump_frame(bump: &mut Bump, layout: Layout, buffers: usize) {
    for _ in 0..buffers {
        touch(bump.alloc_layout(layout).as_ptr());
    }
    bump.reset();
}

/// A value of 16 bytes, with padding.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Some number.
    pub key: u64,
    /// Some other one.
    pub kind: u16,
}

/// The value with this number, which the compiler does not know.
#[inline(always)]
fn item(number: usize) -> Item {
    Item {
        key: black_box(number as u64),
        kind: 7,
    }
}

/// One frame of framepool: this many values from the thread's arena, and the frame's end.
#[inline(always)]
pub fn arena_values(pool: &BufferPool, count: usize) {
    let frame = pool.begin_frame();
    frame.with_arena(|arena| {
        for number in 0..count {
            black_box(&raw mut *arena.alloc_value(item(number)));
        }
    });
    frame.release_all();
}

/// The same with a lookup of the thread for each value.
#[inline(always)]
pub fn values(pool: &BufferPool, count: usize) {
    let frame = pool.begin_frame();
    for number in 0..count {
        black_box(&raw mut *frame.alloc_value(item(number)));
    }
    frame.release_all();
}

/// The same with a bump allocator.
#[inline(always)]
pub fn bump_values(bump: &mut Bump, count: usize) {
    for number in 0..count {
        black_box(&raw mut *bump.alloc(item(number)));
    }
    bump.reset();
}

/// A pool with frame blocks large enough for every frame measured here.
///
/// # Panics
///
/// Never: the settings are valid.
pub fn roomy_pool() -> BufferPool {
    BufferPool::builder()
        .frame_block_bytes(2 << 20)
        .build()
        .expect("valid settings")
}

/// The time of `count` frame ends, each of a frame with `buffers` buffers; only the ends are timed.
pub fn ends_of_frames(pool: &BufferPool, buffers: usize, count: u64) -> Duration {
    (0..count)
        .map(|_| {
            let frame = pool.begin_frame();
            for _ in 0..buffers {
                frame.alloc::<u8>(64);
            }
            let began = Instant::now();
            frame.release_all();
            began.elapsed()
        })
        .sum()
}
