//! The page of a saved history: the same page, with the history within, and without a program behind it.

use framepool::store::SavedHistory;

use crate::page;

/// The most samples of a span: more than a chart has pixels for are not drawn.
const SAMPLES: usize = 720;

/// The page with this history, as one file: it opens from disk, and needs no network.
///
/// [`SavedHistory::load`] and `framepool report` read the file as well, and the page opens it again.
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
    for pool in &mut history.pools {
        let columns = &pool.columns;
        for span in &mut pool.spans {
            *span = span.merged(columns, SAMPLES);
        }
    }
    page::saved(&history.to_json())
}

/// What the stores of several pools kept, as one history. Pools may share a store.
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
