//! The process that serves, so that a reader notices a restart at the same address.

use std::sync::LazyLock;

use framepool::Timestamp;

use crate::api::Process;

/// The first time that this process recorded pools. A process number alone can return, in a container even at once.
static STARTED: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);

pub(crate) fn this() -> Process {
    Process {
        id: std::process::id(),
        started: *STARTED,
    }
}
