//! The marks that the program set, for the page and its charts.

use framepool::health::PoolName;
use framepool::store::EventKind;
use framepool::{FrameEnd, PoolId, Timestamp};
use serde::Serialize;

use crate::recorder::{Shared, locked};

/// A moment that the program marked.
#[derive(Debug, Serialize)]
pub(crate) struct MarkView {
    time: Timestamp,
    /// The pool; `None` for a mark of all pools.
    pool_id: Option<PoolId>,
    /// The latest frame of the pool at that time.
    frame: Option<FrameEnd>,
    text: String,
}

/// The marks in all stores, each once, the latest last.
pub(crate) fn all(shared: &Shared) -> Vec<MarkView> {
    let mut marks = Vec::new();
    for recorder in &shared.pools {
        let events = locked(recorder).store().events();
        let set = events.iter().filter(|event| event.kind == EventKind::Mark);
        marks.extend(set.map(|event| MarkView {
            time: event.time,
            pool_id: event.pool.as_ref().map(PoolName::id),
            frame: event.frame,
            text: event.text.clone(),
        }));
    }
    // Pools may share a store.
    marks.sort_by(|a, b| (a.time, &a.text).cmp(&(b.time, &b.text)));
    marks.dedup_by(|a, b| (a.time, &a.text) == (b.time, &b.text));
    marks
}
