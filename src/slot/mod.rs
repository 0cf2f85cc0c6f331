//! The state of one thread in a pool: its slot, the list of all slots, their owners, and their change marks.

pub(crate) mod changes;
#[cfg(feature = "backtrace")]
pub(crate) mod countdown;
pub(crate) mod frame_sites;
pub(crate) mod lane;
pub(crate) mod lanes;
pub(crate) mod list;
pub(crate) mod owner;
pub(crate) mod state;
pub(crate) mod thread_names;
