//! Converts a store's contents to saved values.

use std::collections::BTreeMap;

use super::rows::columns;
use super::{
    SavedAlert, SavedCourse, SavedEvent, SavedFrameSite, SavedGrowthLimits, SavedHistory,
    SavedHolder, SavedHolding, SavedLimits, SavedOpenFrame, SavedPool, SavedSite, SavedSpan,
    SavedStack, SavedVerdict, SavedWorst,
};
use crate::BufferPool;
use crate::clock::Timestamp;
use crate::health::{
    Alert, HOLDERS, HealthSnapshot, Limits, Rule, RuntimeHealthMetrics, STACKS, SiteVerdict,
    Thresholds, WorstFrame,
};
use crate::store::kept::{Kept, KeptPool};
use crate::store::past::Span;
use crate::store::past::event::Event;
use crate::store::subscribers::AlertSubscriber;
use crate::telemetry::call_stack::StackHolding;
use crate::telemetry::frame_memory::FrameSite;
use crate::telemetry::holdings::Holding;
use crate::telemetry::id::PoolId;
use crate::telemetry::outstanding::{Outstanding, SiteHolding};

/// The most functions of a saved call stack.
const DEPTH: usize = 32;

/// A number whose recent values are saved: name, unit, and how to read it.
type Course = (&'static str, &'static str, fn(&RuntimeHealthMetrics) -> f64);

const COURSES: [Course; 3] = [
    ("p99 frame time", "ms", |m| m.p99_frame_ms),
    ("in use", "By", |m| m.in_use_bytes as f64),
    ("pooled", "By", |m| m.pooled_bytes as f64),
];

impl SavedHistory {
    /// A store's contents; `with_spans` includes roll-ups, which a text report does not show.
    pub(crate) fn of(kept: &Kept, subscribers: Vec<AlertSubscriber>, with_spans: bool) -> Self {
        let mut alerts = kept.log();
        // For a rule with very many alerts, the log lacks some active ones.
        for active in kept.active() {
            if alerts.iter().all(|alert| alert.id != active.id) {
                alerts.push(active.clone());
            }
        }
        Self {
            time: Timestamp::now(),
            pools: kept.pools.iter().map(|it| pool(it, with_spans)).collect(),
            subscribers,
            alerts: alerts.iter().map(SavedAlert::from).collect(),
            events: kept
                .events()
                .iter()
                .map(|it| SavedEvent::from(&**it))
                .collect(),
        }
    }
}

fn pool(kept: &KeptPool, with_spans: bool) -> SavedPool {
    let latest = kept.latest();
    let history = kept.history();
    let first = history.first().map_or(latest.at, |it| it.at);
    let span = latest.at.saturating_sub(first);
    let course = |(name, unit, number): Course| SavedCourse {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: history.iter().map(|it| number(&it.metrics)).collect(),
        span,
    };
    let worst = &latest.worst;
    let worst = [
        worst_frame("frame time", "ns", worst.by_time[0]),
        worst_frame("bytes from the system", "By", worst.by_system_bytes[0]),
        worst_frame("misses", "{miss}", worst.by_misses[0]),
    ];
    let open = latest.open_too_long.iter().map(|frame| SavedOpenFrame {
        id: frame.id.get(),
        location: frame.location.to_string(),
        age: frame.age,
        age_frames: frame.age_frames,
    });
    let past = kept.past();
    let listed = if with_spans { Span::ALL } else { &[] };
    let spans = listed
        .iter()
        .map(|&span| SavedSpan::from(&past.rollup(span, 0)));
    SavedPool {
        id: kept.id(),
        name: latest.pool.to_string(),
        status: latest.status,
        at: latest.at,
        time: latest.time,
        metrics: latest.metrics,
        courses: COURSES.map(course).into(),
        worst: worst.into_iter().flatten().collect(),
        verdicts: latest
            .verdicts
            .iter()
            .map(|it| verdict(latest, it))
            .collect(),
        limit_bytes: latest.stats.limit_bytes,
        thresholds: limits(latest.limits.iter().copied()),
        growth: Some(SavedGrowthLimits::from(latest.growth)),
        holders: latest
            .holders
            .iter()
            .map(|site| holder(latest, site))
            .collect(),
        holders_left_out: latest.holders_left_out,
        holdings: sums(&latest.metrics),
        long_lived: latest
            .long_lived
            .iter()
            .map(|site| SavedSite {
                location: site.location.to_string(),
                buffers: site.long_lived,
                bytes: site.long_lived_bytes,
            })
            .collect(),
        tags: latest.tags.to_vec(),
        sizes: latest.sizes.to_vec(),
        threads: latest.threads.to_vec(),
        stack_sampling: latest.stack_sampling,
        stacks: latest.stacks.iter().map(SavedStack::from).collect(),
        frame_sampling: latest.frame_sampling,
        frame_sites: latest.frame_sites.iter().map(frame_site).collect(),
        advice: latest.advice.to_vec(),
        usage: latest.usage.to_vec(),
        open_too_long: open.collect(),
        frames: past.frames(),
        columns: columns(),
        spans: spans.collect(),
    }
}

