//! A trace laid out for replay: one compact array of steps for each thread, so that replaying costs little itself.
//!
//! # Which thread does what
//!
//! With as many threads as were recorded, each does what its recorded one did. With fewer, recorded threads share
//! one, and their operations keep the recorded order. With more, each recorded thread has several stand-ins, its
//! allocs are dealt to them in turn, and a buffer it frees itself is freed by the stand-in that took it.
//!
//! # Where a buffer waits for its free
//!
//! A buffer that one thread takes and frees stays in that thread's own table (*kept*), at a place that is used again
//! as soon as it is free, so the table is no larger than the most buffers out at once. A buffer freed by another thread goes
//! through a place of its own in the shared table (*handed over*).

use std::fmt;
use std::sync::Arc;

use super::frames::{self, FrameCut, FrameSpan};
use super::layout::Layout;
use crate::trace::{Event, NEVER, Trace};

/// What a step does; the number is a place in the thread's own or in the shared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Take a buffer and keep it.
    TakeKept,
    /// Take a buffer and hand it over.
    TakeShared,
    /// Give a kept buffer back.
    FreeKept,
    /// Give back a buffer that another thread handed over, or will.
    FreeShared,
}

/// One operation as a thread carries it out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Bytes to take; of a free, those that were taken.
    pub(crate) bytes: usize,
    /// The buffer's index in the trace: its pattern is made from it.
    pub(crate) buffer: u32,
    /// Where the buffer is kept or handed over, with the action in the two highest bits.
    place_and_action: u32,
}

const PLACE_BITS: u32 = 30;

impl Step {
    fn new(action: Action, place: u32, bytes: usize, buffer: u32) -> Self {
        Self {
            bytes,
            buffer,
            place_and_action: place | (action as u32) << PLACE_BITS,
        }
    }

    pub(crate) fn action(self) -> Action {
        match self.place_and_action >> PLACE_BITS {
            0 => Action::TakeKept,
            1 => Action::TakeShared,
            2 => Action::FreeKept,
            _ => Action::FreeShared,
        }
    }

    pub(crate) fn place(self) -> usize {
        (self.place_and_action & ((1 << PLACE_BITS) - 1)) as usize
    }
}

/// What one thread does in the whole replay.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// The thread's name.
    pub(crate) name: String,
    /// Its steps, in recorded order.
    pub(crate) steps: Vec<Step>,
    /// Where its share of each frame in which it has something to do ends in `steps`.
    pub(crate) shares: Vec<usize>,
    /// Places in its own table.
    pub(crate) kept_places: usize,
    /// The operation of the trace behind each step: read only to say where something went wrong.
    pub(crate) operations: Vec<u32>,
    /// For each alloc, where in one region of memory it could lie without meeting another: see [`Layout`].
    pub(crate) offsets: Arc<Vec<usize>>,
}

/// One frame of the replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedFrame {
    /// Where the threads that have something to do in it end in [`Plan::wanted`].
    pub(crate) wanted_end: usize,
    /// The first operation of the trace that does not belong to it any more.
    pub(crate) operations_end: usize,
    /// Recorded time of its end, in microseconds.
    pub(crate) end_us: f64,
}

/// A trace laid out for replay.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What each thread does.
    pub(crate) work: Vec<Work>,
    /// The frames, in order.
    pub(crate) frames: Vec<PlannedFrame>,
    /// For each frame, one after another, the threads that have something to do in it.
    pub(crate) wanted: Vec<u32>,
    /// Buffers that one thread takes and another frees.
    pub(crate) shared_places: usize,
    /// Allocs and frees.
    pub(crate) operations: u64,
    /// Bytes of a region in which all buffers could lie.
    pub(crate) region_bytes: usize,
    /// Empty frames of idle stretches that are not replayed.
    pub(crate) frames_left_out: u64,
    /// How frames were cut.
    pub(crate) cut: FrameCut,
}

impl Plan {
    /// Lays out `trace` for `threads` threads.
    pub(crate) fn new(trace: &Trace, threads: usize, cut: FrameCut) -> Result<Self, PlanError> {
        if trace.buffers.len() >= 1 << PLACE_BITS {
            return Err(PlanError::TooManyBuffers);
        }
        let (spans, frames_left_out) = frames::cut(&trace.operations, cut);
        let mut drafting = Drafting::new(trace, threads);
        let mut begin = 0;
        for span in spans {
            drafting.frame(begin, span)?;
            begin = span.end;
        }
        let mut plan = drafting.finish();
        plan.frames_left_out = frames_left_out;
        plan.cut = cut;
        Ok(plan)
    }

    /// Recorded seconds up to the end of the last frame.
    pub(crate) fn recorded_seconds(&self) -> f64 {
        self.frames.last().map_or(0.0, |frame| frame.end_us / 1e6)
    }
}

/// Why a trace cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// More buffers than places can be numbered.
    TooManyBuffers,
    /// More bytes out at once than can be addressed.
    TooManyBytes,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyBuffers => {
                write!(f, "more than {} buffers; split the trace", 1 << PLACE_BITS)
            }
            Self::TooManyBytes => write!(
                f,
                "more bytes are out at once than can be addressed; check the sizes, or split the trace"
            ),
        }
    }
}

/// A plan as far as it is laid out.
struct Drafting<'a> {
    trace: &'a Trace,
    plan: Plan,
    layout: Layout,
    /// Per thread: places in its own table that are free again.
    free_places: Vec<Vec<u32>>,
    /// Per recorded thread: allocs and foreign frees dealt to its stand-ins so far.
    dealt: Vec<usize>,
    /// Per buffer: the thread that takes it, and where it lies.
    homes: Vec<Home>,
    /// The threads that have something to do in the frame being laid out.
    wanted: Vec<u32>,
    offsets: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Default)]
