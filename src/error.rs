//! The errors of the library. Each message says what to do.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::memory::alignment::Alignment;
use crate::telemetry::holdings::{HeldBy, Holding};
use crate::telemetry::id::FrameId;
use crate::telemetry::outstanding::SiteHolding;
use crate::text::{bytes, one_line};

/// Why a buffer could not be allocated. All counters stay correct after it.
///
/// ```
/// use framepool::{AllocError, BufferPool};
///
/// let pool = BufferPool::builder().max_bytes(4 << 20).build()?;
/// let image = match pool.try_alloc::<u8>(8 << 20) {
///     Err(AllocError::BudgetExceeded { limit, .. }) => pool.alloc(limit as usize / 2), // a smaller one will do
///     other => other?,
/// };
/// assert_eq!(image.len(), 2 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// The request's size in bytes is beyond the address space.
    SizeOverflow {
        /// Elements requested.
        len: usize,
        /// Bytes of one element.
        element_bytes: usize,
    },
    /// The element type needs a coarser alignment than the pool's buffers have.
    Alignment {
        /// The alignment of the element type, in bytes.
        required: usize,
        /// The alignment of the pool's buffers, in bytes.
        provided: usize,
    },
    /// The pool's budget does not allow the memory this request needs.
    BudgetExceeded {
        /// Bytes that the request needs from the system, with the record and the allocator's slack if these count.
        requested: u64,
        /// Bytes of the buffers in use, of both kinds.
        in_use: u64,
        /// The budget.
        limit: u64,
        /// Bytes that count against the budget.
        held: u64,
        /// The holders of these bytes; the parts add up to `held`.
        parts: Vec<Holding>,
        /// The call sites whose pooled buffers hold the most, at most five, the largest first.
        holders: Vec<SiteHolding>,
        /// The age of `holders`. Zero if few pooled buffers are in use. With many, a walk is slow, so not every refusal
        /// makes one.
        holders_age: Duration,
    },
    /// The budget of a tag does not allow the buffer.
    TagBudgetExceeded {
        /// The tag whose budget is used up: the buffer's tag, or one above it.
        tag: String,
        /// Bytes of the block that the buffer needs.
        requested: u64,
        /// Bytes of the pooled buffers in use, with this tag or one below it.
        in_use: u64,
        /// The budget.
        limit: u64,
        /// Bytes that count against the budget.
        held: u64,
        /// The holders of these bytes; the parts add up to `held`.
        parts: Vec<Holding>,
        /// The call sites whose buffers hold the most of the tag, at most five, the largest first.
        holders: Vec<SiteHolding>,
    },
    /// The system refused to allocate memory.
    OutOfMemory {
        /// Bytes that the pool requested from the system.
        requested: u64,
    },
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SizeOverflow { len, element_bytes } => write!(
                f,
                "{len} elements of {element_bytes} bytes are more than can be addressed; ask for fewer"
            ),
            Self::Alignment { required, provided } => write!(
                f,
                "the element type needs an alignment of {required} bytes and this pool gives {provided}; {}",
                coarser(*required)
            ),
            Self::BudgetExceeded {
                requested,
                limit,
                held,
                parts,
                holders_age,
                ..
            } => {
                write!(
                    f,
                    "taking {} more would exceed the pool's budget of {}, of which {} are held",
                    bytes(*requested),
                    bytes(*limit),
                    bytes(*held)
                )?;
                let mut largest: Vec<&Holding> = parts.iter().collect();
                largest.sort_by_key(|part| Reverse(part.bytes));
                for (at, part) in largest.iter().enumerate() {
                    let lead = if at == 0 { ":" } else { "," };
                    write!(f, "{lead} {} {}", bytes(part.bytes), part.by)?;
                }
                if !holders_age.is_zero() {
                    write!(f, " (call sites as of {holders_age:.0?} ago)")?;
                }
                write!(f, "; {}", next_step(*requested, *limit, &largest))
            }
            Self::TagBudgetExceeded {
                tag,
                requested,
                limit,
                held,
                parts,
                ..
            } => {
                write!(
                    f,
                    "taking {} more would exceed the budget of tag `{tag}` of {}, of which {} are taken",
                    bytes(*requested),
                    bytes(*limit),
                    bytes(*held)
                )?;
                for (at, part) in parts.iter().enumerate() {
                    let lead = if at == 0 { ":" } else { "," };
                    write!(f, "{lead} {} {}", bytes(part.bytes), part.by)?;
                }
                f.write_str("; release buffers of the tag, or raise its `max_bytes`")
            }
            Self::OutOfMemory { requested } => {
                write!(
                    f,
                    "the system gave no memory for {}; ask for less, or release buffers",
                    bytes(*requested)
                )
            }
        }
    }
}

impl Error for AllocError {}

/// What to do about elements that need a coarser alignment than the pool's.
fn coarser(required: usize) -> String {
    let mut all = Alignment::ALL.iter();
    match all.find(|it| it.bytes() >= required) {
        Some(it) => format!("build the pool with `.alignment(Alignment::{it:?})`"),
        None => "no pool gives that; `Frame::alloc_value` does".to_owned(),
    }
}

