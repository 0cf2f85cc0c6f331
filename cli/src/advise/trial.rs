//! Trials: the recording replayed in a new pool, and what that pool then counted.

use std::sync::Arc;

use framepool::BufferPool;
use framepool::telemetry::SizeHolding;
use serde::Serialize;

use super::settings::Settings;
use crate::contestant::{Name, OneLine, Pool};
use crate::outcome::Problem;
use crate::replay::{Crew, Failure, Observer, Plan, Written, run};

/// Replays with the same settings.
const TRIALS: usize = 3;

/// What a pool counted in a replay.
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

/// Replays a recording as often as is wanted.
pub(crate) struct Trials<'a> {
    pub(crate) crew: &'a Crew,
    pub(crate) plan: &'a Arc<Plan>,
    /// Puts a failure into words.
    pub(crate) explain: &'a dyn Fn(&Failure, Name) -> Problem,
}

/// Reads the pool when the last frame has ended, before what was never freed is given back.
struct AtEnd(BufferPool, Trial);

impl Observer for AtEnd {
    fn frame_ended(&mut self, _index: usize) {}

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
        let mut observer = AtEnd(pool.clone(), Trial::default());
        let contestant = Arc::new(Pool(pool, OneLine));
        run(
            self.crew,
            self.plan,
            &contestant,
            Written::Ends,
            &mut observer,
        )
        .map_err(|failure| (self.explain)(&failure, Name::Framepool))?;
        Ok(observer.1)
    }

    /// Several replays with these settings, ordered by a number. Threads meet in another order in each, so the numbers differ a little.
    fn several(&self, settings: &Settings, by: fn(&Trial) -> u64) -> Result<Vec<Trial>, Problem> {
        let mut trials = Vec::with_capacity(TRIALS);
        for _ in 0..TRIALS {
            trials.push(self.once(settings)?);
        }
        trials.sort_by_key(by);
        Ok(trials)
    }

    /// Of several replays the one with the least of a number: what advice has to improve on.
    pub(crate) fn least(
        &self,
        settings: &Settings,
        by: fn(&Trial) -> u64,
    ) -> Result<Trial, Problem> {
        let trials = self.several(settings, by)?;
        Ok(trials.into_iter().next().unwrap_or_default())
    }

    /// Of several replays the one with the most of a number: what advice promises at least.
    pub(crate) fn most(
        &self,
        settings: &Settings,
        by: fn(&Trial) -> u64,
    ) -> Result<Trial, Problem> {
        let trials = self.several(settings, by)?;
        Ok(trials.into_iter().next_back().unwrap_or_default())
    }
}
