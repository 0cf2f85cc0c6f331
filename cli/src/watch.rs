//! Health: the only file that uses the library's monitor and store.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use framepool::store::SavedHistory;
use framepool::{
    Alert, AlertId, BufferPool, DiagnosticsStore, FrameEnd, FrameSnapshot, HealthConfig,
    HealthMonitor, HealthSnapshot, PoolId, Rule, Severity, Thresholds, Watch,
};
use serde::Serialize;

use crate::contestant::SiteNames;
use crate::growth::GrowthSettings;
use crate::report::counted;
#[cfg(feature = "dashboard")]
use crate::timeline::RecordedTimeline;

/// The worst severity, as a word.
const CRITICAL: &str = "critical";

/// The history of one alert.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AlertEntry {
    /// The rule.
    pub(crate) rule: String,
    /// The rule as reports name it.
    #[serde(skip)]
    pub(crate) name: &'static str,
    /// `warning` or `critical`.
    pub(crate) severity: &'static str,
    /// The alert in one sentence, without its severity: as of the latest judgement at which its value reached the
    /// level of this severity.
    pub(crate) text: String,
    /// The value when the alert was raised.
    pub(crate) value: f64,
    /// The level.
    pub(crate) threshold: f64,
    /// When it was raised.
    pub(crate) raised: Moment,
    /// When it last escalated, if it did.
    pub(crate) escalated: Option<Moment>,
    /// When it was resolved; `None` while it is active.
    pub(crate) resolved: Option<Moment>,
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Moment {
    /// Frames ended so far.
    pub(crate) frame: u64,
    /// Seconds: recorded ones in a replay, elapsed ones in the demo.
    pub(crate) seconds: f64,
}

impl Moment {
    /// This time, with the frame of a judgement: the run may have ended further frames since.
    fn at_frame(self, frame: FrameEnd) -> Self {
        let frame = frame.get();
        Self { frame, ..self }
    }
}

/// The current health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// 0 healthy, 1 warning, 2 critical.
    pub(crate) level: u8,
    /// The number of active alerts.
    pub(crate) active: u32,
}

impl Standing {
    /// The level as a word.
    pub(crate) fn word(self) -> &'static str {
        match self.level {
            0 => "healthy",
            1 => "warning",
            _ => "critical",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alerts = counted(u64::from(self.active), "alert");
        write!(f, "{}, {alerts}", self.word())
    }
}

/// The alerts of a run, in the order raised.
#[derive(Debug, Default)]
pub(crate) struct AlertLog {
    entries: Vec<AlertEntry>,
    /// The latest entry of each alert.
    by_id: HashMap<AlertId, usize>,
    standing: Standing,
    /// Of each pool, its monitor's time of the latest report noted.
    noted: HashMap<PoolId, Duration>,
    /// In a replay: the names of the call sites.
    sites: Option<SiteNames>,
}

