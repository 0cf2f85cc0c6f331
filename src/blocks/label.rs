//! The attribution of a pooled buffer in its record: the line of code that allocated it, and its tag.

use std::num::NonZero;
use std::panic::Location;
use std::ptr::{self, NonNull};

use crate::memory::tag_budget::MAX_TAGS;

/// The tag of a buffer, in 8 bits of its block's state: the tag's number, or zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TagMark(u8);

const _: () = assert!(MAX_TAGS <= u8::MAX as usize);

impl TagMark {
    /// No tag.
    pub(crate) const NONE: Self = Self(0);

    /// The mark of the tag with this number; zero is none.
    pub(crate) fn new(number: usize) -> Self {
        debug_assert!(number < MAX_TAGS);
        Self(number as u8)
    }

    /// A mark from the bits in a state.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    #[inline(always)]
    pub(crate) fn is_some(self) -> bool {
        self.0 != 0
    }

    /// The tag's number; zero for none.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        usize::from(self.0)
    }
}

/// The bits of a key that have the tag's number. A pool's address has them clear (`pool/inner.rs`).
pub(crate) const TAG_BITS: usize = 127;
const _: () = assert!(MAX_TAGS <= TAG_BITS + 1);

/// The key of the lanes in which a pool counts the buffers of a tag, or those without a tag (`slot/lane.rs`): the pool's address, with the
/// number of the tag in its low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(NonZero<usize>);

impl Key {
    /// The key of a tag in the pool at this address; tag zero is none.
    #[inline(always)]
    pub(crate) fn new<T>(pool: NonNull<T>, tag: usize) -> Self {
        debug_assert!(tag <= TAG_BITS && pool.addr().get() & TAG_BITS == 0);
        Self(pool.addr() | tag)
    }

    /// The key that a pointer to a pool has.
    #[inline(always)]
    pub(crate) fn of(pointer: NonNull<()>) -> Self {
        Self(pointer.addr())
    }

    /// The number of the tag; zero for none.
    #[inline(always)]
    pub(crate) fn tag(self) -> usize {
        self.0.get() & TAG_BITS
    }

    /// The key as a word to compare with.
    #[inline(always)]
    pub(crate) fn word(self) -> *mut () {
        ptr::without_provenance_mut(self.0.get())
    }

    /// A pointer to the pool with the bits of this key.
    #[inline(always)]
    pub(crate) fn with_provenance_of(self, pool: *mut ()) -> *mut () {
        pool.with_addr(self.0.get())
    }
}

/// The line of code that allocates a pooled buffer, and the buffer's tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) site: &'static Location<'static>,
    /// The key, if the buffer has a tag.
    pub(crate) key: Option<Key>,
}

impl Label {
    /// A line of code, without a tag.
    #[inline(always)]
    pub(crate) fn untagged(site: &'static Location<'static>) -> Self {
        Self { site, key: None }
    }

    /// The number of the tag; zero for none.
    #[inline]
    pub(crate) fn tag(self) -> usize {
        self.key.map_or(0, Key::tag)
    }
}
