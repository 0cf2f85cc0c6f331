//! The only module that reads the clock, for frames, trimming and monitors.
//!
//! Durations and orders use the system's monotonic clock. On virtual machines and with broken drivers that clock has gone backwards. So
//! no code relies on it: if the clock stands still or goes back, durations are zero.
//!
//! A [`Timestamp`] also has the time of day. A frame end reads only the monotonic clock. [`WallClock`] adds the difference between the
//! two clocks, and measures that difference again once a second. So the time of day follows an adjustment of the system's clock
//! within a second, and a frame end never reads a second clock.
//!
//! A test can set both clocks for its own thread.

use std::fmt;
use std::ops::Add;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The age at which the difference between the two clocks is measured again: one second.
const MEASURED_EVERY_NS: i64 = 1_000_000_000;

/// A time of the monotonic clock, in nanoseconds since the process first used the library; negative before that.
///
/// A frame end takes several differences of times. The difference of two `Instant`s takes some 60 instructions, that of two `Time`s one
/// subtraction. Reading the clock takes one difference of `Instant`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(i64);

impl Time {
    /// The time at which the monotonic clock shows `instant`.
    pub(crate) fn of(instant: Instant) -> Self {
        let origin = origin();
        instant.checked_duration_since(origin).map_or_else(
            || Self(-signed_nanos(origin.saturating_duration_since(instant))),
            |later| Self(signed_nanos(later)),
        )
    }

    /// The time from `earlier` to this one; zero if it is later.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// [`since`](Self::since) in nanoseconds.
    #[inline]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0).max(0).cast_unsigned()
    }

    /// The time as a word for an atomic.
    pub(crate) fn to_word(self) -> u64 {
        self.0.cast_unsigned()
    }

    /// The time of a word from [`to_word`](Self::to_word).
    pub(crate) fn of_word(word: u64) -> Self {
        Self(word.cast_signed())
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(signed_nanos(later)))
    }
}

/// The time now.
#[inline]
pub(crate) fn now() -> Time {
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    if let Some(told) = told::now() {
        return told;
    }
    Time::of(Instant::now())
}

/// The time since `then`; zero if the clock went back in between.
#[inline]
pub(crate) fn since(then: Time) -> Duration {
    now().since(then)
}

/// The time of day now, in nanoseconds since 1970.
fn unix_now() -> u64 {
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    if let Some(told) = told::unix() {
        return told;
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, nanos)
}

/// The origin of the process's monotonic time: the first use of the library.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    // Never the time that a test sets, because all threads share it.
    *ORIGIN.get_or_init(Instant::now)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn signed_nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A moment, by two clocks: the monotonic time, which orders moments of one process, and the time of day.
///
/// Moments compare by their monotonic time first. The default is the beginning of both clocks, and means no moment.
/// `Display` gives the time of day in UTC, as in `2026-03-14T09:26:53.589Z`.
///
/// ```
/// use framepool::{BufferPool, Timestamp};
///
/// let before = Timestamp::now();
/// let snapshot = BufferPool::new().begin_frame().release_all();
/// assert!(snapshot.time >= before);
/// println!("frame {} ended at {}", snapshot.frame, snapshot.time);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamp {
    monotonic_ns: u64,
    unix_ns: u64,
}

impl Timestamp {
    /// This moment. Reads both clocks.
    pub fn now() -> Self {
        Self::at(now())
    }

    /// The moment of a monotonic time. Reads both clocks.
    pub(crate) fn at(time: Time) -> Self {
        WallClock::new(now()).stamp(time)
    }

    /// The monotonic time since the process first used the library.
    pub fn monotonic(self) -> Duration {
        Duration::from_nanos(self.monotonic_ns)
    }

    /// The time of day by the system's clock.
    pub fn wall(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.unix_ns)
    }

    /// The time of day in nanoseconds since 1970, without leap seconds.
    pub fn unix_nanos(self) -> u64 {
        self.unix_ns
    }

    /// The monotonic time from `earlier` to this moment; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.monotonic_ns.saturating_sub(earlier.monotonic_ns))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (millis, seconds) = (
            self.unix_ns / 1_000_000 % 1000,
            self.unix_ns / 1_000_000_000,
        );
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

/// Year, month and day of the Gregorian calendar, `days` days after 1970-01-01.
///
/// Counts in eras of 400 years and in years that begin in March, so that a leap day is a year's last day:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The difference between the two clocks, so that a timestamp needs only one reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    measured: Time,
    unix_ns: u64,
}

impl WallClock {
    /// Measures the difference now.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            measured: now,
            unix_ns: unix_now(),
        }
    }

    /// The moment `now`, at which the monotonic clock was just read.
    #[inline]
    pub(crate) fn stamp_now(&mut self, now: Time) -> Timestamp {
        let age = now.0.saturating_sub(self.measured.0);
        if !(0..MEASURED_EVERY_NS).contains(&age) {
            *self = Self::new(now);
        }
        self.stamp(now)
    }

    /// The moment `time`, by the last measured difference.
    fn stamp(self, time: Time) -> Timestamp {
        let since_measured = time.0.saturating_sub(self.measured.0);
        Timestamp {
            monotonic_ns: time.0.max(0).cast_unsigned(),
            unix_ns: self.unix_ns.saturating_add_signed(since_measured),
        }
    }
}

/// Clocks that a test sets.
#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod told {
    use std::cell::Cell;

    use super::Time;

    thread_local! {
        static NOW: Cell<Option<Time>> = const { Cell::new(None) };
        static UNIX: Cell<Option<u64>> = const { Cell::new(None) };
    }

    pub(super) fn now() -> Option<Time> {
        NOW.get()
    }

    pub(super) fn unix() -> Option<u64> {
        UNIX.get()
    }

    /// Stops the monotonic clock at this time for this thread, or follows the system's again.
    pub(super) fn set(time: Option<Time>) {
        NOW.set(time);
    }

    /// Sets the time of day for this thread, or follows the system's again.
    pub(super) fn set_unix(nanos: Option<u64>) {
        UNIX.set(nanos);
    }
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests;
