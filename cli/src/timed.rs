//! The bundled recording on the clock, for the programs of the workspace that compare: one contestant at a time.
//!
//! It is the very replay that the report's rounds are made of, on threads and with contestants that live as long as the
//! value does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use framepool::BufferPool;

use crate::args::CommandLine;
use crate::measure::Contestants;
use crate::outcome::Problem;
use crate::replay::{Crew, Plan, Written};
use crate::session::{explain, hire, lay_out};
use crate::trace::{Tolerance, Trace, TraceSource, open};

pub use crate::contestant::Name;

const SOURCE: TraceSource = TraceSource::Bundled;

/// The bundled recording, laid out as the program does without options, and everybody who can replay it.
pub struct TimedReplay {
    trace: Trace,
    plan: Arc<Plan>,
    crew: Crew,
    contestants: Contestants,
}

impl fmt::Debug for TimedReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedReplay").finish_non_exhaustive()
    }
}

impl TimedReplay {
    /// Reads the recording; `pool` is what [`Name::Framepool`] lends from.
    ///
    /// # Errors
    ///
    /// In words for people: the threads could not be started.
    pub fn of_bundled(pool: BufferPool) -> Result<Self, String> {
        Self::prepare(pool).map_err(|problem| problem.to_string())
    }

    fn prepare(pool: BufferPool) -> Result<Self, Problem> {
        let options = CommandLine::try_parse_from(["framepool"])
            .map_err(Problem::bug)?
            .options;
        let trace = open(&SOURCE, Tolerance::Strict)?;
        let plan = Arc::new(lay_out(&trace, None, options.frame_ms, &SOURCE)?);
        Ok(Self {
            crew: hire(&plan)?,
            contestants: Contestants::new(&plan, pool),
            trace,
            plan,
        })
    }

    /// Replays once and says how long it took: the time of all threads in operations, without waiting for one another, and
    /// the time of the frame ends. The first run of each contestant is on new memory.
    ///
    /// # Errors
    ///
    /// In words for people: the contestant refused, or gave memory that was somebody else's.
    pub fn run(&self, who: Name) -> Result<Duration, String> {
        self.contestants
            .run(who, &self.crew, &self.plan, Written::Ends)
            .map_err(|failure| explain(&failure, who, &self.trace, &SOURCE).to_string())?
            .map(|run| run.busy + run.frame_ends)
            .ok_or_else(|| format!("{} cannot take part on this machine", who.as_str()))
    }

    /// Allocs and frees of one replay.
    pub fn operations(&self) -> u64 {
        self.plan.operations
    }

    /// The most bytes asked for and not given back at any point of the recording.
    pub fn peak_live_bytes(&self) -> u128 {
        self.trace.peak_live_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_replays_whole_recording_through_given_pool() {
        let pool = BufferPool::new();
        let replay = TimedReplay::of_bundled(pool.clone()).expect("threads");
        for who in Name::ALL {
            assert!(replay.run(who).expect("a replay") > Duration::ZERO);
        }
        // Published at the last frame end, before what the recorded program never freed is given back.
        let totals = pool.snapshot().totals;
        assert_eq!(totals.allocs + totals.releases, replay.operations());
    }
}
