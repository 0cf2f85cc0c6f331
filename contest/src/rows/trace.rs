//! The bundled trace replayed: threads, hand-overs and frame ends as recorded, every buffer written to and checked.

use framepool::{Attribution, BufferPool};
use framepool_cli::timed::{Name, TimedReplay};

use super::telemetry::builds_compared;
use super::{Question, against};
use crate::measure::{Contestant, Measured, Plan, Times, interleave};
use crate::programs::Program;
use crate::table::{Limit, Row};

pub(super) fn questions() -> Vec<Question> {
    vec![
        question("trace, beyond the replay itself", "mimalloc", 0.50, beyond),
        question(
            "trace, telemetry on against off",
            "the build without it",
            1.03,
            telemetry,
        ),
        question(
            "trace, attribution on against off",
            "itself",
            1.05,
            attribution,
        ),
        question(
            "trace, peak reserved bytes",
            "peak of live requested bytes",
            1.35,
            reserved,
        ),
    ]
}

/// A question of one line that may turn out not to be measurable.
fn question(
    name: &str,
    rival: &'static str,
    limit: f64,
    ask: fn(&Plan, f64) -> Result<Row, String>,
) -> Question {
    Question::new(name, move |plan| {
        let row = ask(plan, limit);
        vec![row.unwrap_or_else(|why| Row::unmeasured(rival, Limit::AtMost(limit), why))]
    })
}

/// Replays of one contestant, after one on new memory.
fn replays<'r>(
    name: &'static str,
    replay: &'r TimedReplay,
    who: Name,
) -> Result<Contestant<'r>, String> {
    replay.run(who)?;
    Ok(Contestant::timed(name, move |count| {
        (0..count)
            .map(|_| replay.run(who).expect("it did before"))
            .sum()
    }))
}

/// Times in turns, by operation of the trace.
fn in_turns(plan: &Plan, replay: &TimedReplay, contestants: Vec<Contestant<'_>>) -> Vec<Times> {
    let mut times = interleave(plan, contestants);
    for nanos in times.iter_mut().flat_map(|times| &mut times.nanos) {
        *nanos /= replay.operations() as f64;
    }
    times
}

/// What framepool and mimalloc take beyond a replay whose addresses are given beforehand.
fn beyond(plan: &Plan, limit: f64) -> Result<Row, String> {
    let replay = TimedReplay::of_bundled(BufferPool::new())?;
    let contestants = vec![
        replays("framepool", &replay, Name::Framepool)?,
        replays("mimalloc", &replay, Name::MiMalloc)?,
        replays("the replay itself", &replay, Name::Null)?,
    ];
    let times = in_turns(plan, &replay, contestants);
    let [ours, theirs, bare] = times.as_slice() else {
        return Err("not everybody took part".to_owned());
    };
    let beyond = |ours: f64, theirs: f64, bare: f64| (ours - bare) / (theirs - bare);
    let each: Vec<f64> = (0..bare.nanos.len())
        .map(|at| beyond(ours.nanos[at], theirs.nanos[at], bare.nanos[at]))
        .collect();
    let mut measured = Measured::of(&each, beyond(ours.least(), theirs.least(), bare.least()));
    // A single repetition's difference can be far off; those of the medians are not.
    measured.value = beyond(ours.median(), theirs.median(), bare.median());
    let note = format!(
        "{:.2} against {:.2} ns, the replay itself {:.2} of them",
        ours.median(),
        theirs.median(),
        bare.median()
    );
    Ok(Row::new("mimalloc", Limit::AtMost(limit), measured).with_note(note))
}

fn telemetry(plan: &Plan, limit: f64) -> Result<Row, String> {
    // A run takes a few milliseconds, and a process some hundred before the first.
    let runs = (8 * plan.slice.as_millis() / 6).max(9).to_string();
    builds_compared(plan, Program::Replay, &[&runs], limit)
}

fn attribution(plan: &Plan, limit: f64) -> Result<Row, String> {
    let attributed = TimedReplay::of_bundled(BufferPool::new())?;
    let off = BufferPool::new();
    off.set_attribution(Attribution::Off);
    let unattributed = TimedReplay::of_bundled(off)?;
    let contestants = vec![
        replays("framepool", &attributed, Name::Framepool)?,
        replays("itself", &unattributed, Name::Framepool)?,
    ];
    let times = in_turns(plan, &attributed, contestants);
    Ok(against(&times, "itself", limit))
}

/// The most bytes that a pool held from the system in a replay, over the most that the program had asked for. How threads
/// meet differs from run to run, so each is on a new pool.
fn reserved(plan: &Plan, limit: f64) -> Result<Row, String> {
    let mut ratios = Vec::new();
    for _ in 0..plan.repetitions.min(9) {
        let pool = BufferPool::new();
        let replay = TimedReplay::of_bundled(pool.clone())?;
        replay.run(Name::Framepool)?;
        ratios.push(pool.snapshot().peak_bytes as f64 / replay.peak_live_bytes() as f64);
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let measured = Measured::of(&ratios, least);
    Ok(Row::new(
        "peak of live requested bytes",
        Limit::AtMost(limit),
        measured,
    ))
}
