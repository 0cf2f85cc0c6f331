//! What a replay found out: as data with stable keys, and as text a person likes to read.

mod data;
mod text;
mod words;

pub(crate) use data::{
    ContestantSection, LeakSection, LeakSite, LeftOut, PoolSection, Report, TimingSection,
    TraceSection,
};
pub(crate) use text::{alert_table, render};
pub(crate) use words::{count, share};
