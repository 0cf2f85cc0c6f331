//! Where memory in use lies.

use std::panic::Location;

/// A piece of the pool's memory that is in use, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Where it begins.
    pub address: usize,
    /// Its bytes.
    pub bytes: u64,
    /// What it is used for.
    pub kind: PlaceKind,
}

/// What a piece of memory is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceKind {
    /// The block of a pooled buffer.
    Buffer {
        /// The line that took the buffer; none if attribution was off.
        location: Option<&'static Location<'static>>,
    },
    /// The block from which a thread takes the buffers of an open frame.
    FrameBlock,
}
