//! What telemetry and attribution cost.
//!
//! One program cannot have two feature sets of one crate, so the build without telemetry is another build of the
//! probe, and the two processes run in turns. Attribution is a setting of the pool, so that it is measured here.

use std::process::Command;

use framepool::{Attribution, BufferPool};

use super::pooled::pairs;
use super::{Question, against};
use crate::child::number_from;
use crate::measure::{Measured, Plan, Times, interleave};
use crate::probe::{self, Build};
use crate::table::{Limit, Row};

pub(super) fn questions() -> Vec<Question> {
    let mut questions: Vec<Question> = [("pooled-pair", 1.10), ("frame-alloc", 1.05)]
        .into_iter()
        .map(|(path, limit)| {
            let name = format!("telemetry on against off, {path}");
            Question::new(name, move |plan| on_against_off(plan, path, limit))
        })
        .collect();
    questions.push(Question::new(
        "attribution on against off, pooled pair",
        attribution,
    ));
    questions
}

fn on_against_off(plan: &Plan, path: &str, limit: f64) -> Vec<Row> {
    let limit = Limit::AtMost(limit);
    let rival = "the build without it";
    match times(plan, path) {
        Ok([on, off]) => {
            let note = format!("{:.2} against {:.2} ns", on.median(), off.median());
            vec![Row::new(rival, limit, Measured::ratio(&on, &off)).with_note(note)]
        }
        Err(why) => vec![Row::unmeasured(rival, limit, why)],
    }
}

fn times(plan: &Plan, path: &str) -> Result<[Times; 2], String> {
    let programs = [
        probe::build(Build::WithTelemetry)?,
        probe::build(Build::WithoutTelemetry)?,
    ];
    let mut times = ["on", "off"].map(|name| Times {
        name,
        nanos: Vec::new(),
    });
    let millis = plan.slice.as_millis().max(5).to_string();
    for repetition in 0..plan.repetitions {
        for turn in 0..2 {
            let side = (repetition + turn) % 2;
            let nanos = number_from(Command::new(&programs[side]).args(["time", path, &millis]))?;
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
