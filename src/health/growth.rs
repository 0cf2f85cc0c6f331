//! How a call site grows: its rates, how even the growth is, and when memory runs out.

use std::fmt;
use std::time::Duration;

use super::envelope::{Climb, Mark};
use super::scales::GrowthLimits;
use crate::text::bytes;

/// Memory that runs out later than this is not mentioned.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How fast the population of a call site grows.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
/// # use std::time::{Duration, Instant};
///
/// # let (pool, mut leaked) = (BufferPool::new(), Vec::new());
/// # let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
/// # let (mut monitor, start) = (HealthMonitor::new(thresholds), Instant::now());
/// # for frame in 0..60 {
/// #     leaked.push(pool.alloc::<u8>(1_000));
/// #     monitor.record_frame(&pool.end_frame(), Duration::from_millis(16));
/// #     monitor.emit_at(&pool, start + frame * Duration::from_millis(16));
/// # }
/// // One buffer of 1,024 bytes is lost each frame.
/// for site in monitor.emit_now(&pool).verdicts.iter() {
///     let Some(growth) = site.growth else { continue };
///     assert_eq!(growth.bytes, growth.buffers * 1_024);
///     assert!((growth.buffers_per_1000_frames - 1_000.0).abs() < 100.0);
///     println!("{} grows {growth}", site.location);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Growth {
    /// Whether a fixed number of buffers becomes larger. Else their number grows.
    pub larger: bool,
    /// Buffers gained since the growth began; zero if they become larger.
    pub buffers: u64,
    /// Bytes gained since the growth began.
    pub bytes: u64,
    /// Buffers a minute.
    pub buffers_per_minute: f64,
    /// Bytes a minute.
    pub bytes_per_minute: f64,
    /// Buffers per 1,000 frames.
    pub buffers_per_1000_frames: f64,
    /// Bytes per 1,000 frames.
    pub bytes_per_1000_frames: f64,
    /// Changes of the minimum per window that were rises above all earlier ones.
    pub rises: u64,
    /// Changes that were falls.
    pub falls: u64,
    /// The probability that the next change is a rise, 0 to 1: `(rises + 1) / (rises + falls + 2)`, Laplace's rule of
    /// succession. It describes how even the growth is. It is not the probability of a leak.
    pub confidence: f64,
    /// The time of the latest rise, since the monitor's first health snapshot.
    pub latest_rise: Duration,
    /// Whether it has lasted for [`Thresholds::leak_fill_time`](crate::Thresholds::leak_fill_time). Until then it may be a
    /// load or a cache that fills, so its alert stays a warning.
    pub lasted: bool,
    /// When memory runs out at this rate; `None` if that is more than a year away, or if the remaining memory is
    /// unknown.
    pub exhausts: Option<Exhaustion>,
    /// `bytes_per_minute` without growths that rest now, as in a menu. The forecast is made of it.
    pub going_on_bytes_per_minute: f64,
}

impl Growth {
    /// The growth of a climb so far.
    pub(super) fn of(climb: &Climb, room: Room, now: &Mark, limits: &GrowthLimits) -> Self {
        let (gained, risen) = (climb.gained(), climb.risen());
        let (from, to) = (climb.began.loop_time, climb.latest.loop_time);
        let minutes = to.elapsed_since(from).as_secs_f64() / 60.0;
        let per = |amount: f64, of: f64| if of > 0.0 { amount / of } else { 0.0 };
        // Of the later half of the growth, in which a frame counts for at most 0.1 s; a slow frame lasts longer.
        let (buffers, loop_time) = climb.shape.later_half();
        let loop_minutes = loop_time.as_secs_f64() / 60.0;
        let slow = per(to.since(from).as_secs_f64() / 60.0, minutes);
        let buffers_per_minute = per(buffers as f64, loop_minutes) * slow;
        let bytes_per_minute = buffers_per_minute * per(risen.bytes as f64, risen.buffers as f64);
        let going_on = if climb.rests(now) {
            0.0
        } else {
            bytes_per_minute
        };
        let thousands = per((to.frames - from.frames) as f64 / 1_000.0, minutes);
        Self {
            larger: false,
            buffers: gained.buffers,
            bytes: gained.bytes,
            buffers_per_minute,
            bytes_per_minute,
            buffers_per_1000_frames: per(buffers_per_minute, thousands),
            bytes_per_1000_frames: per(bytes_per_minute, thousands),
            rises: climb.rises.into(),
            falls: climb.falls.into(),
            confidence: confidence(climb.rises.into(), climb.falls.into()),
            latest_rise: climb.latest.at,
            lasted: to.since(from) >= limits.fill_time,
            exhausts: room.exhausted_at(going_on),
            going_on_bytes_per_minute: going_on,
        }
    }

    /// Adds the growth of another tag.
    pub(super) fn with(self, tag: Self) -> Self {
        let going_on = self.going_on_bytes_per_minute + tag.going_on_bytes_per_minute;
        let of = |growth: Self| Some((growth.exhausts?, growth.going_on_bytes_per_minute));
        Self {
            larger: self.larger,
            buffers: self.buffers + tag.buffers,
            bytes: self.bytes + tag.bytes,
            buffers_per_minute: self.buffers_per_minute + tag.buffers_per_minute,
            bytes_per_minute: self.bytes_per_minute + tag.bytes_per_minute,
            buffers_per_1000_frames: self.buffers_per_1000_frames + tag.buffers_per_1000_frames,
            bytes_per_1000_frames: self.bytes_per_1000_frames + tag.bytes_per_1000_frames,
            rises: self.rises + tag.rises,
            falls: self.falls + tag.falls,
            confidence: confidence(self.rises + tag.rises, self.falls + tag.falls),
            latest_rise: self.latest_rise.max(tag.latest_rise),
            lasted: self.lasted || tag.lasted,
            // The same room fills faster.
            exhausts: of(self).or(of(tag)).map(|(full, rate)| Exhaustion {
                after: full.after.mul_f64((rate / going_on).min(1.0)),
                ..full
            }),
            going_on_bytes_per_minute: going_on,
        }
    }
}

