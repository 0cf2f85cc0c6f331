//! The data of the view, and the user's choices.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use framepool::PoolId;
use framepool::health::LeakVerdict;
use framepool::store::SavedVerdict;
use framepool_dashboard::api::{Column, Health, History, PoolUpdate, SampleRow, Site, Update};

use super::sites::{Only, Order};
use super::source::News;

/// The history that is drawn.
pub(super) const SPAN_MS: u64 = 120_000;

/// A pool at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) time_ms: u64,
    pub(super) in_use: f64,
    pub(super) pooled: f64,
    /// `None` if the system was not asked.
    pub(super) resident: Option<f64>,
}

/// The recent course of a pool, and the meaning of its values.
#[derive(Clone, Debug, Default)]
struct Course {
    pooled_at: Option<usize>,
    in_use_at: Option<usize>,
    resident_at: Option<usize>,
    points: Vec<Point>,
}

impl Course {
    fn of(history: &History) -> Self {
        let place = |metric: &str, state: Option<&str>| {
            let is_it = |column: &Column| {
                column.metric == metric && column.labels.get("state").map(String::as_str) == state
            };
            history.columns.iter().position(is_it)
        };
        let mut course = Self {
            pooled_at: place("pooled_bytes", None),
            in_use_at: place("framepool.memory.usage", Some("in_use")),
            resident_at: place("framepool.memory.resident", None),
            points: Vec::new(),
        };
        course.add(&history.samples);
        course
    }

    /// Adds new samples. An update repeats some old ones.
    fn add(&mut self, samples: &[SampleRow]) {
        for SampleRow(time_ms, values, ..) in samples {
            let value = |at: Option<usize>| at.and_then(|at| values.get(at).copied().flatten());
            let (Some(pooled), Some(in_use)) = (value(self.pooled_at), value(self.in_use_at))
            else {
                continue;
            };
            let point = Point {
                time_ms: *time_ms,
                in_use,
                pooled,
                resident: value(self.resident_at),
            };
            match self.points.last_mut() {
                // The latest bucket may have changed since.
                Some(last) if last.time_ms == *time_ms => *last = point,
                Some(last) if last.time_ms > *time_ms => {}
                _ => self.points.push(point),
            }
        }
        let latest = self.points.last().map_or(0, |point| point.time_ms);
        self.points
            .retain(|point| point.time_ms + SPAN_MS >= latest);
    }
}

/// Totals at two readings, for numbers a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    pub(super) seconds: f64,
    pub(super) allocs: f64,
    pub(super) releases: f64,
    pub(super) misses: f64,
}

impl Flow {
    fn between(before: &Health, after: &Health) -> Option<Self> {
        let seconds = after.at.checked_sub(before.at)?.as_secs_f64();
        let (from, to) = (&before.metrics, &after.metrics);
        let rise = |from: u64, to: u64| to.checked_sub(from).map(|rise| rise as f64);
        let flow = Self {
            seconds,
            allocs: rise(from.total_allocs, to.total_allocs)?,
            releases: rise(from.total_releases, to.total_releases)?,
            misses: rise(from.total_misses, to.total_misses)?,
        };
        (seconds > 0.0).then_some(flow)
    }
}

/// The state of the connection to the source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Connection {
    /// Nothing has been read yet.
    Connecting,
    Live,
    Lost {
        since: Instant,
        why: String,
    },
}

/// The whole model.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) source: String,
    pub(super) connection: Connection,
    latest: Option<Update>,
    courses: HashMap<PoolId, Course>,
    flows: HashMap<PoolId, Flow>,
    /// The latest judgement of each pool, and when it came.
    judged: HashMap<PoolId, (Duration, Instant)>,
    /// When the latest shown update came.
    shown: Option<Instant>,
    chosen: Option<PoolId>,
    /// While paused: the courses that the picture shows.
    paused: Option<HashMap<PoolId, Course>>,
    pub(super) has_help: bool,
    pub(super) order: Order,
    pub(super) is_reversed: bool,
    pub(super) only: Only,
    pub(super) filter: String,
    pub(super) is_typing: bool,
    /// The call site at the cursor, if the user moved it.
    pub(super) cursor: Option<(String, String)>,
    /// The rows of the last drawn table, for moves by a page.
    pub(super) page: usize,
}

impl Model {
    pub(super) fn new(source: String) -> Self {
        Self {
            source,
            connection: Connection::Connecting,
            latest: None,
            courses: HashMap::new(),
            flows: HashMap::new(),
            judged: HashMap::new(),
            shown: None,
            chosen: None,
            paused: None,
            has_help: false,
            order: Order::Bytes,
            is_reversed: false,
            only: Only::All,
            filter: String::new(),
            is_typing: false,
            cursor: None,
            page: 1,
        }
    }

