//! The page of a saved history: the same page, with the history inlined, without a program.

use framepool::store::SavedHistory;

use crate::page;

/// The most samples of a span, for all pools together: this keeps a page below 3 MB, and a chart has hardly more pixels.
const SAMPLES: usize = 480;
/// The fewest samples of a span for one of many pools.
const FEWEST: usize = 60;

/// The page with this history, as one file: it opens from disk, and needs no network.
///
/// [`SavedHistory::load`], `framepool report` and the page itself can open the file.
///
/// ```
/// use framepool::store::SavedHistory;
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// watch.stop();
/// let path = std::env::temp_dir().join(format!("page-{}.html", std::process::id()));
/// std::fs::write(&path, framepool_dashboard::html(&watch.store().saved()))?;
/// assert_eq!(SavedHistory::load(&path)?.pools.len(), 1);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn html(history: &SavedHistory) -> String {
    let mut history = history.clone();
    let most = (SAMPLES / history.pools.len().max(1)).max(FEWEST);
    for pool in &mut history.pools {
        let columns = &pool.columns;
        for span in &mut pool.spans {
            *span = span.merged(columns, most);
        }
    }
    page::saved(&history.to_json())
}

/// Joins the histories of several pools' stores. Pools may share a store.
pub(crate) fn joined(histories: impl IntoIterator<Item = SavedHistory>) -> SavedHistory {
    let mut all = SavedHistory::default();
    for history in histories {
        all.time = all.time.max(history.time);
        for pool in history.pools {
            if all.pools.iter().all(|known| known.id != pool.id) {
                all.pools.push(pool);
            }
        }
        for alert in history.alerts {
            if all.alerts.iter().all(|known| known.id != alert.id) {
                all.alerts.push(alert);
            }
        }
        for event in history.events {
            if !all.events.contains(&event) {
                all.events.push(event);
            }
        }
        all.subscribers.extend(history.subscribers);
    }
    all.alerts.sort_by_key(|alert| alert.time);
    all.events.sort_by_key(|event| event.time);
    all
}

#[cfg(test)]
mod tests {
    use framepool::store::{SavedPool, Span};
    use serde_json::json;

    use super::*;

    /// A pool whose history of a day is full, with large numbers.
    fn full_pool() -> SavedPool {
        let held = |places: u64| -> Vec<_> {
            (0..places)
                .map(|at| (at, 1_234_567_890 + at, 12_345))
                .collect()
        };
        let held = [held(18), held(10), held(10), held(10)];
        let values = vec![12_345_678.5; 45];
        let mut pool = SavedPool::default();
        for span in Span::ALL.iter().copied() {
            let rows = span.length_ms() / span.bucket_ms();
            let rows = (0..rows).map(|at| {
                let time = 1_700_000_000_000 + at * span.bucket_ms();
                json!([time, values, held[0], held[1], held[2], held[3]])
            });
            let saved = json!({
                "span": span, "bucket_ms": span.bucket_ms(), "sites": [], "samples": rows.collect::<Vec<_>>(),
            });
            pool.spans
                .push(serde_json::from_value(saved).expect("a span"));
        }
        pool
    }

    #[test]
    fn page_of_a_day_stays_below_3_mb() {
        for pools in [1, 4] {
            let mut history = SavedHistory::default();
            history.pools = vec![full_pool(); pools];
            let bytes = html(&history).len();
            assert!(bytes < 2_700_000, "{bytes} bytes of {pools} pools");
        }
    }
}
