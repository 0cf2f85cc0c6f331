//! From a store to saved values.

use super::rows::columns;
use super::{
    SavedAlert, SavedCourse, SavedEvent, SavedHistory, SavedHolder, SavedOpenFrame, SavedPool,
    SavedSite, SavedVerdict, SavedWorst,
};
use crate::clock::Timestamp;
use crate::health::{Alert, RuntimeHealthMetrics, SiteVerdict, WorstFrame};
use crate::store::diagnostics::{Kept, KeptPool};
use crate::store::past::event::Event;
use crate::store::past::{Past, Span};
use crate::store::subscribers::AlertSubscriber;
use crate::telemetry::outstanding::SiteHolding;

/// The numbers with a course: name, unit, and the number.
type Course = (&'static str, &'static str, fn(&RuntimeHealthMetrics) -> f64);

const COURSES: [Course; 3] = [
    ("p99 frame time", "ms", |m| m.p99_frame_ms),
    ("in use", "By", |m| m.in_use_bytes as f64),
    ("pooled", "By", |m| m.pooled_bytes as f64),
];

impl SavedHistory {
    /// What a store keeps; `with_past` with single frames and roll-ups, which a text report does not show.
    pub(crate) fn of(kept: &Kept, subscribers: Vec<AlertSubscriber>, with_past: bool) -> Self {
        let mut alerts = kept.log();
        // Of a rule with very many alerts the log has not all that are active.
        for active in kept.active() {
            if alerts.iter().all(|alert| alert.id != active.id) {
                alerts.push(active.clone());
            }
        }
        Self {
            time: Timestamp::now(),
            pools: kept.pools.iter().map(|it| pool(it, with_past)).collect(),
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

fn pool(kept: &KeptPool, with_past: bool) -> SavedPool {
    let latest = kept.latest();
    let history = kept.history();
    let course = |(name, unit, number): Course| SavedCourse {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: history.iter().map(|it| number(&it.metrics)).collect(),
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
    let past = with_past.then(|| kept.past());
    SavedPool {
        id: kept.id(),
        name: latest.pool.to_string(),
        status: latest.status,
        at: latest.at,
        time: latest.time,
        metrics: latest.metrics,
        courses: COURSES.map(course).into(),
        worst: worst.into_iter().flatten().collect(),
        verdicts: latest.verdicts.iter().map(SavedVerdict::from).collect(),
        sites: latest
            .largest
            .sites()
            .map(|site| SavedSite {
                location: site.location.to_string(),
                buffers: site.buffers,
                bytes: site.bytes,
            })
            .collect(),
        holders: latest.holders.iter().map(SavedHolder::from).collect(),
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
        open_too_long: open.collect(),
        frames: past.map_or_else(Vec::new, Past::frames),
        columns: columns(),
        spans: past.map_or_else(Vec::new, |past| {
            let span = |span| (&past.rollup(span, 0)).into();
            Span::ALL.iter().copied().map(span).collect()
        }),
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
        }
    }
}
