//! Trials: replays of the recording in a new pool, and the pool's counts.

use std::sync::Arc;

use framepool::BufferPool;
use framepool::telemetry::SizeHolding;
use serde::Serialize;

use super::settings::Settings;
use crate::contestant::{Name, OneLine, Pool};
use crate::ending::Ending;
use crate::outcome::Problem;
use crate::replay::{Crew, Failure, Observer, Plan, Written, run};

/// Replays with the same settings.
const TRIALS: usize = 3;

/// A pool's counts in a replay.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Trial {
    pub(crate) allocs: u64,
    pub(crate) hits_thread: u64,
    pub(crate) hits_depot: u64,
    pub(crate) misses: u64,
    /// Batches moved between threads and the depot.
    pub(crate) exchanges: u64,
    pub(crate) peak_pooled_bytes: u64,
    #[serde(skip)]
    pub(crate) sizes: Vec<SizeHolding>,
}

/// Replays a recording repeatedly.
pub(crate) struct Trials<'a> {
    pub(crate) crew: &'a Crew,
    pub(crate) plan: &'a Arc<Plan>,
    /// Ends all trials.
    pub(crate) ending: &'a Ending,
    /// Makes the message for a failure.
    pub(crate) explain: &'a dyn Fn(&Failure, Name) -> Problem,
}

/// Reads the pool when the last frame has ended, before buffers that were never freed are released.
struct AtEnd<'a>(BufferPool, Trial, &'a Ending);

impl Observer for AtEnd<'_> {
    fn frame_ended(&mut self, _index: usize) {}

    fn wants_end(&mut self) -> bool {
        self.2.is_asked()
    }

    fn trace_ended(&mut self) {
        let stats = self.0.stats();
        let counts = &stats.totals.counts;
        self.1 = Trial {
            allocs: counts.allocs(),
            hits_thread: counts.hits_thread(),
            hits_depot: counts.depot_hits,
            misses: counts.misses(),
            exchanges: counts.depot_exchanges,
            peak_pooled_bytes: stats.peak_bytes,
            sizes: self.0.outstanding().sizes,
        };
    }
}

impl Trials<'_> {
    /// One replay with these settings, in a new pool.
    pub(crate) fn once(&self, settings: &Settings) -> Result<Trial, Problem> {
        let pool = settings
            .pool()
            .map_err(|error| Problem::Input(error.to_string()))?;
        let mut observer = AtEnd(pool.clone(), Trial::default(), self.ending);
        let contestant = Arc::new(Pool(pool, OneLine));
        run(
            self.crew,
            self.plan,
            &contestant,
            Written::Ends,
            &mut observer,
        )
        .map_err(|failure| (self.explain)(&failure, Name::Framepool))?;
        self.check()?;
        Ok(observer.1)
    }

    /// Fails if the trials were asked to end.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.ending.is_asked() {
            return Err(self.ending.early(vec!["advice: interrupted".to_owned()]));
        }
        Ok(())
    }

    /// Several replays with these settings, ordered by a number. Threads interleave differently in each, so the numbers
    /// differ slightly.
    fn several(&self, settings: &Settings, by: fn(&Trial) -> u64) -> Result<Vec<Trial>, Problem> {
        let mut trials = Vec::with_capacity(TRIALS);
        for _ in 0..TRIALS {
            trials.push(self.once(settings)?);
        }
        trials.sort_by_key(by);
        Ok(trials)
    }

    /// The replay with the least of a number, on which advice must improve.
    pub(crate) fn least(
        &self,
        settings: &Settings,
        by: fn(&Trial) -> u64,
    ) -> Result<Trial, Problem> {
        let trials = self.several(settings, by)?;
        Ok(trials.into_iter().next().unwrap_or_default())
    }

    /// The replay with the most of a number, which advice promises at least.
    pub(crate) fn most(
        &self,
        settings: &Settings,
        by: fn(&Trial) -> u64,
    ) -> Result<Trial, Problem> {
        let trials = self.several(settings, by)?;
        Ok(trials.into_iter().next_back().unwrap_or_default())
    }
}
