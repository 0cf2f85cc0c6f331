//! The results of a replay: as data with stable keys, and as text.

mod data;
mod text;
mod words;

pub(crate) use data::{
    ContestantSection, LeakSection, LeakSite, LeftOut, PoolSection, Report, TimingSection,
    TraceSection,
};
pub(crate) use text::{alert_table, render};
pub(crate) use words::{count, share};
