//! Pooled blocks: their size classes and records, and where idle blocks wait. Knows no pool.

pub(crate) mod balance;
pub(crate) mod bin;
pub(crate) mod block;
pub(crate) mod class;
pub(crate) mod depot;
pub(crate) mod exchange;
pub(crate) mod label;
pub(crate) mod magazine;
pub(crate) mod stack;
pub(crate) mod table;
