//! The one door to the time: where frames, trimming and monitors look at the clock.
//!
//! The clock is that of the system, which never goes back, or so it says; virtual machines and broken drivers have been seen
//! to disagree. Nothing here relies on it: a clock that stands still or goes back makes durations zero. A test can make it
//! do that, for what happens on its own thread.

use std::time::Instant;

/// The time now.
#[inline]
pub(crate) fn now() -> Instant {
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    if let Some(told) = told::now() {
        return told;
    }
    Instant::now()
}

/// The time that passed since then; none if the clock went back meanwhile.
#[inline]
pub(crate) fn since(then: Instant) -> std::time::Duration {
    now().saturating_duration_since(then)
}

/// A clock that a test sets.
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod told {
    use std::cell::Cell;
    use std::time::Instant;

    thread_local! {
        static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    pub(super) fn now() -> Option<Instant> {
        NOW.get()
    }

    /// Stands still at this time, for this thread; or goes with the system's again.
    pub(super) fn set(time: Option<Instant>) {
        NOW.set(time);
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;
