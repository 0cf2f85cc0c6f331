//! Frame memory: the arena of one thread for one open frame, and the set of open frames. Does not depend on the pool.

pub(crate) mod blocks;
pub(crate) mod bump;
pub(crate) mod in_flight;
pub(crate) mod parking;
pub(crate) mod sampling;
