//! Writes the events of pools as packets of a trace.
//!
//! Each pool has a group of tracks for its alerts, marks, frames, frame ends and counters (`tracks.rs`).
//!
//! Each call writes complete packets. Packets refer to earlier ones only by the number of a track, so a file that ends
//! after any packet is valid.

use std::fmt;
use std::io::{self, Write};
use std::process;

use framepool::health::AlertState;
use framepool::{Alert, FrameSnapshot, Timestamp};

use crate::clock::TraceClock;
use crate::messages::{
    COUNT, COUNTER, CounterDescriptor, DebugAnnotation, EXPLICIT, INSTANT, ProcessDescriptor,
    SIZE_BYTES, SLICE_BEGIN, SLICE_END, TrackDescriptor, TrackEvent,
};
use crate::packets::{PROCESS, Packets, double, number, text};
use crate::tracks::{ALERT_GROUP, FIRST_COUNTER, FRAME_ENDS, GROUP, MARKS, Tracks};

/// The counters: name, unit, value at a frame end.
type Counter = (&'static str, i32, fn(&FrameSnapshot) -> u64);
const COUNTERS: [Counter; 5] = [
    ("in use", SIZE_BYTES, |frame| frame.in_use_bytes),
    ("idle", SIZE_BYTES, |frame| frame.idle_bytes),
    ("pooled", SIZE_BYTES, |frame| frame.pooled_bytes),
    ("allocs per frame", COUNT, |frame| frame.allocs),
    ("misses per frame", COUNT, |frame| frame.misses),
];

/// Returns a replacement for a text, if any.
type Name = Box<dyn Fn(&str) -> Option<String> + Send>;

/// A pool of a [`Timeline`].
///
/// ```
/// use framepool_timeline::Timeline;
///
/// let mut timeline = Timeline::new(Vec::new());
/// let (render, audio) = (timeline.add_pool("render"), timeline.add_pool("audio"));
/// assert_ne!(render, audio);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolTrack(pub(crate) usize);

/// Writes frames, alerts and marks as packets of a trace. [`TimelineWriter`](crate::TimelineWriter) follows a program
/// automatically; use this type to write your own frames and alerts.
///
/// ```
/// use framepool::BufferPool;
/// use framepool_timeline::Timeline;
///
/// let pool = BufferPool::new();
/// let mut file = Vec::new();
/// let mut timeline = Timeline::new(&mut file);
/// let track = timeline.add_pool("render");
/// let frame = pool.begin_frame().release_all();
/// timeline.frame(track, &frame);
/// timeline.mark(track, frame.time, "level 3 loaded");
/// timeline.flush()?;
/// assert_eq!(timeline.bytes(), file.len() as u64);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Timeline<W: Write> {
    packets: Packets<W>,
    clock: TraceClock,
    pools: Vec<Tracks>,
    names: Option<Name>,
}

