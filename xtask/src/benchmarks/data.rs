//! What was measured: kept as tables with tabs, below a head that says what the columns mean.

use std::fmt::Write as _;

use super::charts::CHARTS;
use super::fields::table;
use super::{FOLDER, points_path};
use crate::ci::write_file;
use crate::workspace::Workspace;

/// A claim and what was measured for it.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) by_minima: f64,
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
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) chart: String,
    pub(crate) line: String,
    /// The place on the axis.
    pub(crate) at: String,
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
    pub(crate) date: String,
}

/// Everything.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Data {
    pub(crate) machine: Vec<(String, String)>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) points: Vec<Point>,
}

const WRITTEN: &str = "# Written by `cargo xtask benchmarks --measure`.\n";
const MACHINE: &str = "what\tvalue";
const CLAIMS: &str =
    "question\trival\tsense\tlimit\tunit\tmeasured\tby minima\tleast\tmost\tnote\tdate";
const CLAIMS_HEAD: &str = "\
# unit: x, framepool's time as a multiple of the rival's; ns, nanoseconds. measured: of the medians; by minima: of the
# shortest repetitions; least, most: of single repetitions. Four times - stand for what was not measured.
";
const POINTS: &str = "line\tat\tleast\tmedian\tupper\tdate";
const POINTS_HEAD: &str = "\
# least, median, upper: nanoseconds per operation; upper is what three quarters of the repetitions stayed below.
";

impl Data {
    /// Reads what [`save`](Self::save) wrote.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self, String> {
        let read = |path: &str| {
            workspace
                .read(path)
                .map_err(|error| format!("{error}; `cargo xtask benchmarks --measure` writes it"))
        };
        let mut data = Self::default();
        let path = format!("{FOLDER}/machine.tsv");
        data.read_machine(&read(&path)?)
            .map_err(|error| format!("{path}: {error}"))?;
        let path = format!("{FOLDER}/claims.tsv");
        data.read_claims(&read(&path)?)
            .map_err(|error| format!("{path}: {error}"))?;
        for chart in CHARTS {
            let path = points_path(chart);
            data.read_points(chart.name, &read(&path)?)
                .map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(data)
    }

