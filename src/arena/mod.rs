//! Frame memory: the arena of one thread for one open frame, and the set of open frames. Does not depend on the pool.

pub(crate) mod bump;
pub(crate) mod chunks;
pub(crate) mod in_flight;
pub(crate) mod parking;
pub(crate) mod sampling;
