//! Advice: a better setup for a program that works, and its gain. All sentences of advice are made here, its code in
//! `advice_code.rs`.
//!
//! An alert means that something is wrong, and has a *next step* (`next_step.rs`). Advice makes a program that works
//! cheaper. Each piece has one sentence with its figures, and code to paste.
//!
//! # Sources of the figures
//!
//! | | of a recording | of a live program |
//! |---|---|---|
//! | misses and the most blocks, by size | replayed | counted on the path of a miss, which goes to the system anyway |
//! | bytes of frame buffers a frame | replayed | counted, in each frame's record |
//! | lifetimes of buffers, by call site | exact | sampled: a walk finds the ages of the buffers in use |
//! | the effect of a setting | replayed with that setting | follows from the counts, or is not given |
//!
//! A recording has every alloc and every release. So its advice was tested: the recording is replayed with the advice
//! followed, and the sentence gives the result. Nothing is tried on a live program. Its advice is limited to what the
//! counts prove:
//!
//! - *Prewarm.* With the peak number of blocks of a size ready from the beginning, its misses would not have
//!   happened.
//! - *Frame block.* The most bytes that one frame took on all threads together bound the block that a thread needs.
//! - *Frame buffers.* A release does not record the call site, so lifetimes are only sampled (`seen_sites.rs`). The
//!   sentence says so.
//!
//! Whether a larger magazine saves exchanges depends on which thread releases which buffer. No counter has that, so
//! advice on `thread_cache_bytes` comes from recordings only.

use std::fmt::{self, Write as _};

use super::advice_code::{frame_alloc, prewarm, setting};
use crate::text::{bytes, counted};

/// What an [`Advice`] is about.
///
/// ```
/// use framepool::health::{Advice, AdviceKind};
///
/// let advice = Advice::thread_cache(2 << 20, 8 << 20, 500, 20);
/// let is_setting = match advice.kind {
///     AdviceKind::FrameBlockBytes | AdviceKind::ThreadCacheBytes => true,
///     _ => false, // a change in the program
/// };
/// assert!(is_setting);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AdviceKind {
    /// Allocate the buffers of a call site with [`Frame::alloc`](crate::Frame::alloc).
    FrameBuffers,
    /// Change [`frame_block_bytes`](crate::PoolBuilder::frame_block_bytes).
    FrameBlockBytes,
    /// Change [`thread_cache_bytes`](crate::PoolBuilder::thread_cache_bytes).
    ThreadCacheBytes,
    /// Call [`prewarm`](crate::BufferPool::prewarm).
    Prewarm,
}

impl AdviceKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::FrameBuffers,
        Self::FrameBlockBytes,
        Self::ThreadCacheBytes,
        Self::Prewarm,
    ];

    /// The name in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::FrameBuffers => "frame_buffers",
            Self::FrameBlockBytes => "frame_block_bytes",
            Self::ThreadCacheBytes => "thread_cache_bytes",
            Self::Prewarm => "prewarm",
        }
    }
}

impl fmt::Display for AdviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The source of the figures of advice.
///
/// ```
/// use framepool::health::{Advice, Basis};
///
/// let advice = Advice::thread_cache(2 << 20, 8 << 20, 500, 20);
/// assert_eq!(advice.basis, Basis::Replayed); // tested, not guessed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Basis {
    /// A recording was replayed with the advice followed.
    Replayed,
    /// They follow from exact counts of the program.
    Counted,
    /// They come from samples of the program.
    Sampled,
}

/// Blocks of one size to prewarm.
///
/// ```
/// use framepool::health::PrewarmSize;
///
/// let size = PrewarmSize { block_bytes: 65_536, count: 12 };
/// assert_eq!(size.total_bytes(), 786_432);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrewarmSize {
    /// Bytes of a block.
    pub block_bytes: u64,
    /// The number of blocks.
    pub count: u64,
}