impl AlertLog {
    pub(crate) fn entries(&self) -> &[AlertEntry] {
        &self.entries
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether no alert is active, except for leaks: those stay until their line is mended.
    pub(crate) fn is_calm(&self) -> bool {
        let mut active = self.entries.iter().filter(|entry| entry.resolved.is_none());
        active.all(|entry| entry.rule == format!("{:?}", Rule::Leak))
    }

    /// Adds the alerts of a health snapshot; new ones are passed to `tell`.
    fn note(&mut self, health: &HealthSnapshot, now: Moment, mut tell: impl FnMut(&AlertEntry)) {
        let noted = self.noted.get(&health.pool_id);
        if noted.is_some_and(|&noted| health.at <= noted) {
            return;
        }
        self.noted.insert(health.pool_id, health.at);
        for alert in &health.raised {
            let known = self.by_id.get(&alert.id).copied();
            if let Some(index) = known.filter(|&index| self.entries[index].resolved.is_none()) {
                // Escalated: the same alert, raised at the same moment.
                let raised = self.entries[index].raised;
                self.entries[index] = AlertEntry {
                    escalated: Some(now.at_frame(alert.frame)),
                    ..entry(alert, raised, self.sites.as_ref())
                };
                tell(&self.entries[index]);
            } else {
                self.by_id.insert(alert.id, self.entries.len());
                let raised = now.at_frame(alert.raised_frame);
                self.entries.push(entry(alert, raised, self.sites.as_ref()));
                self.entries.last().into_iter().for_each(&mut tell);
            }
        }
        for alert in health.active.iter().filter(|it| it.reaches_level()) {
            let index = self.by_id.get(&alert.id).copied();
            let entry = index.map(|index| &mut self.entries[index]);
            // The text has the severity's level, and the entry the highest severity.
            if let Some(entry) = entry.filter(|it| it.severity == word(alert.severity)) {
                entry.text = said(alert, self.sites.as_ref());
            }
        }
        for alert in &health.resolved {
            if let Some(&index) = self.by_id.get(&alert.id) {
                let entry = &mut self.entries[index];
                if entry.resolved.is_none() {
                    entry.resolved = Some(now.at_frame(alert.frame));
                    tell(entry);
                }
            }
        }
        let active = self.entries.iter().filter(|entry| entry.resolved.is_none());
        let levels = active.map(|entry| if entry.severity == CRITICAL { 2 } else { 1 });
        self.standing = Standing {
            level: levels.clone().max().unwrap_or(0),
            active: levels.count() as u32,
        };
    }
}

fn entry(alert: &Alert, raised: Moment, sites: Option<&SiteNames>) -> AlertEntry {
    AlertEntry {
        rule: format!("{:?}", alert.rule),
        name: alert.rule.name(),
        severity: word(alert.severity),
        text: said(alert, sites),
        value: alert.value,
        threshold: alert.threshold,
        raised,
        escalated: None,
        resolved: None,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Critical => CRITICAL,
    }
}

/// The text of a raised alert without its severity, which is shown separately.
fn said(alert: &Alert, sites: Option<&SiteNames>) -> String {
    let text = alert.to_string();
    let prefix = match alert.escalated_from {
        Some(before) => format!("{}, was {before}: ", alert.severity),
        None => format!("{}: ", alert.severity),
    };
    let said = text.strip_prefix(&prefix).unwrap_or(&text).to_owned();
    // In a replay, a line of this program represents a recorded call site.
    sites.and_then(|sites| sites.renamed(&said)).unwrap_or(said)
}

/// Judges a replay, in recorded time: frame ends go to the monitor one by one, with their recorded length, so that hold
/// times and rates are those of the recorded program, at any replay speed.
#[derive(Debug)]
pub(crate) struct RecordedTimeJudge {
    monitor: HealthMonitor,
    store: DiagnosticsStore,
    log: AlertLog,
    began: Instant,
    seconds: f64,
    #[cfg(feature = "dashboard")]
    timeline: Option<RecordedTimeline>,
}

impl RecordedTimeJudge {
    pub(crate) fn new(sites: SiteNames, growth: GrowthSettings) -> Self {
        Self {
            // No throttling, so that the log is exact to the frame.
            monitor: HealthMonitor::new(growth.thresholds()).with_emit_interval(Duration::ZERO),
            store: DiagnosticsStore::new(),
            log: AlertLog {
                sites: Some(sites),
                ..AlertLog::default()
            },
            began: Instant::now(),
            seconds: 0.0,
            #[cfg(feature = "dashboard")]
            timeline: None,
        }
    }

    /// Writes every frame and judgement to a timeline too.
    #[cfg(feature = "dashboard")]
    pub(crate) fn write_to(&mut self, timeline: Option<RecordedTimeline>) {
        self.timeline = timeline;
    }

    /// The timeline that was written.
    #[cfg(feature = "dashboard")]
    pub(crate) fn take_timeline(&mut self) -> Option<RecordedTimeline> {
        self.timeline.take()
    }

    /// Judges a frame that was `seconds` long in the recording.
    pub(crate) fn frame_ended(
        &mut self,
        pool: &BufferPool,
        snapshot: &FrameSnapshot,
        seconds: f64,
    ) {
        self.seconds += seconds;
        self.monitor
            .record_frame(snapshot, Duration::from_secs_f64(seconds));
        let recorded = self.began + Duration::from_secs_f64(self.seconds);
        if let Some(health) = self.monitor.emit_at(pool, recorded) {
            let now = Moment {
                frame: snapshot.frame.get(),
                seconds: self.seconds,
            };
            self.log.note(&health, now, |_| {});
            let mut frame = *snapshot;
            frame.time = health.time;
            frame.duration = Duration::from_secs_f64(seconds);
            #[cfg(feature = "dashboard")]
            if let Some(timeline) = &mut self.timeline {
                timeline.frame(&frame, &health);
            }
            self.store.receive(health);
            self.store.record_frame(&frame);
        }
    }

