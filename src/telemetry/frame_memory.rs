//! What fills frame memory: the frame buffers of sampled frames, by call site.

use std::fmt::{self, Write as _};
use std::panic::Location;

use crate::telemetry::id::FrameId;
use crate::text::{Align, Table, bytes, columns, counted, line};

/// Number and bytes of frame buffers.
///
/// ```
/// let pool = framepool::BufferPool::builder().sample_frames(1).build()?;
/// let frame = pool.begin_frame();
/// frame.alloc::<u8>(100);
/// frame.release_all();
/// let counts = pool.frame_memory().sampling.total;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((counts.allocs, counts.requested_bytes), (1, 100));
/// assert!(counts.bytes > 100); // each buffer starts on a boundary of its own
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct FrameCounts {
    /// Buffers allocated.
    pub allocs: u64,
    /// Bytes of these buffers, as rounded for alignment.
    pub bytes: u64,
    /// Requested bytes.
    pub requested_bytes: u64,
}

impl FrameCounts {
    /// Those of a buffer or a value, which took `taken` bytes of a block.
    pub(crate) fn of_one(requested: usize, taken: usize) -> Self {
        Self {
            allocs: 1,
            bytes: taken as u64,
            requested_bytes: requested as u64,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            allocs: self.allocs.wrapping_add(other.allocs),
            bytes: self.bytes.wrapping_add(other.bytes),
            requested_bytes: self.requested_bytes.wrapping_add(other.requested_bytes),
        }
    }

    pub(crate) fn less(self, part: Self) -> Self {
        Self {
            allocs: self.allocs.saturating_sub(part.allocs),
            bytes: self.bytes.saturating_sub(part.bytes),
            requested_bytes: self.requested_bytes.saturating_sub(part.requested_bytes),
        }
    }
}

/// How frames are sampled, and the totals of the sampled frames.
///
/// Nothing here is scaled: all counts are exact sums over [`frames`](Self::frames) whole frames.
///
/// ```
/// let pool = framepool::BufferPool::builder().sample_frames(1).build()?;
/// for buffers in [10, 20, 30] {
///     let frame = pool.begin_frame();
///     (0..buffers).for_each(|_| drop(frame.alloc::<u8>(64)));
///     frame.release_all();
/// }
/// let sampling = pool.frame_memory().sampling;
/// # if cfg!(feature = "telemetry") {
/// assert_eq!((sampling.frames, sampling.total.allocs), (3, 60));
/// assert_eq!(sampling.per_frame(sampling.total.allocs), 20);
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct FrameSampling {
    /// One frame in this many is sampled; zero if none is.
    pub every: u32,
    /// The number of sampled frames in the counts: at most the latest 128.
    pub frames: u64,
    /// The latest of these frames.
    pub latest: Option<FrameId>,
    /// The allocs of these frames.
    pub total: FrameCounts,
    /// The part of `total` from call sites that are not listed: beyond 64 for a thread in a frame, or 256 for a pool.
    pub other: FrameCounts,
}

impl FrameSampling {
    /// The mean of a sum over the sampled frames, rounded. The expected value for any frame.
    pub fn per_frame(&self, sum: u64) -> u64 {
        let half = self.frames / 2;
        sum.saturating_add(half)
            .checked_div(self.frames)
            .unwrap_or(0)
    }
}

/// The frame buffers of one call site in the sampled frames.
///
/// ```
/// let pool = framepool::BufferPool::builder().sample_frames(1).build()?;
/// let frame = pool.tag("physics").begin_frame();
/// frame.alloc::<u8>(4096);
/// let line = line!() - 1;
/// frame.release_all();
/// # if cfg!(feature = "telemetry") {
/// let site = &pool.frame_memory().sites[0];
/// assert_eq!((site.location.line(), site.tag.as_str()), (line, "physics"));
/// assert_eq!(site.counts.requested_bytes, 4096);
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FrameSite {
    /// The line that called `alloc`.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::outstanding::serialize_location")
    )]
    pub location: &'static Location<'static>,
    /// The tag of the frames; empty for none. A line that allocates in frames with several tags has an entry for each.
    pub tag: String,
    /// Its allocs in all sampled frames.
    pub counts: FrameCounts,
    /// The most bytes that it allocated in one of them.
    pub most_bytes: u64,
}

