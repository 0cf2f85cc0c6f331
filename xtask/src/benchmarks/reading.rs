//! What `contest --data` prints, read.

use super::charts::CHARTS;
use super::data::{Claim, Data, Measured, Point};
use super::fields::Line;

/// All of it; contest/src/data.rs says what the lines are.
pub(crate) fn read(text: &str) -> Result<Data, String> {
    let mut data = Data::default();
    let mut question = "";
    for (at, text) in text.lines().enumerate() {
        let line = Line {
            number: at + 1,
            text,
        };
        let date = || data.machine("date").to_owned();
        match text.split('\t').next() {
            Some("machine") => {
                let [_, what, value] = line.fields()?;
                data.machine.push((what.to_owned(), value.to_owned()));
            }
            Some("question") => [_, question] = line.fields()?,
            Some("row") => {
                let [
                    _,
                    rival,
                    sense,
                    limit,
                    unit,
                    value,
                    by_minima,
                    least,
                    most,
                    note,
                ] = line.fields()?;
                let measured = Measured {
                    value: line.number(value)?,
                    by_minima: line.number(by_minima)?,
                    least: line.number(least)?,
                    most: line.number(most)?,
                };
                data.claims.push(Claim {
                    question: question.to_owned(),
                    rival: rival.to_owned(),
                    sense: sense.to_owned(),
                    limit: line.number(limit)?,
                    unit: unit.to_owned(),
                    measured: Some(measured),
                    note: note.to_owned(),
                    date: date(),
                });
            }
            Some("unmeasured") => {
                let [_, rival, sense, limit, unit, why] = line.fields()?;
                data.claims.push(Claim {
                    question: question.to_owned(),
                    rival: rival.to_owned(),
                    sense: sense.to_owned(),
                    limit: line.number(limit)?,
                    unit: unit.to_owned(),
                    measured: None,
                    note: why.to_owned(),
                    date: date(),
                });
            }
            Some("point") => {
                let [_, chart, name, at, least, median, upper] = line.fields()?;
                if CHARTS.iter().all(|known| known.name != chart) {
                    return Err(format!("line {}: no chart `{chart}`", line.number));
                }
                data.points.push(Point {
                    chart: chart.to_owned(),
                    line: name.to_owned(),
                    at: at.to_owned(),
                    least: line.number(least)?,
                    median: line.number(median)?,
                    upper: line.number(upper)?,
                    date: date(),
                });
            }
            _ => return Err(format!("contest: line {} is unknown: {text}", line.number)),
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let text = format!(
            "machine\tdate\t2026-01-02\n\
             question\tq\n\
             row\tr\tat most\t0.65\tx\t0.5\t0.4\t0.3\t0.7\tn\n\
             unmeasured\ts\tat least\t1.8\tx\twhy\n\
             point\t{}\tframepool\t64\t1\t2\t3\n",
            CHARTS[0].name
        );
        let data = read(&text).expect("good lines");
        assert_eq!(data.claims[0].question, "q");
        assert_eq!(data.claims[0].holds(), Some(true));
        assert_eq!(data.claims[1].note, "why");
        assert_eq!(data.points[0].date, "2026-01-02");
    }

    #[test]
    fn unknown_line_and_unknown_chart_are_refused() {
        assert!(read("warning: something\n").is_err());
        assert!(read("point\tno such chart\ta\tb\t1\t2\t3\n").is_err());
        assert!(read("row\ttoo\tshort\n").is_err());
    }
}
