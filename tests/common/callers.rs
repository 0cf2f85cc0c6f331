//! A line of code that allocates for two callers, for tests of sampled call stacks.
#![allow(dead_code, reason = "every test binary uses its part")]

use framepool::{Buffer, BufferPool};

#[inline(never)]
fn decode_texture(pool: &BufferPool, len: usize) -> Buffer<u8> {
    pool.alloc(len)
}

/// Three large buffers.
#[inline(never)]
pub(crate) fn load_level(pool: &BufferPool) -> Vec<Buffer<u8>> {
    (0..3).map(|_| decode_texture(pool, 1 << 20)).collect()
}

/// A hundred small buffers.
#[inline(never)]
pub(crate) fn open_menu(pool: &BufferPool) -> Vec<Buffer<u8>> {
    (0..100).map(|_| decode_texture(pool, 1 << 10)).collect()
}
