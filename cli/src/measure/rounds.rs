//! Timing: every contestant replays the same plan on the same threads, in turn, round after round.
//!
//! Each round starts with a different contestant, so that none always runs after the same one. The first round, in which
//! all memory is new, is reported separately. All contestants live through all rounds, like a program's allocator: the pool
//! keeps its blocks, and the allocators keep their heaps. Nothing is drawn or judged while a run is timed.
//!
//! A timed run writes and compares only the first and the last eight bytes of a buffer. One more run of each contestant, not
//! timed, writes and compares every byte ([`verify`]). It comes last, because the memory of the first round must be new.

use std::sync::Arc;

use framepool::{BufferPool, Tag};

use super::Spread;
use crate::contestant::{Given, Heap, MiMalloc, Name, OneLine, Pool, System};
use crate::ending::Ending;
use crate::replay::{Crew, Failure, Observer, Plan, Run, Written, run};

/// All contestants.
pub(crate) struct Contestants {
    pool: Arc<Pool>,
    /// Allocates for [`Name::Framepool`] in the place of `pool`.
    tagged: Option<Arc<Pool<Tag>>>,
    system: Arc<Heap<System>>,
    mimalloc: Arc<Heap<MiMalloc>>,
    given: Option<Arc<Given>>,
}

impl Contestants {
    pub(crate) fn new(plan: &Plan, pool: BufferPool) -> Self {
        Self {
            pool: Arc::new(Pool(pool, OneLine)),
            tagged: None,
            system: Arc::new(Heap(System)),
            mimalloc: Arc::new(Heap(MiMalloc)),
            // A recording may need more memory than this machine has; the rivals are compared anyway.
            given: Given::new(plan).ok().map(Arc::new),
        }
    }

    /// Makes framepool allocate all buffers with this tag of its pool.
    pub(crate) fn allocate_with(&mut self, tag: Tag) {
        self.tagged = Some(Arc::new(Pool(tag.pool().clone(), tag)));
    }

    /// Runs one replay by one contestant, or a part of one if the run is asked to end; `None` if it cannot take part.
    pub(crate) fn run(
        &self,
        who: Name,
        crew: &Crew,
        plan: &Arc<Plan>,
        written: Written,
        ending: &Ending,
    ) -> Result<Option<Run>, Failure> {
        let nobody = &mut UntilAsked(ending);
        match who {
            Name::Framepool => match &self.tagged {
                Some(tagged) => run(crew, plan, tagged, written, nobody).map(Some),
                None => run(crew, plan, &self.pool, written, nobody).map(Some),
            },
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

/// Ends a run at the first frame after it was asked to end.
struct UntilAsked<'a>(&'a Ending);

impl Observer for UntilAsked<'_> {
    fn frame_ended(&mut self, _index: usize) {}

    fn wants_end(&mut self) -> bool {
        self.0.is_asked()
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
    /// Elapsed time of the whole replay, including waits.
    wall: f64,
}

impl Rounds {
    fn warm(&self, who: Name) -> &[RoundCost] {
        self.by_contestant[who as usize].get(1..).unwrap_or(&[])
    }

    /// The warm rounds in which every contestant took its turn.
    pub(crate) fn count(&self) -> u32 {
        let taken_part = self.by_contestant.iter().filter(|costs| !costs.is_empty());
        let least = taken_part.map(Vec::len).min().unwrap_or(0);
        least.saturating_sub(1) as u32
    }

    /// Removes a round that is not complete.
    fn drop_incomplete(&mut self, complete: u32) {
        for costs in &mut self.by_contestant {
            costs.truncate(complete as usize);
        }
    }

    /// The cost in the first round.
    pub(crate) fn cold(&self, who: Name) -> Option<f64> {
        self.by_contestant[who as usize]
            .first()
            .map(|cost| cost.work)
    }

    /// The cost, including that of the replay itself.
    pub(crate) fn gross(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.work))
    }

    /// The cost of frame ends.
    pub(crate) fn frame_ends(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.frame_ends))
    }

    /// Elapsed time of the whole replay, divided by its operations.
    pub(crate) fn wall(&self, who: Name) -> Option<Spread> {
        Spread::of(self.warm(who).iter().map(|cost| cost.wall))
    }

    /// The cost minus that of the replay itself, round by round.
    pub(crate) fn net(&self, who: Name) -> Option<Spread> {
        let pairs = self.warm(who).iter().zip(self.warm(Name::Null));
        Spread::of(pairs.map(|(cost, null)| cost.work - null.work))
    }

    /// framepool's cost divided by the rival's, round by round.
    pub(crate) fn ratio(&self, rival: Name) -> Option<Spread> {
        let pairs = self.warm(Name::Framepool).iter().zip(self.warm(rival));
        Spread::of(pairs.map(|(own, rival)| own.work / rival.work))
    }

    /// The same with the cost of the replay itself subtracted from both; `None` if a rival costs no more than the replay.
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

/// Times `rounds` warm rounds after a cold one, or only the rounds until the run is asked to end. `between` is called before each run with the next contestant.
pub(crate) fn time(
    crew: &Crew,
    plan: &Arc<Plan>,
    contestants: &Contestants,
    rounds: u32,
    ending: &Ending,
    mut between: impl FnMut(u32, Name),
) -> Result<Rounds, (Name, Failure)> {
    let mut timed = Rounds::default();
    let count = Name::ALL.len();
    for round in 0..=rounds {
        for turn in 0..count {
            let who = Name::ALL[(turn + round as usize) % count];
            between(round, who);
            let run = contestants
                .run(who, crew, plan, Written::Ends, ending)
                .map_err(|failure| (who, failure))?;
            if ending.is_asked() {
                timed.drop_incomplete(round);
                return Ok(timed);
            }
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

/// Replays once through each contestant, untimed, and compares every byte of every buffer, including those that are never
/// freed. `between` is called before each run with the next contestant.
pub(crate) fn verify(
    crew: &Crew,
    plan: &Arc<Plan>,
    contestants: &Contestants,
    ending: &Ending,
    mut between: impl FnMut(Name),
) -> Result<(), (Name, Failure)> {
    for who in Name::ALL {
        if ending.is_asked() {
            break;
        }
        between(who);
        contestants
            .run(who, crew, plan, Written::All, ending)
            .map_err(|failure| (who, failure))?;
    }
    Ok(())
}
