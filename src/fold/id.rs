//! The number of a frame.
#![expect(
    unsafe_code,
    reason = "a transparent number says that it has no padding"
)]

use std::fmt;

/// The number of a frame: it rises by one with every frame end of a pool.
///
/// Frame 0 is the state before the first frame end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct FrameId(pub(crate) u64);

// SAFETY: a transparent `u64`, hence no padding; `Copy` and `'static`.
unsafe impl bytemuck::NoUninit for FrameId {}

impl FrameId {
    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
