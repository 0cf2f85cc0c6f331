//! Replays of recorded programs, with the recorded threads, hand-overs and frame ends. Every buffer is written and checked.

use framepool::{Attribution, BufferPool};
use framepool_cli::timed::{self, Name, TimedReplay};

use super::telemetry::{builds_compared, runs};
use super::{Question, against};
use crate::child;
use crate::measure::{Contestant, Measured, Plan, Times, interleave};
use crate::programs::Program;
use crate::table::{Limit, Row};

/// A recorded program.
#[derive(Clone, Copy)]
struct Recording {
    name: &'static str,
    /// The file; `None` for the recording that is compiled in.
    path: Option<&'static str>,
    /// The limit of framepool's time, as a ratio to mimalloc's.
    mimalloc: f64,
}

const MIB: f64 = (1 << 20) as f64;

const RECORDINGS: [Recording; 2] = [
    Recording {
        name: "game server",
        path: None,
        mimalloc: 0.50,
    },
    Recording {
        name: "Android system UI",
        path: Some(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../traces/android-systemui.csv.zst"
        )),
        mimalloc: 0.90,
    },
];

impl Recording {
    fn open(self, pool: BufferPool) -> Result<TimedReplay, String> {
        match self.path {
            None => TimedReplay::of_bundled(pool),
            Some(path) => TimedReplay::of_file(path, pool),
        }
    }
}

pub(super) fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for recording in RECORDINGS {
        let name = recording.name;
        questions.push(Question::new(
            format!("{name}, beyond the replay itself"),
            move |plan| {
                beyond(plan, recording).unwrap_or_else(|why| {
                    vec![Row::unmeasured(
                        "mimalloc",
                        Limit::AtMost(recording.mimalloc),
                        why,
                    )]
                })
            },
        ));
        questions.push(question(
            format!("{name}, first round on new memory"),
            "glibc",
            1.20,
            move |plan, limit| cold(plan, recording, limit),
        ));
        questions.push(question(
            format!("{name}, peak reserved bytes"),
            "peak of live requested bytes",
            1.35,
            move |plan, limit| reserved(plan, recording, limit),
        ));
        questions.push(question(
            format!("{name}, peak resident bytes"),
            "glibc",
            1.20,
            move |plan, limit| resident(plan, recording, limit),
        ));
    }
    questions.push(question(
        "game server, telemetry on against off".to_owned(),
        "the build without it",
        1.03,
        telemetry,
    ));
    questions.push(question(
        "game server, attribution on against off".to_owned(),
        "itself",
        1.05,
        attribution,
    ));
    questions
}

/// A question with one row, which cannot be measured on every machine.
fn question(
    name: String,
    rival: &'static str,
    limit: f64,
    ask: impl Fn(&Plan, f64) -> Result<Row, String> + 'static,
) -> Question {
    Question::new(name, move |plan| {
        let row = ask(plan, limit);
        vec![row.unwrap_or_else(|why| Row::unmeasured(rival, Limit::AtMost(limit), why))]
    })
}

/// A contestant that replays, after a first replay on new memory.
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

/// The times of contestants in turns, per operation of the trace.
fn in_turns(plan: &Plan, replay: &TimedReplay, contestants: Vec<Contestant<'_>>) -> Vec<Times> {
    let mut times = interleave(plan, contestants);
    for nanos in times.iter_mut().flat_map(|times| &mut times.nanos) {
        *nanos /= replay.operations() as f64;
    }
    times
}

/// The times of framepool and its rivals, less the time of a replay that allocates nothing because its addresses are prepared.
fn beyond(plan: &Plan, recording: Recording) -> Result<Vec<Row>, String> {
    let replay = recording.open(timed::pool()?)?;
    let contestants = vec![
        replays("framepool", &replay, Name::Framepool)?,
        replays("mimalloc", &replay, Name::MiMalloc)?,
        replays("glibc", &replay, Name::System)?,
        replays("the replay itself", &replay, Name::Null)?,
    ];
    let times = in_turns(plan, &replay, contestants);
    let [ours, rivals @ .., bare] = times.as_slice() else {
        return Err("some contestants could not replay it".to_owned());
    };
    let limits = [recording.mimalloc, 0.90];
    let rows = rivals.iter().zip(limits).map(|(theirs, limit)| {
        Row::new(
            theirs.name,
            Limit::AtMost(limit),
            beyond_bare(ours, theirs, bare),
        )
        .with_note(format!(
            "{:.2} against {:.2} ns, the replay itself {:.2} of them",
            ours.median(),
            theirs.median(),
            bare.median()
        ))
    });
    Ok(rows.collect())
}

