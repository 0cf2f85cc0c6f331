//! The progress bar and the live line of health, drawn to standard error by a separate thread.
//!
//! It reads the pool's published snapshot and a few atomics that the coordinator sets between frames. So no replaying
//! thread ever draws or waits for a drawing. While runs are timed, the thread sleeps.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use framepool::BufferPool;
use framepool::text::{bytes, escaped};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::count;
use crate::watch::Standing;

/// Between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(200);
/// Between two drawings while runs are timed: this never disturbs a short run, and hardly a long one.
const REDRAW_CALM: Duration = Duration::from_secs(2);
/// Between two plain lines where there is no terminal.
const PLAIN_LINE: Duration = Duration::from_secs(1);

/// The unit of a stage that counts seconds.
pub(crate) const SECONDS: &str = "seconds";

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Nothing.
    Nothing,
    /// Stages; on a terminal a bar and the live line.
    Progress,
    /// The live line, even without a terminal.
    Live,
}

/// The screen. Dropping it clears the bar.
#[derive(Debug)]
pub(crate) struct Screen {
    board: Arc<Board>,
    drawer: Option<JoinHandle<()>>,
}

/// The state that the drawing thread reads.
#[derive(Debug)]
struct Board {
    bar: Option<ProgressBar>,
    plain: bool,
    colour: bool,
    /// The progress of the stage. Relaxed everywhere: no other data depends on it.
    position: AtomicU64,
    level: AtomicU8,
    active: AtomicU32,
    calm: AtomicBool,
    ended: AtomicBool,
    stage: Mutex<Stage>,
}

#[derive(Debug, Default)]
struct Stage {
    name: &'static str,
    unit: &'static str,
    length: u64,
    pool: Option<BufferPool>,
    judged: bool,
}

impl Screen {
    pub(crate) fn new(show: Show) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && show != Show::Nothing).then(new_bar);
        let plain = !terminal && show == Show::Live;
        let board = Arc::new(Board {
            colour: bar.is_some() && colour_wanted(),
            bar,
            plain,
            position: AtomicU64::new(0),
            level: AtomicU8::new(0),
            active: AtomicU32::new(0),
            calm: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            stage: Mutex::default(),
        });
        let drawer = (board.bar.is_some() || plain)
            .then(|| {
                let board = Arc::clone(&board);
                let named = std::thread::Builder::new().name("screen".to_owned());
                named.spawn(move || board.draw_until_ended()).ok()
            })
            .flatten();
        Self { board, drawer }
    }

    /// Whether it is a terminal that a person watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.board.bar.is_some()
    }

    /// Begins a stage of `length` units; zero means unknown. The live line comes from `pool`'s snapshot.
    pub(crate) fn stage(
        &self,
        name: &'static str,
        length: u64,
        unit: &'static str,
        pool: Option<&BufferPool>,
    ) {
        *self.board.stage() = Stage {
            name,
            unit,
            length,
            pool: pool.cloned(),
            judged: pool.is_some(),
        };
        self.board.calm.store(false, Ordering::Relaxed);
        self.board.position.store(0, Ordering::Relaxed);
    }

    /// Runs are timed from now on: the stage's pool is not judged, and drawings are rare.
    pub(crate) fn keep_calm(&self) {
        self.board.stage().judged = false;
        self.board.calm.store(true, Ordering::Relaxed);
    }

    /// Sets the progress of the stage.
    pub(crate) fn done(&self, position: u64) {
        self.board.position.store(position, Ordering::Relaxed);
    }

    /// Sets the pool's health.
    pub(crate) fn standing(&self, standing: Standing) {
        self.board.level.store(standing.level, Ordering::Relaxed);
        self.board.active.store(standing.active, Ordering::Relaxed);
    }

    /// Draws on the calling thread, between two timed runs.
    pub(crate) fn draw_now(&self) {
        if self.board.bar.is_some() {
            self.board.draw();
        }
    }

    /// Prints a permanent line above the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.board.bar {
            Some(bar) => bar.suspend(|| write_line(line)),
            None if self.board.plain => write_line(line),
            None => {}
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.board.ended.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // A panic of the drawing thread needs no cleanup.
            let _ = drawer.join();
        }
        if let Some(bar) = &self.board.bar {
            bar.finish_and_clear();
        }
    }
}

