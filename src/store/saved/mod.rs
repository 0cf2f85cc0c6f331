//! A store's history as plain values, for reports and files.
//!
//! The reports of a live store and of a file are made from the same values, so they agree. Lines of code are text here,
//! because a file has no `Location`.

/// Defines the saved types: plain, serialisable fields, with defaults for fields that a file of another version lacks.
macro_rules! saved {
    ($($(#[$attr:meta])* $name:ident { $($(#[$field_attr:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$attr])*
            #[derive(Clone, Debug, Default, PartialEq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
            #[non_exhaustive]
            pub struct $name { $($(#[$field_attr])* pub $field: $type,)* }
        )*
    };
}

#[cfg(feature = "serde")]
mod file;
mod growth;
mod held;
mod judged;
mod rows;
mod take;
#[cfg(feature = "serde")]
mod whole_file;

use std::collections::BTreeMap;
use std::time::Duration;

use super::past::Span;
use super::past::frame::FrameRecord;
use super::subscribers::AlertSubscriber;
use crate::clock::Timestamp;
use crate::health::{
    Advice, AlertState, HealthStatus, LeakVerdict, RuntimeHealthMetrics, UsageHistogram,
};
use crate::telemetry::breakdown::{SizeHolding, ThreadHolding};
use crate::telemetry::frame_memory::FrameSampling;
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::stack_counts::StackSampling;
use crate::telemetry::tags::TagStats;

#[cfg(feature = "serde")]
pub use file::HistoryError;
pub use growth::SavedGrowthLimits;
pub use held::{SavedFrameSite, SavedHolder, SavedHolding, SavedOpenFrame, SavedSite, SavedStack};
pub use judged::{SavedAlert, SavedEvent, SavedVerdict};
pub use rows::{SavedColumn, SavedSample, SavedSpan};
#[cfg(feature = "serde")]
pub use whole_file::{linked_file, write_whole_file};

saved! {
    /// A store's contents at one moment. `Display` is the store's report.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let pool = BufferPool::builder().name("render").build()?;
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// pool.end_frame();
    /// watch.stop();
    ///
    /// let history = watch.store().saved();
    /// assert_eq!(history.pools[0].name, "render");
    /// println!("{history}");
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    SavedHistory {
        /// When it was taken.
        time: Timestamp,
        /// The pools, in the order of their first health snapshots.
        pools: Vec<SavedPool>,
        /// The log of alerts, the last changed one at the end.
        alerts: Vec<SavedAlert>,
        /// Marks and changes of alerts, the latest last.
        events: Vec<SavedEvent>,
        /// The subscribers to alerts.
        subscribers: Vec<AlertSubscriber>,
    }

    /// The contents for one pool.
    ///
    /// ```
    /// use framepool::health::LeakVerdict;
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
    ///
    /// for pool in store.saved().pools {
    ///     println!("{}: {}, {} frames", pool.name, pool.status, pool.metrics.total_frames);
    ///     assert_eq!(pool.with(LeakVerdict::Growing).count(), 0);
    /// }
    /// ```
    SavedPool {
        /// The pool's number.
        id: PoolId,
        /// The pool's name.
        name: String,
        /// The severity of its worst active alert.
        status: HealthStatus,
        /// The time of its latest judgement, since its monitor's first.
        at: Duration,
        /// The time of its latest judgement, by the clocks.
        time: Timestamp,
        /// The numbers.
        metrics: RuntimeHealthMetrics,
        /// Its budget, if it has one.
        limit_bytes: Option<u64>,
        /// The levels used for its judgement, by the rule's name.
        thresholds: BTreeMap<String, SavedLimits>,
        /// When growth counted as a leak; `None` in a file of an earlier version.
        growth: Option<SavedGrowthLimits>,
        /// The recent course of a few numbers.
        courses: Vec<SavedCourse>,
        /// The worst frame of each kind.
        worst: Vec<SavedWorst>,
        /// The verdicts on call sites with old buffers.
        verdicts: Vec<SavedVerdict>,
        /// The holdings of call sites by tag, the largest first, at most 256.
        holders: Vec<SavedHolder>,
        /// The known number of further call sites and tags.
        holders_left_out: u64,
        /// All memory, part by part.
        holdings: Vec<SavedHolding>,
        /// The call sites that hold buffers marked as long-lived.
        long_lived: Vec<SavedSite>,
        /// The pool's tags.
        tags: Vec<TagStats>,
        /// Its blocks by size, the smallest first.
        sizes: Vec<SizeHolding>,
        /// The holdings of its threads, the largest first.
        threads: Vec<ThreadHolding>,
        /// Which pooled buffers had their call stack recorded.
        stack_sampling: StackSampling,
        /// The call stacks of sampled buffers, those that represent the most bytes first, at most 64.
        stacks: Vec<SavedStack>,
        /// How frames were sampled, and the totals of the sampled frames.
        frame_sampling: FrameSampling,
        /// What filled frame memory: the call sites of the sampled frames, the largest first, at most 64.
        frame_sites: Vec<SavedFrameSite>,
        /// Advice on its setup.
        advice: Vec<Advice>,
        /// Its usage: bytes of each frame, and ages by tag.
        usage: Vec<UsageHistogram>,
        /// The frames that have been open for too long.
        open_too_long: Vec<SavedOpenFrame>,
        /// The latest frames, the latest last.
        frames: Vec<FrameRecord>,
        /// The meaning of a sample's values.
        columns: Vec<SavedColumn>,
        /// The samples of each span.
        spans: Vec<SavedSpan>,
    }

    /// A number at each of the recent health snapshots, the latest last.
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// for course in &store.saved().pools[0].courses {
    ///     println!("{} in {}: {:?}", course.name, course.unit, course.values);
    ///     assert_eq!(course.values.len(), 1); // one health snapshot
    /// }
    /// ```
    SavedCourse {
        /// Its name.
        name: String,
        /// `ms` or `By`.
        unit: String,
        /// The values.
        values: Vec<f64>,
        /// The time from the first value to the last.
        span: Duration,
    }

    /// The worst frame of one kind.
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # let mut monitor = framepool::HealthMonitor::new(Default::default());
    /// # monitor.record(&pool.end_frame());
    /// # store.receive(monitor.emit_now(&pool));
    /// for worst in &store.saved().pools[0].worst {
    ///     println!("{}: {} {} in frame {}", worst.kind, worst.value, worst.unit, worst.frame);
    ///     assert_eq!(worst.kind, "frame time");
    /// }
    /// ```
    SavedWorst {
        /// The kind.
        kind: String,
        /// The value, in nanoseconds, bytes or misses.
        value: u64,
        /// The unit: `ns`, `By` or `{miss}`.
        unit: String,
        /// The frame end.
        frame: FrameEnd,
        /// When it ended.
        time: Timestamp,
        /// The line of code that took the most memory from the system in this frame.
        site: Option<String>,
    }

    /// The levels of a rule: see [`Limits`](crate::health::Limits).
    ///
    /// ```
    /// # let (pool, store) = (framepool::BufferPool::new(), framepool::DiagnosticsStore::new());
    /// # store.receive(framepool::HealthMonitor::new(Default::default()).emit_now(&pool));
    /// let limits = &store.saved().pools[0].thresholds["bloat"];
    /// assert_eq!((limits.warning, limits.critical), (Some(16e6), None));
    /// ```
    SavedLimits {
        /// The unit of the levels.
        unit: String,
        /// The level of a warning, if there is one.
        warning: Option<f64>,
        /// The critical level, if there is one.
        critical: Option<f64>,
    }
}

impl SavedHistory {
    /// Calls `change` with every text that can name a line of code, for example to replace lines with recorded names.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # let kept = pool.alloc::<u8>(1_000);
    /// # store.receive(HealthMonitor::new(Default::default()).emit_now(&pool));
    /// let mut history = store.saved();
    /// history.change_texts(|text| *text = text.replace(file!(), "sky.rs"));
    /// for site in &history.pools[0].holders {
    ///     assert!(site.location.starts_with("sky.rs:"));
    /// }
    /// ```
    pub fn change_texts(&mut self, mut change: impl FnMut(&mut String)) {
        for pool in &mut self.pools {
            pool.verdicts
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            pool.long_lived
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            pool.holders
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            pool.stacks
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            pool.frame_sites
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            pool.holdings.iter_mut().for_each(|it| change(&mut it.by));
            pool.worst
                .iter_mut()
                .filter_map(|it| it.site.as_mut())
                .for_each(&mut change);
            pool.open_too_long
                .iter_mut()
                .for_each(|it| change(&mut it.location));
            for advice in &mut pool.advice {
                advice.site.iter_mut().for_each(&mut change);
                change(&mut advice.sentence);
                change(&mut advice.code);
            }
            for span in &mut pool.spans {
                span.names.sites.iter_mut().for_each(&mut change);
            }
        }
        for alert in &mut self.alerts {
            alert.site.iter_mut().for_each(&mut change);
            change(&mut alert.next_step);
            change(&mut alert.sentence);
        }
        for event in &mut self.events {
            change(&mut event.text);
            change(&mut event.next_step);
        }
    }

    /// The active alerts, the worst first.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Severity, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # let kept = pool.alloc::<u8>(10_000);
    /// # let thresholds = Thresholds::default().pooled_bytes(1_000, 20_000);
    /// # store.receive(HealthMonitor::new(thresholds).emit_now(&pool));
    /// for alert in store.saved().active() {
    ///     assert_eq!(alert.severity, Severity::Warning);
    /// }
    /// ```
    pub fn active(&self) -> Vec<&SavedAlert> {
        let lasts = |alert: &&SavedAlert| alert.state == AlertState::Raised;
        let mut active: Vec<_> = self.alerts.iter().filter(lasts).collect();
        active.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
        active
    }
}

impl SavedPool {
    /// The samples of a span.
    pub fn span(&self, span: Span) -> Option<&SavedSpan> {
        self.spans.iter().find(|kept| kept.span == span)
    }

    /// The verdicts of this kind.
    pub fn with(&self, verdict: LeakVerdict) -> impl Iterator<Item = &SavedVerdict> {
        self.verdicts.iter().filter(move |it| it.verdict == verdict)
    }
}
