//! The bundled trace through framepool on the clock.
//!
//! ```text
//! contest-replay RUNS [unattributed | backtraces | tagged]
//!                  prints nanoseconds per operation, the replay's own included: the median of this many runs
//! ```

#[path = "../../probe/src/attribution.rs"]
mod attribution;

use std::process::ExitCode;

use attribution::attribution;
use framepool::Attribution;
use framepool_cli::timed::{self, Name, TimedReplay};

/// How the pool is used.
#[derive(Clone, Copy)]
enum Mode {
    Recording(Attribution),
    /// With the default attribution, and a tag for every buffer.
    Tagged,
}

/// Nanoseconds per operation in each of `runs` runs after a first one on new memory, the shortest first.
fn time(runs: usize, mode: Mode) -> Result<Vec<f64>, String> {
    let pool = timed::pool()?;
    let mut replay = TimedReplay::of_bundled(pool.clone())?;
    match mode {
        Mode::Recording(attribution) => pool.set_attribution(attribution),
        Mode::Tagged => replay = replay.with_tag(pool.tag("tag")),
    }
    let per_operation = 1e9 / replay.operations() as f64;
    replay.run(Name::Framepool)?;
    let mut nanos = (0..runs)
        .map(|_| Ok(replay.run(Name::Framepool)?.as_secs_f64() * per_operation))
        .collect::<Result<Vec<f64>, String>>()?;
    nanos.sort_by(f64::total_cmp);
    Ok(nanos)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let asked = words.split_first().and_then(|(runs, more)| {
        let runs = runs.parse().ok().filter(|&runs: &usize| runs > 0)?;
        let mode = match more {
            ["tagged"] => Mode::Tagged,
            _ => Mode::Recording(attribution(more)?),
        };
        Some((runs, mode))
    });
    let Some((runs, mode)) = asked else {
        eprintln!("usage: contest-replay RUNS [unattributed | backtraces | tagged]");
        return ExitCode::from(2);
    };
    match time(runs, mode) {
        Ok(nanos) => {
            println!("{}", nanos[nanos.len() / 2]);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("contest-replay: {why}");
            ExitCode::FAILURE
        }
    }
}
