//! Replays allocation traces through framepool and shows its telemetry.
//!
//! The steps of a replay, by module: the command line ([`args`]) names a [`trace`], which is read and checked. `replay`
//! runs it against each `contestant`. `inspect` follows the watched run, and `watch` judges it. `measure` measures time and
//! memory, and `report` shows the results. `session` and `costs` call these in order, and `screen` draws meanwhile. `demo`, `advise`
//! and `history` have their own commands.
//!
//! The binary calls [`run`]. Other items are public for the fuzz targets; [`timed`] is for programs that compare
//! allocators.
#![deny(unsafe_code)]

mod advise;
pub mod args;
#[cfg(target_os = "linux")]
mod closed;
mod contestant;
mod costs;
mod demo;
mod ending;
mod growth;
mod history;
mod inspect;
mod measure;
mod outcome;
mod outputs;
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
use outcome::Problem;
use trace::TraceSource;

/// Runs the program with its command line.
pub fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        // Help and version go to standard output.
        Err(error) if !error.use_stderr() && is_output_closed() => return closed_output().tell(),
        Err(error) => error.exit(),
        Ok(line) => line,
    };
    if is_output_closed() && line.prints() {
        return closed_output().tell();
    }
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

/// Whether standard output was closed at the start. Only Linux tells.
fn is_output_closed() -> bool {
    #[cfg(target_os = "linux")]
    return closed::was_closed();
    #[cfg(not(target_os = "linux"))]
    false
}

fn closed_output() -> Problem {
    Problem::Input(
        "standard output: is closed, so what is printed would be lost; open it, or send it to /dev/null"
            .to_owned(),
    )
}