/// A verdict with the age of its oldest buffer now: the list of verdicts is not rebuilt while only ages change.
fn verdict(health: &HealthSnapshot, site: &SiteVerdict) -> SavedVerdict {
    SavedVerdict {
        oldest_age_frames: health.round.wrapping_sub(site.oldest_round),
        ..SavedVerdict::from(site)
    }
}

/// An entry of a health snapshot's list. Its ages date from the last change of the list, so current ones are taken from the
/// verdicts.
fn holder(health: &HealthSnapshot, site: &SiteHolding) -> SavedHolder {
    let mut verdicts = health.verdicts.iter();
    let verdict = verdicts.find(|it| it.location == site.location && it.tag == site.tag);
    SavedHolder {
        suspects: verdict.map_or(0, |it| it.buffers),
        oldest_age_frames: verdict.map(|it| health.round.wrapping_sub(it.oldest_round)),
        oldest_age: None,
        ..SavedHolder::from(site)
    }
}

fn frame_site(site: &FrameSite) -> SavedFrameSite {
    SavedFrameSite {
        location: site.location.to_string(),
        tag: site.tag.clone(),
        counts: site.counts,
        most_bytes: site.most_bytes,
    }
}

/// All memory in three parts, if the holders were not read.
fn sums(m: &RuntimeHealthMetrics) -> Vec<SavedHolding> {
    let part = |state: &str, by: &str, bytes| SavedHolding {
        state: state.to_owned(),
        by: by.to_owned(),
        bytes,
    };
    let framed = m.in_use_bytes.saturating_sub(m.outstanding_bytes);
    vec![
        part("in_use", "other buffers", m.outstanding_bytes),
        part("in_use", "buffers of frames", framed),
        part("idle", "idle memory", m.idle_bytes),
    ]
}

impl SavedHistory {
    /// Replaces the holders from a pool's latest health snapshot with the current ones, by call site and tag, with ages.
    /// Nothing changes if the history has no such pool.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// let kept = pool.tag("shadows").alloc::<u8>(1_000);
    /// watch.stop();
    /// let history = watch.store().saved().with_holders(&pool);
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(history.pools[0].holders[0].tag, "shadows");
    /// # }
    /// # drop(kept);
    /// ```
    #[must_use]
    pub fn with_holders(mut self, pool: &BufferPool) -> Self {
        self.put_holders(pool.id(), &pool.outstanding(), &pool.holdings());
        self
    }

    /// The same with holders and holdings that were read before, for example by
    /// [`judged_of`](crate::DiagnosticsStore::judged_of).
    pub fn put_holders(&mut self, pool: PoolId, out: &Outstanding, holdings: &[Holding]) {
        let Some(saved) = self.pools.iter_mut().find(|it| it.id == pool) else {
            return;
        };
        let sites = &out.sites;
        saved.stack_sampling = out.stack_sampling;
        let stacks = out.stacks.iter().take(STACKS);
        saved.stacks = stacks.map(SavedStack::from).collect();
        let listed = sites.iter().take(HOLDERS);
        saved.holders = listed.map(SavedHolder::from).collect();
        saved.holders_left_out = sites.len().saturating_sub(HOLDERS) as u64;
        saved.holdings = holdings.iter().map(SavedHolding::from).collect();
    }
}