    /// Updates the model. A paused view keeps its content, but still tracks the connection.
    pub(super) fn take(&mut self, news: News, now: Instant) {
        match news {
            News::Lost(why) => {
                let since = match self.connection {
                    Connection::Lost { since, .. } => since,
                    _ => now,
                };
                self.connection = Connection::Lost { since, why };
            }
            News::Update(update, histories) => {
                self.connection = Connection::Live;
                if !histories.is_empty() {
                    // Another process may answer now.
                    self.courses.clear();
                    self.flows.clear();
                    self.judged.clear();
                }
                for (pool, history) in &histories {
                    self.courses.insert(*pool, Course::of(history));
                }
                for pool in &update.pools {
                    if let Some(course) = self.courses.get_mut(&pool.pool.id) {
                        course.add(&pool.samples);
                    }
                }
                if !self.is_paused() || self.latest.is_none() {
                    self.show(*update, now);
                }
            }
        }
    }

    fn show(&mut self, update: Update, now: Instant) {
        self.shown = Some(now);
        for pool in &update.pools {
            let id = pool.pool.id;
            if let Some(health) = &pool.health {
                let known = self.judged.entry(id).or_insert((health.at, now));
                if known.0 != health.at {
                    *known = (health.at, now);
                }
            }
            let before = self.latest.iter().flat_map(|latest| &latest.pools);
            let before = before
                .filter(|it| it.pool.id == id)
                .find_map(|it| it.health.as_ref());
            if let (Some(before), Some(after)) = (before, &pool.health)
                && let Some(flow) = Flow::between(before, after)
            {
                self.flows.insert(id, flow);
            }
        }
        self.latest = Some(update);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Pauses, or continues.
    pub(super) fn pause(&mut self) {
        self.paused = match self.paused {
            Some(_) => None,
            None => Some(self.courses.clone()),
        };
    }

    pub(super) fn pools(&self) -> &[PoolUpdate] {
        self.latest.as_ref().map_or(&[], |latest| &latest.pools)
    }

    /// The index of the shown pool.
    pub(super) fn place(&self) -> usize {
        let pools = self.pools();
        let chosen = pools.iter().position(|it| Some(it.pool.id) == self.chosen);
        chosen.unwrap_or(0)
    }

    pub(super) fn pool(&self) -> Option<&PoolUpdate> {
        self.pools().get(self.place())
    }

    pub(super) fn next_pool(&mut self) {
        let pools = self.pools();
        if let Some(next) = pools.get((self.place() + 1) % pools.len().max(1)) {
            self.chosen = Some(next.pool.id);
            self.cursor = None;
        }
    }

    /// The recent course of the shown pool, the latest last.
    pub(super) fn points(&self) -> &[Point] {
        let courses = self.paused.as_ref().unwrap_or(&self.courses);
        let course = self.pool().and_then(|pool| courses.get(&pool.pool.id));
        course.map_or(&[], |course| &course.points)
    }

    pub(super) fn flow(&self) -> Option<Flow> {
        self.flows.get(&self.pool()?.pool.id).copied()
    }

    /// The time since the pool's last judgement came, if longer than usual: by the clock of this view, because all
    /// numbers of an update are of one judgement.
    pub(super) fn unjudged(&self) -> Option<Duration> {
        const USUAL: Duration = Duration::from_secs(3);
        let (_, came) = self.judged.get(&self.pool()?.pool.id)?;
        let age = self.shown?.saturating_duration_since(*came);
        (age > USUAL).then_some(age)
    }

    /// The call sites to show, in order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let Some(pool) = self.pool() else {
            return Vec::new();
        };
        let verdicts = pool
            .health
            .as_ref()
            .map_or(&[][..], |health| &health.verdicts);
        let row = |site| Row {
            site,
            verdict: verdicts
                .iter()
                .find(|it: &&SavedVerdict| it.location == site.location)
                .map(|it| it.verdict),
        };
        let mut rows: Vec<Row<'_>> = pool.sites.sites.iter().map(row).collect();
        let wanted = self.filter.to_lowercase();
        rows.retain(|row| {
            let is_named = |text: &str| text.to_lowercase().contains(&wanted);
            self.only.has(row.verdict)
                && [&row.site.location, &row.site.tag, &row.site.thread]
                    .into_iter()
                    .any(|it| is_named(it))
        });
        rows.sort_by(|a, b| {
            let order = self.order.compare(a, b);
            if self.is_reversed {
                order.reverse()
            } else {
                order
            }
        });
        rows
    }

    /// The place of the cursor among these rows.
    pub(super) fn cursor_among(&self, rows: &[Row<'_>]) -> Option<usize> {
        let (location, tag) = self.cursor.as_ref()?;
        rows.iter()
            .position(|row| row.site.location == *location && row.site.tag == *tag)
    }

    /// Moves the cursor by `by` rows.
    pub(super) fn step(&mut self, by: isize) {
        let rows = self.rows();
        let Some(last) = rows.len().checked_sub(1) else {
            return;
        };
        let to = match self.cursor_among(&rows) {
            Some(at) => at.saturating_add_signed(by).min(last),
            None if by == isize::MAX => last,
            None => 0,
        };
        let site = rows[to].site;
        self.cursor = Some((site.location.clone(), site.tag.clone()));
    }
}

/// A call site with its verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'m> {
    pub(super) site: &'m Site,
    pub(super) verdict: Option<LeakVerdict>,
}
