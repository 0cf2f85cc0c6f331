//! The results of a replay: as data with stable keys, and as text.

mod columns;
mod data;
mod text;
mod words;

pub(crate) use columns::{columns_of_error, columns_of_output};
pub(crate) use data::{
    ContestantSection, LeakSection, LeakSite, LeftOut, PoolSection, Report, TimingSection,
    TraceSection,
};
pub(crate) use text::{alert_table, render};
pub(crate) use words::{count, counted, share};