impl SavedLimits {
    /// The levels of every rule, by the rule's name.
    ///
    /// ```
    /// use framepool::Thresholds;
    /// use framepool::store::SavedLimits;
    ///
    /// let limits = SavedLimits::of(&Thresholds::default().pooled_bytes(1_000, 2_000));
    /// assert_eq!(limits["pooled_bytes"].critical, Some(2_000.0));
    /// ```
    pub fn of(thresholds: &Thresholds) -> BTreeMap<String, Self> {
        limits(thresholds.all())
    }
}

fn limits(all: impl Iterator<Item = (Rule, Limits)>) -> BTreeMap<String, SavedLimits> {
    let level = |level: f64| level.is_finite().then_some(level);
    let saved = all.map(|(rule, limits)| {
        let saved = SavedLimits {
            unit: rule.unit().to_owned(),
            warning: level(limits.warning),
            critical: level(limits.critical),
        };
        (rule.name().to_owned(), saved)
    });
    saved.collect()
}

impl From<&Holding> for SavedHolding {
    fn from(holding: &Holding) -> Self {
        Self {
            state: holding.by.state().to_owned(),
            by: holding.by.to_string(),
            bytes: holding.bytes,
        }
    }
}

fn worst_frame(kind: &str, unit: &str, frame: Option<WorstFrame>) -> Option<SavedWorst> {
    let frame = frame?;
    Some(SavedWorst {
        kind: kind.to_owned(),
        value: frame.value,
        unit: unit.to_owned(),
        frame: frame.frame,
        time: frame.time,
        site: frame.site.map(ToString::to_string),
    })
}

impl From<&SiteHolding> for SavedHolder {
    fn from(site: &SiteHolding) -> Self {
        Self {
            location: site.location.to_string(),
            tag: site.tag.clone(),
            thread: site.thread.clone(),
            buffers: site.buffers,
            bytes: site.bytes,
            in_flight_bytes: site.in_flight_bytes,
            suspects: site.suspects,
            long_lived: site.long_lived,
            oldest_age_frames: Some(site.oldest_age_frames),
            oldest_age: Some(site.oldest_age),
        }
    }
}

/// Looks up the names of the functions.
impl From<&StackHolding> for SavedStack {
    fn from(it: &StackHolding) -> Self {
        let mut frames = it.frames();
        frames.truncate(DEPTH);
        Self {
            location: it.location.to_string(),
            tag: it.tag.clone(),
            counts: it.counts(),
            frames,
        }
    }
}

impl From<&SiteVerdict> for SavedVerdict {
    fn from(site: &SiteVerdict) -> Self {
        Self {
            location: site.location.to_string(),
            verdict: site.verdict,
            buffers: site.buffers,
            bytes: site.bytes,
            oldest_age_frames: site.oldest_age_frames,
            since_frame: site.since_frame,
            growth: site.growth,
            thread: site.thread.clone(),
            tag: site.tag.clone(),
        }
    }
}

impl From<&Alert> for SavedAlert {
    fn from(alert: &Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            rule: alert.rule,
            state: alert.state,
            severity: alert.severity,
            value: alert.value,
            worst: alert.worst,
            threshold: alert.threshold,
            frame: alert.frame,
            raised_frame: alert.raised_frame,
            at: alert.at,
            raised_at: alert.raised_at,
            time: alert.time,
            raised_time: alert.raised_time,
            count: alert.count,
            pool_id: alert.pool_id,
            pool: alert.pool.to_string(),
            site: alert.site.map(ToString::to_string),
            next_step: alert.next_step.clone(),
            sentence: alert.to_string(),
        }
    }
}

impl From<&Event> for SavedEvent {
    fn from(event: &Event) -> Self {
        Self {
            kind: event.kind,
            time: event.time,
            pool_id: event.pool.as_ref().map(crate::health::PoolName::id),
            frame: event.frame,
            text: event.to_string(),
            severity: event.alert.as_ref().map(|alert| alert.severity),
            next_step: event
                .alert
                .as_ref()
                .map_or_else(String::new, |alert| alert.next_step.clone()),
        }
    }
}
