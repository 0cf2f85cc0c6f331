//! The served paths.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use framepool::Outstanding;
use framepool::store::Span;
use framepool_pprof::Held;
use framepool_prometheus::{Exposition, Format};
use futures_util::stream;
use serde::Deserialize;

use crate::guard::{self, Guard};
use crate::page::{ASSETS, OPENAPI, PAGE};
use crate::recorder::{Recorder, Recording, Shared, locked};
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
    at_ms: Option<u64>,
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
        .route("/api/v1/stacks", get(stacks))
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
            get(move |headers: HeaderMap| {
                let accept = headers.get(header::ACCEPT);
                let format = Format::accepted(accept.and_then(|value| value.to_str().ok()));
                let text = exposition.text(format);
                async move { typed(format.content_type(), text) }
            }),
        )
        .fallback(async || no_such_page())
        .with_state(recording)
        .layer(middleware::from_fn_with_state(guard, guard::check))
}

fn typed(kind: &'static str, text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => typed(asset.kind, asset.text),
        None => no_such_page(),
    }
}

fn no_such_page() -> Response {
    let text = "there is nothing at this address; the page is at /, metrics at /metrics, data below /api/v1/\n";
    (StatusCode::NOT_FOUND, text).into_response()
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
        None => no_such_pool(),
    }
}

fn no_such_pool() -> Response {
    let text = "there is no such pool; /api/v1/pools lists them\n";
    (StatusCode::NOT_FOUND, text).into_response()
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

/// Looks up names of functions, on a thread where that keeps nobody waiting; one request at a time.
async fn in_words<T: Send + 'static>(
    recording: Recording,
    make: impl FnOnce(&Shared) -> T + Send + 'static,
) -> Option<T> {
    let turn = Arc::clone(&recording.shared().in_words);
    let _turn = turn.lock().await;
    let made = tokio::task::spawn_blocking(move || make(recording.shared()));
    // An error is a panic, which has been reported.
    made.await.ok()
}

/// The callers of sampled buffers: at the judgement of that time, if it is one of the latest, or else at the latest.
async fn stacks(State(recording): State<Recording>, Query(asked): Query<Asked>) -> Response {
    let Some(at) = views::find(recording.shared(), asked.pool) else {
        return no_such_pool();
    };
    let document = in_words(recording, move |shared| {
        let (at, out) = locked(&shared.pools[at]).holders_at(asked.at_ms);
        shared.names.put(views::stacks_document(&out, at))
    });
    match document.await {
        Some(document) => typed(JSON, document),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Who holds memory, as of the latest look.
async fn heap(State(recording): State<Recording>) -> Response {
    let profile = in_words(recording, |shared| {
        let read = shared.pools.iter().map(|pool| {
            let pool = locked(pool);
            let handle = pool.watched.pool.clone();
            (handle, Arc::clone(&pool.outstanding), pool.stats)
        });
        let read: Vec<_> = read.collect();
        let held = read
            .iter()
            .map(|(pool, out, stats)| Held::new(pool.name(), out, stats));
        framepool_pprof::heap(&held.collect::<Vec<_>>())
    });
    profile_or_error(profile.await)
}

/// What was allocated, with its samples, as of now.
async fn allocs(State(recording): State<Recording>) -> Response {
    let profile = in_words(recording, |shared| {
        let read = shared.pools.iter().map(|pool| {
            let pool = locked(pool).watched.pool.clone();
            let sampled = pool.sampled_allocs();
            let stats = pool.stats();
            (pool, sampled, stats)
        });
        let read: Vec<_> = read.collect();
        let nothing = Outstanding::default();
        let held = read.iter().map(|(pool, sampled, stats)| {
            Held::new(pool.name(), &nothing, stats).with_samples(sampled)
        });
        framepool_pprof::allocs(&held.collect::<Vec<_>>())
    });
    profile_or_error(profile.await)
}

fn profile_or_error(profile: Option<Vec<u8>>) -> Response {
    match profile {
        Some(profile) => typed("application/octet-stream", profile),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
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
