//! What an operation costs: times all contestants, compares every byte, measures memory, and tries advice.
//!
//! A signal ends it at the next frame. What was measured until then is kept.

use std::sync::Arc;

use crate::advise::{self, AdviceSection};
use crate::args::ReplayOptions;
use crate::contestant::Name;
use crate::ending::Ending;
use crate::measure::{Contestants, Memory, Rounds, measure_in_children, time, verify};
use crate::outcome::Problem;
use crate::replay::{Crew, Plan};
use crate::report::{ContestantSection, TimingSection};
use crate::screen::Screen;
use crate::session::{explain, new_pool};
use crate::trace::{Trace, TraceSource};

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    /// `None` if a signal came before the first warm round was complete.
    pub(crate) timing: Option<TimingSection>,
    /// `None` if a signal came before it was complete.
    pub(crate) advice: Option<AdviceSection>,
    /// The step that a signal ended.
    pub(crate) interrupted_in: Option<&'static str>,
}

/// Measures everything, or until the run is asked to end.
pub(crate) fn measure(
    trace: &Trace,
    plan: &Arc<Plan>,
    crew: &Crew,
    source: &TraceSource,
    options: &ReplayOptions,
    screen: &Screen,
    ending: &Ending,
) -> Result<Costs, Problem> {
    let mut costs = Costs::default();
    let failed = |(who, failure)| explain(&failure, who, trace, source);
    let timed = new_pool("timed", options.leak_after);
    let contestants = Contestants::new(plan, timed.clone());
    let runs = u64::from(options.rounds + 1) * Name::ALL.len() as u64;
    screen.stage("timing", runs, "runs", Some(&timed));
    screen.keep_calm();
    let mut begun = 0;
    let rounds = time(crew, plan, &contestants, options.rounds, ending, |_, _| {
        screen.done(begun);
        screen.draw_now();
        begun += 1;
    })
    .map_err(failed)?;
    let mut memory = [const { None }; Name::ALL.len()];
    let mut interrupted_in = None;
    let mut go_on = |step| {
        if ending.is_asked() && interrupted_in.is_none() {
            interrupted_in = Some(step);
        }
        interrupted_in.is_none()
    };
    if go_on("while the contestants were timed") {
        screen.stage("verifying", Name::ALL.len() as u64, "runs", Some(&timed));
        let between = |who| screen.done(who as u64);
        verify(crew, plan, &contestants, ending, between).map_err(failed)?;
    }
    if go_on("while every byte was compared") {
        screen.stage("memory", Name::ALL.len() as u64 - 1, "processes", None);
        memory = Name::ALL.map(|who| {
            screen.done(who as u64);
            (who != Name::Null).then(|| measure_in_children(who, source, options, ending))
        });
    }
    if go_on("while memory was measured") {
        screen.stage("advising", 1, "recording", None);
        costs.advice = advise::section(trace, plan, crew, source, ending)?;
    }
    go_on("while advice was tried");
    costs.interrupted_in = interrupted_in;
    if rounds.count() > 0 {
        costs.timing = Some(section(&rounds, memory));
    }
    Ok(costs)
}

fn section(rounds: &Rounds, memory: [Option<Memory>; Name::ALL.len()]) -> TimingSection {
    let contestants = Name::ALL.into_iter().zip(memory).map(|(who, memory)| {
        let rival = matches!(who, Name::System | Name::MiMalloc);
        let (peak_memory_bytes, peak_memory_unavailable) = match memory {
            Some(Memory::Peak(bytes)) => (Some(bytes), None),
            Some(Memory::Unavailable(why)) => (None, Some(why)),
            None => (None, None),
        };
        ContestantSection {
            name: who.as_str(),
            ns_per_operation: rounds.gross(who),
            net_ns_per_operation: if who == Name::Null {
                None
            } else {
                rounds.net(who)
            },
            frame_end_ns_per_operation: rounds.frame_ends(who),
            elapsed_ns_per_operation: rounds.wall(who),
            first_round_ns_per_operation: rounds.cold(who),
            framepool_to_this: if rival { rounds.ratio(who) } else { None },
            net_framepool_to_this: if rival { rounds.net_ratio(who) } else { None },
            peak_memory_bytes,
            peak_memory_unavailable,
        }
    });
    TimingSection {
        rounds: rounds.count(),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        contestants: contestants.collect(),
    }
}
