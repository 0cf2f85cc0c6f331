//! The recording thread, and the page's data beyond that of the stores.
//!
//! Five times a second it takes the latest judgement of every pool, with the holders of memory that the watch found at that
//! moment, and sends an update to the readers of the stream. So all numbers of an update agree. It never touches a worker.
//! The history is in the store. Its data is behind a lock that only this thread and the server's take.
//!
//! The thread has only a weak reference to its data, and ends when the last [`Recording`] is dropped.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use axum::body::Bytes;
use framepool::store::{EventKind, FrameRecord, Rollup, SavedHistory, Span};
use framepool::telemetry::Holding;
use framepool::{
    BufferPool, DiagnosticsStore, FrameEnd, HealthSnapshot, Outstanding, PoolId, PoolStats,
    Thresholds, Timestamp, Watch,
};
use tokio::sync::{Semaphore, watch};

use crate::api::{History, Update};
use crate::names::Names;
use crate::saved::{html, joined};
use crate::views;

/// Time between two readings.
const INTERVAL: Duration = Duration::from_millis(200);
/// The most samples of a document.
const SAMPLES: u64 = 720;
/// Judgements whose holders are kept, so that a page can ask for the callers at the moment that it shows: of two seconds.
const WALKS: usize = 10;
/// Streams that are open at once.
const STREAMS: usize = 16;

/// A pool with its watch.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) pool: BufferPool,
    pub(crate) thresholds: Thresholds,
    pub(crate) store: DiagnosticsStore,
}

impl Watched {
    pub(crate) fn new(watch: &Watch) -> Self {
        Self {
            pool: watch.pool().clone(),
            thresholds: watch.thresholds().clone(),
            store: watch.store().clone(),
        }
    }
}

/// The running recording of the pools of a page. Clones are the same recording; it ends with the last of them.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_dashboard::Dashboard;
///
/// let pool = BufferPool::builder().name("render").build()?;
/// let watch = Watch::start(&pool, HealthConfig::default());
/// let recording = Dashboard::new(&watch).record()?;
/// // … the program's work …
/// watch.stop();
/// assert_eq!(recording.saved().pools[0].name, "render");
/// let page = recording.html(); // write it to a file, and open it
/// assert!(page.contains("render"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Recording(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pools: Vec<Mutex<Recorder>>,
    /// Other names for lines of code.
    pub(crate) names: Names,
    /// The latest update, as the text of an event.
    updates: watch::Sender<Bytes>,
    /// Held by the one request that looks up names of functions.
    pub(crate) in_words: Arc<tokio::sync::Mutex<()>>,
    /// One permit for each stream that may be opened.
    pub(crate) streams: Arc<Semaphore>,
}

impl Recording {
    pub(crate) fn start(watched: Vec<Watched>, names: Names) -> std::io::Result<Self> {
        let recorders = watched
            .into_iter()
            .map(|watched| Mutex::new(Recorder::new(watched)));
        let shared = Arc::new(Shared {
            pools: recorders.collect(),
            names,
            updates: watch::Sender::new(Bytes::new()),
            in_words: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
        });
        shared.look();
        let seen_by_thread = Arc::downgrade(&shared);
        thread::Builder::new()
            .name("framepool-record".to_owned())
            .spawn(move || record(&seen_by_thread))?;
        Ok(Self(shared))
    }

    /// Everything recorded so far, in the form that `framepool report` and the page open.
    pub fn saved(&self) -> SavedHistory {
        let pools = self.0.pools.iter().map(|recorder| {
            let recorder = locked(recorder);
            let pool = &recorder.watched.pool;
            let mut history = recorder.store().saved();
            match recorder.store().judged_of(pool.id()) {
                Some((_, held)) => history.put_holders(pool.id(), &held, &pool.holdings()),
                None => history = history.with_holders(pool),
            }
            // A store may have pools that are not on the page.
            history.pools.retain(|it| it.id == pool.id());
            history.alerts.retain(|it| it.pool_id == pool.id());
            history
        });
        let mut history = joined(pools);
        if let Some(name) = &self.0.names.0 {
            history.change_texts(|text| {
                if let Some(other) = name(text) {
                    *text = other;
                }
            });
        }
        history
    }

    /// The page with the whole recording as one file: it opens from disk, and needs no network.
    pub fn html(&self) -> String {
        html(&self.saved())
    }

    /// Everything that changes, as of the latest reading: the content of `/api/v1/update`.
    pub fn update(&self) -> Update {
        // The document has the right form, so there is always an update.
        serde_json::from_slice(&views::update_document(&self.0)).unwrap_or_default()
    }

    /// The history of a pool over the last two minutes; `None` for a pool of another recording.
    ///
    /// ```
    /// # use framepool::{BufferPool, HealthConfig, Watch};
    /// # use framepool_dashboard::Dashboard;
    /// # let pool = BufferPool::new();
    /// # let watch = Watch::start(&pool, HealthConfig::default());
    /// # let recording = Dashboard::new(&watch).record()?;
    /// watch.stop();
    /// let history = recording.recent(pool.id()).expect("a pool of this recording");
    /// assert!(!history.samples.is_empty());
    /// assert!(recording.recent(BufferPool::new().id()).is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recent(&self, pool: PoolId) -> Option<History> {
        let at = views::find(&self.0, Some(pool.get()))?;
        let document = views::history_document(&locked(&self.0.pools[at]), Some(Span::Recent), 0);
        serde_json::from_slice(&document).ok()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("pools", &self.0.pools.len())
            .finish_non_exhaustive()
    }
}

