//! A recording on the clock, for the programs of the workspace that compare: one contestant at a time.
//!
//! It is the very replay that the report's rounds are made of, on threads and with contestants that live as long as the
//! value does.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use framepool::BufferPool;

use crate::args::CommandLine;
use crate::measure::{Contestants, peak_of};
use crate::outcome::Problem;
use crate::replay::{Crew, Plan, Written};
use crate::session::{explain, hire, lay_out};
use crate::trace::{Tolerance, Trace, TraceSource, open};

pub use crate::contestant::Name;

/// A recording, laid out as the program does without options, and everybody who can replay it.
pub struct TimedReplay {
    source: TraceSource,
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
    /// Reads the bundled recording; `pool` is what [`Name::Framepool`] lends from.
    ///
    /// # Errors
    ///
    /// In words for people: the threads could not be started.
    pub fn of_bundled(pool: BufferPool) -> Result<Self, String> {
        Self::prepare(TraceSource::Bundled, pool).map_err(|problem| problem.to_string())
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// In words for people: the file is no trace, or the threads could not be started.
    pub fn of_file(path: impl Into<PathBuf>, pool: BufferPool) -> Result<Self, String> {
        Self::prepare(TraceSource::File(path.into()), pool).map_err(|problem| problem.to_string())
    }

    fn prepare(source: TraceSource, pool: BufferPool) -> Result<Self, Problem> {
        let options = CommandLine::try_parse_from(["framepool"])
            .map_err(Problem::bug)?
            .options;
        let trace = open(&source, Tolerance::Strict)?;
        let plan = Arc::new(lay_out(&trace, None, options.frame_ms, &source)?);
        Ok(Self {
            crew: hire(&plan)?,
            contestants: Contestants::new(&plan, pool),
            source,
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
            .map_err(|failure| explain(&failure, who, &self.trace, &self.source).to_string())?
            .map(|run| run.busy + run.frame_ends)
            .ok_or_else(|| format!("{} cannot take part on this machine", who.as_str()))
    }

    /// Replays once while every page of every buffer is written to, and says how many bytes became resident at the peak. It
    /// means something in a process that did nothing else.
    ///
    /// # Errors
    ///
    /// In words for people: the contestant failed, or the system does not report it.
    pub fn peak_resident_bytes(&self, who: Name) -> Result<u64, String> {
        peak_of(who, &self.contestants, &self.crew, &self.plan)
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
