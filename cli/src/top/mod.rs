//! `framepool top`: the live view of a pool in the terminal.
//!
//! A thread reads the pool once a second ([`source`]) and sends the result. The drawing thread owns the [`Model`], updates
//! it with the result and by [`keys`], and shows it ([`draw`]). The watched program is only touched by reading its page.

mod chart;
mod draw;
mod keys;
mod model;
mod numbers;
mod paper;
mod sites;
mod small;
mod source;
mod style;
mod terminal;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use framepool_dashboard::Recording;
use ratatui_crossterm::crossterm::event::{self, Event, KeyEventKind};

use crate::args::TopArgs;
use crate::ending::Ending;
use crate::outcome::Problem;
use keys::Wish;
use model::Model;
use source::Source;
use style::Style;
use terminal::Screen;

/// The least time between two checks for new results.
const LOOK: Duration = Duration::from_millis(100);
/// A picture is drawn at least this often, because it shows how long a connection has been lost.
const REDRAW: Duration = Duration::from_secs(1);

/// Shows the pools of a running program until the user quits.
pub(crate) fn run(args: &TopArgs) -> Result<(), Problem> {
    let source = Source::of_page(&args.url).map_err(Problem::Input)?;
    expect_terminal()?;
    let ending = Ending::listen()?;
    show(source, Style::new(args.no_colour), &ending)
}

/// The view of a pool in this process, on a separate thread.
#[derive(Debug)]
pub(crate) struct Here {
    ending: Ending,
    thread: Option<JoinHandle<()>>,
}

impl Here {
    /// When the user quits, the run is asked to end.
    pub(crate) fn show(recording: Recording, run: Ending) -> Result<Self, Problem> {
        expect_terminal()?;
        let ending = Ending::unheard();
        let asked = ending.clone();
        let thread = thread::Builder::new()
            .name("top".to_owned())
            .spawn(move || {
                // If the terminal cannot be used, the run ends too, because its report is better than an empty screen.
                let _ = show(Source::Here(recording), Style::new(false), &asked);
                run.ask();
            })
            .map_err(|error| Problem::Fault(error.to_string()))?;
        Ok(Self {
            ending,
            thread: Some(thread),
        })
    }
}

/// Dropping this restores the terminal.
impl Drop for Here {
    fn drop(&mut self) {
        self.ending.ask();
        // The panic hook has reported any panic there.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn expect_terminal() -> Result<(), Problem> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if std::io::stdout().is_terminal() && !is_dumb {
        Ok(())
    } else {
        Err(Problem::Input(
            "top needs a terminal; for a program read /api/v1/update of the page".to_owned(),
        ))
    }
}

fn show(source: Source, style: Style, ending: &Ending) -> Result<(), Problem> {
    let cannot = |error| Problem::Fault(format!("the terminal cannot be used: {error}"));
    let mut model = Model::new(source.name());
    let (sender, news) = mpsc::channel();
    let reader = ending.clone();
    thread::Builder::new()
        .name("top-read".to_owned())
        .spawn(move || source.read_on(&sender, &reader))
        .map_err(cannot)?;
    let mut screen = Screen::open().map_err(cannot)?;
    let mut drawn: Option<Instant> = None;
    let mut has_changed = true;
    while !ending.is_asked() {
        for news in news.try_iter() {
            model.take(news, Instant::now());
            has_changed = true;
        }
        if has_changed || drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            screen
                .draw(|frame| draw::draw(frame, &mut model, style, Instant::now()))
                .map_err(cannot)?;
            drawn = Some(Instant::now());
        }
        has_changed = false;
        // Wait for the first key; keys that came with it are available at once.
        let mut wait = LOOK;
        while event::poll(wait).map_err(cannot)? {
            has_changed = true;
            wait = Duration::ZERO;
            let Event::Key(key) = event::read().map_err(cannot)? else {
                continue;
            };
            if key.kind != KeyEventKind::Release && model.key(key) == Wish::Quit {
                return Ok(());
            }
        }
    }
    Ok(())
}