fn record(shared: &Weak<Shared>) {
    loop {
        thread::sleep(INTERVAL);
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.look();
        if shared.updates.receiver_count() > 0 {
            shared.updates.send_replace(views::event(&shared));
        }
    }
}

impl Shared {
    fn look(&self) {
        for pool in &self.pools {
            locked(pool).look();
        }
    }

    /// The updates from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Bytes> {
        self.updates.subscribe()
    }
}

/// Ignores poisoning: after a panic of another thread the numbers are still consistent.
pub(crate) fn locked(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data of one pool.
pub(crate) struct Recorder {
    pub(crate) watched: Watched,
    /// The latest frame at the last two readings.
    frames: [FrameEnd; 2],
    /// The holders of pooled buffers, as of the latest judgement; as of now if the watch keeps none.
    pub(crate) outstanding: Arc<Outstanding>,
    /// The time at which these were read.
    pub(crate) read_at: Timestamp,
    /// The holders at the latest judgements, the latest last.
    walks: VecDeque<(Timestamp, Arc<Outstanding>)>,
    /// The pool's numbers at the same time.
    pub(crate) stats: PoolStats,
    /// All memory, part by part, as of the latest reading.
    pub(crate) holdings: Vec<Holding>,
    pub(crate) latest: Option<Arc<HealthSnapshot>>,
    /// Alerts raised, escalated and resolved, and marks set so far.
    pub(crate) alert_changes: u64,
    /// The latest mark seen.
    marked: Timestamp,
}

impl Recorder {
    fn new(watched: Watched) -> Self {
        watched.store.keep_outstanding();
        Self {
            watched,
            frames: [FrameEnd::default(); 2],
            outstanding: Arc::default(),
            read_at: Timestamp::default(),
            walks: VecDeque::new(),
            stats: PoolStats::default(),
            holdings: Vec::new(),
            latest: None,
            alert_changes: 0,
            marked: Timestamp::default(),
        }
    }

    pub(crate) fn store(&self) -> &DiagnosticsStore {
        &self.watched.store
    }

    fn look(&mut self) {
        let latest = self.watched.pool.snapshot().frame;
        self.frames = [self.frames[1], latest];
        self.holdings = self.watched.pool.holdings();
        for event in self.watched.store.events() {
            if event.kind == EventKind::Mark && event.time > self.marked {
                self.alert_changes += 1;
                self.marked = event.time;
            }
        }
        let seen = self.latest.as_ref().map(|health| health.time);
        let history = self.watched.store.history_of(self.watched.pool.id());
        for health in history {
            if Some(health.time) > seen {
                self.alert_changes += (health.raised.len() + health.resolved.len()) as u64;
                self.latest = Some(health);
            }
        }
        if let Some((health, outstanding)) = self.watched.store.judged_of(self.watched.pool.id()) {
            if self.read_at != health.time {
                self.walks
                    .push_back((health.time, Arc::clone(&outstanding)));
                self.walks.drain(..self.walks.len().saturating_sub(WALKS));
            }
            self.outstanding = outstanding;
            self.read_at = health.time;
            self.stats = health.stats;
            self.latest = Some(health);
        } else {
            self.outstanding = Arc::new(self.watched.pool.outstanding());
            self.stats = self.watched.pool.stats();
            self.read_at = Timestamp::now();
        }
    }

    /// The holders at a judgement, if it is one of the latest; else those of the latest reading.
    pub(crate) fn holders_at(&self, unix_ms: Option<u64>) -> (Timestamp, Arc<Outstanding>) {
        let mut walks = self.walks.iter().rev();
        // JavaScript's numbers have no nanoseconds at this size.
        let is_it = |time: Timestamp, ms| (time.unix_nanos() / 1_000_000).abs_diff(ms) <= 1;
        let known = walks.find(|(time, _)| unix_ms.is_some_and(|ms| is_it(*time, ms)));
        match known {
            Some((time, walk)) => (*time, Arc::clone(walk)),
            None => (self.read_at, Arc::clone(&self.outstanding)),
        }
    }

    /// The latest frames that the store keeps one by one.
    pub(crate) fn frames(&self) -> Vec<FrameRecord> {
        self.watched.store.frames_of(self.watched.pool.id())
    }

    /// The frames since the reading before the latest one. The store may have received the last of them after that reading,
    /// so consecutive updates can repeat some.
    pub(crate) fn new_frames(&self) -> Vec<FrameRecord> {
        let mut frames = self.frames();
        frames.retain(|frame| frame.frame > self.frames[0]);
        frames
    }

    /// The samples of a span, few enough to draw.
    pub(crate) fn rollup(&self, span: Span) -> Option<Rollup> {
        let fewest_ms = span.length_ms() / SAMPLES;
        // A multiple of the span's bucket, so that all buckets have the same number of samples.
        let bucket_ms = fewest_ms.next_multiple_of(span.bucket_ms());
        let store = self.store();
        store.rollup_of(self.watched.pool.id(), span, bucket_ms)
    }
}
