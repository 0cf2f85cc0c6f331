//! Keeping and showing what was judged.
mod text;
pub use text::{Align, Table, bytes};
