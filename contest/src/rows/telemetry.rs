//! The costs of telemetry and attribution.
//!
//! One program cannot contain a crate with two feature sets. So the probe is built twice, and the two processes run in turns.
//! Attribution is a setting of the pool and needs no second build.

use std::path::PathBuf;
use std::process::Command;

use framepool::{Attribution, BufferPool};

use super::pooled::pairs;
use super::{Answer, Question, against};
use crate::child::number_from;
use crate::document::charts::{TELEMETRY, points};
use crate::document::data::Point;
use crate::measure::{Measured, Plan, Times, interleave};
use crate::programs::{self, Build, Program};
use crate::table::{Limit, Row};

/// The name of the other build.
const WITHOUT: &str = "no telemetry";

pub(super) fn questions() -> Vec<Question> {
    // The probe's path, and its name in the chart; for a row of the table also the limit.
    let mut questions: Vec<Question> = [
        ("pooled-pair", "pooled pair, 256 B", Some(1.10)),
        ("pooled-held", "64 held, 1 KiB", None),
        ("frame-alloc", "frame alloc, 256 B", Some(1.05)),
    ]
    .into_iter()
    .map(|(path, at, asked)| {
        let name = format!("telemetry on against off, {path}");
        match asked {
            Some(limit) => Question::charted(name, move |plan| {
                let times = times(plan, path)?;
                Ok(Answer {
                    rows: vec![against(&times, WITHOUT, limit)],
                    points: in_chart_order(at, times),
                })
            }),
            None => {
                Question::only_charted(name, move |plan| Ok(in_chart_order(at, times(plan, path)?)))
            }
        }
    })
    .collect();
    questions.push(Question::new(
        "attribution on against off, pooled pair",
        attribution,
    ));
    questions
}

/// The points of the chart, the build without telemetry first.
fn in_chart_order(at: &str, mut times: [Times; 3]) -> Vec<Point> {
    times.reverse();
    points(TELEMETRY, at, &times)
}

/// One path with all telemetry, without attribution, and without any.
fn times(plan: &Plan, path: &str) -> Result<[Times; 3], String> {
    let with = programs::build(Program::HotPaths, Build::WithTelemetry)?;
    let without = programs::build(Program::HotPaths, Build::WithoutTelemetry)?;
    let millis = millis(plan);
    let asked = ["time", path, &millis];
    let unattributed = ["time", path, &millis, "unattributed"];
    in_turns(
        plan,
        [
            ("all telemetry", &with, &asked),
            ("no attribution", &with, &unattributed),
            (WITHOUT, &without, &asked),
        ],
    )
}

/// The time for which the probe measures a path, in milliseconds.
pub(super) fn millis(plan: &Plan) -> String {
    plan.slice.as_millis().max(5).to_string()
}

/// How many times the replay runs. A run takes a few milliseconds, and the start of a process about a hundred.
pub(super) fn runs(plan: &Plan) -> String {
    (8 * plan.slice.as_millis() / 6).max(9).to_string()
}

/// A row for the build with telemetry against the one without.
pub(super) fn builds_compared(
    plan: &Plan,
    program: Program,
    arguments: &[&str],
    limit: f64,
) -> Result<Row, String> {
    let with = programs::build(program, Build::WithTelemetry)?;
    let without = programs::build(program, Build::WithoutTelemetry)?;
    let [on, off] = in_turns(
        plan,
        [
            ("all telemetry", &with, arguments),
            (WITHOUT, &without, arguments),
        ],
    )?;
    let note = format!("{:.2} against {:.2} ns", on.median(), off.median());
    let measured = Measured::ratio(&on, &off);
    Ok(Row::new(WITHOUT, Limit::AtMost(limit), measured).with_note(note))
}

/// A name, a program that measures itself, and its arguments.
pub(super) type Side<'s> = (&'static str, &'s PathBuf, &'s [&'s str]);

/// The times of programs that measure themselves. Each repetition is a new process, and the programs take turns.
pub(super) fn in_turns<const SIDES: usize>(
    plan: &Plan,
    sides: [Side<'_>; SIDES],
) -> Result<[Times; SIDES], String> {
    let mut times = sides.map(|(name, ..)| Times {
        name,
        nanos: Vec::new(),
    });
    for repetition in 0..plan.repetitions {
        for turn in 0..SIDES {
            let side = (repetition + turn) % SIDES;
            let (_, program, arguments) = sides[side];
            let nanos = number_from(Command::new(program).args(arguments))?;
            times[side].nanos.push(nanos);
        }
    }
    Ok(times)
}

fn attribution(plan: &Plan) -> Vec<Row> {
    let (on, off) = (BufferPool::new(), BufferPool::new());
    off.set_attribution(Attribution::Off);
    let times = interleave(
        plan,
        vec![pairs("on", &on, 256), pairs("itself", &off, 256)],
    );
    vec![against(&times, "itself", 1.25)]
}
