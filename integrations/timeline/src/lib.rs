//! Frames, memory and alerts of [`BufferPool`](framepool::BufferPool)s as a trace that [ui.perfetto.dev](https://ui.perfetto.dev) and
//! `trace_processor` open, so that a memory spike is shown next to the program's own spans.
//!
//! ```
//! use framepool::{BufferPool, HealthConfig, Watch};
//! use framepool_timeline::TimelineWriter;
//!
//! let pool = BufferPool::builder().name("render").build()?;
//! let watch = Watch::start(&pool, HealthConfig::default());
//! let path = std::env::temp_dir().join(format!("timeline-{}.pftrace", std::process::id()));
//! let timeline = TimelineWriter::start([&watch], &path)?;
//! pool.begin_frame().release_all();
//! watch.mark("level 3 loaded");
//! let written = timeline.finish()?; // or drop it
//! assert_eq!(written.frames, 1);
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Content
//!
//! For each pool: a slice for each frame from its beginning to its end, with its allocs, releases, misses and the line that took the most
//! memory from the system; an instant for each frame end; counters of bytes in use, idle and pooled, of allocs and of misses; a slice for
//! each alert from its raising to its end, with its text; an instant for each mark.
//!
//! # Cost
//!
//! Nothing until it is started. Then each frame end copies its snapshot into one more ring, without waiting. One thread
//! writes twenty times a second, about 500 bytes a frame. Its memory is bounded: if it is too slow, frames are lost,
//! counted, and reported in the trace. A file ends at 1 GiB.
//!
//! # Why Perfetto's protobuf
//!
//! The alternative was Chrome's JSON, the format of older tools, which Perfetto still reads. As text it is larger and
//! slower to open, its counters have no units, and its tracks cannot be nested or ordered. Packets of protobuf are
//! appended, so a truncated file is valid up to its last packet. `prost`, which the page's pprof profiles need anyway,
//! writes the messages; `rustix` reads the clock.
#![forbid(unsafe_code)]

mod clock;
mod messages;
mod packets;
mod timeline;
mod tracks;
mod writer;

pub use timeline::{PoolTrack, Timeline};
pub use writer::{TimelineWriter, Written};

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
