//! Keeps and shows health snapshots: the store with its history, the text report, the thread that feeds it, and a leak
//! check for tests.
//!
//! ```text
//!   Watch ── frames, health snapshots, marks ──▶ DiagnosticsStore ──▶ readers: report, page, exporters
//!                                                 ├ subscribers.rs  callbacks and channels for alerts
//!                                                 ├ history.rs   the latest health snapshots, events
//!                                                 └ past/        single frames; numbers over an hour and a day
//!   WatchedPools: the pools and stores that an exporter reads
//! ```

mod alerting;
pub(crate) mod diagnostics;
mod history;
mod kept;
pub(crate) mod leak_check;
mod past;
mod report;
mod saved;
mod subscribers;
pub(crate) mod watch;
mod watched;
mod watcher;

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;

pub use leak_check::{FoundLeak, FoundLeaks};
pub use past::columns::{Column, Merge};
pub use past::event::{Event, EventKind};
pub use past::frame::FrameRecord;
pub use past::holders::{HolderKind, HolderNames};
pub use past::sample::{HeldShare, Sample};
pub use past::{Rollup, Span};
#[cfg(feature = "serde")]
pub use saved::HistoryError;
pub use saved::{
    SavedAlert, SavedColumn, SavedCourse, SavedEvent, SavedFrameSite, SavedGrowthLimits,
    SavedHistory, SavedHolder, SavedHolding, SavedLimits, SavedOpenFrame, SavedPool, SavedSample,
    SavedSite, SavedSpan, SavedStack, SavedVerdict, SavedWorst,
};
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use saved::{linked_file, write_whole_file};
pub use subscribers::{AlertFeed, AlertSubscriber, SubscriberState};
pub use watched::WatchedPools;
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
pub(crate) use watcher::Watcher;
