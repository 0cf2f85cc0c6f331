//! What telemetry and attribution cost.
//!
//! One program cannot have two feature sets of one crate, so the build without telemetry is another build of the
//! probe, and the two processes run in turns. Attribution is a setting of the pool, so that it needs no other build.

use std::path::Path;
use std::process::Command;

use framepool::{Attribution, BufferPool};

use super::pooled::pairs;
use super::{Answer, Question, against};
use crate::chart::{Point, TELEMETRY, points};
use crate::child::number_from;
use crate::measure::{Plan, Times, interleave};
use crate::probe::{self, Build};
use crate::table::Row;

/// The other build.
const WITHOUT: &str = "no telemetry";

pub(super) fn questions() -> Vec<Question> {
    // The probe's path, what the chart calls it, and where the table asks: the limit.
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

/// The least first.
fn in_chart_order(at: &str, mut times: [Times; 3]) -> Vec<Point> {
    times.reverse();
    points(TELEMETRY, at, &times)
}

/// One path with all telemetry, without attribution, and without any, each in a process of its own, in turns.
fn times(plan: &Plan, path: &str) -> Result<[Times; 3], String> {
    let with = probe::build(Build::WithTelemetry)?;
    let without = probe::build(Build::WithoutTelemetry)?;
    let sides: [(&Path, &[&str]); 3] = [(&with, &[]), (&with, &["unattributed"]), (&without, &[])];
    let mut times = ["all telemetry", "no attribution", WITHOUT].map(|name| Times {
        name,
        nanos: Vec::new(),
    });
    let millis = plan.slice.as_millis().max(5).to_string();
    for repetition in 0..plan.repetitions {
        for turn in 0..sides.len() {
            let side = (repetition + turn) % sides.len();
            let (program, more) = sides[side];
            let mut command = Command::new(program);
            let nanos = number_from(command.args(["time", path, &millis]).args(more))?;
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
