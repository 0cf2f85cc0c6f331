//! The documents of the interface, as JSON. `openapi.json` describes each of them.

use std::sync::Arc;

use axum::body::Bytes;
use framepool::metrics::METRICS;
use framepool::store::{Column, FrameRecord, HolderNames, Rollup, Sample, SavedStack, Span};
use framepool::{Alert, HealthSnapshot, Outstanding, SiteHolding, Timestamp};
use serde::Serialize;

use crate::api::{Holding, Limits, Pool, Sites, Stacks};
use crate::marks::{self, MarkView};
use crate::process;
use crate::recorder::{Recorder, Shared, locked};
use crate::rows::{FRAME_COLUMNS, frame_rows, sample_rows};

/// The most call sites in the list.
const MAX_SITES: usize = 200;
/// The most call stacks in the list.
const MAX_STACKS: usize = 64;
/// Samples that an update repeats, so that a reader that missed an update has no gap.
const REPEATED: usize = 10;

/// An alert, with its sentence.
#[derive(Debug, Serialize)]
struct AlertView<'a> {
    #[serde(flatten)]
    alert: &'a Alert,
    sentence: String,
}

/// The alerts of all pools, and the marks.
#[derive(Debug, Serialize)]
struct AlertsView<'a> {
    active: Vec<AlertView<'a>>,
    log: Vec<AlertView<'a>>,
    changes: Vec<AlertView<'a>>,
    marks: Vec<MarkView>,
}

/// A history as rows.
#[derive(Debug, Serialize)]
struct HistoryView {
    span: &'static str,
    bucket_ms: u64,
    length_ms: u64,
    columns: &'static [Column],
    #[serde(flatten)]
    names: HolderNames,
    #[serde(serialize_with = "sample_rows")]
    samples: Vec<Sample>,
}

/// The latest frames as rows.
#[derive(Debug, Serialize)]
struct FramesView {
    span: &'static str,
    columns: [&'static str; FRAME_COLUMNS.len()],
    #[serde(serialize_with = "frame_rows")]
    frames: Vec<FrameRecord>,
}

/// The changes of one pool.
#[derive(Serialize)]
struct PoolUpdate<'a> {
    pool: Pool,
    health: Option<&'a HealthSnapshot>,
    active: Vec<AlertView<'a>>,
    alert_changes: u64,
    sites: Sites<&'a [SiteHolding]>,
    names: HolderNames,
    #[serde(serialize_with = "sample_rows")]
    samples: Vec<Sample>,
    #[serde(serialize_with = "frame_rows")]
    frames: Vec<FrameRecord>,
}

fn alert(alert: &Alert) -> AlertView<'_> {
    AlertView {
        sentence: alert.to_string(),
        alert,
    }
}

fn pool(recorder: &Recorder) -> Pool {
    let pool = &recorder.watched.pool;
    Pool {
        id: pool.id(),
        name: pool.name().to_owned(),
        status: recorder.latest.as_ref().map(|health| health.status),
        limit_bytes: recorder.stats.limit_bytes,
        thresholds: Limits::of(&recorder.watched.thresholds),
    }
}

fn sites(recorder: &Recorder) -> Sites<&[SiteHolding]> {
    let out = &recorder.outstanding;
    let sites = &out.sites;
    let holdings = recorder.holdings.iter().map(Holding::from);
    Sites {
        at: recorder.read_at,
        buffers: out.buffers,
        bytes: out.bytes,
        long_lived: out.long_lived,
        long_lived_bytes: out.long_lived_bytes,
        suspects: out.suspects,
        suspect_bytes: out.suspect_bytes,
        sites: &sites[..sites.len().min(MAX_SITES)],
        left_out: sites.len().saturating_sub(MAX_SITES),
        holdings: holdings.collect(),
        stacks: out.stacks.len(),
    }
}

fn update(recorder: &Recorder) -> PoolUpdate<'_> {
    let recent = recorder.rollup(Span::Recent);
    let names = names(recent.as_ref());
    let mut samples = recent.map_or_else(Vec::new, |recent| recent.samples);
    let repeated = samples.len().saturating_sub(REPEATED);
    let health = recorder.latest.as_deref();
    PoolUpdate {
        pool: pool(recorder),
        health,
        active: health.map_or_else(Vec::new, |health| health.active.iter().map(alert).collect()),
        alert_changes: recorder.alert_changes,
        sites: sites(recorder),
        names,
        samples: samples.split_off(repeated),
        frames: recorder.new_frames(),
    }
}

/// The names of holders by place.
fn names(rollup: Option<&Rollup>) -> HolderNames {
    rollup.map_or_else(HolderNames::default, |rollup| rollup.names.clone())
}

