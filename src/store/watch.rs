//! The watch: a background thread that reads a pool's frame feed, judges, and feeds the store.

use std::fmt;
use std::io;
use std::process;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::diagnostics::DiagnosticsStore;
use super::watcher::Watcher;
use crate::BufferPool;
use crate::health::monitor::EMIT_INTERVAL;
use crate::health::{PoolName, Thresholds};
use crate::sync::{Arc, AtomicBool, Lock, Ordering};

/// The shortest sleep between two reads of the feed, so that no setting makes the thread spin.
const SHORTEST_POLL: Duration = Duration::from_millis(1);

/// The settings of a watch.
///
/// ```
/// use framepool::{HealthConfig, Thresholds};
/// use std::time::Duration;
///
/// let config = HealthConfig::default()
///     .thresholds(Thresholds::default().leaked_buffers(3, 30))
///     .emit_interval(Duration::from_secs(1));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
pub struct HealthConfig {
    pub(super) thresholds: Thresholds,
    pub(super) emit_interval: Duration,
    poll_interval: Duration,
    pub(super) window: Option<Duration>,
    pub(super) store: Option<DiagnosticsStore>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            emit_interval: EMIT_INTERVAL,
            poll_interval: Duration::from_millis(20),
            window: None,
            store: None,
        }
    }
}

impl HealthConfig {
    /// Sets the limits of all rules.
    #[must_use]
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets the time between two health snapshots: 200 ms by default.
    #[must_use]
    pub fn emit_interval(mut self, interval: Duration) -> Self {
        self.emit_interval = interval;
        self
    }

    /// Sets the time between two reads of the feed: 20 ms by default, and at least 1 ms. A pool that ends more frames in
    /// this time than its feed holds loses records, and the watch reports that.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Sets the time over which rate, averages and percentiles are computed: 5 s by default. See
    /// [`HealthMonitor::with_window`](crate::HealthMonitor::with_window).
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets how many health snapshots the watch's store keeps: 300 by default. The last call of this and
    /// [`store`](Self::store) counts.
    #[must_use]
    pub fn history(self, snapshots: usize) -> Self {
        self.store(DiagnosticsStore::with_history(snapshots))
    }

    /// Sets the store to feed, instead of the watch's own. Watches of one config, or of its clones, share it.
    #[must_use]
    pub fn store(mut self, store: DiagnosticsStore) -> Self {
        self.store = Some(store);
        self
    }
}

/// A pool being watched. Dropping it stops the watch, as [`stop`](Self::stop) does.
///
/// When no frame ends, the watch continues to judge the pool, and gives idle memory back: 128 MiB about 5 s after it became
/// idle.
///
/// The watch holds a handle of the pool, so the pool lives at least as long.
///
/// In a child process made by `fork` the watch is stopped, since the child has no such thread: see
/// [`BufferPool`](BufferPool#forks).
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// assert!(watch.is_running());
/// watch.stop();
/// assert!(!watch.is_running());
/// println!("{}", watch.store()); // stays readable
/// ```
#[must_use = "dropping it stops the watch"]
pub struct Watch {
    pool: BufferPool,
    thresholds: Thresholds,
    store: DiagnosticsStore,
    stopping: Arc<AtomicBool>,
    thread: Lock<Option<JoinHandle<()>>>,
    /// The process that has the thread, because a fork copies the watch but not its thread.
    process: u32,
}

impl Watch {
    /// Starts a background thread named `framepool-watch` that watches the pool from the next frame end on.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// pool.end_frame();
    /// watch.stop();
    /// assert!(watch.store().latest().is_some());
    /// ```
    ///
    /// # Panics
    ///
    /// If the thread cannot be started; [`try_start`](Self::try_start) returns the error instead.
    #[track_caller]
    pub fn start(pool: &BufferPool, config: HealthConfig) -> Self {
        match Self::try_start(pool, config) {
            Ok(watch) => watch,
            Err(error) => panic!("the thread that watches the pool could not be started: {error}"),
        }
    }

