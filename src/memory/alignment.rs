//! The alignments that a pool can give its buffers.

/// The boundary on which every buffer of a pool starts.
///
/// ```
/// use framepool::{Alignment, BufferPool};
///
/// let pool = BufferPool::builder().alignment(Alignment::Bytes256).build()?;
/// assert_eq!(pool.alloc::<f32>(10).as_ptr().addr() % 256, 0);
/// assert_eq!(pool.alignment().bytes(), 256);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Alignment {
    /// 16 bytes, as general allocators give: for many buffers below 128 bytes.
    ///
    /// Up to 128 bytes, the sizes of blocks are 16 bytes apart. Larger ones begin on a boundary of 64 bytes, as with
    /// [`Bytes64`](Self::Bytes64). Small buffers share cache lines, and so do the pool's records of all buffers. So threads
    /// that use neighbours slow each other.
    Bytes16,
    /// 64 bytes: one cache line, one AVX-512 register.
    #[default]
    Bytes64,
    /// 128 bytes: two cache lines, which some processors fetch together.
    Bytes128,
    /// 256 bytes: what GPU interfaces ask of uniform buffers and copies.
    Bytes256,
    /// 4096 bytes: one page of memory, for direct I/O.
    Bytes4096,
}

impl Alignment {
    /// Every alignment, smallest first.
    pub const ALL: &'static [Self] = &[
        Self::Bytes16,
        Self::Bytes64,
        Self::Bytes128,
        Self::Bytes256,
        Self::Bytes4096,
    ];

    /// The boundary in bytes.
    ///
    /// ```
    /// assert_eq!(framepool::Alignment::Bytes128.bytes(), 128);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bytes16 => 16,
            Self::Bytes64 => 64,
            Self::Bytes128 => 128,
            Self::Bytes256 => 256,
            Self::Bytes4096 => 4096,
        }
    }

    /// The alignment of this many bytes, or `None` if there is none.
    ///
    /// ```
    /// use framepool::Alignment;
    ///
    /// assert_eq!(Alignment::from_bytes(4096), Some(Alignment::Bytes4096));
    /// assert_eq!(Alignment::from_bytes(48), None);
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: usize) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.bytes() == bytes)
    }
}