fn history(recorder: &Recorder, span: Span, since_ms: u64) -> HistoryView {
    let rollup = recorder.rollup(span);
    let names = names(rollup.as_ref());
    let bucket_ms = rollup
        .as_ref()
        .map_or(span.bucket_ms(), |rollup| rollup.bucket_ms);
    let mut samples = rollup.map_or_else(Vec::new, |rollup| rollup.samples);
    samples.retain(|sample| sample.time_ms >= since_ms);
    HistoryView {
        span: span.name(),
        bucket_ms,
        length_ms: span.length_ms(),
        columns: Sample::columns(),
        names,
        samples,
    }
}

fn frames(recorder: &Recorder) -> FramesView {
    FramesView {
        span: "frames",
        columns: FRAME_COLUMNS,
        frames: recorder.frames(),
    }
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    // All keys are strings, so this always succeeds.
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

/// The meaning of every metric.
pub(crate) fn metrics() -> Vec<u8> {
    json(&METRICS)
}

/// The list of pools.
pub(crate) fn pools(shared: &Shared) -> Vec<u8> {
    let views: Vec<_> = shared
        .pools
        .iter()
        .map(|recorder| pool(&locked(recorder)))
        .collect();
    json(&views)
}

/// The latest health snapshot.
pub(crate) fn snapshot(recorder: &Recorder) -> Vec<u8> {
    json(&recorder.latest.as_deref())
}

/// The holders of memory.
pub(crate) fn sites_document(recorder: &Recorder) -> Vec<u8> {
    json(&sites(recorder))
}

/// The callers of sampled buffers, by an earlier look. Looks up the names of functions: the first time that can take a second.
pub(crate) fn stacks_document(out: &Outstanding, at: Timestamp) -> Vec<u8> {
    let listed = out.stacks.iter().take(MAX_STACKS);
    json(&Stacks {
        at,
        sampling: out.stack_sampling,
        stacks: listed.map(SavedStack::from).collect(),
        left_out: out.stacks.len().saturating_sub(MAX_STACKS),
        lost: out.stacks_lost,
    })
}

/// The history over one span.
pub(crate) fn history_document(recorder: &Recorder, span: Option<Span>, since_ms: u64) -> Vec<u8> {
    match span {
        Some(span) => json(&history(recorder, span, since_ms)),
        None => json(&frames(recorder)),
    }
}

/// The alerts of all pools.
pub(crate) fn alerts(shared: &Shared) -> Vec<u8> {
    let (active, log) = all_alerts(shared);
    let changes = all_changes(shared);
    shared.names.put(json(&AlertsView {
        active: active.iter().map(alert).collect(),
        log: log.iter().map(alert).collect(),
        changes: changes.iter().map(|change| alert(change)).collect(),
        marks: marks::all(shared),
    }))
}

/// The active alerts and the log, of every store once.
fn all_alerts(shared: &Shared) -> (Vec<Alert>, Vec<Alert>) {
    let (mut active, mut log): (Vec<Alert>, Vec<Alert>) = (Vec::new(), Vec::new());
    for recorder in &shared.pools {
        let recorder = locked(recorder);
        let id = recorder.watched.pool.id();
        let of_pool = |alert: &Alert| alert.pool_id == id;
        active.extend(recorder.store().active_alerts().into_iter().filter(of_pool));
        log.extend(recorder.store().alert_log().into_iter().filter(of_pool));
    }
    log.sort_by_key(|alert| alert.time);
    (active, log)
}

/// Every change of an alert, with the alert as it was then, of every store once.
fn all_changes(shared: &Shared) -> Vec<Arc<Alert>> {
    let mut changes = Vec::new();
    for recorder in &shared.pools {
        let recorder = locked(recorder);
        let id = recorder.watched.pool.id();
        let events = recorder.store().events();
        let alerts = events.iter().filter_map(|event| event.alert.clone());
        changes.extend(alerts.filter(|alert| alert.pool_id == id));
    }
    changes.sort_by_key(|alert| alert.time);
    changes
}

/// An update of all pools as an event of the stream.
pub(crate) fn event(shared: &Shared) -> Bytes {
    let mut text = b"event: update\ndata: ".to_vec();
    text.extend(update_document(shared));
    text.extend(b"\n\n");
    text.into()
}

/// An update of all pools.
pub(crate) fn update_document(shared: &Shared) -> Vec<u8> {
    shared.names.put(updates(shared))
}

fn updates(shared: &Shared) -> Vec<u8> {
    let mut text = b"{\"process\":".to_vec();
    text.extend(json(&process::this()));
    text.extend(b",\"pools\":[");
    for (at, recorder) in shared.pools.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend(json(&update(&locked(recorder))));
    }
    text.extend(b"]}");
    text
}

/// The recorder of a pool, or of the first one.
pub(crate) fn find(shared: &Shared, id: Option<u64>) -> Option<usize> {
    match id {
        None => (!shared.pools.is_empty()).then_some(0),
        Some(id) => shared
            .pools
            .iter()
            .position(|recorder| locked(recorder).watched.pool.id().get() == id),
    }
}
