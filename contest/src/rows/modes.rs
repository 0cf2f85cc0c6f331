//! What the settings cost that users switch on: call stacks of sampled buffers, and tags.
//!
//! Both sides of a line are the same program with another setting: one repetition is a process, and they take turns.

use super::telemetry::{in_turns, millis, runs};
use super::{Question, against};
use crate::measure::Plan;
use crate::programs::{self, Build, Program};
use crate::table::{Limit, Row};

/// The other side: the setting switched off.
const ITSELF: &str = "itself";

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new("sampled call stacks against off, pooled pair", |plan| {
            let millis = millis(plan);
            let time = ["time", "pooled-pair", &millis];
            stacks(plan, Program::HotPaths, &time, 1.4)
        }),
        Question::new("sampled call stacks against off, game server", |plan| {
            let runs = runs(plan);
            stacks(plan, Program::Replay, &[&runs], 1.1)
        }),
        Question::new("tagged against untagged, pooled pair", |plan| {
            let millis = millis(plan);
            let tagged: &[&str] = &["time", "pooled-pair-tagged", &millis];
            let untagged: &[&str] = &["time", "pooled-pair", &millis];
            let build = Build::WithTelemetry;
            row(plan, Program::HotPaths, build, [tagged, untagged], 1.05)
        }),
        Question::new("tagged against untagged, game server", |plan| {
            let runs = runs(plan);
            let sides: [&[&str]; 2] = [&[&runs, "tagged"], &[&runs]];
            row(plan, Program::Replay, Build::WithTelemetry, sides, 1.05)
        }),
    ]
}

/// A line for sampled call stacks against no attribution at all.
fn stacks(plan: &Plan, program: Program, arguments: &[&str], limit: f64) -> Vec<Row> {
    let on = [arguments, &["backtraces"]].concat();
    let off = [arguments, &["unattributed"]].concat();
    row(plan, program, Build::WithBacktraces, [&on, &off], limit)
}

/// A line for one program run with the first arguments against itself with the second.
fn row(
    plan: &Plan,
    program: Program,
    build: Build,
    [on, off]: [&[&str]; 2],
    limit: f64,
) -> Vec<Row> {
    let times = programs::build(program, build).and_then(|path| {
        let sides = [("framepool", &path, on), (ITSELF, &path, off)];
        in_turns(plan, sides)
    });
    vec![match times {
        Ok(times) => against(&times, ITSELF, limit),
        Err(why) => Row::unmeasured(ITSELF, Limit::AtMost(limit), why),
    }]
}
