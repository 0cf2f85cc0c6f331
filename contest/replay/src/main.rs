//! The bundled trace through framepool on the clock.
//!
//! ```text
//! contest-replay RUNS [unattributed | backtraces]
//!                  prints nanoseconds per operation, the replay's own included: the median of this many runs
//! ```

#[path = "../../probe/src/attribution.rs"]
mod attribution;

use std::process::ExitCode;

use attribution::attribution;
use framepool::{Attribution, BufferPool};
use framepool_cli::timed::{Name, TimedReplay};

/// Nanoseconds per operation in each of `runs` runs after a first one on new memory, the shortest first.
fn time(runs: usize, attribution: Attribution) -> Result<Vec<f64>, String> {
    let pool = BufferPool::new();
    pool.set_attribution(attribution);
    let replay = TimedReplay::of_bundled(pool)?;
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
        Some((runs, attribution(more)?))
    });
    let Some((runs, attribution)) = asked else {
        eprintln!("usage: contest-replay RUNS [unattributed | backtraces]");
        return ExitCode::from(2);
    };
    match time(runs, attribution) {
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
