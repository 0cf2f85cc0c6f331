//! Timed replays of a recording, one contestant at a time, for the workspace's comparison programs.
//!
//! It is the same replay as in the report's rounds, with threads and contestants that live as long as the value.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use framepool::{BufferPool, Tag};

use crate::args::CommandLine;
use crate::ending::Ending;
use crate::measure::{Contestants, peak_of};
use crate::outcome::Problem;
use crate::replay::{Crew, Plan, Written};
use crate::session::{explain, hire, lay_out, like_malloc};
use crate::trace::{Tolerance, Trace, TraceSource, open};

pub use crate::contestant::Name;

/// A new pool with the settings of `framepool replay`.
///
/// # Errors
///
/// A message if the pool could not be made.
pub fn pool() -> Result<BufferPool, String> {
    like_malloc().build().map_err(|error| error.to_string())
}

/// A recording, prepared with the default options, and all contestants.
pub struct TimedReplay {
    source: TraceSource,
    trace: Trace,
    plan: Arc<Plan>,
    crew: Crew,
    contestants: Contestants,
    /// No signal is heard.
    ending: Ending,
}

impl fmt::Debug for TimedReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedReplay").finish_non_exhaustive()
    }
}

impl TimedReplay {
    /// Reads the bundled recording; `pool` is used for [`Name::Framepool`].
    ///
    /// # Errors
    ///
    /// A message if the threads could not be started.
    pub fn of_bundled(pool: BufferPool) -> Result<Self, String> {
        Self::prepare(TraceSource::Bundled, pool).map_err(|problem| problem.to_string())
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// A message if the file is no trace, or the threads could not be started.
    pub fn of_file(path: impl Into<PathBuf>, pool: BufferPool) -> Result<Self, String> {
        Self::prepare(TraceSource::File(path.into()), pool).map_err(|problem| problem.to_string())
    }

    /// Makes framepool allocate all buffers with this tag of the replay's pool.
    #[must_use]
    pub fn with_tag(mut self, tag: Tag) -> Self {
        self.contestants.allocate_with(tag);
        self
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
            ending: Ending::unheard(),
            source,
            trace,
            plan,
        })
    }

    /// Replays once and returns its time: the time of all threads in operations, without their waits for each other, plus
    /// the time of the frame ends. The first run of each contestant is on new memory.
    ///
    /// # Errors
    ///
    /// A message if the contestant refused, or gave memory that was already in use.
    pub fn run(&self, who: Name) -> Result<Duration, String> {
        self.contestants
            .run(who, &self.crew, &self.plan, Written::Ends, &self.ending)
            .map_err(|failure| explain(&failure, who, &self.trace, &self.source).to_string())?
            .map(|run| run.busy + run.frame_ends)
            .ok_or_else(|| format!("{} cannot take part on this machine", who.as_str()))
    }

    /// Replays once with a write to every page of every buffer, and returns the bytes that became resident at the peak.
    /// Meaningful only in a process that did nothing else.
    ///
    /// # Errors
    ///
    /// A message if the contestant failed, or the system does not report the number.
    pub fn peak_resident_bytes(&self, who: Name) -> Result<u64, String> {
        peak_of(who, &self.contestants, &self.crew, &self.plan)
    }

    /// Allocs and frees of one replay.
    pub fn operations(&self) -> u64 {
        self.plan.operations
    }

    /// The most requested live bytes at any point of the recording.
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
        // Published at the last frame end, before the buffers that were never freed are released.
        let totals = pool.snapshot().totals;
        assert_eq!(totals.allocs + totals.releases, replay.operations());
    }

    #[test]
    fn replay_pool_aligns_as_malloc_does() {
        let pool = pool().expect("a pool");
        assert_eq!(pool.alignment().bytes(), 16);
    }

    #[test]
    fn tagged_replay_counts_for_its_tag() {
        let pool = BufferPool::new();
        let tag = pool.tag("replayed");
        let replay = TimedReplay::of_bundled(pool.clone()).expect("threads");
        let replay = replay.with_tag(tag);
        replay.run(Name::Framepool).expect("a replay");
        let counts = pool.tags().get("replayed").expect("the tag").total;
        assert_eq!(counts.allocs, pool.snapshot().totals.allocs);
        assert_eq!(counts.live_buffers(), 0);
    }
}
