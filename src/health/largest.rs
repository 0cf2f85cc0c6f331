//! The call sites that hold the most, in a list of fixed size.

use std::panic::Location;

use crate::telemetry::outstanding::Outstanding;

/// Call sites in the list.
pub(crate) const LARGEST: usize = 16;

/// What a call site holds, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LargestSite {
    /// The line that called `alloc`.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::telemetry::outstanding::serialize_location")
    )]
    pub location: &'static Location<'static>,
    /// Buffers out.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
}

/// The call sites that hold the most bytes of pooled buffers, the largest first: 16 at most. Copied without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LargestSites([Option<LargestSite>; LARGEST]);

impl LargestSites {
    pub(crate) fn of(outstanding: &Outstanding) -> Self {
        let mut sites = [None; LARGEST];
        for (place, site) in sites.iter_mut().zip(&outstanding.sites) {
            *place = Some(LargestSite {
                location: site.location,
                buffers: site.buffers,
                bytes: site.bytes,
            });
        }
        Self(sites)
    }

    /// The call sites.
    pub fn sites(&self) -> impl Iterator<Item = &LargestSite> {
        self.0.iter().flatten()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for LargestSites {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.sites())
    }
}
