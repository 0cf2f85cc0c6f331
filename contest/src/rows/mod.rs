//! The questions of the table, in the order of its rows.

pub(crate) mod fixed;
mod frame_end;
pub(crate) mod framed;
pub(crate) mod memory;
mod modes;
mod pooled;
mod reading;
mod ring;
mod shared_frame;
mod telemetry;
pub(crate) mod trace;

use crate::document::data::Point;
use crate::measure::{Measured, Plan, Times};
use crate::table::{Limit, Row};

/// The answer to a question: rows of the table, points of a chart, or both.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) points: Vec<Point>,
}

/// Measures and answers.
type Ask = Box<dyn Fn(&Plan) -> Result<Answer, String>>;

/// A question: contestants that are measured together.
pub(crate) struct Question {
    pub(crate) name: String,
    /// Whether it has rows in the table, or only points of a chart.
    pub(crate) has_rows: bool,
    pub(crate) ask: Ask,
}

impl Question {
    /// A question of the table.
    fn new(name: impl Into<String>, ask: impl Fn(&Plan) -> Vec<Row> + 'static) -> Self {
        Self::charted(name, move |plan| {
            Ok(Answer {
                rows: ask(plan),
                points: Vec::new(),
            })
        })
    }

    /// A question of the table that also gives points of a chart.
    fn charted(
        name: impl Into<String>,
        ask: impl Fn(&Plan) -> Result<Answer, String> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            has_rows: true,
            ask: Box::new(ask),
        }
    }

    /// A question for a chart alone.
    fn only_charted(
        name: impl Into<String>,
        ask: impl Fn(&Plan) -> Result<Vec<Point>, String> + 'static,
    ) -> Self {
        Self {
            has_rows: false,
            ..Self::charted(name, move |plan| {
                Ok(Answer {
                    rows: Vec::new(),
                    points: ask(plan)?,
                })
            })
        }
    }
}

/// All questions.
pub(crate) fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    questions.extend(pooled::questions());
    questions.extend(framed::questions());
    questions.extend(shared_frame::questions());
    questions.extend(frame_end::questions());
    questions.extend(ring::questions());
    questions.extend(trace::questions());
    questions.extend(telemetry::questions());
    questions.extend(modes::questions());
    questions.extend(reading::questions());
    questions.extend(memory::questions());
    questions.extend(fixed::questions());
    questions
}

/// A row for the first contestant against the one called `rival`.
fn against(times: &[Times], rival: &str, limit: f64) -> Row {
    let ours = &times[0];
    let theirs = times
        .iter()
        .find(|times| times.name == rival)
        .expect("the rival takes part");
    compare(ours, theirs, theirs.name.to_owned(), limit)
}

/// The contestant that looks up its thread at each frame buffer; the other one does so once for a loop.
const LOOKED_UP: &str = "framepool, looked up";

/// A row for the first contestant against the one called `rival`. The note has the time with a look-up at each buffer.
fn beside_looked_up(times: &[Times], rival: &str, limit: f64) -> Row {
    let row = against(times, rival, limit);
    let looked_up = times
        .iter()
        .find(|times| times.name == LOOKED_UP)
        .expect("it takes part");
    let note = format!("{}; each looked up: {:.2}", row.note, looked_up.median());
    row.with_note(note)
}

/// A row for the first contestant against the fastest of `rivals`.
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

/// A number of bytes as text.
fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
