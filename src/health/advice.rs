//! Advice: what to set up in another way, and what that gives. This file alone words it.
//!
//! An alert has a *next step* (`next_step.rs`): something is wrong. Advice is about a program that works and would be cheaper set up
//! otherwise. Each piece has one sentence with its figures, and code to paste.
//!
//! # What can be known, and from what
//!
//! | | of a recording | of a live program |
//! |---|---|---|
//! | misses and the most blocks, by size | replayed | counted, where a miss goes to the system anyway |
//! | bytes of frame buffers a frame | replayed | counted, in each frame's record |
//! | lifetimes of buffers, by call site | exact | sampled: a walk finds how old the buffers are that are out now |
//! | what a setting would change | replayed with that setting | follows from the counts, or is not said |
//!
//! A recording has every alloc and every release, so what is advised of it was tried: the same recording is replayed with the advice
//! followed, and the sentence says what that gave. A live program is never tried on. So its advice is only what the counts prove:
//!
//! - *Prewarm.* The misses of a size need not have happened if its most blocks had been there from the beginning.
//! - *Frame block.* If no frame took more than so many bytes on all threads together, no thread needs a larger block.
//! - *Frame buffers.* A release does not tell the call site, so lifetimes are only sampled (`usage.rs`). The sentence says so.
//!
//! Whether a larger magazine would save exchanges depends on which thread releases what. No counter tells that, so advice on
//! `thread_cache_bytes` comes from recordings only.

use std::fmt::{self, Write as _};

use crate::text::bytes;

/// What is advised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AdviceKind {
    /// To take the buffers of a call site with [`Frame::alloc`](crate::Frame::alloc).
    FrameBuffers,
    /// Another [`frame_block_bytes`](crate::PoolBuilder::frame_block_bytes).
    FrameBlockBytes,
    /// Another [`thread_cache_bytes`](crate::PoolBuilder::thread_cache_bytes).
    ThreadCacheBytes,
    /// To call [`prewarm`](crate::BufferPool::prewarm).
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

/// Where the figures of advice come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Basis {
    /// A recording was replayed with the advice followed.
    Replayed,
    /// They follow from exact counts of the program.
    Counted,
    /// They were seen in samples of the program.
    Sampled,
}

/// Blocks to have ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrewarmSize {
    /// Bytes of a block.
    pub block_bytes: u64,
    /// How many blocks.
    pub count: u64,
}

impl PrewarmSize {
    /// Bytes of all these blocks.
    pub fn total_bytes(&self) -> u64 {
        self.block_bytes.saturating_mul(self.count)
    }
}

/// What to set up in another way, and what that gives.
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
    /// What is advised.
    pub kind: AdviceKind,
    /// Where the figures come from.
    pub basis: Basis,
    /// The line of code, if it is about one.
    pub site: Option<String>,
    /// What is to be had ready; empty if it is about something else.
    pub sizes: Vec<PrewarmSize>,
    /// The unit of the two figures: `{miss}`, `{exchange}`, `By`, or `ns` a frame.
    pub unit: String,
    /// How much of it there was without the advice.
    pub before: f64,
    /// How much of it there is with the advice.
    pub after: f64,
    /// What to do and what it gives.
    pub sentence: String,
    /// Code to paste: a setting of the builder, or a statement.
    pub code: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.sentence)
    }
}

/// Sizes that a sentence names.
const NAMED: usize = 4;

impl Advice {
    /// To have these blocks ready. `before` and `after` are misses.
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
            let _ = write!(sentence, " and {} more sizes", sizes.len() - NAMED);
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
        let lines = sizes.iter().map(|size| {
            let (len, count) = (literal(size.block_bytes), literal(size.count));
            format!("pool.prewarm::<u8>({len}, {count});")
        });
        let code = lines.collect::<Vec<_>>().join("\n");
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

    /// To let a thread keep this much. `before` and `after` are batches moved between threads and the depot.
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

    /// To take the buffers of a call site as frame buffers: all of `buffers` but `others` were released in the frame in which they were
    /// allocated, by the thread that allocated them. `before` and `after` are nanoseconds a frame, of pooled buffers and of frame buffers; no frame would hold more
    /// than `most_bytes` for them.
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

    /// To take smaller blocks for frame buffers. No frame of `frames` took more than `most`; `before` and `after` are bytes held for frame
    /// buffers.
    pub(crate) fn smaller_frame_block(
        from: u64,
        to: u64,
        frames: u64,
        most: u64,
        (before, after): (u64, u64),
    ) -> Self {
        let sentence = format!(
            "set `frame_block_bytes` to {} instead of {}: none of {frames} frames took more than {} of frame buffers, so the threads \
             would hold {} less for them, {} instead of {}",
            bytes(to),
            bytes(from),
            bytes(most),
            bytes(before.saturating_sub(after)),
            bytes(after),
            bytes(before),
        );
        let kind = AdviceKind::FrameBlockBytes;
        let code = setting(kind, to);
        Self::new(kind, Basis::Counted, "By", (before, after), sentence, code)
    }

    /// The same of a live program: `seen` buffers of the call site were met, in `looks` looks, all of the frame then running.
    pub(crate) fn frame_buffers_seen(site: &str, seen: u64, looks: u64) -> Self {
        let sentence = format!(
            "see whether the buffers of {site} can be taken with `Frame::alloc`: {seen} were out in {looks} looks at the pool, and all \
             had been allocated in the frame then running (sampled: a rare one that outlives its frame may not have been seen)"
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

/// The code that follows all advice about settings and prewarming, to paste; empty if there is none.
///
/// ```
/// use framepool::health::{Advice, settings_code};
///
/// let advice = [Advice::thread_cache(2 << 20, 8 << 20, 500, 20)];
/// assert_eq!(
///     settings_code(&advice),
///     "let pool = framepool::BufferPool::builder()\n    .thread_cache_bytes(8_388_608)\n    .build()?;\n"
/// );
/// ```
pub fn settings_code(advice: &[Advice]) -> String {
    let of = |wanted: &'static [AdviceKind]| {
        let of = advice.iter().filter(move |it| wanted.contains(&it.kind));
        of.flat_map(|it| it.code.lines())
    };
    let mut settings = of(&[AdviceKind::FrameBlockBytes, AdviceKind::ThreadCacheBytes]).peekable();
    let statements = of(&[AdviceKind::Prewarm]).peekable();
    let mut code = String::new();
    if settings.peek().is_some() {
        code.push_str("let pool = framepool::BufferPool::builder()\n");
        for setting in settings {
            let _ = writeln!(code, "    {setting}");
        }
        code.push_str("    .build()?;\n");
    }
    for statement in statements {
        let _ = writeln!(code, "{statement}");
    }
    code
}

fn setting(kind: AdviceKind, value: u64) -> String {
    format!(".{kind}({})", literal(value))
}

fn frame_alloc(site: &str) -> String {
    // The site may come from a recording, so it must not end the comment.
    let site: String = site.chars().filter(|it| !it.is_control()).collect();
    format!("let buffer = frame.alloc::<u8>(len); // at {site}")
}

/// The share that was removed, rounded down: `97 %`.
fn removed(before: u64, after: u64) -> String {
    let removed = before.saturating_sub(after);
    format!(
        "{} %",
        (u128::from(removed) * 100)
            .checked_div(u128::from(before))
            .unwrap_or(0)
    )
}

/// A number as code has it: `8_388_608`.
fn literal(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
