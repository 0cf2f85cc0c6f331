//! The page of a history that was saved to a file: the same page, without a program behind it.

use framepool::health::AlertState;
use framepool::store::{EventKind, SavedHistory, SavedPool, SavedSpan};
use serde_json::{Value, json};

use crate::page;
use crate::rows::{FRAME_COLUMNS, frame_row};

/// The most samples of a span: more than a chart has pixels for are not drawn.
const SAMPLES: usize = 720;

/// The page with this history, as one file: it opens from disk, and needs no network.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// watch.stop();
/// let page = framepool_dashboard::html(&watch.store().saved());
/// assert!(page.starts_with("<!doctype html>"));
/// ```
pub fn html(history: &SavedHistory) -> String {
    let marks = history.events.iter();
    let marks = marks.filter(|event| event.kind == EventKind::Mark);
    let document = json!({
        "version": 1,
        "at_ms": history.time.unix_nanos() / 1_000_000,
        "pools": history.pools.iter().map(|it| pool(history, it)).collect::<Vec<_>>(),
        "histories": history.pools.iter().map(spans).collect::<Vec<_>>(),
        "alerts": { "active": history.active(), "log": history.alerts, "marks": marks.collect::<Vec<_>>() },
    });
    page::saved(&document.to_string())
}

fn pool(history: &SavedHistory, pool: &SavedPool) -> Value {
    let m = &pool.metrics;
    let active = history.alerts.iter();
    let active =
        active.filter(|alert| alert.state == AlertState::Raised && alert.pool_id == pool.id);
    let sites = pool.sites.iter().map(|site| {
        let verdict = pool.verdicts.iter().find(|it| it.location == site.location);
        let long_lived = pool
            .long_lived
            .iter()
            .find(|it| it.location == site.location);
        json!({
            "location": site.location,
            "buffers": site.buffers,
            "bytes": site.bytes,
            "suspects": verdict.map_or(0, |it| it.buffers),
            "long_lived": long_lived.map_or(0, |it| it.buffers),
            // Not in the file for sites without a verdict; an age in time is in none.
            "oldest_age_frames": verdict.map(|it| it.oldest_age_frames),
            "oldest_age": null,
            "thread": verdict.map_or("", |it| &it.thread),
        })
    });
    let framed = m.in_use_bytes.saturating_sub(m.outstanding_bytes);
    json!({
        "pool": {
            "id": pool.id, "name": pool.name, "status": pool.status, "limit_bytes": null, "thresholds": {},
        },
        "health": {
            "status": pool.status, "metrics": m, "verdicts": pool.verdicts, "time": pool.time,
            "tags": pool.tags, "sizes": pool.sizes, "threads": pool.threads,
        },
        "active": active.collect::<Vec<_>>(),
        "alert_changes": 0,
        "sites": {
            "at": pool.time,
            "buffers": m.outstanding_buffers, "bytes": m.outstanding_bytes,
            "long_lived": m.long_lived_buffers, "long_lived_bytes": m.long_lived_bytes,
            "suspects": m.leak_suspects, "suspect_bytes": m.leak_suspect_bytes,
            "sites": sites.collect::<Vec<_>>(),
            "left_out": 0,
            "holdings": [
                { "state": "in_use", "by": "other buffers", "bytes": m.outstanding_bytes },
                { "state": "in_use", "by": "buffers of frames", "bytes": framed },
                { "state": "idle", "by": "idle memory", "bytes": m.idle_bytes },
            ],
        },
        "site_names": pool.spans.first().map_or(&[][..], |span| &span.sites),
        "samples": [],
        "frames": [],
    })
}

fn spans(pool: &SavedPool) -> Value {
    let mut spans = serde_json::Map::new();
    for span in &pool.spans {
        spans.insert(span.span.name().to_owned(), rollup(pool, span));
    }
    let frames = pool.frames.iter().map(frame_row).collect::<Vec<_>>();
    let frames = json!({ "span": "frames", "columns": FRAME_COLUMNS, "frames": frames });
    spans.insert("frames".to_owned(), frames);
    Value::Object(spans)
}

fn rollup(pool: &SavedPool, span: &SavedSpan) -> Value {
    let merged = span.merged(SAMPLES);
    json!({
        "span": span.span,
        "bucket_ms": merged.bucket_ms,
        "length_ms": span.span.length_ms(),
        "columns": pool.columns,
        "sites": merged.sites,
        "samples": merged.samples,
    })
}
