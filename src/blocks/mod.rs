//! Pooled blocks: their size classes, their records, and the stores of idle blocks. This folder does not depend on
//! the pool.

pub(crate) mod balance;
pub(crate) mod bin;
pub(crate) mod block;
mod buckets;
#[cfg(any(feature = "backtrace", all(test, framepool_loom)))]
pub(crate) mod call_stacks;
pub(crate) mod class;
pub(crate) mod depot;
pub(crate) mod exchange;
pub(crate) mod label;
pub(crate) mod magazine;
pub(crate) mod note;
#[cfg(feature = "backtrace")]
pub(crate) mod own_stack;
#[cfg(feature = "backtrace")]
pub(crate) mod return_words;
pub(crate) mod stack;
pub(crate) mod state;
pub(crate) mod table;
