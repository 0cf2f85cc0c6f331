//! The address of a piece of memory in use.

use std::panic::Location;

/// A piece of the pool's memory that is in use, with its address.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let image = pool.alloc::<u8>(4096);
/// let mut places = Vec::new();
/// pool.places_into(&mut places);
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((places[0].address, places[0].bytes), (image.as_ptr().addr(), 4096));
/// # }
/// ```
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
///
/// ```
/// use framepool::BufferPool;
/// use framepool::telemetry::PlaceKind;
///
/// let pool = BufferPool::new();
/// let image = pool.alloc::<u8>(4096);
/// let mut places = Vec::new();
/// pool.places_into(&mut places);
/// for place in &places {
///     match place.kind {
///         PlaceKind::Buffer { location: Some(line) } => println!("{} bytes from {line}", place.bytes),
///         PlaceKind::FrameBlock => println!("{} bytes of a frame", place.bytes),
///         _ => {}
///     }
/// }
/// # if cfg!(feature = "telemetry") {
/// assert!(matches!(places[0].kind, PlaceKind::Buffer { .. }));
/// # }
/// # drop(image);
/// ```
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
