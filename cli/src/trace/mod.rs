//! An allocation trace: a program's allocator calls, in one total order.

mod fault;
mod line;
mod reader;
mod skipped;
mod source;

pub use fault::{Fault, HEADER, TraceError};
pub use skipped::{Skip, Skipped};
pub use source::{Tolerance, read_any};
pub(crate) use source::{TraceSource, is_trace, open};

/// A trace from text in a test.
#[cfg(test)]
pub(crate) fn read_text(text: &str) -> Trace {
    reader::read(text.as_bytes(), Tolerance::Strict).expect("a good trace")
}

/// A complete, checked trace: every free comes after its alloc, times never go back, ids are unique.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Every operation, in the order recorded.
    pub operations: Vec<Operation>,
    /// Every buffer, in the order of allocs; operations refer to it by index.
    pub buffers: Vec<RecordedBuffer>,
    /// The recorded thread ids, in the order of their first operation; operations refer to them by index.
    pub threads: Vec<u64>,
    /// The recorded call sites, in the order of their first alloc; buffers refer to them by index.
    pub sites: Vec<Box<str>>,
    /// Frame ends that the trace marks. Zero: frames are cut by recorded time.
    pub frame_marks: u64,
    /// Frees.
    pub frees: u64,
    /// The most requested live bytes at any point of the total order.
    pub peak_live_bytes: u128,
    /// The most live buffers at any point of the total order.
    pub peak_live_buffers: u64,
    /// The lines that were left out.
    pub skipped: Skipped,
    /// Whether the file has no header.
    pub headless: bool,
}

impl Trace {
    /// The line of an operation in the file; the header is line 1.
    pub fn line_of(&self, operation: usize) -> u64 {
        self.skipped
            .line(operation as u64 + 2 - u64::from(self.headless))
    }

    /// Recorded time of the last operation, in microseconds.
    pub fn end_us(&self) -> u64 {
        self.operations.last().map_or(0, |last| last.time_us)
    }

    /// Allocs and frees, the operations of a cost per operation.
    pub fn allocs_and_frees(&self) -> u64 {
        self.buffers.len() as u64 + self.frees
    }
}

/// One line of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Microseconds from the start of the recording.
    pub time_us: u64,
    /// Index into [`Trace::threads`].
    pub thread: u32,
    /// The operation.
    pub event: Event,
}

/// The kind of an operation; the number is an index into [`Trace::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Allocates a buffer.
    Alloc(u32),
    /// Frees a buffer.
    Free(u32),
    /// A frame ends.
    Frame,
}

/// One buffer of the recorded program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedBuffer {
    /// The id in the file.
    pub id: u64,
    /// Requested bytes.
    pub bytes: usize,
    /// Index into [`Trace::sites`].
    pub site: u32,
    /// The operation that allocated it.
    pub taken_by: u32,
    /// The operation that freed it, or [`NEVER`].
    pub freed_by: u32,
}

/// Means "no operation" in [`RecordedBuffer::freed_by`].
pub const NEVER: u32 = u32::MAX;
