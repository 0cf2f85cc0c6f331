//! The change between two readings of the outstanding buffers.

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::panic::Location;

use super::outstanding::{Outstanding, SiteHolding, UNATTRIBUTED};
use crate::text::{Align, Table, bytes, counted, noun_of};

/// The change from one reading of a pool's outstanding buffers to a later one.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let menu = pool.alloc::<u8>(4096);
/// let before = pool.outstanding();
/// drop(menu);
/// let level = pool.alloc::<u8>(1 << 20);
/// let change = pool.outstanding().since(&before);
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((change.buffers, change.bytes), (0, (1 << 20) - 4096));
/// assert_eq!(change.sites.len(), 2); // one line allocated, the other released
/// # }
/// # drop(level);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OutstandingChange {
    /// Change of the buffers in use, without the unattributed ones: later minus earlier.
    pub buffers: i64,
    /// Change of the bytes of these buffers: later minus earlier.
    pub bytes: i64,
    /// Change of the buffers in use that were allocated while attribution was off: later minus earlier.
    pub unattributed: i64,
    /// Change of the bytes of the buffers without attribution: later minus earlier.
    pub unattributed_bytes: i64,
    /// The call sites and tags whose buffers or bytes changed, the largest change in bytes first.
    pub sites: Vec<SiteChange>,
}

/// The change of one call site and tag.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let load = |count: usize| -> Vec<_> { (0..count).map(|_| pool.alloc::<u8>(1024)).collect() };
/// let first = load(2);
/// let before = pool.outstanding();
/// let more = load(3);
/// # if cfg!(feature = "telemetry") {
/// let site = &pool.outstanding().since(&before).sites[0];
/// assert_eq!((site.buffers_before, site.buffers, site.byte_change()), (2, 5, 3 * 1024));
/// assert!(!site.is_new() && !site.is_gone());
/// # }
/// # drop((first, more));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SiteChange {
    /// The line that called `alloc`.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::outstanding::serialize_location")
    )]
    pub location: &'static Location<'static>,
    /// The tag of the buffers; empty for none.
    pub tag: String,
    /// Buffers in use at the earlier reading.
    pub buffers_before: u64,
    /// Buffers in use at the later reading.
    pub buffers: u64,
    /// Bytes of the buffers in use at the earlier reading.
    pub bytes_before: u64,
    /// Bytes of the buffers in use at the later reading.
    pub bytes: u64,
}

impl SiteChange {
    /// Whether it held nothing at the earlier reading.
    pub fn is_new(&self) -> bool {
        self.buffers_before == 0
    }

    /// Whether it holds nothing at the later reading.
    pub fn is_gone(&self) -> bool {
        self.buffers == 0
    }

    /// The change in bytes.
    pub fn byte_change(&self) -> i64 {
        self.bytes.wrapping_sub(self.bytes_before).cast_signed()
    }

    fn new(before: Option<&SiteHolding>, now: Option<&SiteHolding>) -> Option<Self> {
        let some = now.or(before)?;
        let numbers =
            |site: Option<&SiteHolding>| site.map_or((0, 0), |site| (site.buffers, site.bytes));
        let ((buffers_before, bytes_before), (buffers, bytes)) = (numbers(before), numbers(now));
        let is_same = (buffers_before, bytes_before) == (buffers, bytes);
        (!is_same).then(|| Self {
            location: some.location,
            tag: some.tag.clone(),
            buffers_before,
            buffers,
            bytes_before,
            bytes,
        })
    }
}

