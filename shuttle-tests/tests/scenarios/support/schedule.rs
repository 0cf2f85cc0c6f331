//! The schedule of a run as text, recorded and replayed.
//!
//! ```text
//! 17:a5b2ca      the run with number 17: five steps of task a, the first; two of b, one of c, one of a
//! ```

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use shuttle::scheduler::{Schedule as Shuttles, Scheduler, Task, TaskId};

/// Tasks by letter.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Which task took each step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    /// The number that the scenario gets.
    pub(super) number: u64,
    steps: Vec<usize>,
}

impl Schedule {
    /// The state before the run with the number `first`.
    pub(super) fn before(first: u64) -> Self {
        Self {
            number: first.wrapping_sub(1),
            steps: Vec::new(),
        }
    }

    /// Parses the output of `Display`.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let (number, runs) = text
            .split_once(':')
            .unwrap_or_else(|| panic!("`{text}` is no schedule and no file"));
        let mut steps = Vec::new();
        let mut runs = runs.chars().peekable();
        while let Some(letter) = runs.next() {
            let task = LETTERS.iter().position(|&known| known == letter as u8);
            let task = task.unwrap_or_else(|| panic!("`{letter}` is no task"));
            let digits: String =
                std::iter::from_fn(|| runs.next_if(char::is_ascii_digit)).collect();
            let times = digits.parse().unwrap_or(1);
            steps.extend(std::iter::repeat_n(task, times));
        }
        Self {
            number: number.parse().expect("a schedule begins with a number"),
            steps,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.number)?;
        for run in self.steps.chunk_by(|one, next| one == next) {
            write!(f, "{}", char::from(LETTERS[run[0]]))?;
            if run.len() > 1 {
                write!(f, "{}", run.len())?;
            }
        }
        Ok(())
    }
}

/// A scheduler whose choices are recorded.
#[derive(Debug)]
pub(super) struct Recording<S> {
    scheduler: S,
    schedule: Rc<RefCell<Schedule>>,
}

impl<S> Recording<S> {
    pub(super) fn new(scheduler: S, schedule: Rc<RefCell<Schedule>>) -> Self {
        Self {
            scheduler,
            schedule,
        }
    }
}

impl<S: Scheduler> Scheduler for Recording<S> {
    fn new_execution(&mut self) -> Option<Shuttles> {
        let execution = self.scheduler.new_execution()?;
        let mut schedule = self.schedule.borrow_mut();
        schedule.number = schedule.number.wrapping_add(1);
        schedule.steps.clear();
        Some(execution)
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let task = self.scheduler.next_task(runnable, current, is_yielding)?;
        self.schedule.borrow_mut().steps.push(task.into());
        Some(task)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("scenarios take their random numbers from the number of the run")
    }
}

/// A scheduler that replays a recording once. After its end, for example if the source has changed, tasks run one after the
/// other.
#[derive(Debug)]
pub(super) struct Replay {
    schedule: Schedule,
    at: usize,
    started: bool,
}

impl Replay {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            at: 0,
            started: false,
        }
    }
}

impl Scheduler for Replay {
    fn new_execution(&mut self) -> Option<Shuttles> {
        if self.started {
            return None;
        }
        self.started = true;
        Some(Shuttles::new(self.schedule.number))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        _current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let wanted = self.schedule.steps.get(self.at).copied();
        self.at += 1;
        let task = runnable
            .iter()
            .find(|task| wanted == Some(task.id().into()))
            .or(runnable.first())?;
        Some(task.id())
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("as above")
    }
}

#[test]
fn a_schedule_reads_as_it_was_written() {
    let schedule = Schedule {
        number: 17,
        steps: vec![0, 0, 0, 0, 0, 1, 1, 2, 0],
    };
    assert_eq!(schedule.to_string(), "17:a5b2ca");
    assert_eq!(Schedule::parse("17:a5b2ca\n"), schedule);
}