/// The probability that the next change is a rise.
pub(super) fn confidence(rises: u64, falls: u64) -> f64 {
    (rises as f64 + 1.0) / ((rises + falls) as f64 + 2.0)
}

/// When memory runs out.
///
/// ```
/// use framepool::health::MemoryLimit;
/// # use framepool::{BufferPool, HealthMonitor, Thresholds};
/// # use std::time::{Duration, Instant};
///
/// let pool = BufferPool::builder().max_bytes(10_000_000).build()?;
/// # let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
/// # let (mut monitor, start) = (HealthMonitor::new(thresholds), Instant::now());
/// # let mut leaked = Vec::new();
/// # for frame in 0..60 {
/// #     leaked.push(pool.alloc::<u8>(1_000));
/// #     monitor.record_frame(&pool.end_frame(), Duration::from_millis(16));
/// #     monitor.emit_at(&pool, start + frame * Duration::from_millis(16));
/// # }
/// // About 1 kB is lost every 16 ms.
/// for site in monitor.emit_now(&pool).verdicts.iter() {
///     let Some(full) = site.growth.and_then(|growth| growth.exhausts) else { continue };
///     assert_eq!(full.limit, MemoryLimit::Budget);
///     assert!(full.after.as_secs() < 300);
/// }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Exhaustion {
    /// The limit that is reached first.
    pub limit: MemoryLimit,
    /// The time until then.
    pub after: Duration,
}

/// A limit on the memory of a pool.
///
/// ```
/// use framepool::health::MemoryLimit;
///
/// fn advice(limit: MemoryLimit) -> &'static str {
///     match limit {
///         MemoryLimit::Budget => "raise `max_bytes`, or fix the leak",
///         MemoryLimit::Machine => "restart before the machine swaps",
///         _ => "see the documentation",
///     }
/// }
/// assert!(advice(MemoryLimit::Budget).contains("max_bytes"));
/// assert_eq!(MemoryLimit::Budget.to_string(), "the pool's budget");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum MemoryLimit {
    /// The pool's [`max_bytes`](crate::PoolBuilder::max_bytes).
    Budget,
    /// The available memory of the machine.
    Machine,
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Budget => "the pool's budget",
            Self::Machine => "the machine's memory",
        })
    }
}

/// The rate, and when memory runs out: `by 30 buffers (1.2 MiB) a minute, 8.3 per 1,000 frames; the …`, or without buffers
/// if their number stays.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes_per_minute = bytes(self.bytes_per_minute as u64);
        if self.larger {
            let per_1000_frames = bytes(self.bytes_per_1000_frames as u64);
            write!(
                f,
                "by {bytes_per_minute} a minute, {per_1000_frames} per 1,000 frames"
            )?;
        } else {
            write!(
                f,
                "by {} buffers ({bytes_per_minute}) a minute, {} per 1,000 frames",
                number(self.buffers_per_minute),
                number(self.buffers_per_1000_frames),
            )?;
        }
        if let Some(Exhaustion { limit, after }) = self.exhausts {
            write!(f, "; {limit} is full in {}", in_words(after))?;
        }
        Ok(())
    }
}

/// A number in short form: `0.28`, `8.3`, `1800`.
fn number(value: f64) -> String {
    let digits = match value {
        ..0.995 => 2,
        0.995..9.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// A time in a suitable unit: `40 s`, `12 min`, `3 h`, `20 days`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Bytes that a pool can still take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// The rest of its budget.
    pub(crate) budget: Option<u64>,
    /// The available memory of the machine.
    pub(crate) machine: Option<u64>,
}

impl Room {
    /// The limit that is reached first at this rate, if within a year.
    fn exhausted_at(self, bytes_per_minute: f64) -> Option<Exhaustion> {
        let limits = [
            (MemoryLimit::Budget, self.budget),
            (MemoryLimit::Machine, self.machine),
        ];
        let left = limits
            .into_iter()
            .filter_map(|(limit, left)| Some((left?, limit)));
        let (left, limit) = left.min_by_key(|&(left, _)| left)?;
        let seconds = left as f64 / bytes_per_minute * 60.0;
        let after = Duration::try_from_secs_f64(seconds).ok()?;
        (after < YEAR).then_some(Exhaustion { limit, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_that_rests_does_not_shorten_the_forecast() {
        let room = Room {
            budget: Some(6_000),
            machine: None,
        };
        let of = |bytes_per_minute: f64, going_on: f64| Growth {
            bytes_per_minute,
            going_on_bytes_per_minute: going_on,
            exhausts: room.exhausted_at(going_on),
            ..Growth::default()
        };
        let (grows, rests) = (of(100.0, 100.0), of(900.0, 0.0));
        let all = rests.with(grows).with(grows);
        let after = all.exhausts.map(|full| full.after.as_secs());
        assert_eq!(after, Some(30 * 60), "200 bytes a minute");
        assert_eq!(rests.exhausts, None);
    }

    #[test]
    fn rates_and_times_are_short() {
        let numbers = [0.277, 8.333, 30.04, 1800.2].map(number);
        assert_eq!(numbers, ["0.28", "8.3", "30", "1800"]);
        let times = [40, 720, 10_800, 1_728_000].map(|secs| in_words(Duration::from_secs(secs)));
        assert_eq!(times, ["40 s", "12 min", "3 h", "20 days"]);
    }
}
