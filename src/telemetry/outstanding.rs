//! The outstanding buffers: pooled buffers in use, by call site.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::breakdown::{SizeHolding, ThreadHolding, sizes_table, threads_table};
use super::call_stack::StackHolding;
use super::histogram::Log2Histogram;
use super::kept::{Amount, Kept};
use super::stack_counts::StackSampling;

/// The moments from which a walk counts what stayed: that of the walk before, and the openings of three windows of verdicts.
pub(crate) const OPENINGS: usize = 4;
/// Which buffers have no call site, and what gives the next ones theirs.
pub(crate) const UNATTRIBUTED: &str =
    "taken while attribution was off: `Attribution::CallSites` records call sites";
/// The most call stacks that are shown.
const STACKS: usize = 5;

/// The pooled buffers in use, by the line of code that allocated them.
///
/// Frame buffers are not listed: they end with their frame.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let images: Vec<_> = (0..3).map(|_| pool.alloc::<u8>(4096)).collect();
/// let sound = pool.alloc::<f32>(256);
/// let outstanding = pool.outstanding();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((outstanding.buffers, outstanding.bytes), (4, 3 * 4096 + 1024));
/// assert_eq!(outstanding.sites[0].buffers, 3); // the line that holds the most bytes
/// # }
/// println!("{outstanding}");
/// # drop((images, sound));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Outstanding {
    /// Buffers in use, without the unattributed ones.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// Buffers in use that are marked as long-lived.
    pub long_lived: u64,
    /// Bytes of the buffers marked as long-lived.
    pub long_lived_bytes: u64,
    /// Leak suspects: buffers in use for longer than the leak age, in frames and in time, and not marked as
    /// long-lived.
    pub suspects: u64,
    /// Bytes of the suspects.
    pub suspect_bytes: u64,
    /// Buffers in use that were allocated while attribution was off. Of the other fields only `sizes` has them.
    pub unattributed: u64,
    /// Bytes of the buffers without attribution.
    pub unattributed_bytes: u64,
    /// One entry per call site and tag, the largest in bytes first.
    pub sites: Vec<SiteHolding>,
    /// One entry per block size that the pool holds or ever took from the system, the smallest first, with idle
    /// blocks. Their buffers include those allocated while attribution was off.
    pub sizes: Vec<SizeHolding>,
    /// One entry per thread name with buffers in use or idle memory, the largest in bytes first.
    pub threads: Vec<ThreadHolding>,
    /// The ages in frames of the buffers in use, by the tag's number.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) ages: Vec<Log2Histogram>,
    /// The buffers in use without those of frames in flight.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) kept: Kept,
    /// The rounds in which the windows of verdicts opened, set before a walk and kept by it.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) opened: [u64; OPENINGS],
    /// The call stacks of sampled buffers, those that represent the most bytes first. Empty unless
    /// `Attribution::Backtraces` was on.
    pub stacks: Vec<StackHolding>,
    /// Which buffers have their call stack recorded in that mode.
    pub stack_sampling: StackSampling,
    /// Sampled buffers whose call stack was not kept, since the pool was made: the pool's table of 1,024 stacks had no free place
    /// among the 16 that are tried, or could not be allocated.
    pub stacks_lost: u64,
}

impl Outstanding {
    /// The call sites that hold leak suspects, in the order of `sites`.
    ///
    /// ```
    /// let pool = framepool::BufferPool::builder().leak_after_frames(2).build()?;
    /// let forgotten = pool.alloc::<u8>(4096);
    /// for _ in 0..4 {
    ///     pool.end_frame();
    /// }
    /// let outstanding = pool.outstanding();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(outstanding.suspect_sites().count(), 1);
    /// # }
    /// for site in outstanding.suspect_sites() {
    ///     println!("{}: {} suspects", site.location, site.suspects);
    /// }
    /// # drop(forgotten);
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn suspect_sites(&self) -> impl Iterator<Item = &SiteHolding> {
        self.sites.iter().filter(|site| site.suspects > 0)
    }