fn beyond_bare(ours: &Times, theirs: &Times, bare: &Times) -> Measured {
    let beyond = |ours: f64, theirs: f64, bare: f64| (ours - bare) / (theirs - bare);
    let each: Vec<f64> = (0..bare.nanos.len())
        .map(|at| beyond(ours.nanos[at], theirs.nanos[at], bare.nanos[at]))
        .collect();
    let mut measured = Measured::of(&each, beyond(ours.least(), theirs.least(), bare.least()));
    // The difference of a single repetition can be far off. That of the medians is not.
    measured.value = beyond(ours.median(), theirs.median(), bare.median());
    measured
}

/// The number of repetitions for values that hardly vary or need their own process.
fn few(plan: &Plan) -> usize {
    plan.repetitions.min(9)
}

/// The first replay of each contestant in its own process, where every page is new.
fn cold(plan: &Plan, recording: Recording, limit: f64) -> Result<Row, String> {
    let [ours, theirs] = in_children("trace-cold", plan, recording)?;
    let note = format!(
        "{:.1} against {:.1} ns an operation",
        ours.median(),
        theirs.median()
    );
    let measured = Measured::ratio(&ours, &theirs);
    Ok(Row::new("glibc", Limit::AtMost(limit), measured).with_note(note))
}

/// The ratio of the most bytes that a pool held from the system to the most bytes that the program had requested. The schedule of
/// the threads differs from run to run, so each run has a new pool.
fn reserved(plan: &Plan, recording: Recording, limit: f64) -> Result<Row, String> {
    let mut ratios = Vec::new();
    for _ in 0..few(plan) {
        let pool = timed::pool()?;
        let replay = recording.open(pool.clone())?;
        replay.run(Name::Framepool)?;
        ratios.push(pool.snapshot().peak_bytes as f64 / replay.peak_live_bytes() as f64);
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let measured = Measured::of(&ratios, least);
    let rival = "peak of live requested bytes";
    Ok(Row::new(rival, Limit::AtMost(limit), measured))
}

/// The growth of the process's resident memory in a replay that writes to every page.
fn resident(plan: &Plan, recording: Recording, limit: f64) -> Result<Row, String> {
    let [ours, theirs] = in_children("trace-resident", plan, recording)?;
    let note = format!(
        "{:.1} against {:.1} MiB",
        ours.median() / MIB,
        theirs.median() / MIB
    );
    let measured = Measured::ratio(&ours, &theirs);
    Ok(Row::new("glibc", Limit::AtMost(limit), measured).with_note(note))
}

/// The results of first replays of framepool and of glibc, in turns, each in its own process.
fn in_children(task: &str, plan: &Plan, recording: Recording) -> Result<[Times; 2], String> {
    let mut times = ["framepool", "glibc"].map(|name| Times {
        name,
        nanos: Vec::new(),
    });
    for _ in 0..few(plan) {
        for (times, who) in times.iter_mut().zip([Name::Framepool, Name::System]) {
            let said = child::measure_in_child(&[task, recording.name, who.as_str()])?;
            times.nanos.push(said);
        }
    }
    Ok(times)
}

/// The task of a child process: nanoseconds per operation of the first replay, or the bytes that became resident in it.
pub(crate) fn first_replay(recording: &str, who: &str, bytes: bool) -> Result<f64, String> {
    let recording = RECORDINGS.iter().find(|known| known.name == recording);
    let recording = recording.ok_or("unknown recording")?;
    let who = Name::ALL.into_iter().find(|known| known.as_str() == who);
    let who = who.ok_or("unknown contestant")?;
    let replay = recording.open(timed::pool()?)?;
    if bytes {
        return Ok(replay.peak_resident_bytes(who)? as f64);
    }
    let took = replay.run(who)?;
    Ok(took.as_secs_f64() * 1e9 / replay.operations() as f64)
}

fn telemetry(plan: &Plan, limit: f64) -> Result<Row, String> {
    builds_compared(plan, Program::Replay, &[&runs(plan)], limit)
}

fn attribution(plan: &Plan, limit: f64) -> Result<Row, String> {
    let attributed = TimedReplay::of_bundled(timed::pool()?)?;
    let off = timed::pool()?;
    off.set_attribution(Attribution::Off);
    let unattributed = TimedReplay::of_bundled(off)?;
    let contestants = vec![
        replays("framepool", &attributed, Name::Framepool)?,
        replays("itself", &unattributed, Name::Framepool)?,
    ];
    let times = in_turns(plan, &attributed, contestants);
    Ok(against(&times, "itself", limit))
}
