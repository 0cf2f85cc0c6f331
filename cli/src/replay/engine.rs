//! One run: the coordinator begins each frame, and ends it when all of its recorded operations are done.
//!
//! # Order
//!
//! The trace is one total order. A frame end is a barrier: all operations recorded before it finish, the contestant's frame
//! ends, and only then the later operations begin. Between two frame ends threads run freely, as many at a time as the machine has
//! processors, but a free waits until its alloc has happened ([`Handover`]).
//!
//! # Why a replay cannot hang
//!
//! A thread runs its steps in recorded order, even if it represents several recorded threads. Suppose that all threads wait
//! within a frame, and take the earliest unfinished operation in the total order. Its thread has finished all its earlier
//! ones, so it is at this operation. It is not an alloc, because an alloc never waits. It is not a free either: its alloc
//! is earlier in the order, in this frame or an earlier one, and so is finished. So there is no such operation, and the
//! frame ends. A thread that waits for a buffer has no desk ([`Desks`]), so each desk is free or has a thread that goes on.

use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::desks::Desks;
use super::handover::Handover;
use super::plan::Plan;
use super::turns::Turns;
use super::worker::{Failure, Shared, Written, work};
use crate::contestant::Contestant;

/// The cost of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    /// Time in operations, summed over the threads, without their waits for each other.
    pub(crate) busy: Duration,
    /// Time in the contestant's frame ends.
    pub(crate) frame_ends: Duration,
    /// From the first operation to the last frame end, including waits.
    pub(crate) wall: Duration,
}

/// An observer of a run, called on the coordinator's thread between frames.
pub(crate) trait Observer {
    /// Frame `index` of the plan has ended.
    fn frame_ended(&mut self, index: usize);
    /// The last frame has ended; the buffers that were never freed are still live.
    fn trace_ended(&mut self) {}
    /// Whether the run should end with the frame that has just ended.
    fn wants_end(&mut self) -> bool {
        false
    }
}

impl<F: FnMut(usize)> Observer for F {
    fn frame_ended(&mut self, index: usize) {
        self(index);
    }
}

/// Replays the plan once.
pub(crate) fn run<C: Contestant>(
    crew: &Crew,
    plan: &Arc<Plan>,
    contestant: &Arc<C>,
    written: Written,
    observer: &mut impl Observer,
) -> Result<Run, Failure> {
    let threads = plan.work.len();
    let shared = Arc::new(Shared {
        turns: Turns::new(threads),
        desks: Desks::for_this_machine(),
        handovers: (0..plan.shared_places).map(|_| Handover::new()).collect(),
        failure: OnceLock::new(),
        written,
    });
    let (report, reports) = mpsc::channel();
    for worker in 0..threads {
        let (plan, contestant) = (Arc::clone(plan), Arc::clone(contestant));
        let (shared, report) = (Arc::clone(&shared), report.clone());
        crew.assign(worker, move || {
            let spent = work(worker, &plan, &*contestant, &shared);
            // Drop this thread's references before it reports, so that afterwards only the coordinator has them.
            drop((plan, contestant, shared));
            let _ = report.send(spent);
        });
    }
    drop(report);
    let turns = &shared.turns;
    turns.wait_until_done();

    let mut run = Run::default();
    let started = Instant::now();
    let mut begin = 0;
    for (index, frame) in plan.frames.iter().enumerate() {
        let wanted = &plan.wanted[begin..frame.wanted_end];
        begin = frame.wanted_end;
        if !wanted.is_empty() {
            turns.give(wanted);
            turns.wait_until_done();
        }
        if !turns.is_stopped() {
            let ending = Instant::now();
            contestant.end_frame();
            run.frame_ends += ending.elapsed();
            observer.frame_ended(index);
            if observer.wants_end() {
                // The remaining turns are given, but do nothing.
                turns.stop();
            }
        }
    }
    run.wall = started.elapsed();
    if !turns.is_stopped() {
        observer.trace_ended();
    }

    let everybody: Vec<u32> = (0..threads as u32).collect();
    turns.give(&everybody);
    turns.wait_until_done();
    run.busy = reports.iter().map(|spent| spent.busy).sum();
    match shared.failure.get() {
        None => Ok(run),
        Some(failure) => Err(failure.clone()),
    }
}
