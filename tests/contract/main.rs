//! The public contract, item by item, as a program outside the crate sees it.

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "telemetry")]
mod advice;
mod ages;
#[cfg(feature = "telemetry")]
mod arenas;
#[cfg(feature = "backtrace")]
mod backtraces;
#[cfg(feature = "telemetry")]
mod breakdown;
mod budget;
mod buffers;
mod builder;
#[cfg(feature = "telemetry")]
mod documents;
mod errors;
mod frame_lists;
#[cfg(feature = "telemetry")]
mod frame_memory;
mod frames;
mod holders;
#[cfg(feature = "telemetry")]
mod holdings;
mod idle;
mod limits;
#[cfg(feature = "telemetry")]
mod magazines;
#[cfg(feature = "telemetry")]
mod new_blocks;
mod numbers;
#[cfg(not(feature = "telemetry"))]
mod off;
mod panic_lines;
#[cfg(feature = "telemetry")]
mod places;
mod reading;
#[cfg(feature = "telemetry")]
mod reclaiming;
#[cfg(feature = "telemetry")]
mod refusals;
#[cfg(feature = "telemetry")]
mod residency;
mod small_classes;
mod small_stacks;
#[cfg(feature = "telemetry")]
mod sources;
#[cfg(feature = "telemetry")]
mod tag_blocks;
mod tag_budgets;
mod tags;
#[cfg(feature = "telemetry")]
mod trimming;
mod types;
mod values;