    /// Writes all files.
    pub(crate) fn save(&self, workspace: &Workspace) -> Result<(), String> {
        let write = |path: &str, text: &str| {
            write_file(&workspace.root.join(path), text)?;
            println!("wrote {path}");
            Ok::<(), String>(())
        };
        write(&format!("{FOLDER}/machine.tsv"), &self.machine_text())?;
        write(&format!("{FOLDER}/claims.tsv"), &self.claims_text())?;
        for chart in CHARTS {
            write(&points_path(chart), &self.points_text(chart.name, chart.at))?;
        }
        Ok(())
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

    fn machine_text(&self) -> String {
        let mut text = format!("{WRITTEN}{MACHINE}\n");
        for (what, value) in &self.machine {
            let _ = writeln!(text, "{what}\t{value}");
        }
        text
    }

    fn read_machine(&mut self, text: &str) -> Result<(), String> {
        for fields in table(text, MACHINE)? {
            let [what, value] = fields.fields()?;
            self.machine.push((what.to_owned(), value.to_owned()));
        }
        Ok(())
    }

    fn claims_text(&self) -> String {
        let mut text = format!("{WRITTEN}{CLAIMS_HEAD}{CLAIMS}\n");
        for claim in &self.claims {
            let Claim {
                question,
                rival,
                sense,
                limit,
                unit,
                measured,
                note,
                date,
            } = claim;
            let numbers = measured.map_or("-\t-\t-\t-".to_owned(), |measured| {
                let Measured {
                    value,
                    by_minima,
                    least,
                    most,
                } = measured;
                format!("{value}\t{by_minima}\t{least}\t{most}")
            });
            let _ = writeln!(
                text,
                "{question}\t{rival}\t{sense}\t{limit}\t{unit}\t{numbers}\t{note}\t{date}"
            );
        }
        text
    }

    fn read_claims(&mut self, text: &str) -> Result<(), String> {
        for line in table(text, CLAIMS)? {
            let [
                question,
                rival,
                sense,
                limit,
                unit,
                value,
                by_minima,
                least,
                most,
                note,
                date,
            ] = line.fields()?;
            let measured = match value {
                "-" => None,
                value => Some(Measured {
                    value: line.number(value)?,
                    by_minima: line.number(by_minima)?,
                    least: line.number(least)?,
                    most: line.number(most)?,
                }),
            };
            self.claims.push(Claim {
                question: question.to_owned(),
                rival: rival.to_owned(),
                sense: sense.to_owned(),
                limit: line.number(limit)?,
                unit: unit.to_owned(),
                measured,
                note: note.to_owned(),
                date: date.to_owned(),
            });
        }
        Ok(())
    }

    /// `at` says what the places of the chart are.
    fn points_text(&self, chart: &str, at: &str) -> String {
        let mut text = format!("{WRITTEN}# at: {at}.\n{POINTS_HEAD}{POINTS}\n");
        for point in self.points_of(chart) {
            let Point {
                chart: _,
                line,
                at,
                least,
                median,
                upper,
                date,
            } = point;
            let _ = writeln!(text, "{line}\t{at}\t{least}\t{median}\t{upper}\t{date}");
        }
        text
    }

    fn read_points(&mut self, chart: &str, text: &str) -> Result<(), String> {
        for row in table(text, POINTS)? {
            let [line, at, least, median, upper, date] = row.fields()?;
            self.points.push(Point {
                chart: chart.to_owned(),
                line: line.to_owned(),
                at: at.to_owned(),
                least: row.number(least)?,
                median: row.number(median)?,
                upper: row.number(upper)?,
                date: date.to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(question: &str, rival: &str, value: Option<f64>) -> Claim {
        Claim {
            question: question.to_owned(),
            rival: rival.to_owned(),
            sense: "at most".to_owned(),
            limit: 0.65,
            unit: "x".to_owned(),
            measured: value.map(|value| Measured {
                value,
                by_minima: 0.5,
                least: 0.25,
                most: 1.0,
            }),
            note: "3.20 against 4.90 ns".to_owned(),
            date: "2026-01-02".to_owned(),
        }
    }

    fn point(line: &str, at: &str, median: f64) -> Point {
        Point {
            chart: CHARTS[0].name.to_owned(),
            line: line.to_owned(),
            at: at.to_owned(),
            least: 1.0,
            median,
            upper: 3.5,
            date: "2026-01-02".to_owned(),
        }
    }

    fn some() -> Data {
        Data {
            machine: vec![
                ("processor".to_owned(), "a".to_owned()),
                ("date".to_owned(), "2026-01-02".to_owned()),
            ],
            claims: vec![
                claim("q", "r", Some(0.5)),
                claim("q", "s", None),
                claim("t", "r", Some(0.75)),
            ],
            points: vec![point("framepool", "64", 2.0), point("glibc", "64", 3.0)],
        }
    }

    #[test]
    fn data_survive_writing_and_reading() {
        let data = some();
        let mut again = Data::default();
        again.read_machine(&data.machine_text()).expect("machine");
        again.read_claims(&data.claims_text()).expect("claims");
        let points = data.points_text(CHARTS[0].name, "bytes");
        again.read_points(CHARTS[0].name, &points).expect("points");
        assert_eq!(again, data);
    }

    #[test]
    fn damaged_tables_are_refused_with_their_line() {
        let mut data = Data::default();
        let short = format!("# head\n{POINTS}\nframepool\t64\n");
        let error = data.read_points("x", &short).expect_err("two fields");
        assert_eq!(error, "line 3: 2 fields and not 6");
        let wrong = format!("{POINTS}\nframepool\t64\t1\tNaN\t2\t2026-01-02\n");
        let error = data.read_points("x", &wrong).expect_err("no number");
        assert_eq!(error, "line 2: `NaN` is no number");
        assert!(data.read_points("x", "other\tcolumns\n").is_err());
    }

    #[test]
    fn new_measurement_replaces_the_old_one() {
        let mut data = some();
        let fresh = Data {
            machine: vec![
                ("processor".to_owned(), "a".to_owned()),
                ("date".to_owned(), "2026-02-03".to_owned()),
            ],
            claims: vec![
                claim("q", "another rival", Some(0.25)),
                claim("u", "r", None),
            ],
            points: vec![point("glibc", "64", 4.0), point("glibc", "128", 5.0)],
        };
        data.replace(fresh).expect("the same machine");
        let claims: Vec<_> = data
            .claims
            .iter()
            .map(|claim| (claim.question.as_str(), claim.rival.as_str()))
            .collect();
        assert_eq!(claims, [("q", "another rival"), ("t", "r"), ("u", "r")]);
        let medians: Vec<_> = data.points.iter().map(|point| point.median).collect();
        assert_eq!(medians, [2.0, 4.0, 5.0]);
    }

    #[test]
    fn data_of_two_machines_are_not_mixed() {
        let mut data = some();
        let fresh = Data {
            machine: vec![("processor".to_owned(), "b".to_owned())],
            ..Data::default()
        };
        assert!(data.replace(fresh).is_err());
    }

    #[test]
    fn a_claim_holds_in_its_own_sense() {
        let mut claim = claim("q", "r", Some(0.65));
        assert_eq!(claim.holds(), Some(true));
        claim.limit = 0.6;
        assert_eq!(claim.holds(), Some(false));
        claim.sense = "at least".to_owned();
        assert_eq!(claim.holds(), Some(true));
        claim.measured = None;
        assert_eq!(claim.holds(), None);
    }
}
