//! The tables of docs/benchmarks.md.

use std::fmt::Write as _;

use super::charts::Chart;
use super::data::{Claim, Data, Point};
use crate::machine::generation;
use crate::table::Limit;

/// The machines, a column for each.
pub(crate) fn machine(all: &[&Data]) -> String {
    let mut text = format!("| |{}\n|---|{}\n", columns(all), "---|".repeat(all.len()));
    for (what, _) in &all[0].machine {
        let _ = write!(text, "| {what} |");
        for data in all {
            let _ = write!(text, " {} |", data.machine(what));
        }
        text.push('\n');
    }
    text
}

/// The processors as heads of columns.
fn columns(all: &[&Data]) -> String {
    let head = |data: &&Data| format!(" {} |", processor(data));
    all.iter().map(head).collect()
}

fn processor(data: &Data) -> &str {
    generation(data.machine("processor"))
}

/// Every claim, and how many of them hold on each processor. The first data are shown with all details.
pub(crate) fn claims(all: &[&Data]) -> String {
    let (data, others) = (all[0], &all[1..]);
    let mut text = format!("{} claims.", data.claims.len());
    for of in all {
        let verdicts: Vec<_> = data.claims.iter().map(|claim| of.holds(claim)).collect();
        let count = |holds| verdicts.iter().filter(|&&it| it == holds).count();
        let _ = write!(
            text,
            " {}: {} hold, {} do not.",
            processor(of),
            count(Some(true)),
            count(Some(false))
        );
        if count(None) > 0 {
            let _ = write!(text, " {} are not measured there.", count(None));
        }
    }
    let _ = write!(
        text,
        "\n\n| question | rival | limit | {} | by minima | single repetitions | | what the two took |{}\n\
         |---|---|--:|--:|--:|--:|---|---|{}\n",
        processor(data),
        columns(others),
        "--:|".repeat(others.len()),
    );
    let mut above = "";
    for claim in &data.claims {
        let question = if claim.question == above {
            ""
        } else {
            &claim.question
        };
        above = &claim.question;
        let _ = write!(text, "| {question} | {} |", row(claim));
        for other in others {
            let _ = write!(text, " {} |", elsewhere(claim, other));
        }
        text.push('\n');
    }
    text
}

fn row(claim: &Claim) -> String {
    let row = &claim.row;
    let unit = row.limit.unit();
    let numbers = row
        .measured
        .map_or("| | | not measured".to_owned(), |measured| {
            format!(
                "{} {unit} | {} {unit} | {} to {} | {}",
                beside(row.limit, measured.value),
                number(measured.by_minima),
                number(measured.spread.0),
                number(measured.spread.1),
                if row.holds() == Some(true) {
                    "holds"
                } else {
                    "**fails**"
                }
            )
        });
    format!(
        "{} | {} {} {unit} | {numbers} | {}",
        row.rival,
        row.limit.sense(),
        row.limit.number(),
        row.note
    )
}

/// The value of a claim on another processor, bold if the claim fails there, with the rival if it is another one.
fn elsewhere(claim: &Claim, other: &Data) -> String {
    let same = other.same(claim);
    let Some((same, measured)) = same.and_then(|it| Some((it, it.row.measured?))) else {
        return String::new();
    };
    let limit = claim.row.limit;
    let mut text = format!("{} {}", beside(limit, measured.value), limit.unit());
    if other.holds(claim) == Some(false) {
        text = format!("**{text}**");
    }
    if let Some((_, best)) = same.row.rival.split_once(": ")
        && same.row.rival != claim.row.rival
    {
        let _ = write!(text, " {best}");
    }
    text
}

/// A value with as many digits as tell it from its limit.
fn beside(limit: Limit, value: f64) -> String {
    let text = number(value);
    if text == number(limit.number()) {
        format!("{value:.3}")
    } else {
        text
    }
}

/// The medians and spreads of a chart: one row for each line of the chart.
pub(crate) fn figures(chart: &Chart, data: &Data) -> Result<String, String> {
    let places = chart.places(data)?;
    let mut text = format!("| {} |", chart.unit);
    for (_, shown) in &places {
        let _ = write!(text, " {shown} |");
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(places.len()));
    for line in chart.lines(data) {
        let _ = write!(text, "| {line} |");
        for (at, _) in &places {
            let point = data
                .points_of(chart.name)
                .find(|point| point.line == line && point.at == *at);
            let _ = write!(text, " {} |", point.map_or_else(String::new, cell));
        }
        text.push('\n');
    }
    Ok(text)
}

/// The median, and below it the least and the 75th percentile.
fn cell(point: &Point) -> String {
    format!(
        "{}<br><sub>{} … {}</sub>",
        number(point.median),
        number(point.least),
        number(point.upper)
    )
}

/// A time with its unit, in three digits, without trailing zeros.
pub(crate) fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        nanos if nanos >= 999_500.0 => (nanos / 1e6, "ms"),
        nanos if nanos >= 999.5 => (nanos / 1e3, "µs"),
        nanos => (nanos, "ns"),
    };
    let digits = number(value);
    let digits = match digits.split_once('.') {
        Some(_) => digits.trim_end_matches('0').trim_end_matches('.'),
        None => &digits,
    };
    format!("{digits} {unit}")
}

/// A number in three digits, or in more if it has more before the point.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let Some(start) = text
        .len()
        .checked_sub(3)
        .filter(|_| digits == 0 && value >= 1000.0)
    else {
        return text;
    };
    // No measured time needs a second comma.
    format!("{},{}", &text[..start], &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_use_the_unit_that_prints_shortest() {
        let all = [0.0, 0.5, 20.0, 3.904, 999.7, 11_890.0, 2e6].map(time);
        assert_eq!(
            all,
            [
                "0 ns", "0.5 ns", "20 ns", "3.9 ns", "1 µs", "11.9 µs", "2 ms"
            ]
        );
    }

    #[test]
    fn value_at_its_limit_has_another_digit() {
        let all = [0.4961, 0.5, 0.504, 0.51].map(|value| beside(Limit::AtMost(0.5), value));
        assert_eq!(all, ["0.496", "0.500", "0.504", "0.51"]);
    }

    #[test]
    fn numbers_have_three_digits() {
        let all = [0.0412, 1.0, 9.994, 9.996, 42.34, 99.96, 846.2, 12_345.6].map(number);
        assert_eq!(
            all,
            [
                "0.04", "1.00", "9.99", "10.0", "42.3", "100", "846", "12,346"
            ]
        );
    }
}
