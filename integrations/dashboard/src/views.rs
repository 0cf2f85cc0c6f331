//! What is read, as JSON: the documents beneath the page. `openapi.json` describes each of them.

use std::collections::BTreeMap;

use axum::body::Bytes;
use framepool::metrics::METRICS;
use framepool::store::{Column, FrameRecord, Rollup, Sample, Span};
use framepool::{Alert, HealthSnapshot, Outstanding, Rule, SiteHolding, Thresholds, Timestamp};
use serde::Serialize;

use crate::api::{Holding, Limits, Pool, Sites};
use crate::marks::{self, MarkView};
use crate::recorder::{Recorder, Shared, locked};
use crate::rows::{FRAME_COLUMNS, frame_rows, sample_rows};

/// Call sites that are listed one by one.
const MAX_SITES: usize = 200;
/// Samples that an update repeats, so that a reader that missed some has no gap.
const REPEATED: usize = 10;

/// An alert, with the sentence that says it.
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
    marks: Vec<MarkView>,
}

/// A history as rows.
#[derive(Debug, Serialize)]
struct HistoryView {
    span: &'static str,
    bucket_ms: u64,
    length_ms: u64,
    columns: &'static [Column],
    sites: Vec<String>,
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

/// What changed of one pool.
#[derive(Serialize)]
struct PoolUpdate<'a> {
    pool: Pool,
    health: Option<&'a HealthSnapshot>,
    active: Vec<AlertView<'a>>,
    alert_changes: u64,
    sites: Sites<&'a [SiteHolding]>,
    site_names: Vec<String>,
    #[serde(serialize_with = "sample_rows")]
    samples: Vec<Sample>,
    #[serde(serialize_with = "frame_rows")]
    frames: Vec<FrameRecord>,
}

fn limits(thresholds: &Thresholds) -> BTreeMap<String, Limits> {
    let view = |rule: Rule| {
        let limits = thresholds.limits(rule);
        let level = |level: f64| level.is_finite().then_some(level);
        Limits {
            unit: rule.unit().to_owned(),
            warning: level(limits.warning),
            critical: level(limits.critical),
        }
    };
    Rule::ALL
        .iter()
        .copied()
        .map(|rule| (rule.name().to_owned(), view(rule)))
        .collect()
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
        thresholds: limits(&recorder.watched.thresholds),
    }
}

fn sites(recorder: &Recorder) -> Sites<&[SiteHolding]> {
    let Outstanding { sites, .. } = &recorder.outstanding;
    let out = &recorder.outstanding;
    let holdings = recorder.holdings.iter().map(|holding| Holding {
        state: holding.by.state().to_owned(),
        by: holding.by.to_string(),
        bytes: holding.bytes,
    });
    Sites {
        at: recorder.looked_at,
        buffers: out.buffers,
        bytes: out.bytes,
        long_lived: out.long_lived,
        long_lived_bytes: out.long_lived_bytes,
        suspects: out.suspects,
        suspect_bytes: out.suspect_bytes,
        sites: &sites[..sites.len().min(MAX_SITES)],
        left_out: sites.len().saturating_sub(MAX_SITES),
        holdings: holdings.collect(),
    }
}

fn update(recorder: &Recorder) -> PoolUpdate<'_> {
    let recent = recorder.rollup(Span::Recent);
    let site_names = names(recent.as_ref());
    let mut samples = recent.map_or_else(Vec::new, |recent| recent.samples);
    let repeated = samples.len().saturating_sub(REPEATED);
    let health = recorder.latest.as_deref();
    PoolUpdate {
        pool: pool(recorder),
        health,
        active: health.map_or_else(Vec::new, |health| health.active.iter().map(alert).collect()),
        alert_changes: recorder.alert_changes,
        sites: sites(recorder),
        site_names,
        samples: samples.split_off(repeated),
        frames: recorder.new_frames(),
    }
}

/// What the places of call sites are called.
fn names(rollup: Option<&Rollup>) -> Vec<String> {
    rollup.map_or_else(Vec::new, Rollup::site_names)
}

fn history(recorder: &Recorder, span: Span, since_ms: u64) -> HistoryView {
    let rollup = recorder.rollup(span);
    let sites = names(rollup.as_ref());
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
        sites,
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
    // Maps have text as keys and nothing here can fail, so there is always a document.
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

/// What every metric means.
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

/// Who holds memory.
pub(crate) fn sites_document(recorder: &Recorder) -> Vec<u8> {
    json(&sites(recorder))
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
    shared.names.put(json(&AlertsView {
        active: active.iter().map(alert).collect(),
        log: log.iter().map(alert).collect(),
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
    let mut text = b"{\"pools\":[".to_vec();
    for (at, recorder) in shared.pools.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend(json(&update(&locked(recorder))));
    }
    text.extend(b"]}");
    text
}

/// What is within a saved page.
#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    at_ms: u64,
    pools: Vec<serde_json::Value>,
    histories: Vec<BTreeMap<&'static str, serde_json::Value>>,
    alerts: AlertsView<'a>,
}

/// All that the page needs without a server.
pub(crate) fn saved(shared: &Shared) -> String {
    let value = |document: Vec<u8>| serde_json::from_slice(&document).unwrap_or_default();
    let (active, log) = all_alerts(shared);
    let mut pools = Vec::new();
    let mut histories = Vec::new();
    for recorder in &shared.pools {
        let recorder = locked(recorder);
        pools.push(value(json(&update(&recorder))));
        let mut spans: BTreeMap<_, _> = Span::ALL
            .iter()
            .copied()
            .map(|span| {
                (
                    span.name(),
                    value(history_document(&recorder, Some(span), 0)),
                )
            })
            .collect();
        spans.insert("frames", value(history_document(&recorder, None, 0)));
        histories.push(spans);
    }
    let saved = Saved {
        version: 1,
        at_ms: Timestamp::now().unix_nanos() / 1_000_000,
        pools,
        histories,
        alerts: AlertsView {
            active: active.iter().map(alert).collect(),
            log: log.iter().map(alert).collect(),
            marks: marks::all(shared),
        },
    };
    String::from_utf8(shared.names.put(json(&saved))).unwrap_or_default()
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
