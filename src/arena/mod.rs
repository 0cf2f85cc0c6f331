//! Frame memory: a thread's arena for one open frame, and which frames are open. Knows no pool.

pub(crate) mod bump;
pub(crate) mod chunks;
pub(crate) mod in_flight;
pub(crate) mod parking;
