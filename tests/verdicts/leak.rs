//! The planted leak: the only line of this file that allocates.

use std::panic::Location;

use framepool::{Buffer, BufferPool};

/// Leaks one buffer every `every` frames, from frame `from` on.
pub(crate) struct Leak {
    from: u64,
    every: u64,
    kept: Vec<Buffer<u8>>,
}

impl Leak {
    pub(crate) fn new(from: u64, every: u64) -> Self {
        Self {
            from,
            every,
            kept: Vec::new(),
        }
    }

    pub(crate) fn step(&mut self, pool: &BufferPool, frame: u64) {
        if frame >= self.from && (frame - self.from).is_multiple_of(self.every) {
            self.kept.push(pool.alloc::<u8>(4096));
        }
    }

    /// Stops the leak and releases its buffers.
    pub(crate) fn mend(&mut self) {
        self.kept.clear();
    }
}

/// Whether this is the leaking line.
pub(crate) fn is_leak(site: &Location<'_>) -> bool {
    site.file() == file!()
}
