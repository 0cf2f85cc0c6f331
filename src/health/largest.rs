//! The call sites that hold the most, in a list of fixed size.

use std::panic::Location;

use crate::telemetry::outstanding::Outstanding;

/// Call sites in the list.
const LARGEST: usize = 16;

/// A short record of what a call site holds.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// # let pool = BufferPool::new();
/// let buffers = [0; 3].map(|_| pool.alloc::<u8>(100));
/// let largest = HealthMonitor::new(Thresholds::default()).emit_now(&pool).largest;
/// for site in largest.sites() {
///     println!("{}: {} buffers of {} bytes in all", site.location, site.buffers, site.bytes);
///     assert_eq!((site.buffers, site.bytes), (3, 384));
/// }
/// # drop(buffers);
/// ```
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
    /// Buffers in use.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
}

/// The call sites that hold the most bytes of pooled buffers, the largest first: 16 at most. Copied without an allocation.
///
/// A line that allocates with several tags has one entry.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::new();
/// let small = pool.alloc::<u8>(100);
/// let large = pool.alloc::<u8>(100_000);
/// let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
/// # if cfg!(feature = "telemetry") {
/// let bytes: Vec<_> = health.largest.sites().map(|site| site.bytes).collect();
/// assert_eq!(bytes.len(), 2);
/// assert!(bytes[0] > bytes[1]);
/// # }
/// # drop((small, large));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LargestSites([Option<LargestSite>; LARGEST]);

impl LargestSites {
    pub(crate) fn of(outstanding: &Outstanding) -> Self {
        let mut sites: [Option<LargestSite>; LARGEST] = [None; LARGEST];
        for site in &outstanding.sites {
            let is_its = |place: &&mut Option<LargestSite>| {
                place.is_none_or(|known| known.location == site.location)
            };
            // The entries come before the empty places.
            if let Some(place) = sites.iter_mut().find(is_its) {
                let known = place.get_or_insert(LargestSite {
                    location: site.location,
                    buffers: 0,
                    bytes: 0,
                });
                known.buffers += site.buffers;
                known.bytes += site.bytes;
            }
        }
        sites.sort_unstable_by_key(|site| {
            std::cmp::Reverse(site.map(|site| (site.bytes, std::cmp::Reverse(site.location))))
        });
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

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::BufferPool;

    #[test]
    fn a_line_with_several_tags_is_one_entry() {
        let pool = BufferPool::new();
        let line = Location::caller();
        let kept = ["physics", "sound"].map(|name| pool.tag(name).alloc_at::<u8>(100, line));
        let (larger, other) = (pool.alloc::<u8>(200), line!());
        let largest = LargestSites::of(&pool.outstanding());
        let found: Vec<_> = largest
            .sites()
            .map(|site| (site.location.line(), site.buffers, site.bytes))
            .collect();
        assert_eq!(found, [(line.line(), 2, 256), (other, 1, 256)]);
        drop((kept, larger));
    }
}