    /// The call sites that hold buffers marked as long-lived, in the order of `sites`.
    ///
    /// ```
    /// use framepool::{Buffer, BufferPool};
    ///
    /// let pool = BufferPool::new();
    /// let table = pool.alloc::<u32>(1024);
    /// Buffer::mark_long_lived(&table);
    /// let outstanding = pool.outstanding();
    /// let bytes: u64 = outstanding.long_lived_sites().map(|site| site.long_lived_bytes).sum();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(bytes, 4096);
    /// # }
    /// # drop(table);
    /// ```
    pub fn long_lived_sites(&self) -> impl Iterator<Item = &SiteHolding> {
        self.sites.iter().filter(|site| site.long_lived > 0)
    }
}

/// The buffers that one call site holds.
///
/// Equality ignores `oldest_age`, because it differs at every reading.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let image = pool.alloc::<u8>(4096);
/// let line = line!() - 1;
/// pool.end_frame();
/// pool.end_frame();
/// # if cfg!(feature = "telemetry") {
/// let site = &pool.outstanding().sites[0];
/// assert_eq!((site.location.line(), site.bytes), (line, 4096));
/// assert_eq!(site.oldest_age_frames, 2);
/// # }
/// # drop(image);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SiteHolding {
    /// The line that called `alloc`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_location"))]
    pub location: &'static Location<'static>,
    /// The tag of the buffers; empty for none. A line that allocates with several tags has an entry for each.
    pub tag: String,
    /// Its number in the pool.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) tag_number: usize,
    /// Whether the monitor found that the number of its buffers rises. Kept from walk to walk.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) keeps_more: bool,
    /// Buffers in use.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// The age of the oldest of them, in frames as one thread counts them. If several threads have frames at the same
    /// pace, one frame end of each counts as one frame together.
    pub oldest_age_frames: u64,
    /// The time since the first frame end after the alloc of the oldest of them. The times of old frame ends are
    /// interpolated: exact while frames are equally long, and off by at most a quarter.
    pub oldest_age: Duration,
    /// Buffers in use that were allocated since the latest frame end, as `oldest_age_frames` counts frames.
    pub of_this_frame: u64,
    /// Buffers in use of frames in flight: allocated since the oldest open frame began, or since the latest frame end
    /// if no frame is open. Zero if frames have stopped ending.
    pub in_flight: u64,
    /// Bytes of these buffers.
    pub in_flight_bytes: u64,
    /// Leak suspects: buffers in use for longer than the leak age, in frames and in time, and not marked as
    /// long-lived.
    pub suspects: u64,
    /// Bytes of the suspects.
    pub suspect_bytes: u64,
    /// Buffers in use that are older than the leak age in frames, and in time if a time was set, and not marked as
    /// long-lived. Verdicts are based on their number.
    pub aged: u64,
    /// Bytes of the aged buffers.
    pub aged_bytes: u64,
    /// The age of the oldest aged buffer, in frames.
    pub oldest_aged_frames: u64,
    /// Aged buffers that were allocated before a window opened.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) stayed: [Amount; OPENINGS],
    /// Aged buffers that are older than [`expect_release_within`](crate::PoolBuilder::expect_release_within) allows.
    pub overdue: u64,
    /// Buffers in use that are marked as long-lived.
    pub long_lived: u64,
    /// Bytes of the buffers marked as long-lived.
    pub long_lived_bytes: u64,
    /// Name of the thread that allocated the oldest; `unnamed` if it had none.
    pub thread: String,
}

impl PartialEq for SiteHolding {
    fn eq(&self, other: &Self) -> bool {
        let counts = |site: &Self| {
            let held = (site.buffers, site.bytes, site.oldest_age_frames);
            let suspected = (site.suspects, site.suspect_bytes);
            let aged = (site.aged, site.aged_bytes, site.oldest_aged_frames);
            (
                held,
                suspected,
                (aged, site.overdue),
                (site.long_lived, site.long_lived_bytes),
            )
        };
        self.location == other.location
            && self.tag == other.tag
            && counts(self) == counts(other)
            && self.thread == other.thread
    }
}

impl Eq for SiteHolding {}

