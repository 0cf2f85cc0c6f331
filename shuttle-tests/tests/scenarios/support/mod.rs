//! Runs a scenario under many schedules, and prints their number and how to repeat a failing one.

mod crew;
mod memory;
mod schedule;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use crate::common::rounds;
pub(crate) use crew::{Marked, assert_gone, assert_marked, close, crew, join, watch};
use schedule::{Recording, Replay, Schedule};

/// The environment variable with a schedule to run again, or the path of a file that has it.
const REPLAY: &str = "FRAMEPOOL_SHUTTLE_REPLAY";
/// The environment variable with another seed.
const SEED: &str = "FRAMEPOOL_SHUTTLE_SEED";
/// The seed of a run without one.
const FIXED_SEED: u64 = 0x5EED;
/// Depths of the schedules by priorities (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of
/// Finding Bugs", 2010): a bug that needs this many switches at the right places is found with a known probability.
const DEPTHS: [usize; 4] = [2, 3, 5, 9];
/// More steps than any scenario needs; one that exceeds it spins for ever.
const MAX_STEPS: usize = 200_000;

/// Runs `scenario` under `schedules` schedules, scaled by `FRAMEPOOL_TEST_SCALE`: half of them random, the others by
/// priorities. The scenario gets the number of the run. After each, no memory of the library is left (L7 All of it comes back).
///
/// # Panics
///
/// If a run fails, or if fewer schedules ran than requested.
#[track_caller]
pub(crate) fn explore(schedules: usize, scenario: fn(u64)) {
    if let Some(text) = std::env::var_os(REPLAY) {
        let text = text.into_string().expect("a schedule is plain text");
        let schedule = Schedule::parse(&std::fs::read_to_string(&text).unwrap_or(text));
        let runs = run(Replay::new(schedule.clone()), schedule.number, scenario);
        assert_eq!(runs, 1);
        return;
    }
    let seed = std::env::var(SEED).map_or(FIXED_SEED, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{SEED} is `{text}`; it is a number"))
    });
    let began = Instant::now();
    let by_depth = rounds(schedules).div_ceil(2 * DEPTHS.len());
    let at_random = by_depth * DEPTHS.len();
    let random = RandomScheduler::new_from_seed(seed, at_random);
    let mut runs = run(random, seed, scenario);
    for (at, depth) in (1..).zip(DEPTHS) {
        let seed = seed.wrapping_add(at << 32);
        let prioritised = PctScheduler::new_from_seed(seed, depth, by_depth);
        runs += run(prioritised, seed, scenario);
    }
    println!("{runs} schedules in {:.1?}", began.elapsed());
    assert_eq!(runs, 2 * at_random, "schedules were left out");
}

/// Runs the scenario as often as the scheduler wants, with numbers from `first` on; returns the number of runs.
fn run(scheduler: impl Scheduler + 'static, first: u64, scenario: fn(u64)) -> usize {
    let recorded = Rc::new(RefCell::new(Schedule::before(first)));
    let recording = Recording::new(scheduler, Rc::clone(&recorded));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::FailAfter(MAX_STEPS);
    config.silence_warnings = true;
    // Debug builds need more than shuttle's 60 KiB.
    config.stack_size = 256 << 10;
    let number = NumberOfTheRun(Rc::clone(&recorded));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(recording, config).run(move || {
            let number = number.get();
            let before = memory::live();
            scenario(number);
            assert_eq!(memory::live() - before, 0, "L7: bytes left");
        })
    }));
    outcome.unwrap_or_else(|panic| {
        let test = std::thread::current();
        let test = test.name().unwrap_or("<test>");
        println!(
            "run this schedule again:\n{REPLAY}='{}' cargo test --profile checks -p shuttle-tests {test}",
            recorded.borrow()
        );
        resume_unwind(panic)
    })
}

/// The number of the current run. All threads of a scenario are coroutines of the test's own thread.
struct NumberOfTheRun(Rc<RefCell<Schedule>>);

// SAFETY: shuttle asks for it, but runs everything on the thread that made this.
unsafe impl Send for NumberOfTheRun {}
// SAFETY: as above.
unsafe impl Sync for NumberOfTheRun {}

impl NumberOfTheRun {
    fn get(&self) -> u64 {
        self.0.borrow().number
    }
}
