//! The demo's leak: unneeded buffers, all allocated by one line.

use framepool::{Buffer, BufferPool};

/// Buffers that should have been dropped.
#[derive(Debug)]
pub(crate) struct Leak {
    pool: BufferPool,
    a_second: u32,
    forgotten: Vec<Buffer<f32>>,
    total: u64,
}

impl Leak {
    /// Elements of one leaked buffer.
    const ELEMENTS: usize = 4 * 1024;
    /// The most buffers that are kept: 256 MiB. The demo may run for hours.
    const MOST: u64 = 16 * 1024;

    pub(crate) fn new(pool: &BufferPool, a_second: u32) -> Self {
        Self {
            pool: pool.clone(),
            a_second,
            forgotten: Vec::new(),
            total: 0,
        }
    }

    /// Leaks the buffers that are due after `seconds` of leaking.
    pub(crate) fn go_on(&mut self, seconds: f64) {
        let due = (f64::from(self.a_second) * seconds).ceil() as u64;
        let due = due.min(Self::MOST);
        while (self.forgotten.len() as u64) < due {
            let mut buffer = self.pool.alloc::<f32>(Self::ELEMENTS);
            buffer.fill(1.0);
            self.forgotten.push(buffer);
            self.total += 1;
        }
    }

    /// Buffers kept now.
    pub(crate) fn held(&self) -> usize {
        self.forgotten.len()
    }

    /// Buffers leaked in the whole run.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Releases all, as if the line had been mended.
    pub(crate) fn release(&mut self) {
        self.forgotten = Vec::new();
    }

    /// Whether what was leaked has been released.
    pub(crate) fn is_fixed(&self) -> bool {
        self.total > 0 && self.forgotten.is_empty()
    }
}