impl<W: Write> fmt::Debug for Timeline<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline")
            .field("pools", &self.pools.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl<W: Write> Timeline<W> {
    /// Begins a trace now.
    pub fn new(out: W) -> Self {
        let clock = TraceClock::measure();
        Self {
            packets: Packets::new(out, clock.measured),
            clock,
            pools: Vec::new(),
            names: None,
        }
    }

    /// Passes every text that names a line of code to `name`, and writes the returned text instead, if any.
    #[must_use]
    pub fn rename(mut self, name: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        self.names = Some(Box::new(name));
        self
    }

    /// Adds a pool. Its tracks are in the order in which pools are added.
    pub fn add_pool(&mut self, name: &str) -> PoolTrack {
        let pool = PoolTrack(self.pools.len());
        self.pools.push(Tracks::default());
        let describe = |name: &str, parent, rank| TrackDescriptor {
            name: Some(name.to_owned()),
            parent_uuid: parent,
            sibling_order_rank: Some(rank),
            ..TrackDescriptor::default()
        };
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(|path| path.file_name());
        let process = ProcessDescriptor {
            pid: i32::try_from(process::id()).ok(),
            process_name: program.map(|name| name.to_string_lossy().into_owned()),
        };
        self.packets.describe(
            pool,
            PROCESS,
            TrackDescriptor {
                process: Some(process),
                ..TrackDescriptor::default()
            },
        );
        let process = Some(self.packets.number(pool, PROCESS));
        let group = Some(self.packets.number(pool, GROUP));
        self.packets.describe(
            pool,
            GROUP,
            TrackDescriptor {
                child_ordering: Some(EXPLICIT),
                ..describe(&format!("pool {name}"), process, pool.0 as i32)
            },
        );
        self.packets
            .describe(pool, ALERT_GROUP, describe("alerts", group, 0));
        self.packets
            .describe(pool, MARKS, describe("marks", group, 1));
        self.packets
            .describe(pool, FRAME_ENDS, describe("frame ends", group, 3));
        for (place, (name, unit, _)) in COUNTERS.iter().enumerate() {
            self.packets.describe(
                pool,
                FIRST_COUNTER + place as u64,
                TrackDescriptor {
                    counter: Some(CounterDescriptor { unit: Some(*unit) }),
                    ..describe(name, group, 4 + place as i32)
                },
            );
        }
        pool
    }

    /// Writes a frame that has ended.
    pub fn frame(&mut self, pool: PoolTrack, frame: &FrameSnapshot) {
        let end = self.clock.time(frame.time);
        let length = frame.work.unwrap_or(frame.duration);
        let begin = end.saturating_sub(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX));
        if let Some(lane) = self.lane(pool, begin, end) {
            let name = match frame.ended {
                Some(id) => format!("frame {id}"),
                None => format!("frame end {}", frame.frame),
            };
            let annotations = self.about(frame);
            self.packets.event(
                pool,
                lane,
                begin,
                TrackEvent {
                    r#type: Some(SLICE_BEGIN),
                    name: Some(name),
                    debug_annotations: annotations,
                    ..TrackEvent::default()
                },
            );
            self.packets.event(
                pool,
                lane,
                end,
                TrackEvent {
                    r#type: Some(SLICE_END),
                    ..TrackEvent::default()
                },
            );
        }
        self.packets.event(
            pool,
            FRAME_ENDS,
            end,
            TrackEvent {
                r#type: Some(INSTANT),
                name: Some(format!("frame end {}", frame.frame)),
                ..TrackEvent::default()
            },
        );
        for (place, (_, _, value)) in COUNTERS.iter().enumerate() {
            self.packets.event(
                pool,
                FIRST_COUNTER + place as u64,
                end,
                TrackEvent {
                    r#type: Some(COUNTER),
                    counter_value: Some(i64::try_from(value(frame)).unwrap_or(i64::MAX)),
                    ..TrackEvent::default()
                },
            );
        }
    }

    fn about(&self, frame: &FrameSnapshot) -> Vec<DebugAnnotation> {
        let mut about = vec![
            number("allocs", frame.allocs),
            number("releases", frame.releases),
            number("bytes allocated", frame.alloc_bytes),
        ];
        if frame.system_bytes > 0 {
            about.push(number("bytes from the system", frame.system_bytes));
        }
        if frame.misses > 0 {
            about.push(number("misses", frame.misses));
        }
        if let Some(miss) = frame.largest_miss {
            about.push(number("largest miss, bytes", miss.bytes));
            if let Some(site) = miss.site {
                about.push(text("largest miss, line", self.named(site.to_string())));
            }
        }
        about
    }

    /// The track for a frame, described if it is new.
    fn lane(&mut self, pool: PoolTrack, begin: u64, end: u64) -> Option<u64> {
        let (lane, is_new) = self.pools[pool.0].lane(begin, end)?;
        if is_new {
            let group = Some(self.packets.number(pool, GROUP));
            self.packets.describe(
                pool,
                lane,
                TrackDescriptor {
                    name: Some("frames".to_owned()),
                    parent_uuid: group,
                    sibling_order_rank: Some(2),
                    ..TrackDescriptor::default()
                },
            );
        }
        Some(lane)
    }

    /// Writes an alert that was raised, escalated or resolved.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    /// # use framepool_timeline::Timeline;
    ///
    /// # let pool = BufferPool::new();
    /// # let buffer = pool.alloc::<u8>(10_000);
    /// # let mut timeline = Timeline::new(Vec::new());
    /// # let track = timeline.add_pool("render");
    /// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
    /// let health = monitor.emit_now(&pool);
    /// let before = timeline.bytes();
    /// for alert in health.raised.iter().chain(&health.resolved) {
    ///     timeline.alert(track, alert);
    /// }
    /// assert!(timeline.bytes() > before);
    /// ```
    pub fn alert(&mut self, pool: PoolTrack, alert: &Alert) {
        let time = self.clock.time(alert.time);
        let is_raised = alert.state == AlertState::Raised;
        let (track, was_raised) = match self.pools[pool.0].alert(alert.id) {
            Some(known) => (
                known.track,
                std::mem::replace(&mut known.is_raised, is_raised),
            ),
            // It was raised before the trace began.
            None if !is_raised => return,
            None => (self.new_alert(pool, alert), false),
        };
        if was_raised {
            self.packets.event(
                pool,
                track,
                time,
                TrackEvent {
                    r#type: Some(SLICE_END),
                    ..TrackEvent::default()
                },
            );
        }
        if is_raised {
            let mut about = vec![
                text("says", self.named(alert.to_string())),
                text("severity", alert.severity.to_string()),
                double("value", alert.value),
                double("level", alert.threshold),
                number("frame end", alert.frame.get()),
            ];
            if let Some(site) = alert.site {
                about.push(text("line", self.named(site.to_string())));
            }
            self.packets.event(
                pool,
                track,
                time,
                TrackEvent {
                    r#type: Some(SLICE_BEGIN),
                    name: Some(format!("{}: {}", alert.rule, alert.severity)),
                    categories: vec!["alert".to_owned()],
                    debug_annotations: about,
                    ..TrackEvent::default()
                },
            );
        }
    }

    /// Makes the track of an alert.
    fn new_alert(&mut self, pool: PoolTrack, alert: &Alert) -> u64 {
        let track = self.pools[pool.0].add_alert(alert.id);
        let parent = Some(self.packets.number(pool, ALERT_GROUP));
        let name = match alert.site {
            Some(site) => format!("{} at {}", alert.rule, self.named(site.to_string())),
            None => alert.rule.to_string(),
        };
        self.packets.describe(
            pool,
            track,
            TrackDescriptor {
                name: Some(name),
                parent_uuid: parent,
                ..TrackDescriptor::default()
            },
        );
        track
    }

    /// Writes a mark that the program set.
    pub fn mark(&mut self, pool: PoolTrack, time: Timestamp, said: &str) {
        let time = self.clock.time(time);
        self.packets.event(
            pool,
            MARKS,
            time,
            TrackEvent {
                r#type: Some(INSTANT),
                name: Some(said.to_owned()),
                categories: vec!["mark".to_owned()],
                ..TrackEvent::default()
            },
        );
    }

    /// Writes the waiting bytes at once.
    ///
    /// # Errors
    ///
    /// The writer's error. Then the waiting bytes are dropped, so that they do not pile up.
    pub fn flush(&mut self) -> io::Result<()> {
        self.packets.flush()
    }

    /// Bytes written or waiting.
    pub fn bytes(&self) -> u64 {
        self.packets.bytes()
    }

    fn named(&self, said: String) -> String {
        let other = self.names.as_ref().and_then(|name| name(&said));
        other.unwrap_or(said)
    }
}