    /// Starts a watch as [`start`](Self::start) does, and returns the error if it cannot.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    ///
    /// let watch = Watch::try_start(&BufferPool::new(), HealthConfig::default())?;
    /// assert!(watch.is_running());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The system's error if the thread cannot be started, usually because there are too many.
    pub fn try_start(pool: &BufferPool, config: HealthConfig) -> io::Result<Self> {
        let interval = config.poll_interval.max(SHORTEST_POLL);
        let thresholds = config.thresholds.clone();
        let mut watcher = Watcher::new(pool, config);
        let store = watcher.store.clone();
        let stopping = Arc::new(AtomicBool::new(false));
        let seen_by_thread = Arc::clone(&stopping);
        let thread = thread::Builder::new()
            .name("framepool-watch".to_owned())
            .spawn(move || watcher.run(&seen_by_thread, interval))?;
        Ok(Self {
            pool: pool.clone(),
            thresholds,
            store,
            stopping,
            thread: Lock::new(Some(thread)),
            process: process::id(),
        })
    }

    /// The store that the watch feeds. It stays readable after the watch has stopped.
    pub fn store(&self) -> &DiagnosticsStore {
        &self.store
    }

    /// The pool that is watched.
    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// The limits that the pool is judged by.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Marks this moment in the history of this pool, for example `level 3 loaded`.
    ///
    /// ```
    /// # use framepool::{BufferPool, HealthConfig, Watch};
    /// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
    /// watch.mark("level 3 loaded");
    /// let event = &watch.store().events()[0];
    /// assert_eq!(event.pool.as_ref().map(|pool| pool.id()), Some(watch.pool().id()));
    /// ```
    pub fn mark(&self, text: impl Into<String>) {
        let name = PoolName::new(self.pool.id(), self.pool.name());
        let frame = self.pool.snapshot().frame;
        self.store.add_mark(text.into(), Some((name, frame)));
    }

    /// Stops watching, and returns when the thread has ended. It does not wait for the poll interval.
    ///
    /// Then every frame that ended before this call has been judged, and the last health snapshot is in the store. A second
    /// call does nothing, and neither does a call in a forked child, which has no thread to stop.
    ///
    /// ```
    /// # use framepool::{BufferPool, HealthConfig, Watch};
    /// let pool = BufferPool::new();
    /// let watch = Watch::start(&pool, HealthConfig::default());
    /// let last = pool.end_frame();
    /// watch.stop();
    /// # if cfg!(feature = "telemetry") {
    /// assert_eq!(watch.store().latest().unwrap().metrics.frame, last.frame);
    /// # }
    /// ```
    pub fn stop(&self) {
        if self.is_of_another_process() {
            return;
        }
        // Held until the thread has ended, so that a second caller waits too.
        let mut running = self.thread.lock();
        let Some(thread) = running.take() else {
            return;
        };
        // Release: pairs with the Acquire in `Watcher::run`; the last drain sees the frames that ended before this.
        self.stopping.store(true, Ordering::Release);
        thread.thread().unpark();
        // The panic hook has reported any panic there, and the store is consistent.
        let _ = thread.join();
    }

    /// Whether the thread is running: false after [`stop`](Self::stop), after a panic, and in a forked child.
    pub fn is_running(&self) -> bool {
        if self.is_of_another_process() {
            return false;
        }
        let thread = self.thread.lock();
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Watch {
    /// Whether this is a copy made by a fork. Then the thread's lock must not be taken, because it may have been held
    /// during the fork.
    fn is_of_another_process(&self) -> bool {
        self.process != process::id()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.is_of_another_process() {
            // This process has no such thread, so it can be neither joined nor detached.
            std::mem::forget(self.thread.get_mut().take());
        } else {
            self.stop();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("is_running", &self.is_running())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
