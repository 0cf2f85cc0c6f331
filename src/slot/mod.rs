//! What one thread has in a pool: its slot, the list of all slots, who may use one, and what changed in it.

pub(crate) mod changes;
#[cfg(feature = "backtrace")]
pub(crate) mod countdown;
pub(crate) mod frame_sites;
pub(crate) mod list;
pub(crate) mod owner;
pub(crate) mod state;
pub(crate) mod tagged;
pub(crate) mod tags;
pub(crate) mod thread_names;
