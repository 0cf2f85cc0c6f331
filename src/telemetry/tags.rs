//! The numbers of a pool's tags.

use std::fmt;

use crate::clock::Timestamp;
use crate::telemetry::id::FrameEnd;

/// Allocs and releases of a tag, for both kinds of buffer. Cumulative, or of one frame.
///
/// Bytes are rounded block sizes.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let physics = pool.tag("physics");
/// let kept = physics.alloc::<u8>(1000);
/// drop(physics.alloc::<u8>(1000));
/// # if cfg!(feature = "telemetry") {
/// let counts = pool.tags().get("physics").unwrap().total;
/// assert_eq!((counts.allocs, counts.releases), (2, 1));
/// assert_eq!((counts.live_buffers(), counts.live_bytes()), (1, 1024));
/// # }
/// # drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct TagCounts {
    /// Buffers allocated.
    pub allocs: u64,
    /// Buffers released. Never more than `allocs`.
    pub releases: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Bytes released. Never more than `alloc_bytes`.
    pub release_bytes: u64,
}

impl TagCounts {
    /// Buffers in use.
    pub fn live_buffers(&self) -> u64 {
        self.allocs.wrapping_sub(self.releases)
    }

    /// Bytes of the buffers in use.
    pub fn live_bytes(&self) -> u64 {
        self.alloc_bytes.wrapping_sub(self.release_bytes)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            allocs: self.allocs.wrapping_add(other.allocs),
            releases: self.releases.wrapping_add(other.releases),
            alloc_bytes: self.alloc_bytes.wrapping_add(other.alloc_bytes),
            release_bytes: self.release_bytes.wrapping_add(other.release_bytes),
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            allocs: self.allocs.wrapping_sub(earlier.allocs),
            releases: self.releases.wrapping_sub(earlier.releases),
            alloc_bytes: self.alloc_bytes.wrapping_sub(earlier.alloc_bytes),
            release_bytes: self.release_bytes.wrapping_sub(earlier.release_bytes),
        }
    }
}

/// The numbers of one tag.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let shadows = pool.tag("render/shadows");
/// let map = shadows.alloc::<u8>(4096);
/// let tags = pool.tags();
/// let render = tags.get("render").unwrap();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((render.own.live_bytes(), render.total.live_bytes()), (0, 4096));
/// assert_eq!(render.to_string(), "render: 1 buffer, 4.00 KiB, peak 4.00 KiB");
/// # }
/// # drop(map);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct TagStats {
    /// The full name, such as `render/shadows`.
    pub name: String,
    /// Buffers of this tag alone.
    pub own: TagCounts,
    /// Buffers of this tag and of all tags below it.
    pub total: TagCounts,
    /// The part of `total` that the latest frame added: between the last two frame ends.
    pub frame: TagCounts,
    /// The most live bytes of `total` that a frame end or another reading found. At a frame end, the frame's own buffers count.
    pub peak_bytes: u64,
    /// `peak_bytes` of the last one to two seconds.
    pub recent_peak_bytes: u64,
    /// The soft budget: the live bytes of `total` above which an alert is raised, if set.
    pub warn_bytes: Option<u64>,
    /// The hard budget: the most bytes of pooled buffers of `total` that may be in use, if set.
    pub max_bytes: Option<u64>,
}

/// One line: live bytes, peak, and budgets.
impl fmt::Display for TagStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::text::{bytes, counted};

        let live = counted(self.total.live_buffers(), "buffer");
        let live_bytes = bytes(self.total.live_bytes());
        let peak = bytes(self.peak_bytes);
        write!(f, "{}: {live}, {live_bytes}, peak {peak}", self.name)?;
        for (budget, kind) in [(self.warn_bytes, "soft"), (self.max_bytes, "hard")] {
            if let Some(budget) = budget {
                write!(f, ", {kind} budget {}", bytes(budget))?;
            }
        }
        Ok(())
    }
}

/// The table of the tags' numbers, sorted by name.
pub(crate) fn table(tags: &[TagStats]) -> crate::text::Table {
    use crate::text::{Align, Table, bytes};

    let mut table = Table::new(&[
        ("tag", Align::Site),
        ("buffers", Align::Right),
        ("bytes", Align::Right),
        ("own bytes", Align::Right),
        ("peak", Align::Right),
        ("allocs", Align::Right),
        ("allocs/frame", Align::Right),
        ("soft budget", Align::Right),
        ("hard budget", Align::Right),
    ])
    .spare(&[6, 5, 3]);
    let mut sorted: Vec<&TagStats> = tags.iter().collect();
    sorted.sort_by(|a, b| a.name.split('/').cmp(b.name.split('/')));
    let budget = |budget: Option<u64>| budget.map_or("-".to_owned(), |it| bytes(it).to_string());
    for tag in sorted {
        table.row([
            tag.name.clone(),
            tag.total.live_buffers().to_string(),
            bytes(tag.total.live_bytes()).to_string(),
            bytes(tag.own.live_bytes()).to_string(),
            bytes(tag.peak_bytes).to_string(),
            tag.total.allocs.to_string(),
            tag.frame.allocs.to_string(),
            budget(tag.warn_bytes),
            budget(tag.max_bytes),
        ]);
    }
    table
}

/// The numbers of all tags of a pool, read at one time.
///
/// `Display` gives a table.
///
/// ```
/// let pool = framepool::BufferPool::new();
/// let contacts = pool.tag("physics").alloc::<f32>(1024);
/// let other = pool.alloc::<u8>(64);
/// let tags = pool.tags();
/// # if cfg!(feature = "telemetry") {
/// assert_eq!(tags.get("physics").unwrap().total.live_bytes(), 4096);
/// assert_eq!(tags.untagged.live_buffers(), 1);
/// # }
/// assert!(tags.get("audio").is_none());
/// println!("{tags}");
/// # drop((contacts, other));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Tags {
    /// When this was read.
    pub time: Timestamp,
    /// The latest frame end before that.
    pub frame: FrameEnd,
    /// One entry per tag, in the order in which they were first named. A tag comes after its parent.
    pub tags: Vec<TagStats>,
    /// The counts of buffers without a tag.
    pub untagged: TagCounts,
    /// How often a new tag was named when there was no room for it.
    pub beyond_limit: u64,
}

impl Tags {
    /// The numbers of the tag with this full name.
    pub fn get(&self, name: &str) -> Option<&TagStats> {
        self.tags.iter().find(|tag| tag.name == name)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::text::bytes;

        if self.tags.is_empty() {
            return f.write_str("no tags");
        }
        let mut table = table(&self.tags);
        let untagged = bytes(self.untagged.live_bytes()).to_string();
        let none = || "-".to_owned();
        table.row([
            "(untagged)".to_owned(),
            self.untagged.live_buffers().to_string(),
            untagged.clone(),
            untagged,
            none(),
            self.untagged.allocs.to_string(),
            none(),
            none(),
            none(),
        ]);
        fmt::Display::fmt(&table, f)
    }
}
