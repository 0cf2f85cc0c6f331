//! The measurements as JSON, for `cargo xtask benchmarks --measure`, which keeps them: a part for the machine, then one for each
//! question. xtask/src/benchmarks/data.rs says what the fields are.

use serde_json::{Value, json};

use crate::machine;
use crate::rows::Answer;
use crate::table::{Limit, Row};

pub(crate) fn print_machine() {
    println!("{}", json!({ "machine": machine::describe() }));
}

pub(crate) fn print(question: &str, answer: &Answer) {
    let date = machine::date();
    let claims: Vec<Value> = answer
        .rows
        .iter()
        .map(|row| claim(question, row, &date))
        .collect();
    let points = answer.points.iter().map(|point| {
        json!({
            "chart": point.chart,
            "line": point.line,
            "at": point.at,
            "least": rounded(point.least),
            "median": rounded(point.median),
            "upper": rounded(point.upper),
            "date": date,
        })
    });
    let points: Vec<Value> = points.collect();
    println!("{}", json!({ "claims": claims, "points": points }));
}

fn claim(question: &str, row: &Row, date: &str) -> Value {
    let sense = match row.limit {
        Limit::AtLeast(_) => "at least",
        Limit::AtMost(_) | Limit::Nanos(_) => "at most",
    };
    let measured = row.measured.as_ref().map(|measured| {
        json!({
            "value": rounded(measured.value),
            "by_minima": rounded(measured.by_minima),
            "least": rounded(measured.spread.0),
            "most": rounded(measured.spread.1),
        })
    });
    json!({
        "question": question,
        "rival": row.rival,
        "sense": sense,
        "limit": row.limit.number(),
        "unit": row.limit.unit(),
        "measured": measured.as_ref().ok(),
        "note": measured.as_ref().err().map_or(&row.note, |why| *why),
        "date": date,
    })
}

/// More digits say nothing.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measured;

    #[test]
    fn a_row_says_what_was_measured() {
        let measured = Measured {
            value: 0.5,
            by_minima: 0.25,
            spread: (0.2, 0.75),
        };
        let row = Row::new("a", Limit::AtMost(0.65), measured).with_note("c");
        let said = claim("q", &row, "d");
        assert_eq!((&said["rival"], &said["note"]), (&json!("a"), &json!("c")));
        assert_eq!(said["measured"]["most"], 0.75);
        let row = Row::unmeasured("a", Limit::Nanos(30.0), "why");
        let said = claim("q", &row, "d");
        assert_eq!(
            (&said["measured"], &said["note"]),
            (&Value::Null, &json!("why"))
        );
        assert_eq!(
            (&said["limit"], &said["unit"]),
            (&json!(30.0), &json!("ns"))
        );
    }
}
