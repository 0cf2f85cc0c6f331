//! What was measured: lines of JSON, as `contest --data` prints them. Each is a part of the whole.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::DATA;
use crate::workspace::Workspace;

/// A claim and what was measured for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) question: String,
    pub(crate) rival: String,
    /// `at most` or `at least`.
    pub(crate) sense: String,
    pub(crate) limit: f64,
    /// `x`, times the rival, or `ns`.
    pub(crate) unit: String,
    pub(crate) measured: Option<Measured>,
    /// What the two sides took, or why nothing was measured.
    pub(crate) note: String,
    pub(crate) date: String,
}

/// The numbers of a claim, in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Of the medians.
    pub(crate) value: f64,
    /// Of the shortest repetitions.
    pub(crate) by_minima: f64,
    /// Of single repetitions.
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Claim {
    /// Whether it holds, if it was measured.
    pub(crate) fn holds(&self) -> Option<bool> {
        let value = self.measured?.value;
        Some(match self.sense.as_str() {
            "at least" => value >= self.limit,
            _ => value <= self.limit,
        })
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
    /// What three quarters of the repetitions stayed below.
    pub(crate) upper: f64,
    pub(crate) date: String,
}

/// Everything.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Data {
    /// What it was measured on: names and values.
    pub(crate) machine: Vec<(String, String)>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) points: Vec<Point>,
}

impl Data {
    /// Reads what [`save`](Self::save) wrote.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self, String> {
        Self::read(&workspace.read(DATA)?).map_err(|error| {
            format!("{DATA}: {error}; `cargo xtask benchmarks --measure` writes it")
        })
    }

    /// Writes a line for the machine, for each claim and for each point.
    pub(crate) fn save(&self, workspace: &Workspace) -> Result<(), String> {
        let mut parts = vec![json!({ "machine": self.machine })];
        parts.extend(self.claims.iter().map(|claim| json!({ "claims": [claim] })));
        parts.extend(self.points.iter().map(|point| json!({ "points": [point] })));
        workspace.write(DATA, &lines(&parts))
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

    /// What is known of the machine under this name.
    pub(crate) fn machine(&self, what: &str) -> &str {
        let found = self.machine.iter().find(|(name, _)| name == what);
        found.map_or("unknown", |(_, value)| value)
    }

    /// The points of one chart, in their order.
    pub(crate) fn points_of<'d>(&'d self, chart: &'d str) -> impl Iterator<Item = &'d Point> {
        self.points.iter().filter(move |point| point.chart == chart)
    }

    /// Takes over what was measured anew. All that a question said before goes, and what is new takes its place.
    pub(crate) fn replace(&mut self, fresh: Self) -> Result<(), String> {
        for (what, now) in &fresh.machine {
            let before = self.machine(what);
            if what != "date" && before != now {
                return Err(format!(
                    "the data are from another machine ({what}: {before}, here {now}); measure everything here"
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

fn lines(parts: &[Value]) -> String {
    parts
        .iter()
        .fold(String::new(), |text, part| text + &part.to_string() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the contest prints it: a part for the machine, and one for each question.
    fn parts(processor: &str, claims: &[(&str, &str)], points: &[(&str, f64)]) -> Data {
        let mut parts = vec![json!({"machine": [["processor", processor], ["date", "d"]]})];
        for (question, rival) in claims {
            let measured = json!({"value": 0.65, "by_minima": 0.5, "least": 0.25, "most": 1.0});
            parts.push(json!({"claims": [{
                "question": question, "rival": rival, "sense": "at most", "limit": 0.65, "unit": "x",
                "measured": measured, "note": "", "date": "d",
            }]}));
        }
        for (at, median) in points {
            parts.push(json!({"points": [{
                "chart": "c", "line": "l", "at": at, "least": 1.0, "median": median, "upper": 9.0, "date": "d",
            }]}));
        }
        Data::read(&lines(&parts)).expect("good parts")
    }

    #[test]
    fn new_measurement_replaces_the_old_one() {
        let mut data = parts(
            "a",
            &[("q", "r"), ("q", "s"), ("t", "r")],
            &[("64", 2.0), ("128", 3.0)],
        );
        let fresh = parts(
            "a",
            &[("q", "another"), ("u", "r")],
            &[("128", 4.0), ("256", 5.0)],
        );
        data.replace(fresh).expect("the same machine");
        let claims: Vec<_> = data
            .claims
            .iter()
            .map(|claim| (claim.question.as_str(), claim.rival.as_str()))
            .collect();
        assert_eq!(claims, [("q", "another"), ("t", "r"), ("u", "r")]);
        let medians: Vec<_> = data.points.iter().map(|point| point.median).collect();
        assert_eq!(medians, [2.0, 4.0, 5.0]);
    }

    #[test]
    fn data_of_two_machines_are_not_mixed() {
        let mut data = parts("a", &[], &[]);
        assert!(data.replace(parts("b", &[], &[])).is_err());
    }

    #[test]
    fn damaged_parts_are_refused() {
        assert!(Data::read("warning: something").is_err());
        assert!(Data::read(r#"{"claims": [{"question": "q"}]}"#).is_err());
        assert!(Data::read(r#"{"clams": []}"#).is_err());
    }

    #[test]
    fn a_claim_holds_in_its_own_sense() {
        let mut claim = parts("a", &[("q", "r")], &[]).claims.remove(0);
        assert_eq!(claim.holds(), Some(true));
        claim.limit = 0.6;
        assert_eq!(claim.holds(), Some(false));
        claim.sense = "at least".to_owned();
        assert_eq!(claim.holds(), Some(true));
        claim.measured = None;
        assert_eq!(claim.holds(), None);
    }
}
