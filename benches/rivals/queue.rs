//! A lock-free queue of free buffers as a pool, shared by all threads: a simple pool built from crossbeam.

use std::mem::ManuallyDrop;

use crossbeam_queue::ArrayQueue;

use super::{Lender, Lent};

/// A pool of buffers of one size.
#[derive(Debug)]
pub struct Queue {
    free: ArrayQueue<Box<[u8]>>,
}

/// A buffer of a [`Queue`].
#[derive(Debug)]
pub struct Queued<'q> {
    buffer: ManuallyDrop<Box<[u8]>>,
    queue: &'q Queue,
}

impl Queue {
    /// A pool that keeps at most `most` free buffers.
    pub fn new(most: usize) -> Self {
        Self {
            free: ArrayQueue::new(most),
        }
    }
}

impl Lender for Queue {
    type Lent<'l> = Queued<'l>;

    #[inline(always)]
    fn lend(&self, bytes: usize) -> Queued<'_> {
        let buffer = self
            .free
            .pop()
            .unwrap_or_else(|| vec![0; bytes].into_boxed_slice());
        Queued {
            buffer: ManuallyDrop::new(buffer),
            queue: self,
        }
    }
}

impl Lent for Queued<'_> {
    #[inline(always)]
    fn start(&mut self) -> *mut u8 {
        self.buffer.as_mut_ptr()
    }
}

impl Drop for Queued<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the buffer is taken once, here, where its owner ends.
        let buffer = unsafe { ManuallyDrop::take(&mut self.buffer) };
        // A full queue frees the buffer.
        let _ = self.queue.free.push(buffer);
    }
}