    pub(crate) fn log(&self) -> &AlertLog {
        &self.log
    }

    /// The history, with the recorded call sites.
    pub(crate) fn history(&self) -> SavedHistory {
        let mut history = self.store.saved();
        if let Some(sites) = &self.log.sites {
            history.change_texts(|text| {
                if let Some(renamed) = sites.renamed(text) {
                    *text = renamed;
                }
            });
        }
        history
    }
}

/// Follows pools that background threads watch, like a separate program. The first one is the demo's own.
#[derive(Debug)]
pub(crate) struct LiveWatch {
    watches: Vec<Watch>,
    store: DiagnosticsStore,
    log: AlertLog,
    peak_in_use_bytes: u64,
}

impl LiveWatch {
    pub(crate) fn new(pool: &BufferPool, others: &[BufferPool]) -> Self {
        // The demo keeps only leaked buffers, so it needs no warm-up.
        let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
        let store = DiagnosticsStore::new();
        let config = HealthConfig::default()
            .thresholds(thresholds)
            .store(store.clone());
        let pools = std::iter::once(pool).chain(others);
        Self {
            watches: pools
                .map(|pool| Watch::start(pool, config.clone()))
                .collect(),
            store,
            log: AlertLog::default(),
            peak_in_use_bytes: 0,
        }
    }

    /// Reads new judgements; each alert raised or resolved is passed to `tell`.
    pub(crate) fn look(&mut self, now: Moment, mut tell: impl FnMut(&AlertEntry)) {
        for (place, watch) in self.watches.iter().enumerate() {
            for health in self.store.history_of(watch.pool().id()) {
                self.log.note(&health, now, &mut tell);
                if place == 0 {
                    let in_use_bytes = health.metrics.in_use_bytes;
                    self.peak_in_use_bytes = self.peak_in_use_bytes.max(in_use_bytes);
                }
            }
        }
    }

    /// The most bytes that the demo's own pool had in use at any judgement: judgements also happen in the middle of frames.
    pub(crate) fn peak_in_use_bytes(&self) -> u64 {
        self.peak_in_use_bytes
    }

    #[cfg(feature = "dashboard")]
    pub(crate) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    pub(crate) fn log(&self) -> &AlertLog {
        &self.log
    }

    /// Stops watching at the end of the run, reads the last judgements, and returns the history.
    pub(crate) fn end(&mut self, now: Moment, tell: impl FnMut(&AlertEntry)) -> SavedHistory {
        self.watches.iter().for_each(Watch::stop);
        self.look(now, tell);
        let pools = self.watches.iter().map(Watch::pool);
        pools.fold(self.store.saved(), SavedHistory::with_holders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_active_alert_follows_it() {
        const FRAME: Duration = Duration::from_millis(16);
        let (pool, mut leaked) = (BufferPool::new(), Vec::new());
        let thresholds = Thresholds::default().leak_warm_up(0, Duration::ZERO);
        let thresholds = thresholds.off(Rule::Misses);
        let mut monitor = HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO);
        let (mut log, mut told) = (AlertLog::default(), Vec::new());
        let began = Instant::now();
        for frame in 1..=600_u32 {
            if frame % 2 == 0 {
                leaked.push(pool.alloc::<u8>(100));
            }
            monitor.record_frame(&pool.end_frame(), FRAME);
            let health = monitor.emit_at(&pool, began + frame * FRAME).unwrap();
            let now = Moment {
                frame: frame.into(),
                seconds: f64::from(frame) * FRAME.as_secs_f64(),
            };
            log.note(&health, now, |entry| told.push(entry.text.clone()));
        }
        let [raised] = &told[..] else {
            panic!("{told:?}");
        };
        let text = &log.entries()[0].text;
        assert!(
            raised.starts_with("19 ") && text.starts_with("29"),
            "{raised}\n{text}"
        );
        assert_eq!(log.entries().len(), 1);
    }
}
