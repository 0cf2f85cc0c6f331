//! The thread that takes samples, and what it keeps.
//!
//! Five times a second it reads, of every pool: the health snapshots that its store received meanwhile, the frames that ended, and who
//! holds memory. It never touches a worker: it reads what was published, and walks the block records as any reader may. What it
//! keeps is behind a lock that only this thread and the server's take.
//!
//! The thread holds what it fills by a weak reference, and ends when the last [`Recording`] is dropped.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use axum::body::Bytes;
use framepool::{
    BufferPool, DiagnosticsStore, FrameFeed, FrameSnapshot, HealthSnapshot, Holding, Outstanding,
    PoolStats, Thresholds, Timestamp, Watch,
};
use tokio::sync::{Semaphore, watch};

use crate::columns;
use crate::page;
use crate::tiers::{Held, Sample, Tiers};
use crate::views;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(200);
/// The latest frames that are kept one by one.
pub(crate) const FRAMES: usize = 600;
/// Call sites that a sample names.
const NAMED: usize = 24;
/// Call sites that are told apart in the whole history. A program has fewer lines that allocate buffers.
const MOST_NAMES: usize = 4_096;
/// Streams that are open at once.
const STREAMS: usize = 16;

/// The place of all call sites that a sample does not name.
pub(crate) const OTHERS: u32 = 0;
/// The place of the buffers of frames.
pub(crate) const FRAME_BUFFERS: u32 = 1;

/// A pool with what judges it.
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

/// What is being recorded of the pools of a page. Clones are the same recording; it ends with the last of them.
#[derive(Clone)]
pub struct Recording(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pools: Vec<Mutex<Recorder>>,
    /// The latest update, as the text of an event.
    updates: watch::Sender<Bytes>,
    /// One permit for each stream that may be opened.
    pub(crate) streams: Arc<Semaphore>,
}

impl Recording {
    pub(crate) fn start(watched: Vec<Watched>) -> std::io::Result<Self> {
        let recorders = watched
            .into_iter()
            .map(|watched| Mutex::new(Recorder::new(watched)));
        let shared = Arc::new(Shared {
            pools: recorders.collect(),
            updates: watch::Sender::new(Bytes::new()),
            streams: Arc::new(Semaphore::new(STREAMS)),
        });
        shared.look();
        let seen_by_thread = Arc::downgrade(&shared);
        thread::Builder::new()
            .name("framepool-record".to_owned())
            .spawn(move || record(&seen_by_thread))?;
        Ok(Self(shared))
    }

    /// The page with all that was recorded, as one file: it opens from disk, and needs no network.
    pub fn html(&self) -> String {
        self.0.look();
        page::saved(&views::saved(&self.0))
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

/// A panic of another thread leaves numbers that are still whole.
pub(crate) fn locked(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept of one pool.
pub(crate) struct Recorder {
    pub(crate) watched: Watched,
    feed: FrameFeed,
    /// The latest frames, the latest last.
    pub(crate) frames: VecDeque<FrameSnapshot>,
    /// How many of them ended since the look before.
    pub(crate) new_frames: usize,
    pub(crate) tiers: Tiers,
    pub(crate) names: Vec<String>,
    places: HashMap<String, u32>,
    /// Who holds pooled buffers, as of the latest look.
    pub(crate) outstanding: Outstanding,
    /// The pool's numbers, as of the latest look.
    pub(crate) stats: PoolStats,
    /// All memory part by part, as of the latest look.
    pub(crate) holdings: Vec<Holding>,
    /// When the latest look read who holds memory.
    pub(crate) looked_at: Timestamp,
    pub(crate) latest: Option<Arc<HealthSnapshot>>,
    /// Alerts raised, escalated and resolved so far.
    pub(crate) alert_changes: u64,
}

impl Recorder {
    fn new(watched: Watched) -> Self {
        Self {
            feed: watched.pool.subscribe(),
            watched,
            frames: VecDeque::with_capacity(FRAMES),
            new_frames: 0,
            tiers: Tiers::default(),
            names: vec!["other call sites".to_owned(), "frame buffers".to_owned()],
            places: HashMap::new(),
            outstanding: Outstanding::default(),
            stats: PoolStats::default(),
            holdings: Vec::new(),
            looked_at: Timestamp::default(),
            latest: None,
            alert_changes: 0,
        }
    }

    pub(crate) fn store(&self) -> &DiagnosticsStore {
        &self.watched.store
    }

    fn look(&mut self) {
        self.new_frames = 0;
        while let Some(frame) = self.feed.next() {
            if self.frames.len() == FRAMES {
                self.frames.pop_front();
            }
            self.frames.push_back(frame);
            self.new_frames = FRAMES.min(self.new_frames + 1);
        }
        self.watched.pool.outstanding_into(&mut self.outstanding);
        self.stats = self.watched.pool.stats();
        self.holdings = self.watched.pool.holdings();
        self.looked_at = Timestamp::now();
        let seen = self.latest.as_ref().map(|health| health.time);
        let history = self.watched.store.history_of(self.watched.pool.id());
        let new = history
            .into_iter()
            .filter(|health| Some(health.time) > seen);
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return;
        }
        for health in new {
            self.alert_changes += (health.raised.len() + health.resolved.len()) as u64;
            let sample = Sample {
                time_ms: health.time.unix_nanos() / 1_000_000,
                values: columns::read(&health),
                held: self.held(&health),
            };
            self.tiers.add(&sample);
            self.latest = Some(health);
        }
    }

    /// The call sites that hold the most, what all others hold, and the buffers of frames.
    fn held(&mut self, health: &HealthSnapshot) -> Box<[Held]> {
        let m = &health.metrics;
        let mut held = Vec::with_capacity(NAMED + 2);
        let mut others = Held {
            site: OTHERS,
            bytes: self.outstanding.bytes,
            buffers: self.outstanding.buffers,
        };
        for at in 0..self.outstanding.sites.len().min(NAMED) {
            let name = self.outstanding.sites[at].location.to_string();
            let place = self.place(name);
            let site = &self.outstanding.sites[at];
            if place != OTHERS {
                others.bytes = others.bytes.saturating_sub(site.bytes);
                others.buffers = others.buffers.saturating_sub(site.buffers);
                held.push(Held {
                    site: place,
                    bytes: site.bytes,
                    buffers: site.buffers,
                });
            }
        }
        let frame_buffers = Held {
            site: FRAME_BUFFERS,
            bytes: m.in_use_bytes.saturating_sub(m.outstanding_bytes),
            buffers: m.in_use_buffers.saturating_sub(m.outstanding_buffers),
        };
        held.extend(
            [others, frame_buffers]
                .into_iter()
                .filter(|held| held.buffers > 0),
        );
        held.into()
    }

    /// The place of a call site's name in the list.
    fn place(&mut self, name: String) -> u32 {
        if let Some(&place) = self.places.get(&name) {
            return place;
        }
        if self.names.len() >= MOST_NAMES {
            return OTHERS;
        }
        let place = self.names.len() as u32;
        self.names.push(name.clone());
        self.places.insert(name, place);
        place
    }
}
