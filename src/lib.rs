//! A frame-scoped buffer pool for multi-threaded job systems, with always-on memory telemetry.
//!
//! framepool is for programs that work in frames (a tick, a buffer period, a batch): game engines, simulations, video and
//! audio pipelines, robotics, tick-based servers. It allocates buffers for worker threads faster than a general
//! allocator. At every frame end it knows, exactly and at almost no cost, what was allocated, what was released and what
//! is still in use, since when, and from which line of code.
//!
//! ```
//! use std::time::Duration;
//! use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};
//!
//! let pool = BufferPool::new();
//! let mut monitor = HealthMonitor::new(Thresholds::default());
//! let store = DiagnosticsStore::new();
//!
//! for _ in 0..10 {
//!     let frame = pool.begin_frame();
//!     let scratch = frame.alloc::<f32>(1024); // a frame buffer: gone at the frame's end
//!     let mut image = pool.alloc::<u8>(4096); // a pooled buffer: may cross threads and frames
//!     scratch.fill(0.5);
//!     image[0] = 255;
//!     drop(image);
//!
//!     let snapshot = frame.release_all(); // counts aggregated, an immutable snapshot published
//!     monitor.record_frame(&snapshot, Duration::from_millis(16));
//!     if let Some(health) = monitor.emit(&pool) {
//!         store.receive(health);
//!     }
//! }
//! println!("{store}");
//! pool.assert_no_leaks();
//! ```
//!
//! # Two kinds of buffer
//!
//! - **Frame buffers** ([`Frame::alloc`]) live until the end of their frame and are released all at once; the borrow
//!   checker proves that none outlives its frame. Several frames can be open at once. Frames also hold values of any
//!   type ([`Frame::alloc_value`], [`FrameVec`]).
//! - **Pooled buffers** ([`Buffer`]) are owned values that may cross threads and frames, and return to the pool when
//!   dropped. Only they can leak, so each records where and when it was allocated ([`BufferPool::outstanding`]).
//!
//! # When memory runs out
//!
//! Allocating (`try_alloc`, `try_prewarm`, their panicking twins) and releasing (dropping a buffer or a frame's
//! memory, `trim`, a thread's exit) survive a refusal by the system: you get an [`AllocError`], and every number and
//! law holds as before. Building and reporting (`build`, `subscribe`, the snapshot of a frame end whose predecessors
//! are all still being read, alerts, text) use the standard library's collections, which abort the process when
//! memory runs out.
//!
//! # The map
//!
//! Each folder of the source answers one question:
//!
//! | folder | content | begins at |
//! |---|---|---|
//! | `memory/` | memory from the system and back, and the budget | [`PoolBuilder::max_bytes`] |
//! | `blocks/` | pooled blocks: size classes, records, magazine, depot | [`Buffer`] |
//! | `arena/` | frame memory: arenas and open frames | [`FrameArena`] |
//! | `slot/` | the state of one thread in a pool | |
//! | `pool/` | the types that users hold, and the paths that join the parts: allocs, frame end, trimming | [`BufferPool`], [`Frame`] |
//! | `telemetry/` | the numbers that users read, and how snapshots reach their readers | [`FrameSnapshot`], [`telemetry::Counts`] |
//! | `health/` | snapshots become metrics, leak reports and alerts | [`HealthMonitor`] |
//! | `store/` | health snapshots are kept and shown, with their history | [`DiagnosticsStore`], [`Watch::start`] |
//! | `metrics/` | the description of every metric, from which every outlet is made | [`metrics::METRICS`] |
//!
//! Only `sync.rs` names atomics and locks, which lets the model checkers drive the real code. Only `clock.rs` reads
//! the time.
//!
//! # Features
//!
//! - `telemetry` (default): counters, attribution, snapshots. Without it the same API compiles, the counters vanish from the
//!   machine code, and the numbers read zero.
//! - `allocator-api2`: `&Frame` is an allocator for collections.
//! - `backtrace`: `Attribution::Backtraces` records call stacks of sampled buffers.
//! - `serde`: records implement `Serialize`, and a history can be saved and loaded
//!   ([`SavedHistory`](store::SavedHistory)).

#![deny(unsafe_code)]

mod arena;
mod blocks;
mod clock;
mod codegen;
mod error;
pub mod health;
mod memory;
pub mod metrics;
mod pool;
mod slot;
pub mod store;
mod sync;
pub mod telemetry;
pub mod text;

pub use clock::Timestamp;
pub use error::{AllocError, ConfigError, FrameError};
pub use health::alert::{Alert, AlertId};
pub use health::metrics::RuntimeHealthMetrics;
pub use health::monitor::HealthMonitor;
pub use health::rules::Rule;
pub use health::snapshot::HealthSnapshot;
pub use health::status::{HealthStatus, Severity};
pub use health::thresholds::Thresholds;
pub use memory::alignment::Alignment;
pub use pool::buffer::Buffer;
pub use pool::builder::PoolBuilder;
pub use pool::config::Attribution;
pub use pool::frame::Frame;
pub use pool::frame_arena::FrameArena;
pub use pool::frame_vec::FrameVec;
pub use pool::handle::BufferPool;
pub use pool::reader::SnapshotReader;
pub use pool::tag::Tag;
pub use pool::tag_settings::TagSettings;
pub use store::diagnostics::DiagnosticsStore;
pub use store::leak_check::LeakCheck;
pub use store::watch::{HealthConfig, Watch};
#[cfg(framepool_noise)]
#[doc(hidden)]
pub use sync::{Accesses, accesses};
pub use telemetry::id::{FrameEnd, FrameId, PoolId};
pub use telemetry::outstanding::{Outstanding, SiteHolding};
pub use telemetry::snapshot::{FrameSnapshot, PoolStats, Totals};

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
