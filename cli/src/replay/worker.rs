//! One thread of a replay: its steps, frame by frame.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::desks::{Desk, Desks};
use super::handover::Handover;
use super::plan::{Action, Plan, Step, Work};
use super::turns::Turns;
use crate::contestant::Contestant;

/// The state that the threads of one run share.
#[derive(Debug)]
pub(crate) struct Shared<B> {
    pub(crate) turns: Turns,
    pub(crate) desks: Desks,
    pub(crate) handovers: Vec<Handover<B>>,
    pub(crate) failure: OnceLock<Failure>,
    pub(crate) written: Written,
}

/// How much of each buffer a run writes, and compares when the buffer is freed or the trace has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The first and the last eight bytes: for timing. Filling large buffers would cost more than allocating them.
    Ends,
    /// One byte of each page, and then both ends: for measuring memory.
    Pages,
    /// Every byte: for verifying the contestant. Such a run is not timed.
    All,
}

impl<B> Shared<B> {
    fn fail(&self, failure: Failure) {
        // The first failure counts; the others may follow from it.
        let _ = self.failure.set(failure);
        self.turns.stop();
    }
}

/// Why a replay stopped.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The contestant gave no memory.
    Refused {
        /// The operation of the trace.
        operation: usize,
        /// Requested bytes.
        bytes: usize,
        /// The contestant's message.
        why: String,
    },
    /// A buffer lost its content: another buffer got the same memory.
    Overwritten {
        /// The operation of the trace that frees the buffer; `None` if the trace never does.
        freed_by: Option<usize>,
        /// The buffer's index in the trace.
        buffer: u32,
        /// The buffer's size.
        bytes: usize,
        /// The offset of the first changed byte.
        offset: usize,
    },
    /// A thread of the replay panicked.
    Panicked(String),
}

/// The cost of one thread's share of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Time in steps, without waits for other threads.
    pub(crate) busy: Duration,
    /// Time spent waiting for buffers of other threads, and waking threads that wait.
    pub(crate) waited: Duration,
}

/// Runs one thread's work.
///
/// Turns: one for setup, one for each frame with steps, and one to free the buffers that the recorded program never freed.
/// A thread that fails or panics still takes all its turns; otherwise the others would wait forever.
pub(crate) fn work<C: Contestant>(
    worker: usize,
    plan: &Plan,
    contestant: &C,
    shared: &Arc<Shared<C::Buffer>>,
) -> Spent {
    let work = &plan.work[worker];
    let mut bench = Bench {
        work,
        contestant,
        shared,
        seat: contestant.seat(work),
        kept: Vec::new(),
        spent: Spent::default(),
    };
    bench.kept.resize_with(work.kept_places, || None);
    shared.turns.sit_down(worker);
    shared.turns.done();
    let mut begin = 0;
    for (turn, &end) in (1..).zip(&work.shares) {
        shared.turns.wait_for_turn(worker, turn);
        bench.guarded(|bench| bench.steps(begin, end));
        begin = end;
        shared.turns.done();
    }
    shared
        .turns
        .wait_for_turn(worker, work.shares.len() as u64 + 1);
    bench.guarded(Bench::give_back_the_rest);
    let spent = bench.spent;
    drop(bench);
    shared.turns.done();
    spent
}

/// A thread at work.
struct Bench<'a, C: Contestant> {
    work: &'a Work,
    contestant: &'a C,
    shared: &'a Shared<C::Buffer>,
    seat: C::Seat,
    kept: Vec<Option<C::Buffer>>,
    spent: Spent,
}