impl PrewarmSize {
    /// Bytes of all these blocks.
    pub fn total_bytes(&self) -> u64 {
        self.block_bytes.saturating_mul(self.count)
    }
}

/// A change of the setup, and its gain.
///
/// `Display` gives the sentence.
///
/// ```
/// use framepool::health::{Advice, Basis, PrewarmSize};
///
/// let sizes = vec![PrewarmSize { block_bytes: 65_536, count: 12 }];
/// let advice = Advice::prewarm(sizes, Basis::Replayed, 400, 12);
/// assert_eq!(
///     advice.to_string(),
///     "prewarm 12 × 64.0 KiB, 768 KiB in all: removes 97 % of the misses, 388 of 400"
/// );
/// assert_eq!(advice.code, "pool.prewarm::<u8>(65_536, 12);");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Advice {
    /// What an [`Advice`] is about.
    pub kind: AdviceKind,
    /// The source of the figures.
    pub basis: Basis,
    /// The line of code, if the advice is about one.
    pub site: Option<String>,
    /// The blocks to prewarm; empty for other kinds.
    pub sizes: Vec<PrewarmSize>,
    /// The unit of the two figures: `{miss}`, `{exchange}`, `By`, or `ns` a frame.
    pub unit: String,
    /// The figure without the advice.
    pub before: f64,
    /// The figure with the advice.
    pub after: f64,
    /// What to do, and the gain.
    pub sentence: String,
    /// Code to paste: a setting of the builder, or a statement.
    pub code: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.sentence)
    }
}

/// The most sizes that a sentence names.
const NAMED: usize = 4;

impl Advice {
    /// Advises to prewarm these blocks. `before` and `after` are misses.
    pub fn prewarm(sizes: Vec<PrewarmSize>, basis: Basis, before: u64, after: u64) -> Self {
        let mut sentence = "prewarm ".to_owned();
        for (at, size) in sizes.iter().take(NAMED).enumerate() {
            // Writing to text cannot fail, here and below.
            let _ = write!(
                sentence,
                "{}{} × {}",
                if at == 0 { "" } else { ", " },
                size.count,
                bytes(size.block_bytes)
            );
        }
        if sizes.len() > NAMED {
            let _ = write!(
                sentence,
                " and {}",
                counted((sizes.len() - NAMED) as u64, "more size")
            );
        }
        let all = sizes.iter().map(PrewarmSize::total_bytes).sum();
        let _ = write!(sentence, ", {} in all: ", bytes(all));
        let _ = match basis {
            Basis::Replayed => write!(sentence, "removes {} of the misses", removed(before, after)),
            Basis::Counted | Basis::Sampled => write!(
                sentence,
                "would have removed up to {} of the misses since the warm-up",
                removed(before, after)
            ),
        };
        let _ = write!(sentence, ", {} of {before}", before.saturating_sub(after));
        let code = prewarm(&sizes);
        Self {
            sizes,
            ..Self::new(
                AdviceKind::Prewarm,
                basis,
                "{miss}",
                (before, after),
                sentence,
                code,
            )
        }
    }

    /// Advises to let a thread keep `to` bytes. `before` and `after` are batches moved between threads and the depot.
    pub fn thread_cache(from: u64, to: u64, before: u64, after: u64) -> Self {
        let sentence = format!(
            "set `thread_cache_bytes` to {} instead of {}: removes {} of the exchanges with the depot, {} of {before}",
            bytes(to),
            bytes(from),
            removed(before, after),
            before.saturating_sub(after),
        );
        let kind = AdviceKind::ThreadCacheBytes;
        let code = setting(kind, to);
        Self::new(
            kind,
            Basis::Replayed,
            "{exchange}",
            (before, after),
            sentence,
            code,
        )
    }

