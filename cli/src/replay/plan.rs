//! A trace prepared for replay: one compact array of steps for each thread, so that the replay itself costs little.
//!
//! # Assignment of threads
//!
//! With as many threads as were recorded, each runs the operations of its recorded one. With fewer, recorded threads share
//! one, and their operations keep the recorded order. With more, each recorded thread has several replay threads, which get
//! its allocs in turn; a buffer that it frees itself is freed by the replay thread that allocated it.
//!
//! # Storage of live buffers
//!
//! A buffer that one thread allocates and frees is in that thread's own table (*kept*), at a place that is reused once it
//! is free. So the table has as many places as there are live buffers at the peak. A buffer freed by another thread has its
//! own place in the shared table (*shared*).

use std::fmt;
use std::sync::Arc;

use super::frames::{self, FrameCut, FrameSpan};
use super::layout::Layout;
use crate::trace::{Event, NEVER, Trace};

/// What a step does; the number is a place in the thread's own or in the shared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Allocate a buffer and keep it.
    TakeKept,
    /// Allocate a buffer and pass it on.
    TakeShared,
    /// Free a kept buffer.
    FreeKept,
    /// Free a buffer that another thread passes on.
    FreeShared,
}

/// One operation of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Bytes to allocate; for a free, those of the buffer.
    pub(crate) bytes: usize,
    /// The buffer's index in the trace, from which its pattern is made.
    pub(crate) buffer: u32,
    /// The buffer's place, with the action in the two highest bits.
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

/// The work of one thread in the whole replay.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// The thread's name.
    pub(crate) name: String,
    /// Its steps, in recorded order.
    pub(crate) steps: Vec<Step>,
    /// The end in `steps` of its share of each frame in which it has steps.
    pub(crate) shares: Vec<usize>,
    /// Places in its own table.
    pub(crate) kept_places: usize,
    /// The trace operation of each step, for error messages.
    pub(crate) operations: Vec<u32>,
    /// For each alloc, its planned offset in one region: see [`Layout`].
    pub(crate) offsets: Arc<Vec<usize>>,
}

/// One frame of the replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedFrame {
    /// The end in [`Plan::wanted`] of the threads with steps in it.
    pub(crate) wanted_end: usize,
    /// The first operation of the trace after it.
    pub(crate) operations_end: usize,
    /// Recorded time of its end, in microseconds.
    pub(crate) end_us: f64,
}

/// A trace prepared for replay.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The work of each thread.
    pub(crate) work: Vec<Work>,
    /// The frames, in order.
    pub(crate) frames: Vec<PlannedFrame>,
    /// For each frame in turn, the threads with steps in it.
    pub(crate) wanted: Vec<u32>,
    /// Buffers that one thread allocates and another frees.
    pub(crate) shared_places: usize,
    /// Allocs and frees.
    pub(crate) operations: u64,
    /// Bytes of a region for all buffers.
    pub(crate) region_bytes: usize,
    /// Empty frames of idle stretches that are not replayed.
    pub(crate) frames_left_out: u64,
    /// How frames were cut.
    pub(crate) cut: FrameCut,
}

impl Plan {
    /// Prepares `trace` for `threads` threads.
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

/// Why a trace cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// More buffers than places can be numbered.
    TooManyBuffers,
    /// More live bytes at once than can be addressed.
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

/// A plan under construction.
struct Drafting<'a> {
    trace: &'a Trace,
    plan: Plan,
    layout: Layout,
    /// Per thread: places in its own table that are free again.
    free_places: Vec<Vec<u32>>,
    /// Per recorded thread: allocs and foreign frees assigned to its replay threads so far.
    dealt: Vec<usize>,
    /// Per buffer: the thread that allocates it, and its place.
    homes: Vec<Home>,
    /// The threads with steps in the current frame.
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

    /// The replay thread of a recorded thread whose turn it is to allocate a buffer.
    fn deal(&mut self, thread: u32) -> usize {
        let turn = self.dealt[thread as usize];
        self.dealt[thread as usize] += 1;
        self.stand_in(thread as usize, turn)
    }

    /// The thread that frees a buffer. It follows from the alloc alone, so that the alloc can be planned first.
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
