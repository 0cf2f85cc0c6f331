//! The questions of the table, in its order.

mod frame_end;
pub(crate) mod framed;
pub(crate) mod memory;
mod pooled;
mod reading;
mod ring;
mod shared_frame;
mod telemetry;
mod trace;

use crate::measure::{Measured, Plan, Times};
use crate::table::{Limit, Row};

/// Measures and gives the lines.
type Ask = Box<dyn Fn(&Plan) -> Vec<Row>>;

/// What is measured together.
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) ask: Ask,
}

impl Question {
    fn new(name: impl Into<String>, ask: impl Fn(&Plan) -> Vec<Row> + 'static) -> Self {
        Self {
            name: name.into(),
            ask: Box::new(ask),
        }
    }
}

/// All of them.
pub(crate) fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    questions.extend(pooled::questions());
    questions.extend(framed::questions());
    questions.extend(shared_frame::questions());
    questions.extend(frame_end::questions());
    questions.extend(ring::questions());
    questions.extend(trace::questions());
    questions.extend(telemetry::questions());
    questions.extend(reading::questions());
    questions.extend(memory::questions());
    questions
}

/// A line for the first contestant against the one called `rival`.
fn against(times: &[Times], rival: &str, limit: f64) -> Row {
    let ours = &times[0];
    let theirs = times
        .iter()
        .find(|times| times.name == rival)
        .expect("the rival takes part");
    compare(ours, theirs, theirs.name.to_owned(), limit)
}

/// A line for the first contestant against the fastest of `rivals`.
fn against_best(times: &[Times], rivals: &[&str], limit: f64) -> Row {
    let best = times
        .iter()
        .filter(|times| rivals.contains(&times.name))
        .min_by(|a, b| a.median().total_cmp(&b.median()))
        .expect("a rival takes part");
    let name = format!("best of {}: {}", rivals.len(), best.name);
    compare(&times[0], best, name, limit)
}

fn compare(ours: &Times, theirs: &Times, rival: String, limit: f64) -> Row {
    Row::new(rival, Limit::AtMost(limit), Measured::ratio(ours, theirs)).with_note(format!(
        "{:.2} against {:.2} ns",
        ours.median(),
        theirs.median()
    ))
}

/// A number of bytes as people write it.
fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
