//! The address of a piece of memory in use.

use std::panic::Location;

/// A piece of the pool's memory that is in use, with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The address of its first byte.
    pub address: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its use.
    pub kind: PlaceKind,
}

/// The use of a piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceKind {
    /// The block of a pooled buffer.
    Buffer {
        /// The line that allocated the buffer; `None` if attribution was off.
        location: Option<&'static Location<'static>>,
    },
    /// The block from which a thread allocates the buffers of an open frame.
    FrameBlock,
}
