//! An aggregation's reading of one arena.

/// The allocs of an arena since its frame began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArenaReading {
    pub(crate) allocs: u64,
    pub(crate) bytes: u64,
    pub(crate) requested: u64,
    /// Of the allocs, those for which a block was taken from the system.
    pub(crate) misses: u64,
}

impl ArenaReading {
    /// The sum of both, modulo 2^64.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            allocs: self.allocs.wrapping_add(other.allocs),
            bytes: self.bytes.wrapping_add(other.bytes),
            requested: self.requested.wrapping_add(other.requested),
            misses: self.misses.wrapping_add(other.misses),
        }
    }
}