impl Board {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_until_ended(&self) {
        // Nothing is drawn at first, so a run that fails at its first line shows no bar.
        let mut drawn = (!self.plain).then(Instant::now);
        // The latest second with a line: each second has one.
        let mut second = 0;
        while !self.ended.load(Ordering::Relaxed) {
            let pause = if self.plain {
                PLAIN_LINE
            } else if self.calm.load(Ordering::Relaxed) {
                REDRAW_CALM
            } else {
                REDRAW
            };
            let position = self.position.load(Ordering::Relaxed);
            let counts_seconds = self.plain && self.stage().unit == SECONDS;
            let is_due = if counts_seconds {
                position > second
            } else {
                drawn.is_none_or(|drawn| drawn.elapsed() >= pause)
            };
            if is_due {
                self.draw();
                (drawn, second) = (Some(Instant::now()), position);
            }
            let look = if counts_seconds { REDRAW } else { REDRAW * 5 };
            std::thread::park_timeout(pause.min(look));
        }
        let position = self.position.load(Ordering::Relaxed);
        if self.plain && (self.stage().unit != SECONDS || position > second) {
            self.draw();
        }
    }

    fn draw(&self) {
        let position = self.position.load(Ordering::Relaxed);
        let stage = self.stage();
        let health = stage
            .pool
            .as_ref()
            .map(|pool| self.health_line(pool, stage.judged));
        if let Some(bar) = &self.bar {
            let place = match (stage.length, stage.unit) {
                (0, "") => String::new(),
                (0, unit) => format!("{} {unit}", count(position)),
                (length, unit) => format!("{} of {} {unit}", count(position), count(length)),
            };
            let health = health.unwrap_or_default();
            if let Some(style) = style(stage.length > 0) {
                bar.set_style(style);
            }
            bar.set_prefix(stage.name);
            bar.set_length(stage.length);
            bar.set_position(position);
            bar.set_message(format!("{place}\n{health}"));
            bar.tick();
        } else if let Some(health) = health {
            let unit = stage.unit.trim_end_matches('s');
            let position = count(position);
            let place = match stage.length {
                0 => format!("{unit} {position}"),
                length => format!("{unit} {position}/{}", count(length)),
            };
            write_line(&format!("{place}  {health}"));
        }
    }

    /// The pool's latest snapshot in one line.
    fn health_line(&self, pool: &BufferPool, judged: bool) -> String {
        let snapshot = pool.snapshot();
        let counts = &snapshot.totals.counts;
        let hits = if counts.allocs() == 0 {
            "hits –".to_owned()
        } else {
            let share =
                counts.allocs().saturating_sub(counts.misses()) as f64 / counts.allocs() as f64;
            format!("hits {:.1} %", 100.0 * share)
        };
        let standing = Standing {
            level: self.level.load(Ordering::Relaxed),
            active: self.active.load(Ordering::Relaxed),
        };
        let health = if !judged {
            String::new()
        } else if self.colour {
            let colour = [32, 33, 31][usize::from(standing.level.min(2))];
            format!("\u{1b}[{colour}m{standing}\u{1b}[0m")
        } else {
            standing.to_string()
        };
        format!(
            "in use {:>8} ({:>6} buffers)  pooled {:>8}  {hits}  {health}",
            bytes(snapshot.in_use_bytes),
            count(snapshot.in_use_buffers),
            bytes(snapshot.pooled_bytes),
        )
    }
}

fn new_bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
}

/// The style of a stage: with a bar only if its length is known. `None` means an invalid template; then the default style
/// is used.
fn style(has_length: bool) -> Option<ProgressStyle> {
    let template = if has_length {
        "{prefix:>9} [{bar:30}] {msg}"
    } else {
        "{prefix:>9} {msg}"
    };
    let style = ProgressStyle::with_template(template).ok()?;
    Some(style.progress_chars("=> "))
}

/// No colour if `NO_COLOR` is set and not empty, or if the terminal has none.
fn colour_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb
}

/// Writes a line to standard error, which may be closed.
fn write_line(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", escaped(line));
}
