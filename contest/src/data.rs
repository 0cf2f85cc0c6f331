//! The measurements as lines of fields between tabs, for `cargo xtask benchmarks --measure`, which keeps them.
//!
//! ```text
//! machine     WHAT  VALUE
//! question    NAME                                                          the lines below belong to it
//! row         RIVAL SENSE LIMIT UNIT MEASURED BY_MINIMA LEAST MOST NOTE
//! unmeasured  RIVAL SENSE LIMIT UNIT WHY
//! point       CHART LINE AT LEAST MEDIAN UPPER
//! ```

use crate::machine;
use crate::rows::Answer;
use crate::table::{Limit, Row};

pub(crate) fn print_machine() {
    for (what, value) in machine::describe() {
        println!("machine\t{what}\t{}", field(&value));
    }
}

pub(crate) fn print(question: &str, answer: &Answer) {
    println!("question\t{}", field(question));
    for row in &answer.rows {
        println!("{}", line(row));
    }
    for point in &answer.points {
        println!(
            "point\t{}\t{}\t{}\t{:.4}\t{:.4}\t{:.4}",
            point.chart, point.line, point.at, point.least, point.median, point.upper
        );
    }
}

fn line(row: &Row) -> String {
    let sense = match row.limit {
        Limit::AtLeast(_) => "at least",
        Limit::AtMost(_) | Limit::Nanos(_) => "at most",
    };
    let claim = format!(
        "{}\t{sense}\t{}\t{}",
        field(&row.rival),
        row.limit.number(),
        row.limit.unit()
    );
    match &row.measured {
        Ok(measured) => format!(
            "row\t{claim}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{}",
            measured.value,
            measured.by_minima,
            measured.spread.0,
            measured.spread.1,
            field(&row.note)
        ),
        Err(why) => format!("unmeasured\t{claim}\t{}", field(why)),
    }
}

/// Text without what would end a field.
fn field(text: &str) -> String {
    text.replace(['\t', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measured;

    #[test]
    fn a_row_is_one_line_of_fields() {
        let measured = Measured {
            value: 0.5,
            by_minima: 0.25,
            spread: (0.2, 0.75),
        };
        let row = Row::new("a\tb", Limit::AtMost(0.65), measured).with_note("c\nd");
        assert_eq!(
            line(&row),
            "row\ta b\tat most\t0.65\tx\t0.5000\t0.2500\t0.2000\t0.7500\tc d"
        );
        let row = Row::unmeasured("a", Limit::Nanos(30.0), "why");
        assert_eq!(line(&row), "unmeasured\ta\tat most\t30\tns\twhy");
    }
}
