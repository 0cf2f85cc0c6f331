//! The levels and hold times of every rule.

use std::time::Duration;

use super::Rule;
use super::limits::{Limits, NEVER};
use super::scales::GrowthLimits;
use crate::telemetry::open_frames::OpenFrame;

/// The largest count for which damping can be set.
pub(crate) const MAX_COMINGS: usize = 16;

/// A million bytes.
const MB: f64 = 1e6;

/// The limits of every rule. Each setter takes and returns the thresholds; a later call replaces an earlier one.
///
/// | rule | warning | critical | clears | raised after | resolved after |
/// |---|---|---|---|---|---|
/// | [`Leak`](Rule::Leak), per call site | from 1 buffer gained | from 10 | below the level | at once | at once |
/// | [`Overdue`](Rule::Overdue), per call site | from 1 buffer | from 10 | below the level | at once | at once |
/// | [`TagBudget`](Rule::TagBudget), per tag | above its soft budget | above twice that | at 90 % | at once | 1 s |
/// | [`PooledBytes`](Rule::PooledBytes) | above 50 MB | above 100 MB | at 90 % | at once | 1 s |
/// | [`Refusals`](Rule::Refusals) | from 1 request | never | below the level | at once | 5 s |
/// | [`PoolKeys`](Rule::PoolKeys) | above 50 | above 100, see below | at 90 % | at once | 1 s |
/// | [`Bloat`](Rule::Bloat) | above 16 MB beyond what recent frames needed, and more than that need | never | at 90 % | 5 s | 1 s |
/// | [`OpenFrame`](Rule::OpenFrame), per line | from 1 frame | from 2 | below the level | at once | at once |
/// | [`Misses`](Rule::Misses) | above 5 % of the allocs in the window | never | at 90 % | at once | 1 s |
/// | [`FrameBudget`](Rule::FrameBudget) | never, until a budget is set | never | at 90 % | at once | 1 s |
/// | [`MissedBytes`](Rule::MissedBytes) | above 1 MB a frame in the window | never | at 90 % | 1 s | 1 s |
/// | [`SystemCalls`](Rule::SystemCalls) | above 100 a frame in the window | never | at 90 % | 1 s | 1 s |
/// | [`Stalled`](Rule::Stalled) | above 1 s, and 4 times the usual time between frame ends | never | at the level | at once | at once |
/// | [`TelemetryLost`](Rule::TelemetryLost) | from 1 record | never | below the level | at once | 5 s |
///
/// A leak is raised and resolved at once because the verdict already waits for its evidence; overdue buffers and open
/// frames have already waited for their age. 1 MB is 1,000,000 bytes.
///
/// A pool has 100 size classes, so with these levels its keys are never critical; set a level below 100 to change that.
/// Bloat is measured against [`needed_bytes`](crate::RuntimeHealthMetrics::needed_bytes); prewarmed memory is no
/// bloat.
///
/// An alert that comes and goes stays raised, see [`damping`](Self::damping).
///
/// Values are judged when a monitor emits, so hold times are rounded to emits.
///
/// ```
/// use framepool::{Rule, Thresholds};
/// use std::time::Duration;
///
/// let thresholds = Thresholds::default()
///     .pooled_bytes(200_000_000, 400_000_000)
///     .frame_budget(Duration::from_micros(16_667))
///     .off(Rule::PoolKeys);
/// assert_eq!(thresholds.limits(Rule::PooledBytes).critical, 4e8);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    limits: [Limits; Rule::ALL.len()],
    warm_up_frames: u64,
    warm_up_allocs: u64,
    open_frame_age: (u64, Duration),
    growth: GrowthLimits,
    damping: Damping,
}