impl<C: Contestant> Bench<'_, C> {
    fn guarded(&mut self, action: impl FnOnce(&mut Self)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| action(self))) {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            let said = said.unwrap_or("without a message");
            self.shared.fail(Failure::Panicked(said.to_owned()));
        }
    }

    /// The thread's share of one frame.
    fn steps(&mut self, begin: usize, end: usize) {
        let shared = self.shared;
        let mut desk = shared.desks.take();
        let waited_before = self.spent.waited;
        let started = Instant::now();
        for index in begin..end {
            // After a failure, steps are missing that later ones depend on.
            if self.shared.turns.is_stopped() {
                break;
            }
            if let Err(failure) = self.step(index, &mut desk) {
                self.shared.fail(failure);
            }
        }
        self.spent.busy += started
            .elapsed()
            .saturating_sub(self.spent.waited.saturating_sub(waited_before));
    }

    /// A step is one inlined function for every contestant. Otherwise a call that the compiler leaves out of line for one
    /// of them would cost only that one.
    #[inline(always)]
    fn step(&mut self, index: usize, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let step = self.work.steps[index];
        match step.action() {
            Action::TakeKept => {
                let buffer = self.take(index, step)?;
                let before = self.kept[step.place()].replace(buffer);
                debug_assert!(before.is_none(), "a place is free before it is used again");
                // There is nothing to drop; this avoids the check.
                std::mem::forget(before);
                Ok(())
            }
            Action::TakeShared => {
                let buffer = self.take(index, step)?;
                let waited = &mut self.spent.waited;
                self.shared.handovers[step.place()].give(buffer, waited);
                Ok(())
            }
            Action::FreeKept => match self.kept[step.place()].take() {
                Some(buffer) => self.give_back(index, step, buffer),
                None => Ok(()),
            },
            Action::FreeShared => {
                let handover = &self.shared.handovers[step.place()];
                let stopped = self.shared.turns.stopped();
                match handover.take(stopped, desk, &mut self.spent.waited) {
                    Some(buffer) => self.give_back(index, step, buffer),
                    // The run was stopped while this thread waited.
                    None => Ok(()),
                }
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, index: usize, step: Step) -> Result<C::Buffer, Failure> {
        match self
            .contestant
            .alloc(&mut self.seat, step.bytes, step.buffer)
        {
            Ok(mut buffer) => {
                match self.shared.written {
                    Written::Ends => C::write(&mut buffer, pattern(step.buffer)),
                    Written::Pages => {
                        C::touch_pages(&mut buffer);
                        C::write(&mut buffer, pattern(step.buffer));
                    }
                    Written::All => C::fill(&mut buffer, pattern(step.buffer)),
                }
                Ok(buffer)
            }
            Err(refusal) => Err(self.refused(index, step, &refusal)),
        }
    }

    #[inline(always)]
    fn give_back(&mut self, index: usize, step: Step, buffer: C::Buffer) -> Result<(), Failure> {
        let quick = self.shared.written != Written::All;
        if quick && C::holds(&buffer, pattern(step.buffer)) {
            self.contestant.free(buffer);
            return Ok(());
        }
        let changed = self.changed(step, &buffer);
        self.contestant.free(buffer);
        match changed {
            None => Ok(()),
            Some(offset) => Err(Failure::Overwritten {
                freed_by: Some(self.work.operations[index] as usize),
                buffer: step.buffer,
                bytes: step.bytes,
                offset,
            }),
        }
    }

    /// The first byte of a buffer that differs from what this run wrote.
    #[cold]
    #[inline(never)]
    fn changed(&self, step: Step, buffer: &C::Buffer) -> Option<usize> {
        match self.shared.written {
            Written::All => C::changed_byte(buffer, pattern(step.buffer)),
            Written::Ends | Written::Pages => C::changed_end(buffer, pattern(step.buffer)),
        }
    }

    #[cold]
    #[inline(never)]
    fn refused(&self, index: usize, step: Step, refusal: &dyn fmt::Display) -> Failure {
        Failure::Refused {
            operation: self.work.operations[index] as usize,
            bytes: step.bytes,
            why: refusal.to_string(),
        }
    }

    /// Compares and frees the buffers that the recorded program never freed, on the thread that allocated them.
    ///
    /// Compares all of this thread's buffers before it frees the first. No run counts this time.
    fn give_back_the_rest(&mut self) {
        // After a failure, steps are missing, so a place may hold a different buffer than the last one planned for it.
        if !self.shared.turns.is_stopped()
            && let Some(failure) = self.check_the_rest()
        {
            self.shared.fail(failure);
        }
        for buffer in self.kept.drain(..).flatten() {
            self.contestant.free(buffer);
        }
    }

    fn check_the_rest(&self) -> Option<Failure> {
        // The last alloc into a place made the buffer that is there.
        let mut taken_by = vec![None; self.kept.len()];
        for &step in &self.work.steps {
            if step.action() == Action::TakeKept {
                taken_by[step.place()] = Some(step);
            }
        }
        self.kept.iter().zip(taken_by).find_map(|(buffer, step)| {
            let (buffer, step) = (buffer.as_ref()?, step?);
            Some(Failure::Overwritten {
                freed_by: None,
                buffer: step.buffer,
                bytes: step.bytes,
                offset: self.changed(step, buffer)?,
            })
        })
    }
}

/// A pattern of eight bytes, unique in the trace.
fn pattern(buffer: u32) -> u64 {
    // An odd factor maps different numbers to different ones.
    (u64::from(buffer) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