/// What fills frame memory: see [`BufferPool::frame_memory`](crate::BufferPool::frame_memory). `Display` gives a table.
///
/// ```
/// let pool = framepool::BufferPool::builder().sample_frames(1).build()?;
/// let frame = pool.begin_frame();
/// frame.alloc::<f32>(1024);
/// frame.alloc::<u8>(100);
/// frame.release_all();
/// let memory = pool.frame_memory();
/// let listed: u64 = memory.sites.iter().map(|site| site.counts.bytes).sum();
/// assert_eq!(listed + memory.sampling.other.bytes, memory.sampling.total.bytes);
/// println!("{memory}");
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FrameMemory {
    /// How frames were sampled, and their totals.
    pub sampling: FrameSampling,
    /// One entry per call site and tag, the largest in bytes first. With [`FrameSampling::other`] they add up to
    /// [`FrameSampling::total`].
    pub sites: Vec<FrameSite>,
}

impl fmt::Display for FrameMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.sites.iter().map(|site| FrameRow {
            location: site.location.to_string(),
            tag: &site.tag,
            counts: site.counts,
            most_bytes: site.most_bytes,
        });
        write_frame_memory(f, &self.sampling, rows)
    }
}

/// One row of the table: a call site as text.
pub(crate) struct FrameRow<'r> {
    pub(crate) location: String,
    pub(crate) tag: &'r str,
    pub(crate) counts: FrameCounts,
    pub(crate) most_bytes: u64,
}

/// One line about the sampling, and the table of call sites.
pub(crate) fn write_frame_memory<'r>(
    f: &mut fmt::Formatter<'_>,
    sampling: &FrameSampling,
    rows: impl Iterator<Item = FrameRow<'r>>,
) -> fmt::Result {
    if sampling.frames == 0 {
        return f.write_str("no frame was sampled");
    }
    let mut head = format!(
        "frame buffers of {}",
        counted(sampling.frames, "sampled frame")
    );
    if sampling.every > 0 {
        write!(head, ", 1 in {}", sampling.every)?;
    }
    let per_frame = |sum| sampling.per_frame(sum);
    write!(
        head,
        ": {} and {} a frame",
        counted(per_frame(sampling.total.allocs), "buffer"),
        bytes(per_frame(sampling.total.bytes)),
    )?;
    writeln!(f, "{}", line(&head, columns(f)))?;
    let mut rows: Vec<FrameRow<'_>> = rows.collect();
    if sampling.other.allocs > 0 {
        rows.push(FrameRow {
            location: "other call sites".to_owned(),
            tag: "",
            counts: sampling.other,
            most_bytes: 0,
        });
    }
    let has_tags = rows.iter().any(|row| !row.tag.is_empty());
    let mut columns = vec![
        ("call site", Align::Site),
        ("buffers/frame", Align::Right),
        ("bytes/frame", Align::Right),
        ("share", Align::Right),
        ("most bytes", Align::Right),
    ];
    if has_tags {
        columns.push(("tag", Align::Site));
    }
    let mut table = Table::new(&columns);
    for row in rows {
        let share = 100.0 * row.counts.bytes as f64 / sampling.total.bytes.max(1) as f64;
        let most = match row.most_bytes {
            0 => "-".to_owned(),
            most => bytes(most).to_string(),
        };
        let cells = [
            row.location,
            per_frame(row.counts.allocs).to_string(),
            bytes(per_frame(row.counts.bytes)).to_string(),
            format!("{share:.1} %"),
            most,
        ];
        let tag = has_tags.then(|| row.tag.to_owned());
        table.row(cells.into_iter().chain(tag));
    }
    fmt::Display::fmt(&table, f)
}
