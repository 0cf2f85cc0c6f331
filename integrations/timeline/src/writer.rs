//! The thread that follows pools and writes.
//!
//! It reads the feed of each pool's frames, a ring that the frame end never waits for, and the events of each store. If it
//! is too slow, frames are lost, counted, and reported in the trace. It keeps only the data of one reading.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framepool::health::PoolName;
use framepool::store::{Event, EventKind};
use framepool::telemetry::FrameFeed;
use framepool::{DiagnosticsStore, PoolId, Timestamp, Watch};

use crate::timeline::{PoolTrack, Timeline};

/// The time between two readings.
const INTERVAL: Duration = Duration::from_millis(50);
/// The default limit of a file: a size that Perfetto's page opens easily.
const MOST_BYTES: u64 = 1 << 30;

/// The totals of a written file.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_timeline::TimelineWriter;
///
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// # let path = std::env::temp_dir().join(format!("written-{}.pftrace", std::process::id()));
/// let written = TimelineWriter::start([&watch], &path)?.finish()?;
/// assert_eq!((written.frames, written.lost, written.is_full), (0, 0, false));
/// assert_eq!(written.bytes, path.metadata()?.len());
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Frame ends.
    pub frames: u64,
    /// Frame ends that were overwritten before they were read.
    pub lost: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether the file reached its limit before the end.
    pub is_full: bool,
}

/// Writes the events of watched pools into a file, on a separate thread, until it is finished or dropped.
///
/// The file can be read at any time, even after the process was killed; it is complete up to a moment before.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_timeline::TimelineWriter;
///
/// # let pool = BufferPool::new();
/// # let watch = Watch::start(&pool, HealthConfig::default());
/// # let path = std::env::temp_dir().join(format!("followed-{}.pftrace", std::process::id()));
/// let timeline = TimelineWriter::start([&watch], &path)?;
/// pool.begin_frame().release_all();
/// drop(timeline); // writes the latest events
/// assert!(path.metadata()?.len() > 0);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TimelineWriter {
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Written>>>,
}

impl TimelineWriter {
    /// Begins a file of at most 1 GiB. An existing file is replaced.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or the thread cannot be started.
    pub fn start<'w>(
        watches: impl IntoIterator<Item = &'w Watch>,
        path: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Self::start_limited(watches, path, MOST_BYTES)
    }

    /// Begins a file of about `max_bytes` at most. An existing file is replaced.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool_timeline::TimelineWriter;
    ///
    /// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
    /// # let path = std::env::temp_dir().join(format!("limited-{}.pftrace", std::process::id()));
    /// let timeline = TimelineWriter::start_limited([&watch], &path, 16 << 20)?;
    /// assert!(timeline.finish()?.bytes < 16 << 20);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub fn start_limited<'w>(
        watches: impl IntoIterator<Item = &'w Watch>,
        path: impl AsRef<Path>,
        most_bytes: u64,
    ) -> io::Result<Self> {
        let mut timeline = Timeline::new(File::create(path)?);
        let followed = watches
            .into_iter()
            .map(|watch| Followed::new(watch, &mut timeline));
        let mut follower = Follower {
            followed: followed.collect(),
            timeline,
            most_bytes,
            written: Written::default(),
        };
        follower.timeline.flush()?;
        let is_ending = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_ending);
        let thread = thread::Builder::new()
            .name("framepool-timeline".to_owned())
            .spawn(move || follower.follow(&asked))?;
        Ok(Self {
            is_ending,
            thread: Some(thread),
        })
    }

    /// Writes the latest events, and ends the file.
    ///
    /// # Errors
    ///
    /// The first error of writing the file. Nothing was written after it.
    pub fn finish(mut self) -> io::Result<Written> {
        self.end()
    }

    fn end(&mut self) -> io::Result<Written> {
        // Release: pairs with the Acquire in `follow`; all earlier events are written.
        self.is_ending.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else {
            return Ok(Written::default());
        };
        thread.thread().unpark();
        let panicked = |_| {
            Err(io::Error::other(
                "the thread that writes the timeline panicked",
            ))
        };
        thread.join().unwrap_or_else(panicked)
    }
}

impl Drop for TimelineWriter {
    fn drop(&mut self) {
        // Use `finish` to get the error.
        let _ = self.end();
    }
}

/// A followed pool.
struct Followed {
    track: PoolTrack,
    id: PoolId,
    frames: FrameFeed,
    lost: u64,
    store: DiagnosticsStore,
    /// The latest event that was seen.
    seen: Option<Arc<Event>>,
}

impl Followed {
    fn new(watch: &Watch, timeline: &mut Timeline<File>) -> Self {
        Self {
            track: timeline.add_pool(watch.pool().name()),
            id: watch.pool().id(),
            frames: watch.pool().subscribe(),
            lost: 0,
            store: watch.store().clone(),
            seen: watch.store().events().pop(),
        }
    }

    /// Writes everything new, and counts lost frames.
    fn look(&mut self, timeline: &mut Timeline<File>, written: &mut Written) {
        while let Some(frame) = self.frames.next() {
            timeline.frame(self.track, &frame);
            written.frames += 1;
        }
        let lost = self.frames.lost() - self.lost;
        if lost > 0 {
            self.lost += lost;
            written.lost += lost;
            let said = format!("{lost} frame ends are missing here: they came too fast");
            timeline.mark(self.track, Timestamp::now(), &said);
        }
        let events = self.store.events();
        let seen = self.seen.as_ref();
        let new = seen.and_then(|seen| events.iter().rposition(|event| Arc::ptr_eq(event, seen)));
        for event in &events[new.map_or(0, |seen| seen + 1)..] {
            let is_here = event
                .pool
                .as_ref()
                .map(PoolName::id)
                .is_none_or(|id| id == self.id);
            match &event.alert {
                Some(alert) if is_here => timeline.alert(self.track, alert),
                None if is_here && event.kind == EventKind::Mark => {
                    timeline.mark(self.track, event.time, &event.text);
                }
                _ => {}
            }
        }
        self.seen = events.last().cloned().or(self.seen.take());
    }
}

struct Follower {
    followed: Vec<Followed>,
    timeline: Timeline<File>,
    most_bytes: u64,
    written: Written,
}

impl Follower {
    fn follow(&mut self, is_ending: &AtomicBool) -> io::Result<Written> {
        loop {
            // Acquire: pairs with the Release in `end`. Loaded before the reading, so that the last reading comes after the
            // request to end.
            let is_last = is_ending.load(Ordering::Acquire);
            for followed in &mut self.followed {
                followed.look(&mut self.timeline, &mut self.written);
            }
            self.written.is_full = self.timeline.bytes() >= self.most_bytes && !is_last;
            if self.written.is_full {
                for followed in &self.followed {
                    let said = "the timeline ends here: the file is full";
                    self.timeline.mark(followed.track, Timestamp::now(), said);
                }
            }
            self.timeline.flush()?;
            self.written.bytes = self.timeline.bytes();
            if is_last || self.written.is_full {
                // The feeds are dropped with the thread, so frame ends stop writing into them.
                return Ok(self.written);
            }
            thread::park_timeout(INTERVAL);
        }
    }
}