/// The settings of [`Thresholds::damping`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Damping {
    pub(crate) times: u32,
    pub(crate) within: Duration,
    pub(crate) quiet: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        let usual = |warning: f64, critical: f64| Limits {
            warning,
            critical,
            clear_ratio: 0.9,
            raise_after: Duration::ZERO,
            clear_after: Duration::from_secs(1),
        };
        let limits = std::array::from_fn(|at| match Rule::ALL[at] {
            Rule::Leak | Rule::Overdue => Limits {
                clear_ratio: 1.0,
                clear_after: Duration::ZERO,
                ..usual(1.0, 10.0)
            },
            Rule::TagBudget => usual(1.0, 2.0),
            Rule::PooledBytes => usual(50.0 * MB, 100.0 * MB),
            Rule::PoolKeys => usual(50.0, 100.0),
            Rule::Bloat => Limits {
                raise_after: Duration::from_secs(5),
                ..usual(16.0 * MB, NEVER)
            },
            Rule::OpenFrame => Limits {
                clear_ratio: 1.0,
                clear_after: Duration::ZERO,
                ..usual(1.0, 2.0)
            },
            Rule::Misses => usual(0.05, NEVER),
            Rule::FrameBudget => usual(NEVER, NEVER),
            Rule::MissedBytes => Limits {
                raise_after: Duration::from_secs(1),
                ..usual(MB, NEVER)
            },
            Rule::SystemCalls => Limits {
                raise_after: Duration::from_secs(1),
                ..usual(100.0, NEVER)
            },
            Rule::Stalled => Limits {
                clear_ratio: 1.0,
                clear_after: Duration::ZERO,
                ..usual(1.0, NEVER)
            },
            Rule::Refusals | Rule::TelemetryLost => Limits {
                clear_ratio: 1.0,
                clear_after: Duration::from_secs(5),
                ..usual(1.0, NEVER)
            },
        });
        Self {
            limits,
            warm_up_frames: 120,
            warm_up_allocs: 100,
            open_frame_age: (16, Duration::from_secs(1)),
            growth: GrowthLimits {
                warm_up_frames: 1200,
                warm_up: Duration::from_secs(20),
                fill_time: Duration::from_secs(110),
                load_time: Duration::from_secs(60),
            },
            damping: Damping {
                times: 4,
                within: Duration::from_secs(60),
                quiet: Duration::from_secs(30),
            },
        }
    }
}

