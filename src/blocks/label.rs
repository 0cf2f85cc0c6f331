//! The attribution of a pooled buffer in its record: the line of code that allocated it, and its tag.

use std::panic::Location;

use crate::memory::tag_budget::MAX_TAGS;

/// The tag of a buffer, in 8 bits of its block's state: the tag's number, and whether a budget limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TagMark(u8);

const _: () = assert!(MAX_TAGS <= TagMark::LIMITED as usize);

impl TagMark {
    /// No tag.
    pub(crate) const NONE: Self = Self(0);
    const LIMITED: u8 = 1 << 7;

    /// The mark of the tag with this number, which is not zero.
    pub(crate) fn new(number: usize, is_limited: bool) -> Self {
        debug_assert!(number > 0 && number < usize::from(Self::LIMITED));
        Self(number as u8 | if is_limited { Self::LIMITED } else { 0 })
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

    /// Whether a budget limits the tag, or a tag above it.
    #[inline(always)]
    pub(crate) fn is_limited(self) -> bool {
        self.0 & Self::LIMITED != 0
    }

    /// The tag's number; zero for none.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        usize::from(self.0 & !Self::LIMITED)
    }
}

/// The line of code that allocates a pooled buffer, and the buffer's tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) site: &'static Location<'static>,
    pub(crate) tag: TagMark,
}

impl Label {
    /// A line of code, without a tag.
    #[inline(always)]
    pub(crate) fn untagged(site: &'static Location<'static>) -> Self {
        Self {
            site,
            tag: TagMark::NONE,
        }
    }
}