impl Outstanding {
    /// The change since an earlier reading of the same pool: the call sites that appeared, grew, shrank, or released
    /// everything.
    ///
    /// A call site with unchanged numbers is not listed, even if it holds other buffers: releases do not record their call site. How many
    /// buffers were allocated and released meanwhile is known for the pool ([`PoolStats::totals`](crate::PoolStats::totals)) and for each
    /// tag ([`TagStats::total`](crate::telemetry::TagStats::total)). The readings of two pools are compared in the same way, line by line.
    ///
    /// ```
    /// use framepool::BufferPool;
    ///
    /// let pool = BufferPool::new();
    /// let before = pool.outstanding();
    /// let level: Vec<_> = (0..10).map(|_| pool.alloc::<u8>(4096)).collect();
    /// let change = pool.outstanding().since(&before);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!((change.buffers, change.bytes), (10, 40_960));
    /// assert!(change.sites[0].is_new());
    /// # }
    /// println!("{change}");
    /// # drop(level);
    /// ```
    pub fn since(&self, earlier: &Self) -> OutstandingChange {
        let mut was = sorted(&earlier.sites).into_iter().peekable();
        let mut is = sorted(&self.sites).into_iter().peekable();
        let mut sites = Vec::new();
        loop {
            // Both lists are sorted: take the smaller entry, or both if they are for the same call site.
            let comes = match (was.peek(), is.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(was), Some(is)) => order(was, is),
            };
            let before = was.next_if(|_| comes.is_le());
            let now = is.next_if(|_| comes.is_ge());
            sites.extend(SiteChange::new(before, now));
        }
        sites.sort_by_key(|site| Reverse(site.byte_change().unsigned_abs()));
        let change = |now: u64, before: u64| now.wrapping_sub(before).cast_signed();
        OutstandingChange {
            buffers: change(self.buffers, earlier.buffers),
            bytes: change(self.bytes, earlier.bytes),
            unattributed: change(self.unattributed, earlier.unattributed),
            unattributed_bytes: change(self.unattributed_bytes, earlier.unattributed_bytes),
            sites,
        }
    }
}

fn order(a: &SiteHolding, b: &SiteHolding) -> Ordering {
    let by_location = a.location.cmp(b.location);
    by_location.then_with(|| a.tag.cmp(&b.tag))
}

fn sorted(sites: &[SiteHolding]) -> Vec<&SiteHolding> {
    let mut sorted: Vec<_> = sites.iter().collect();
    sorted.sort_unstable_by(|a, b| order(a, b));
    sorted
}

/// A change of buffers and of their bytes, both with their signs.
fn signed(buffers: i64, bytes: i64) -> String {
    let noun = noun_of(buffers.unsigned_abs(), "buffer");
    format!("{buffers:+} {noun}, {}", signed_bytes(bytes))
}

/// A number of bytes with its sign.
fn signed_bytes(change: i64) -> String {
    let sign = if change < 0 { '-' } else { '+' };
    format!("{sign}{}", bytes(change.unsigned_abs()))
}

/// A sentence and a table of the call sites.
impl fmt::Display for OutstandingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (self.unattributed, self.unattributed_bytes) != (0, 0) {
            let change = signed(self.unattributed, self.unattributed_bytes);
            writeln!(f, "{change}, {UNATTRIBUTED}")?;
        }
        if self.sites.is_empty() {
            return f.write_str("every call site holds as much as before");
        }
        let count = counted(self.sites.len() as u64, "call site");
        writeln!(f, "{}, at {count}", signed(self.buffers, self.bytes))?;
        let mut table = Table::new(&[
            ("call site", Align::Site),
            ("buffers before", Align::Right),
            ("now", Align::Right),
            ("bytes before", Align::Right),
            ("now", Align::Right),
            ("change", Align::Right),
            ("", Align::Left),
            ("tag", Align::Site),
        ]);
        for site in &self.sites {
            let what = match (site.is_new(), site.is_gone()) {
                (true, _) => "new",
                (_, true) => "gone",
                _ => "",
            };
            table.row([
                site.location.to_string(),
                site.buffers_before.to_string(),
                site.buffers.to_string(),
                bytes(site.bytes_before).to_string(),
                bytes(site.bytes).to_string(),
                signed_bytes(site.byte_change()),
                what.to_owned(),
                site.tag.clone(),
            ]);
        }
        table.fmt(f)
    }
}
