//! Timing: every contestant replays the same plan on the same threads, in turn, round after round.
//!
//! Each round starts with another contestant, so that none always runs after the same one. A first round, in which all memory
//! is new, is kept apart. All contestants live through all rounds, as a program's allocator does: the pool keeps
//! what it pooled, the allocators keep their heaps. Nothing is drawn or judged while a run is timed.
//!
//! A timed run writes and compares only the first and the last eight bytes of a buffer. One more run of each contestant, not
//! timed, writes and compares every byte ([`verify`]). It comes last: the memory of the first round has to be new.

use std::sync::Arc;

use framepool::BufferPool;

use super::Spread;
use crate::contestant::{Given, Heap, MiMalloc, Name, OneLine, Pool, System};
use crate::replay::{Crew, Failure, Plan, Run, Written, run};

/// All who take part.
pub(crate) struct Contestants {
    pool: Arc<Pool>,
    system: Arc<Heap<System>>,
    mimalloc: Arc<Heap<MiMalloc>>,
    given: Option<Arc<Given>>,
}

impl Contestants {
    pub(crate) fn new(plan: &Plan, pool: BufferPool) -> Self {
        Self {
            pool: Arc::new(Pool(pool, OneLine)),
            system: Arc::new(Heap(System)),
            mimalloc: Arc::new(Heap(MiMalloc)),
            // A recording may hold more than this machine has; the rivals are compared all the same.
            given: Given::new(plan).ok().map(Arc::new),
        }
    }

    /// One replay by one contestant; none by one that cannot take part.
    pub(crate) fn run(
        &self,
        who: Name,
        crew: &Crew,
        plan: &Arc<Plan>,
        written: Written,
    ) -> Result<Option<Run>, Failure> {
        let nobody = &mut |_| {};
        match who {
            Name::Framepool => run(crew, plan, &self.pool, written, nobody).map(Some),
            Name::System => run(crew, plan, &self.system, written, nobody).map(Some),
            Name::MiMalloc => run(crew, plan, &self.mimalloc, written, nobody).map(Some),
            Name::Null => self
                .given
                .as_ref()
                .map(|given| run(crew, plan, given, written, nobody))
                .transpose(),
        }
    }
}

/// Nanoseconds per operation, by contestant and round; the first round is the cold one.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    by_contestant: [Vec<RoundCost>; Name::ALL.len()],
}

/// One contestant's cost in one round, in nanoseconds per operation.
#[derive(Clone, Copy, Debug)]
struct RoundCost {
    /// Threads' time in operations and the coordinator's in frame ends.
    work: f64,
    /// The part of it spent in frame ends.
    frame_ends: f64,
    /// Elapsed time of the whole replay, waiting included.
    wall: f64,
}

impl Rounds {
    fn warm(&self, who: Name) -> &[RoundCost] {
        self.by_contestant[who as usize].get(1..).unwrap_or(&[])
    }

    /// The cost in the first round.
    pub(crate) fn cold(&self, who: Name) -> Option<f64> {
        self.by_contestant[who as usize]
            .first()
            .map(|cost| cost.work)
    }

    /// The cost with everything the replay itself costs.
    pub(crate) fn gross(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.work))
    }

    /// The part of the gross cost that frame ends are.
    pub(crate) fn frame_ends(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.frame_ends))
    }

    /// Elapsed time of the whole replay, divided by its operations.
    pub(crate) fn wall(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.wall))
    }

    /// The cost without what the replay itself costs, taken off round by round.
    pub(crate) fn net(&self, who: Name) -> Option<Spread> {
        let pairs = self.warm(who).iter().zip(self.warm(Name::Null));
        Spread::of(pairs.map(|(cost, null)| cost.work - null.work))
    }

    /// framepool's cost divided by the rival's, round by round.
    pub(crate) fn ratio(&self, rival: Name) -> Option<Spread> {
        let pairs = self.warm(Name::Framepool).iter().zip(self.warm(rival));
        Spread::of(pairs.map(|(own, rival)| own.work / rival.work))
    }

    /// The same with the cost of the replay itself taken off both; none where a rival costs no more than the replay.
    pub(crate) fn net_ratio(&self, rival: Name) -> Option<Spread> {
        let rounds = self
            .warm(Name::Framepool)
            .iter()
            .zip(self.warm(rival))
            .zip(self.warm(Name::Null));
        let ratios: Option<Vec<f64>> = rounds
            .map(|((own, rival), null)| {
                let net = rival.work - null.work;
                (net > 0.0).then(|| (own.work - null.work) / net)
            })
            .collect();
        Spread::of(ratios?)
    }
}

/// Times `rounds` warm rounds after a cold one. `between` is told, before each run, who is next.
pub(crate) fn time(
    crew: &Crew,
    plan: &Arc<Plan>,
    contestants: &Contestants,
    rounds: u32,
    mut between: impl FnMut(u32, Name),
) -> Result<Rounds, (Name, Failure)> {
    let mut timed = Rounds::default();
    let count = Name::ALL.len();
    for round in 0..=rounds {
        for turn in 0..count {
            let who = Name::ALL[(turn + round as usize) % count];
            between(round, who);
            let run = contestants
                .run(who, crew, plan, Written::Ends)
                .map_err(|failure| (who, failure))?;
            if let Some(run) = run {
                let per_operation =
                    |time: std::time::Duration| time.as_nanos() as f64 / plan.operations as f64;
                timed.by_contestant[who as usize].push(RoundCost {
                    work: per_operation(run.busy + run.frame_ends),
                    frame_ends: per_operation(run.frame_ends),
                    wall: per_operation(run.wall),
                });
            }
        }
    }
    Ok(timed)
}

/// Replays once through each contestant, untimed, and compares every byte of every buffer, also of those never freed.
/// `between` is told, before each run, who is next.
pub(crate) fn verify(
    crew: &Crew,
    plan: &Arc<Plan>,
    contestants: &Contestants,
    mut between: impl FnMut(Name),
) -> Result<(), (Name, Failure)> {
    for who in Name::ALL {
        between(who);
        contestants
            .run(who, crew, plan, Written::All)
            .map_err(|failure| (who, failure))?;
    }
    Ok(())
}