impl Thresholds {
    /// The limits of every rule.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Rule, Limits)> {
        Rule::ALL.iter().map(|&rule| (rule, self.limits(rule)))
    }

    /// The limits of a rule.
    pub fn limits(&self, rule: Rule) -> Limits {
        self.limits[rule as usize]
    }

    /// Sets all limits of one rule. A level of NaN is never reached, a negative one counts as zero, and `clear_ratio`
    /// is clamped to 0 to 1.
    ///
    /// ```
    /// use framepool::health::Limits;
    /// use framepool::{Rule, Thresholds};
    /// use std::time::Duration;
    ///
    /// let usual = Thresholds::default();
    /// let patient = Limits { raise_after: Duration::from_secs(2), ..usual.limits(Rule::Misses) };
    /// let thresholds = usual.with_limits(Rule::Misses, patient);
    /// assert_eq!(thresholds.limits(Rule::Misses).warning, 0.05);
    /// ```
    #[must_use]
    pub fn with_limits(mut self, rule: Rule, limits: Limits) -> Self {
        self.limits[rule as usize] = limits.normalised();
        self
    }

    /// Turns this rule off.
    #[must_use]
    pub fn off(self, rule: Rule) -> Self {
        self.levels(rule, NEVER, NEVER)
    }

    /// Buffers that a growing call site gained: warning from `warning` buffers, critical from `critical`. Zero means one. If a fixed
    /// number of buffers becomes larger, all of them count, and the alert is never critical.
    #[must_use]
    pub fn leaked_buffers(self, warning: u64, critical: u64) -> Self {
        self.levels(Rule::Leak, warning as f64, critical as f64)
    }

    /// Overdue buffers of one call site: warning from `warning` buffers, critical from `critical`. Zero means one.
    #[must_use]
    pub fn overdue_buffers(self, warning: u64, critical: u64) -> Self {
        self.levels(Rule::Overdue, warning as f64, critical as f64)
    }

    /// Sets the warm-up of leak verdicts: 1,200 frames and 20 s by default. Growth that begins in it counts as caches
    /// that fill, for the [fill time](Self::leak_fill_time). Later growth can be a leak within a second.
    ///
    /// Use zero for tests, and for programs that keep no buffers.
    #[must_use]
    pub fn leak_warm_up(mut self, frames: u64, time: Duration) -> Self {
        self.growth.warm_up_frames = frames;
        self.growth.warm_up = time;
        self
    }

    /// Sets the time after which slow even growth, that began after the [warm-up](Self::leak_warm_up), is reported: 60 s by
    /// default. A load, a history or a cache that fills evenly for a shorter time raises no alert. Growth by more than
    /// ten buffers a second is reported sooner, unless it is as fast as a load: three buffers in four frames.
    #[must_use]
    pub fn leak_load_time(mut self, time: Duration) -> Self {
        self.growth.load_time = time;
        self
    }

    /// Sets the time after which growth of any form is a leak: 110 s by default, so that a leak of one buffer a
    /// minute is reported at its third buffer. Growth that may be healthy, because it began in the
    /// [warm-up](Self::leak_warm_up), is uneven, or is at a call site that released a gain before, has this time to level
    /// off. The alert of growth that was reported earlier is a warning until then.
    #[must_use]
    pub fn leak_fill_time(mut self, time: Duration) -> Self {
        self.growth.fill_time = time;
        self
    }

    pub(crate) fn growth(&self) -> &GrowthLimits {
        &self.growth
    }

    /// Bytes the pool holds from the system: warning above `warning`, critical above `critical`.
    #[must_use]
    pub fn pooled_bytes(self, warning: u64, critical: u64) -> Self {
        self.levels(Rule::PooledBytes, warning as f64, critical as f64)
    }

    /// Sets the memory levels from the most bytes that the program is meant to use.
    ///
    /// | rule | warning | critical |
    /// |---|---|---|
    /// | [`PooledBytes`](Rule::PooledBytes) | above 1.25 times the working set | above twice the working set |
    /// | [`Bloat`](Rule::Bloat) | above a quarter of it beyond what recent frames needed | unchanged |
    ///
    /// Rounding up to a size class costs at most a quarter. Anything above that is idle memory, or more than you
    /// declared.
    ///
    /// ```
    /// use framepool::{Rule, Thresholds};
    ///
    /// let thresholds = Thresholds::default().working_set(1_000_000_000);
    /// assert_eq!(thresholds.limits(Rule::PooledBytes).warning, 1.25e9);
    /// assert_eq!(thresholds.limits(Rule::Bloat).warning, 0.25e9);
    /// ```
    #[must_use]
    pub fn working_set(self, bytes: u64) -> Self {
        let bytes = bytes as f64;
        let bloat = Limits {
            warning: bytes / 4.0,
            ..self.limits(Rule::Bloat)
        };
        self.levels(Rule::PooledBytes, 1.25 * bytes, 2.0 * bytes)
            .with_limits(Rule::Bloat, bloat)
    }

    /// Size classes in use: warning above `warning`, critical above `critical`.
    #[must_use]
    pub fn pool_keys(self, warning: u32, critical: u32) -> Self {
        self.levels(Rule::PoolKeys, f64::from(warning), f64::from(critical))
    }

    /// Warns when, for `hold`, the idle bytes beyond what recent frames needed exceed both `min_idle_bytes` and that
    /// need.
    #[must_use]
    pub fn bloat(self, min_idle_bytes: u64, hold: Duration) -> Self {
        let limits = Limits {
            warning: min_idle_bytes as f64,
            critical: NEVER,
            raise_after: hold,
            ..self.limits(Rule::Bloat)
        };
        self.with_limits(Rule::Bloat, limits)
    }

    /// Warns when more than this share of recent allocs, 0 to 1, took memory from the system.
    #[must_use]
    pub fn misses(self, ratio: f64) -> Self {
        self.levels(Rule::Misses, ratio, NEVER)
    }

    /// Warns when recent frames took more than this many bytes from the system, per frame.
    #[must_use]
    pub fn missed_bytes(self, bytes_per_frame: u64) -> Self {
        self.levels(Rule::MissedBytes, bytes_per_frame as f64, NEVER)
    }

    /// Warns when recent frames took more than this many pieces of memory from the system or gave them back, per frame.
    #[must_use]
    pub fn system_calls(self, calls_per_frame: u64) -> Self {
        self.levels(Rule::SystemCalls, calls_per_frame as f64, NEVER)
    }

    /// Warns when no frame has ended for longer than this.
    #[must_use]
    pub fn stalled(self, after: Duration) -> Self {
        self.levels(Rule::Stalled, after.as_secs_f64(), NEVER)
    }

    /// Sets when [`Rule::Misses`], [`Rule::MissedBytes`] and [`Rule::SystemCalls`] begin to judge: after the pool's
    /// first `frames` frames, 120 by default. [`Rule::Misses`] also needs `allocs` allocs in the window, 100 by
    /// default.
    #[must_use]
    pub fn warm_up(mut self, frames: u64, allocs: u64) -> Self {
        self.warm_up_frames = frames;
        self.warm_up_allocs = allocs;
        self
    }

    /// Warns when one frame in a hundred takes longer than this: when the 99th percentile of recent frame times
    /// exceeds it. No budget by default.
    ///
    /// The frame time is the work, if known, so that waiting for the display does not count; see
    /// [`FrameTimeSource`](crate::health::FrameTimeSource).
    #[must_use]
    pub fn frame_budget(self, budget: Duration) -> Self {
        self.levels(Rule::FrameBudget, budget.as_secs_f64() * 1e3, NEVER)
    }

    /// Sets, for every rule, how long a value must stay past a level before an alert is raised, and before it
    /// resolves.
    ///
    /// ```
    /// use framepool::{Rule, Thresholds};
    /// use std::time::Duration;
    ///
    /// let at_once = Thresholds::default().hold(Duration::ZERO);
    /// assert_eq!(at_once.limits(Rule::Bloat).raise_after, Duration::ZERO);
    /// ```
    #[must_use]
    pub fn hold(mut self, hold: Duration) -> Self {
        for limits in &mut self.limits {
            limits.raise_after = hold;
            limits.clear_after = hold;
        }
        self
    }

    /// Frames of one line that have been open for too long: warning from `warning` frames, critical from `critical`.
    #[must_use]
    pub fn open_frames(self, warning: u64, critical: u64) -> Self {
        self.levels(Rule::OpenFrame, warning as f64, critical as f64)
    }

    /// Sets when a frame has been open for too long: when since its beginning more than `frames` others ended or
    /// could not begin, and more than `time` has passed. 16 frames and 1 s by default, which is longer than any
    /// pipeline of 16 frames in flight.
    #[must_use]
    pub fn open_frame_age(mut self, frames: u64, time: Duration) -> Self {
        self.open_frame_age = (frames, time);
        self
    }

    pub(crate) fn is_open_too_long(&self, frame: &OpenFrame) -> bool {
        let (frames, time) = self.open_frame_age;
        frame.age_frames > frames && frame.age > time
    }

    /// Sets damping: an alert that began `times` times `within` this time stays raised until its value was below the
    /// clear level for `quiet`. 4 times within 60 s, and 30 s, by default. Zero times: no damping.
    #[must_use]
    pub fn damping(mut self, times: u32, within: Duration, quiet: Duration) -> Self {
        self.damping = Damping {
            times: times.min(MAX_COMINGS as u32),
            within,
            quiet,
        };
        self
    }

    pub(crate) fn damped(&self) -> Damping {
        self.damping
    }

    pub(crate) fn warm_up_frames(&self) -> u64 {
        self.warm_up_frames
    }

    pub(crate) fn warm_up_allocs(&self) -> u64 {
        self.warm_up_allocs
    }

    fn levels(self, rule: Rule, warning: f64, critical: f64) -> Self {
        let limits = Limits {
            warning,
            critical,
            ..self.limits(rule)
        };
        self.with_limits(rule, limits)
    }
}