    /// Advises to allocate the buffers of a call site from the frame. All of `buffers` except `others` were released
    /// in the frame in which they were allocated, by the same thread. `before` and `after` are nanoseconds a frame,
    /// for pooled buffers and for frame buffers; no frame would hold more than `most_bytes` for them.
    ///
    /// ```
    /// use framepool::health::Advice;
    ///
    /// let advice = Advice::frame_buffers("src/sky.rs:7:9", (600, 0), 60, 20_000, (900.0, 300.0));
    /// assert_eq!(advice.code, "let buffer = frame.alloc::<u8>(len); // at src/sky.rs:7:9");
    /// assert!(advice.sentence.contains("saves 600 ns a frame"));
    /// ```
    pub fn frame_buffers(
        site: &str,
        (buffers, others): (u64, u64),
        frames: u64,
        most_bytes: u64,
        (before, after): (f64, f64),
    ) -> Self {
        let saved = before - after;
        let (all, rest) = match others {
            0 => (format!("all {buffers}"), String::new()),
            _ => (
                format!("{} of {buffers}", buffers - others),
                format!("; leave the {others} that were not as pooled buffers"),
            ),
        };
        let sentence = format!(
            "take the buffers of {site} with `Frame::alloc`: {all} were released in their frame, by the thread that allocated them\
             {rest}; saves {saved:.0} ns a frame, {:.1} ns for each buffer, as measured on one thread of this machine; a frame then \
             holds {} for them at most",
            saved * frames as f64 / (buffers - others).max(1) as f64,
            bytes(most_bytes),
        );
        let code = frame_alloc(site);
        Self {
            site: Some(site.to_owned()),
            before,
            after,
            ..Self::new(
                AdviceKind::FrameBuffers,
                Basis::Replayed,
                "ns",
                (0, 0),
                sentence,
                code,
            )
        }
    }

    /// Advises smaller blocks for frame buffers. None of `frames` frames took more than `most`; `before` and `after`
    /// are bytes held for frame buffers.
    pub(crate) fn smaller_frame_block(
        from: u64,
        to: u64,
        frames: u64,
        most: u64,
        (before, after): (u64, u64),
    ) -> Self {
        let sentence = format!(
            "set `frame_block_bytes` to {} instead of {}: none of {} took more than {} of frame buffers, so the threads \
             would hold {} less for them, {} instead of {}",
            bytes(to),
            bytes(from),
            counted(frames, "frame"),
            bytes(most),
            bytes(before.saturating_sub(after)),
            bytes(after),
            bytes(before),
        );
        let kind = AdviceKind::FrameBlockBytes;
        let code = setting(kind, to);
        Self::new(kind, Basis::Counted, "By", (before, after), sentence, code)
    }

    /// Advises frame buffers in a live program: `looks` walks found `seen` buffers of the call site, all from the
    /// frame that was running.
    pub(crate) fn frame_buffers_seen(site: &str, seen: u64, looks: u64) -> Self {
        let sentence = format!(
            "see whether the buffers of {site} can be taken with `Frame::alloc`: {seen} were out in {} at the pool, and all \
             had been allocated in the frame then running (sampled: a rare one that outlives its frame may not have been seen)",
            counted(looks, "look")
        );
        let code = frame_alloc(site);
        Self {
            site: Some(site.to_owned()),
            ..Self::new(
                AdviceKind::FrameBuffers,
                Basis::Sampled,
                "{buffer}",
                (seen, 0),
                sentence,
                code,
            )
        }
    }

    fn new(
        kind: AdviceKind,
        basis: Basis,
        unit: &str,
        (before, after): (u64, u64),
        sentence: String,
        code: String,
    ) -> Self {
        Self {
            kind,
            basis,
            site: None,
            sizes: Vec::new(),
            unit: unit.to_owned(),
            before: before as f64,
            after: after as f64,
            sentence,
            code,
        }
    }
}

/// The removed share, rounded down: `97 %`.
fn removed(before: u64, after: u64) -> String {
    let removed = before.saturating_sub(after);
    format!(
        "{} %",
        (u128::from(removed) * 100)
            .checked_div(u128::from(before))
            .unwrap_or(0)
    )
}
