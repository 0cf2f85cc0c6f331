//! The engine, with correct and faulty contestants.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::{Crew, Failure, FrameCut, Plan, Run, Work, Written, run};
use crate::contestant::{Contestant, Given, Heap, System};
use crate::trace::{Trace, read_text};

/// A trace in which `threads` threads allocate buffers and any thread frees them.
fn trace(threads: u64, buffers: u64) -> Trace {
    let mut state = 42_u64;
    let mut below = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    let mut text = String::from("time_us,thread,op,id,size,site\n");
    let mut live = Vec::new();
    for id in 0..buffers {
        let (time, thread, bytes) = (id * 10, below(threads) * 77, below(3_000));
        let _ = writeln!(text, "{time},{thread},alloc,{id},{bytes},site");
        live.push(id);
        while live.len() > 20 || (!live.is_empty() && below(3) == 0) {
            let id = live.swap_remove(below(live.len() as u64) as usize);
            let _ = writeln!(text, "{time},{},free,{id},,", below(threads) * 77);
        }
    }
    read_text(&text)
}

fn replay<C: Contestant>(trace: &Trace, threads: usize, contestant: C) -> Result<Run, Failure> {
    let plan = Arc::new(Plan::new(trace, threads, FrameCut::EveryUs(500.0)).expect("a plan"));
    let crew = Crew::new(plan.work.iter().map(|work| work.name.as_str())).expect("threads");
    let contestant = Arc::new(contestant);
    // Several runs: none may leave state that breaks the next one.
    let nobody = &mut |_| {};
    run(&crew, &plan, &contestant, Written::Pages, nobody)?;
    run(&crew, &plan, &contestant, Written::All, nobody)?;
    run(&crew, &plan, &contestant, Written::Ends, nobody)
}

#[test]
fn planned_addresses_never_overlap_for_any_thread_count() {
    let trace = trace(4, 3_000);
    for threads in [1, 2, 3, 4, 5, 9, 16] {
        let plan = Plan::new(&trace, threads, FrameCut::EveryUs(500.0)).expect("a plan");
        let given = Given::new(&plan).expect("memory");
        replay(&trace, threads, given).expect("no overlap");
    }
}

#[test]
fn an_allocator_replays_on_any_number_of_threads() {
    let trace = trace(6, 2_000);
    for threads in [1, 2, 6, 7, 13] {
        replay(&trace, threads, Heap(System)).expect("no fault");
    }
}

/// Counts, and misbehaves as configured.
#[derive(Debug, Default)]
struct Odd {
    allocs: AtomicU64,
    frees: AtomicU64,
    frames: AtomicU64,
    /// All buffers are the same memory.
    shared: Option<Arc<AtomicU64>>,
    refuse_after: Option<u64>,
    panic_after: Option<u64>,
}

impl Contestant for Arc<Odd> {
    type Buffer = Arc<AtomicU64>;
    type Seat = ();
    type Refusal = &'static str;

    fn seat(&self, _work: &Work) {}

    fn alloc(
        &self,
        _seat: &mut (),
        _bytes: usize,
        _buffer: u32,
    ) -> Result<Arc<AtomicU64>, &'static str> {
        let before = self.allocs.fetch_add(1, SeqCst);
        assert!(self.panic_after.is_none_or(|most| before < most), "as told");
        if self.refuse_after.is_some_and(|most| before >= most) {
            return Err("no more");
        }
        Ok(self.shared.clone().unwrap_or_default())
    }

    fn free(&self, _buffer: Arc<AtomicU64>) {
        self.frees.fetch_add(1, SeqCst);
    }

    fn end_frame(&self) {
        self.frames.fetch_add(1, SeqCst);
    }

    fn write(buffer: &mut Arc<AtomicU64>, pattern: u64) {
        buffer.store(pattern, SeqCst);
    }

    fn holds(buffer: &Arc<AtomicU64>, pattern: u64) -> bool {
        buffer.load(SeqCst) == pattern
    }

    fn changed_end(buffer: &Arc<AtomicU64>, pattern: u64) -> Option<usize> {
        (!Self::holds(buffer, pattern)).then_some(0)
    }

    fn fill(buffer: &mut Arc<AtomicU64>, pattern: u64) {
        Self::write(buffer, pattern);
    }

    fn changed_byte(buffer: &Arc<AtomicU64>, pattern: u64) -> Option<usize> {
        Self::changed_end(buffer, pattern)
    }

    fn touch_pages(_buffer: &mut Arc<AtomicU64>) {}
}

#[test]
fn operations_recorded_before_frame_end_run_before_it() {
    let trace = trace(5, 1_500);
    let plan = Arc::new(Plan::new(&trace, 5, FrameCut::EveryUs(130.0)).expect("a plan"));
    let crew = Crew::new(plan.work.iter().map(|work| work.name.as_str())).expect("threads");
    let odd = Arc::new(Odd::default());
    let mut begin = 0;
    let mut expected = 0;
    let mut check = |index: usize| {
        let end = plan.frames[index].operations_end;
        expected += (end - begin) as u64;
        begin = end;
        assert_eq!(odd.allocs.load(SeqCst) + odd.frees.load(SeqCst), expected);
        assert_eq!(odd.frames.load(SeqCst), index as u64 + 1);
    };
    let contestant = Arc::new(Arc::clone(&odd));
    run(&crew, &plan, &contestant, Written::Ends, &mut check).expect("no fault");
    assert_eq!(odd.allocs.load(SeqCst), 1_500);
    assert_eq!(
        odd.frees.load(SeqCst),
        1_500,
        "what was never freed is given back too"
    );
}

#[test]
fn two_buffers_in_the_same_memory_are_noticed() {
    let text = "time_us,thread,op,id,size,site\n\
        0,0,alloc,0,64,s\n0,0,alloc,1,64,s\n1,0,free,1\n2,1,free,0\n";
    let odd = Odd {
        shared: Some(Arc::default()),
        ..Odd::default()
    };
    let failure = replay(&read_text(text), 2, Arc::new(odd)).expect_err("an overlap");
    assert!(
        matches!(
            failure,
            Failure::Overwritten {
                freed_by: Some(3),
                buffer: 0,
                bytes: 64,
                offset: 0,
            }
        ),
        "{failure:?}"
    );
}

#[test]
fn refused_allocation_ends_run_for_waiting_threads() {
    let odd = Odd {
        refuse_after: Some(700),
        ..Odd::default()
    };
    let failure = replay(&trace(5, 1_500), 5, Arc::new(odd)).expect_err("a refusal");
    assert!(matches!(failure, Failure::Refused { why, .. } if why == "no more"));
}

#[test]
fn panic_ends_run_for_waiting_threads() {
    let odd = Odd {
        panic_after: Some(700),
        ..Odd::default()
    };
    let failure = replay(&trace(5, 1_500), 5, Arc::new(odd)).expect_err("a panic");
    assert!(matches!(failure, Failure::Panicked(said) if said == "as told"));
}
