//! The kept results: lines of JSON, each with a part of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::machine;
use crate::measure::Measured;
use crate::rows::Answer;
use crate::table::Row;

/// A claim with its question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) question: String,
    #[serde(flatten)]
    pub(crate) row: Row,
    pub(crate) date: String,
}

impl Claim {
    /// The rival, or `best of 3`.
    fn kind(&self) -> Option<&str> {
        self.row.rival.split(':').next()
    }
}

/// A point of a chart, in nanoseconds per operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) chart: String,
    pub(crate) line: String,
    /// The place on the axis.
    pub(crate) at: String,
    pub(crate) least: f64,
    pub(crate) median: f64,
    /// The 75th percentile.
    pub(crate) upper: f64,
    pub(crate) date: String,
}

/// All results.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Data {
    /// The machine: names and values.
    pub(crate) machine: Vec<(String, String)>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) points: Vec<Point>,
}

impl Data {
    /// No results yet, from this machine.
    pub(crate) fn of_this_machine() -> Self {
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        Self {
            machine: machine::describe().into_iter().map(named).collect(),
            ..Self::default()
        }
    }

    /// Adds the answer to a question.
    pub(crate) fn add(&mut self, question: &str, answer: Answer) {
        let date = self.machine("date").to_owned();
        self.claims.extend(answer.rows.into_iter().map(|row| Claim {
            question: question.to_owned(),
            row: Row {
                measured: row.measured.map(Measured::rounded),
                ..row
            },
            date: date.clone(),
        }));
        self.points
            .extend(answer.points.into_iter().map(|point| Point {
                date: date.clone(),
                ..point
            }));
    }

    /// The text: a line for the machine, for each claim and for each point.
    pub(crate) fn lines(&self) -> String {
        let mut parts = vec![json!({ "machine": self.machine })];
        parts.extend(self.claims.iter().map(|claim| json!({ "claims": [claim] })));
        parts.extend(self.points.iter().map(|point| json!({ "points": [point] })));
        let line = |part: &Value| part.to_string() + "\n";
        parts.iter().map(line).collect()
    }

    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for part in serde_json::Deserializer::from_str(text).into_iter::<Self>() {
            let part = part.map_err(|error| error.to_string())?;
            all.machine.extend(part.machine);
            all.claims.extend(part.claims);
            all.points.extend(part.points);
        }
        Ok(all)
    }

    /// The value of the machine under this name.
    pub(crate) fn machine(&self, what: &str) -> &str {
        let found = self.machine.iter().find(|(name, _)| name == what);
        found.map_or("unknown", |(_, value)| value)
    }

    /// The same claim in these data: of the same question, against the same rival. The best of several rivals may differ.
    pub(crate) fn same(&self, claim: &Claim) -> Option<&Claim> {
        let is_same = |it: &&Claim| it.question == claim.question && it.kind() == claim.kind();
        self.claims.iter().find(is_same)
    }

    /// Whether a claim with its present limit holds in these data.
    pub(crate) fn holds(&self, claim: &Claim) -> Option<bool> {
        let measured = self.same(claim)?.row.measured?;
        Some(claim.row.limit.allows(measured.value))
    }

    /// The points of one chart, in their order.
    pub(crate) fn points_of<'d>(&'d self, chart: &'d str) -> impl Iterator<Item = &'d Point> {
        self.points.iter().filter(move |point| point.chart == chart)
    }

    /// Replaces the earlier answers to the same questions by new ones.
    pub(crate) fn replace(&mut self, fresh: Self) -> Result<(), String> {
        for (what, now) in &fresh.machine {
            let before = self.machine(what);
            if what != "date" && before != now {
                return Err(format!(
                    "the kept data are from another machine ({what}: {before}, here {now}); measure all questions here"
                ));
            }
        }
        for rows in fresh.claims.chunk_by(|a, b| a.question == b.question) {
            let same = |known: &Claim| known.question == rows[0].question;
            let place = self.claims.iter().position(same);
            let place = place.unwrap_or(self.claims.len());
            self.claims.retain(|known| !same(known));
            self.claims.splice(place..place, rows.iter().cloned());
        }
        for point in fresh.points {
            let same = |known: &&mut Point| {
                (&known.chart, &known.line, &known.at) == (&point.chart, &point.line, &point.at)
            };
            match self.points.iter_mut().find(same) {
                Some(known) => *known = point,
                None => self.points.push(point),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Limit;

    fn data(processor: &str, claims: &[(&str, &str)], points: &[(&str, f64)]) -> Data {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut data = Data {
            machine: vec![named("processor", processor), named("date", "d")],
            ..Data::default()
        };
        for (question, rival) in claims {
            let row = Row::unmeasured(rival, Limit::AtMost(0.65), "why");
            let rows = vec![row];
            data.add(
                question,
                Answer {
                    rows,
                    points: Vec::new(),
                },
            );
        }
        let point = |&(at, median): &(&str, f64)| Point {
            chart: "c".to_owned(),
            line: "l".to_owned(),
            at: at.to_owned(),
            least: 1.0,
            median,
            upper: 9.0,
            date: String::new(),
        };
        let points = points.iter().map(point).collect();
        data.add(
            "chart",
            Answer {
                rows: Vec::new(),
                points,
            },
        );
        data
    }

    #[test]
    fn new_measurement_replaces_the_old_one() {
        let mut known = data(
            "a",
            &[("q", "r"), ("q", "s"), ("t", "r")],
            &[("64", 2.0), ("128", 3.0)],
        );
        let fresh = data(
            "a",
            &[("q", "another"), ("u", "r")],
            &[("128", 4.0), ("256", 5.0)],
        );
        known.replace(fresh).expect("the same machine");
        let claims: Vec<_> = known
            .claims
            .iter()
            .map(|claim| (claim.question.as_str(), claim.row.rival.as_str()))
            .collect();
        assert_eq!(claims, [("q", "another"), ("t", "r"), ("u", "r")]);
        let medians: Vec<_> = known.points.iter().map(|point| point.median).collect();
        assert_eq!(medians, [2.0, 4.0, 5.0]);
    }

    #[test]
    fn data_of_two_machines_are_not_mixed() {
        let mut known = data("a", &[], &[]);
        assert!(known.replace(data("b", &[], &[])).is_err());
    }

    #[test]
    fn damaged_parts_are_refused() {
        assert!(Data::read("warning: something").is_err());
        assert!(Data::read(r#"{"claims": [{"question": "q"}]}"#).is_err());
        assert!(Data::read(r#"{"clams": []}"#).is_err());
    }

    #[test]
    fn data_are_read_as_they_were_written() {
        let known = data("a", &[("q", "r")], &[("64", 2.0)]);
        assert_eq!(Data::read(&known.lines()), Ok(known));
    }
}
