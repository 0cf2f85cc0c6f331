//! Who holds what: the pooled buffers that are out, by call site.

use std::fmt;
use std::panic::Location;

/// The pooled buffers that are out, by the line of code that took them.
///
/// Frame buffers are not listed: the borrow checker ends them with their frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Outstanding {
    /// Buffers out.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// Of them, buffers marked as long-lived.
    pub long_lived: u64,
    /// Of them, buffers unreleased for longer than the leak age and not marked as long-lived.
    pub suspects: u64,
    /// Bytes of the suspects.
    pub suspect_bytes: u64,
    /// One entry per call site, the largest in bytes first.
    pub sites: Vec<SiteHolding>,
}

impl Outstanding {
    /// The call sites that hold leak suspects, in the order of `sites`.
    pub fn suspect_sites(&self) -> impl Iterator<Item = &SiteHolding> {
        self.sites.iter().filter(|site| site.suspects > 0)
    }
}

/// What one call site holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SiteHolding {
    /// The line that called `alloc`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_location"))]
    pub location: &'static Location<'static>,
    /// Buffers out.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// Frame ends since the oldest of them was taken.
    pub oldest_age_frames: u64,
    /// Of them, buffers unreleased for longer than the leak age and not marked as long-lived.
    pub suspects: u64,
    /// Bytes of the suspects.
    pub suspect_bytes: u64,
    /// Name of the thread that took the oldest; `unnamed` where it had none.
    pub thread: String,
}

#[cfg(feature = "serde")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands every field over by reference"
)]
fn serialize_location<S: serde::Serializer>(
    location: &&'static Location<'static>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::show::{Align, Table, bytes};

        if self.sites.is_empty() {
            return write!(f, "no pooled buffer is out");
        }
        writeln!(
            f,
            "{} out, {}; {} of them leak suspects, {}",
            plural(self.buffers, "buffer"),
            bytes(self.bytes),
            self.suspects,
            bytes(self.suspect_bytes)
        )?;
        let mut table = Table::new(&[
            ("call site", Align::Left),
            ("buffers", Align::Right),
            ("bytes", Align::Right),
            ("suspects", Align::Right),
            ("oldest, frames", Align::Right),
            ("thread", Align::Left),
        ]);
        for site in &self.sites {
            table.row([
                site.location.to_string(),
                site.buffers.to_string(),
                bytes(site.bytes).to_string(),
                site.suspects.to_string(),
                site.oldest_age_frames.to_string(),
                site.thread.clone(),
            ]);
        }
        fmt::Display::fmt(&table, f)
    }
}

/// `1 buffer`, `2 buffers`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