struct Home {
    worker: u32,
    place: u32,
    offset: usize,
}

impl<'a> Drafting<'a> {
    fn new(trace: &'a Trace, threads: usize) -> Self {
        let name = |worker: usize| match trace.threads.get(worker) {
            Some(id) if threads >= trace.threads.len() => format!("recorded {id}"),
            _ => format!("replay {worker}"),
        };
        let work = |worker| Work {
            name: name(worker),
            ..Work::default()
        };
        Self {
            trace,
            plan: Plan {
                work: (0..threads).map(work).collect(),
                frames: Vec::new(),
                wanted: Vec::new(),
                shared_places: 0,
                operations: trace.allocs_and_frees(),
                region_bytes: 0,
                frames_left_out: 0,
                cut: FrameCut::Marked,
            },
            layout: Layout::new(threads),
            free_places: vec![Vec::new(); threads],
            dealt: vec![0; trace.threads.len()],
            homes: vec![Home::default(); trace.buffers.len()],
            wanted: Vec::new(),
            offsets: vec![Vec::new(); threads],
        }
    }

    fn frame(&mut self, begin: usize, span: FrameSpan) -> Result<(), PlanError> {
        for index in begin..span.end {
            let operation = self.trace.operations[index];
            match operation.event {
                Event::Alloc(buffer) => self.alloc(index, operation.thread, buffer)?,
                Event::Free(buffer) => self.free(index, operation.thread, buffer),
                Event::Frame => {}
            }
        }
        self.layout.end_frame();
        for worker in self.wanted.drain(..) {
            let work = &mut self.plan.work[worker as usize];
            work.shares.push(work.steps.len());
            self.plan.wanted.push(worker);
        }
        self.plan.frames.push(PlannedFrame {
            wanted_end: self.plan.wanted.len(),
            operations_end: span.end,
            end_us: span.end_us,
        });
        Ok(())
    }

    fn alloc(&mut self, index: usize, thread: u32, buffer: u32) -> Result<(), PlanError> {
        let recorded = self.trace.buffers[buffer as usize];
        let worker = self.deal(thread);
        let freed_by = match recorded.freed_by {
            NEVER => worker,
            free => self.freeing(self.trace.operations[free as usize].thread, thread, worker),
        };
        let (action, place) = if freed_by == worker {
            let kept = &mut self.plan.work[worker].kept_places;
            let place = self.free_places[worker].pop().unwrap_or_else(|| {
                *kept += 1;
                *kept as u32 - 1
            });
            (Action::TakeKept, place)
        } else {
            self.plan.shared_places += 1;
            (Action::TakeShared, self.plan.shared_places as u32 - 1)
        };
        let offset = self
            .layout
            .take(worker, recorded.bytes)
            .ok_or(PlanError::TooManyBytes)?;
        self.offsets[worker].push(offset);
        self.homes[buffer as usize] = Home {
            worker: worker as u32,
            place,
            offset,
        };
        self.step(
            worker,
            index,
            Step::new(action, place, recorded.bytes, buffer),
        );
        Ok(())
    }

    fn free(&mut self, index: usize, thread: u32, buffer: u32) {
        let recorded = self.trace.buffers[buffer as usize];
        let home = self.homes[buffer as usize];
        let taken_by = self.trace.operations[recorded.taken_by as usize].thread;
        let worker = self.freeing(thread, taken_by, home.worker as usize);
        let action = if worker == home.worker as usize {
            self.free_places[worker].push(home.place);
            Action::FreeKept
        } else {
            Action::FreeShared
        };
        self.layout.give(worker, home.offset, recorded.bytes);
        self.step(
            worker,
            index,
            Step::new(action, home.place, recorded.bytes, buffer),
        );
    }

    fn step(&mut self, worker: usize, index: usize, step: Step) {
        let work = &mut self.plan.work[worker];
        if work.steps.len() == work.shares.last().copied().unwrap_or(0) {
            self.wanted.push(worker as u32);
        }
        work.steps.push(step);
        work.operations.push(index as u32);
    }

    /// The stand-in of a recorded thread whose turn it is to take a buffer.
    fn deal(&mut self, thread: u32) -> usize {
        let turn = self.dealt[thread as usize];
        self.dealt[thread as usize] += 1;
        self.stand_in(thread as usize, turn)
    }

    /// The thread that frees a buffer: known from who took it alone, so that the alloc can be laid out before.
    fn freeing(&self, thread: u32, taken_by: u32, taker: usize) -> usize {
        if thread == taken_by {
            taker
        } else {
            self.stand_in(thread as usize, taker / self.dealt.len())
        }
    }

    fn stand_in(&self, thread: usize, turn: usize) -> usize {
        let (recorded, threads) = (self.dealt.len(), self.plan.work.len());
        if threads <= recorded {
            return thread % threads;
        }
        let stand_ins = (threads - thread).div_ceil(recorded);
        thread + recorded * (turn % stand_ins)
    }

    fn finish(mut self) -> Plan {
        for (work, offsets) in self.plan.work.iter_mut().zip(self.offsets) {
            work.offsets = Arc::new(offsets);
            work.steps.shrink_to_fit();
            work.operations.shrink_to_fit();
        }
        self.plan.region_bytes = self.layout.region_bytes();
        self.plan
    }
}