/// What to do about a refusal, given the held parts, the largest first: a step for each part until the request would fit.
fn next_step(requested: u64, limit: u64, largest: &[&Holding]) -> String {
    const RAISE: &str = "or raise `max_bytes`";
    if requested > limit {
        return format!("it never fits: ask for less, {RAISE}");
    }
    let staying: Vec<&&Holding> = largest.iter().filter(|part| part.by.stays()).collect();
    let bytes: u64 = staying.iter().map(|part| part.bytes).sum();
    let mut missing = requested.saturating_sub(limit.saturating_sub(bytes));
    if missing == 0 {
        return format!("give back what is kept in advance with `trim`, {RAISE}");
    }
    let mut steps: Vec<String> = Vec::new();
    for part in staying {
        let step = step(&part.by);
        if !steps.contains(&step) {
            steps.push(step);
        }
        missing = missing.saturating_sub(part.bytes);
        if missing == 0 {
            break;
        }
    }
    format!("{}, {RAISE}", and(&steps))
}

/// What makes a holder give its memory back.
fn step(holder: &HeldBy) -> String {
    match holder {
        HeldBy::Frame { frame, .. } => format!("end frame {frame} (`release_all`)"),
        HeldBy::OtherFrames => "end the other frames (`release_all`)".to_owned(),
        HeldBy::UnusedInFrames => "end frames, set a smaller `frame_block_bytes`".to_owned(),
        HeldBy::Thread(_) | HeldBy::OtherThreads => {
            "set a smaller `thread_cache_bytes`, let threads that rest end".to_owned()
        }
        HeldBy::Bookkeeping => "release buffers, take fewer and larger ones".to_owned(),
        _ => "release buffers".to_owned(),
    }
}

/// The steps as one clause.
fn and(steps: &[String]) -> String {
    match steps {
        [first @ .., last] if !first.is_empty() => format!("{}, and {last}", first.join(", ")),
        _ => steps.concat(),
    }
}

/// Why a frame could not begin.
///
/// ```
/// use framepool::{BufferPool, FrameError};
///
/// let pool = BufferPool::builder().max_frames_in_flight(1).build()?;
/// let upload = pool.begin_frame();
/// let next = match pool.try_begin_frame() {
///     Err(FrameError::TooManyInFlight { oldest, .. }) => {
///         assert_eq!(oldest, upload.id());
///         upload.release_all(); // makes room
///         pool.begin_frame()
///     }
///     other => other?,
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// As many frames are open as the pool allows.
    #[non_exhaustive]
    TooManyInFlight {
        /// The number of open frames.
        open: u32,
        /// The largest number of open frames.
        limit: u32,
        /// The frame that has been open longest.
        oldest: FrameId,
        /// The line that began it; `None` if that was not stored yet.
        oldest_site: Option<&'static Location<'static>>,
        /// How long it has been open.
        oldest_age: Duration,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyInFlight {
                open,
                limit,
                oldest,
                oldest_site,
                oldest_age,
            } => {
                write!(f, "{open} of {limit} frames are open")?;
                if let Some(site) = oldest_site {
                    write!(
                        f,
                        ", the oldest is frame {oldest}, begun {:.1} s ago at {site}",
                        oldest_age.as_secs_f64()
                    )?;
                }
                f.write_str("; end it with `release_all`, or raise `max_frames_in_flight`")
            }
        }
    }
}

impl Error for FrameError {}

/// Why a pool could not be built.
///
/// ```
/// use framepool::{BufferPool, ConfigError};
///
/// let wanted = 99; // from a configuration file
/// let error = BufferPool::builder().max_frames_in_flight(wanted).build().unwrap_err();
/// assert_eq!(error.to_string(), "max_frames_in_flight is 99; it must be 1 to 16");
/// if let ConfigError::FramesInFlight { max, .. } = error {
///     let pool = BufferPool::builder().max_frames_in_flight(max).build()?;
/// }
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `max_frames_in_flight` is zero or more than the pool supports.
    FramesInFlight {
        /// The given value.
        given: u32,
        /// The largest allowed value.
        max: u32,
    },
    /// `frame_block_bytes` is too small or too large.
    FrameBlockBytes {
        /// The given value.
        given: usize,
        /// The smallest allowed value.
        min: usize,
        /// The largest allowed value.
        max: usize,
    },
    /// `max_bytes` of the pool or of a tag is zero.
    MaxBytes {
        /// The tag; `None` for the pool.
        tag: Option<String>,
        /// The given value.
        given: u64,
        /// The smallest allowed value.
        min: u64,
    },
    /// `warn_bytes` of a tag is zero.
    WarnBytes {
        /// The tag.
        tag: String,
        /// The given value.
        given: u64,
        /// The smallest allowed value.
        min: u64,
    },
    /// More tags are set up than the pool supports.
    Tags {
        /// The given number of tags.
        given: usize,
        /// The largest allowed value.
        max: usize,
    },
    /// `history_frames` is zero or more than the pool supports.
    HistoryFrames {
        /// The given value.
        given: usize,
        /// The largest allowed value.
        max: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FramesInFlight { given, max } => {
                write!(f, "max_frames_in_flight is {given}; it must be 1 to {max}")
            }
            Self::FrameBlockBytes { given, min, max } => {
                write!(f, "frame_block_bytes is {given}; it must be {min} to {max}")
            }
            Self::MaxBytes { tag, given, min } => {
                f.write_str("max_bytes")?;
                if let Some(tag) = tag {
                    write!(f, " of tag `{}`", one_line(tag))?;
                }
                write!(f, " is {given}; it must be at least {min}")
            }
            Self::WarnBytes { tag, given, min } => {
                let tag = one_line(tag);
                write!(
                    f,
                    "warn_bytes of tag `{tag}` is {given}; it must be at least {min}"
                )
            }
            Self::Tags { given, max } => {
                write!(f, "{given} tags are set up; there can be {max}")
            }
            Self::HistoryFrames { given, max } => {
                write!(f, "history_frames is {given}; it must be 1 to {max}")
            }
        }
    }
}

impl Error for ConfigError {}
