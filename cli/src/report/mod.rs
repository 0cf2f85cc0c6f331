//! The results of a replay: as data with stable keys, and as text.

mod data;
mod lines;
mod text;
mod words;

pub(crate) use data::{
    ContestantSection, LeakSection, LeakSite, LeftOut, PoolSection, Report, TimingSection,
    TraceSection,
};
pub(crate) use lines::{columns_of_error, columns_of_output, hanging};
#[cfg(feature = "dashboard")]
pub(crate) use lines::{fitted, wrapped};
pub(crate) use text::{alert_table, render};
pub(crate) use words::{count, counted, share};
