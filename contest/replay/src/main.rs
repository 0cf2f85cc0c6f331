//! The bundled trace through framepool on the clock.
//!
//! ```text
//! contest-replay RUNS    prints nanoseconds per operation, the replay's own included: the median of so many runs
//! ```

use std::process::ExitCode;

use framepool::BufferPool;
use framepool_cli::timed::{Name, TimedReplay};

/// Nanoseconds per operation in each of `runs` runs after a first one on new memory, the shortest first.
fn time(runs: usize) -> Result<Vec<f64>, String> {
    let replay = TimedReplay::of_bundled(BufferPool::new())?;
    let per_operation = 1e9 / replay.operations() as f64;
    replay.run(Name::Framepool)?;
    let mut nanos = (0..runs)
        .map(|_| Ok(replay.run(Name::Framepool)?.as_secs_f64() * per_operation))
        .collect::<Result<Vec<f64>, String>>()?;
    nanos.sort_by(f64::total_cmp);
    Ok(nanos)
}

fn main() -> ExitCode {
    let runs = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(runs) = runs.filter(|&runs: &usize| runs > 0) else {
        eprintln!("usage: contest-replay RUNS");
        return ExitCode::from(2);
    };
    match time(runs) {
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
