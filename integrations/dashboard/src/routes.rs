//! The served paths.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use framepool::Outstanding;
use framepool::store::Span;
use framepool_pprof::Held;
use framepool_prometheus::Exposition;
use futures_util::stream;
use serde::Deserialize;

use crate::guard::{self, Guard};
use crate::page::{ASSETS, OPENAPI, PAGE};
use crate::recorder::{Recorder, Recording, locked};
use crate::{liveness, views};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// The browser's delay before it reconnects a broken stream.
const RETRY: &[u8] = b"retry: 1000\n\n";

/// The parameters of a request.
#[derive(Debug, Deserialize)]
struct Asked {
    pool: Option<u64>,
    span: Option<String>,
    since_ms: Option<u64>,
}

pub(crate) fn router(recording: Recording, exposition: Exposition, guard: Arc<Guard>) -> Router {
    let exposition = Arc::new(exposition);
    Router::new()
        .route("/", get(|| async { typed(HTML, PAGE) }))
        .route("/assets/{*name}", get(asset))
        .route(
            "/api/v1/openapi.json",
            get(|| async { typed(JSON, OPENAPI) }),
        )
        .route(
            "/api/v1/metrics",
            get(|| async { typed(JSON, views::metrics()) }),
        )
        .route("/api/v1/pools", get(pools))
        .route("/api/v1/snapshot", get(snapshot))
        .route("/api/v1/sites", get(sites))
        .route("/api/v1/history", get(history))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/update", get(update))
        .route("/api/v1/stream", get(open_stream))
        .route("/save", get(save))
        .route("/healthz", get(healthz))
        .route("/debug/pprof/heap", get(heap))
        .route("/debug/pprof/allocs", get(allocs))
        .route(
            "/metrics",
            get(move || {
                let text = exposition.text();
                async { typed(Exposition::CONTENT_TYPE, text) }
            }),
        )
        .with_state(recording)
        .layer(middleware::from_fn_with_state(guard, guard::check))
}

fn typed(kind: &'static str, text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => typed(asset.kind, asset.text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A document about one pool.
fn of_pool(
    recording: &Recording,
    id: Option<u64>,
    document: impl FnOnce(&Recorder) -> Vec<u8>,
) -> Response {
    match views::find(recording.shared(), id) {
        Some(at) => {
            let shared = recording.shared();
            let text = document(&locked(&shared.pools[at]));
            typed(JSON, shared.names.put(text))
        }
        None => (
            StatusCode::NOT_FOUND,
            "there is no such pool; /api/v1/pools lists them\n",
        )
            .into_response(),
    }
}

async fn pools(State(recording): State<Recording>) -> Response {
    typed(JSON, views::pools(recording.shared()))
}

async fn snapshot(State(recording): State<Recording>, Query(asked): Query<Asked>) -> Response {
    of_pool(&recording, asked.pool, views::snapshot)
}

async fn sites(State(recording): State<Recording>, Query(asked): Query<Asked>) -> Response {
    of_pool(&recording, asked.pool, views::sites_document)
}

async fn history(State(recording): State<Recording>, Query(asked): Query<Asked>) -> Response {
    let name = asked.span.as_deref().unwrap_or(Span::Recent.name());
    let span = Span::ALL.iter().copied().find(|span| span.name() == name);
    if span.is_none() && name != "frames" {
        let text = "`span` is `frames`, `recent`, `hour` or `day`\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let since_ms = asked.since_ms.unwrap_or(0);
    of_pool(&recording, asked.pool, |recorder| {
        views::history_document(recorder, span, since_ms)
    })
}

async fn update(State(recording): State<Recording>) -> Response {
    typed(JSON, views::update_document(recording.shared()))
}

/// The judgement of each pool, and whether all watches are alive.
async fn healthz(State(recording): State<Recording>) -> Response {
    let (document, is_alive) = liveness::document(recording.shared());
    let status = if is_alive {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, typed(JSON, document)).into_response()
}

async fn alerts(State(recording): State<Recording>) -> Response {
    typed(JSON, views::alerts(recording.shared()))
}

/// Who holds memory, as of the latest look.
async fn heap(State(recording): State<Recording>) -> Response {
    let pools: Vec<_> = recording.shared().pools.iter().map(locked).collect();
    let held = pools.iter().map(|pool| {
        let name = pool.watched.pool.name();
        Held::new(name, &pool.outstanding, &pool.stats)
    });
    let profile = framepool_pprof::heap(&held.collect::<Vec<_>>());
    typed("application/octet-stream", profile)
}

/// What was allocated, with its samples, as of now.
async fn allocs(State(recording): State<Recording>) -> Response {
    let pools = recording.shared().pools.iter();
    let pools: Vec<_> = pools
        .map(|pool| locked(pool).watched.pool.clone())
        .collect();
    let read = pools.iter().map(|pool| {
        let sampled = pool.sampled_allocs();
        (pool.name(), sampled, pool.stats())
    });
    let read: Vec<_> = read.collect();
    let nothing = Outstanding::default();
    let held = read
        .iter()
        .map(|(name, sampled, stats)| Held::new(name, &nothing, stats).with_samples(sampled));
    let profile = framepool_pprof::allocs(&held.collect::<Vec<_>>());
    typed("application/octet-stream", profile)
}

async fn save(State(recording): State<Recording>) -> Response {
    let mut response = typed(HTML, recording.html());
    let attached = header::HeaderValue::from_static("attachment; filename=\"framepool.html\"");
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, attached);
    response
}

/// Sends updates until the reader closes. A slow reader gets fewer of them, because only the latest waits.
async fn open_stream(State(recording): State<Recording>) -> Response {
    let Ok(permit) = Arc::clone(&recording.shared().streams).try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "5")];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            retry,
            "too many streams are open\n",
        )
            .into_response();
    };
    let updates = recording.shared().subscribe();
    let first = Bytes::from([RETRY, &views::event(recording.shared())].concat());
    // The stream holds no recording: when the last recording is dropped, it ends.
    drop(recording);
    let events = stream::unfold(
        (Some(first), updates, permit),
        |(first, mut updates, permit)| async move {
            let text = if let Some(first) = first {
                first
            } else {
                updates.changed().await.ok()?;
                updates.borrow_and_update().clone()
            };
            Some((
                Ok::<_, std::convert::Infallible>(text),
                (None, updates, permit),
            ))
        },
    );
    typed("text/event-stream", Body::from_stream(events))
}
