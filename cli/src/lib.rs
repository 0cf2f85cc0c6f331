//! Replays allocation traces through framepool and shows what its telemetry sees.
//!
//! The way of a replay, in the order of the modules: the command line ([`args`]) names a [`trace`], which is read and checked; a
//! `replay` carries it out against each `contestant`; the watched run is followed by `inspect` and judged by `watch`;
//! `measure` times and weighs; `report` shows. `session` leads through it, and `screen` draws meanwhile. `demo` and `advise` are
//! commands of their own, and so are those of `history`.
//!
//! The binary is [`run`]; the rest is public as far as the fuzz targets drive it, and [`timed`] is for programs that compare.
#![deny(unsafe_code)]

mod advise;
pub mod args;
mod contestant;
mod demo;
mod ending;
mod history;
mod inspect;
mod measure;
mod outcome;
#[cfg(feature = "dashboard")]
mod page;
mod replay;
mod report;
mod screen;
mod session;
pub mod timed;
#[cfg(feature = "dashboard")]
mod timeline;
#[cfg(feature = "dashboard")]
mod top;
pub mod trace;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use args::{Command, CommandLine};
use trace::TraceSource;

/// The program: does what the command line says.
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = match line.command {
        None => session::replay(&TraceSource::Bundled, &line.options),
        Some(Command::Replay(args)) => {
            session::replay(&TraceSource::from_argument(args.trace), &args.options)
        }
        Some(Command::Demo(args)) => demo::run(&args),
        #[cfg(feature = "dashboard")]
        Some(Command::Top(args)) => top::run(&args),
        Some(Command::Advise(args)) => advise::advise(&args),
        Some(Command::Report(args)) => history::report(&args),
        Some(Command::Diff(args)) => history::diff(&args),
        Some(Command::Memory(args)) => session::measure_memory(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.tell(),
    }
}