impl SiteHolding {
    pub(crate) fn new(location: &'static Location<'static>, tag_number: usize) -> Self {
        Self {
            location,
            tag: String::new(),
            tag_number,
            keeps_more: false,
            buffers: 0,
            bytes: 0,
            oldest_age_frames: 0,
            oldest_age: Duration::ZERO,
            of_this_frame: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            suspects: 0,
            suspect_bytes: 0,
            aged: 0,
            aged_bytes: 0,
            oldest_aged_frames: 0,
            stayed: Default::default(),
            overdue: 0,
            long_lived: 0,
            long_lived_bytes: 0,
            thread: String::new(),
        }
    }

    /// Its buffers without those of frames in flight.
    pub(crate) fn kept(&self) -> Amount {
        Amount {
            buffers: self.buffers - self.in_flight,
            bytes: self.bytes - self.in_flight_bytes,
        }
    }

    /// Sets all counts to zero. Keeps the memory of the texts, and what the monitor found.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            tag: std::mem::take(&mut self.tag),
            thread: std::mem::take(&mut self.thread),
            keeps_more: self.keeps_more,
            ..Self::new(self.location, self.tag_number)
        };
    }
}

#[cfg(feature = "serde")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands every field over by reference"
)]
pub(crate) fn serialize_location<S: serde::Serializer>(
    location: &&'static Location<'static>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::text::{Align, Table, bytes, columns, counted, line};

        let most = columns(f);
        if self.unattributed > 0 {
            let text = format!(
                "{}, {}, {UNATTRIBUTED}",
                counted(self.unattributed, "buffer"),
                bytes(self.unattributed_bytes)
            );
            writeln!(f, "{}", line(&text, most))?;
        }
        if self.sites.is_empty() {
            let other = if self.unattributed > 0 { "other " } else { "" };
            write!(f, "no {other}pooled buffer is out")?;
        } else {
            let head = format!(
                "{} out, {}; {} of them leak suspects, {}; {} long-lived, {}",
                counted(self.buffers, "buffer"),
                bytes(self.bytes),
                self.suspects,
                bytes(self.suspect_bytes),
                self.long_lived,
                bytes(self.long_lived_bytes),
            );
            writeln!(f, "{}", line(&head, most))?;
            let has_tags = self.sites.iter().any(|site| !site.tag.is_empty());
            let mut columns = vec![
                ("call site", Align::Site),
                ("buffers", Align::Right),
                ("bytes", Align::Right),
                ("suspects", Align::Right),
                ("oldest, frames", Align::Right),
                ("oldest, s", Align::Right),
                ("thread", Align::Site),
            ];
            let has_long_lived = self.long_lived > 0;
            if has_long_lived {
                columns.insert(4, ("long-lived", Align::Right));
            }
            if has_tags {
                columns.push(("tag", Align::Site));
            }
            let spare = if has_long_lived { &[4, 3][..] } else { &[3] };
            let mut table = Table::new(&columns).spare(spare);
            for site in &self.sites {
                let cells = [
                    site.location.to_string(),
                    site.buffers.to_string(),
                    bytes(site.bytes).to_string(),
                    site.suspects.to_string(),
                ];
                let long_lived = has_long_lived.then(|| site.long_lived.to_string());
                let oldest = [
                    site.oldest_age_frames.to_string(),
                    format!("{:.1}", site.oldest_age.as_secs_f64()),
                    site.thread.clone(),
                ];
                let tag = has_tags.then(|| site.tag.clone());
                let cells = cells.into_iter().chain(long_lived);
                table.row(cells.chain(oldest).chain(tag));
            }
            fmt::Display::fmt(&table, f)?;
        }
        if self.sizes.iter().any(|size| size.blocks() > 0) {
            write!(f, "\n\n{:most$}", sizes_table(&self.sizes))?;
        }
        if !self.threads.is_empty() {
            write!(f, "\n\n{:most$}", threads_table(&self.threads))?;
        }
        for it in self.stacks.iter().take(STACKS) {
            write!(f, "\n\n{it:most$}")?;
        }
        Ok(())
    }
}
