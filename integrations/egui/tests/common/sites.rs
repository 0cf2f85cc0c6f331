//! Lines that allocate buffers, in a separate file because the pictures show their numbers.

use framepool::{Buffer, BufferPool};

pub(crate) fn texture(pool: &BufferPool) -> Buffer<u8> {
    pool.tag("render").alloc(24 << 20)
}

pub(crate) fn particles(pool: &BufferPool) -> Buffer<u8> {
    pool.alloc(64 << 10)
}

pub(crate) fn sound(pool: &BufferPool) -> Buffer<u8> {
    pool.tag("audio/mixer").alloc(96 << 10)
}
