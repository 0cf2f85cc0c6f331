//! Converts the library's time to that of the trace.

use framepool::Timestamp;

/// The clock of a trace: the one that continues while the machine sleeps, as in Perfetto's own traces, so that traces of
/// one machine can be merged. On systems without it, the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceClock {
    /// Trace time minus the library's monotonic time, in nanoseconds.
    ahead: i128,
    /// Both clocks at one moment: the trace's, and the time of day.
    pub(crate) measured: (u64, u64),
}

impl TraceClock {
    pub(crate) fn measure() -> Self {
        let now = Timestamp::now();
        let trace = since_boot().unwrap_or_else(|| now.unix_nanos());
        Self {
            ahead: i128::from(trace) - now.monotonic().as_nanos() as i128,
            measured: (trace, now.unix_nanos()),
        }
    }

    /// The trace time of a moment.
    pub(crate) fn time(&self, time: Timestamp) -> u64 {
        let time = time.monotonic().as_nanos() as i128 + self.ahead;
        u64::try_from(time).unwrap_or(0)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot() -> Option<u64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    Some(seconds.ok()? * 1_000_000_000 + nanos.ok()?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn since_boot() -> Option<u64> {
    None
}
