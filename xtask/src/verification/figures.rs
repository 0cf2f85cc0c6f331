//! What a run of the checks printed: how much each explored, and how long it took.
//!
//! A check that explores prints one line that begins `N executions in T` (or schedules, or runs), with T as `1.2s` or `340ms`. The
//! test harness, told to show the output of passed tests, puts the test's name above it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Names the figure of a method's whole run.
pub(crate) const WHOLE: &str = "*";

/// How much a check explored and how long that took.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) number: u64,
    /// What was counted: executions, schedules, runs, tests.
    pub(crate) unit: String,
    pub(crate) seconds: f64,
}

/// Figures by method and test.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Figures(BTreeMap<(String, String), Figure>);

impl Figures {
    /// Reads what [`Figures::to_text`] wrote.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let mut figures = Self::default();
        for (at, line) in text.lines().enumerate().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [method, test, number, unit, seconds] = fields[..] else {
                return Err(format!("line {}: {} fields", at + 1, fields.len()));
            };
            let number = number.parse().map_err(|_| format!("line {}", at + 1))?;
            let seconds = seconds.parse().map_err(|_| format!("line {}", at + 1))?;
            let unit = unit.to_owned();
            figures.insert(
                method,
                test,
                Figure {
                    number,
                    unit,
                    seconds,
                },
            );
        }
        Ok(figures)
    }

    /// A table with tabs, one figure a line.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from("method\ttest\tnumber\tunit\tseconds\n");
        for ((method, test), figure) in &self.0 {
            let Figure {
                number,
                unit,
                seconds,
            } = figure;
            let _ = writeln!(text, "{method}\t{test}\t{number}\t{unit}\t{seconds}");
        }
        text
    }

    pub(crate) fn insert(&mut self, method: &str, test: &str, figure: Figure) {
        self.0.insert((method.to_owned(), test.to_owned()), figure);
    }

    pub(crate) fn get(&self, method: &str, test: &str) -> Option<&Figure> {
        self.0.get(&(method.to_owned(), test.to_owned()))
    }

    /// The tests of a method that have a figure.
    pub(crate) fn tests_of<'f>(&'f self, method: &'f str) -> impl Iterator<Item = &'f str> {
        let all = self.0.keys().filter(move |(of, _)| of == method);
        all.map(|(_, test)| test.as_str())
    }

    /// Forgets what is known of a method, before it is measured anew.
    pub(crate) fn forget(&mut self, method: &str) {
        self.0.retain(|(of, _), _| of != method);
    }
}

/// Reads figures from the output of `cargo test … -- --show-output`, line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    test: Option<String>,
    /// By the test's own name, without the modules around it.
    pub(crate) found: Vec<(String, Figure)>,
    /// Passed tests and seconds of all suites together.
    pub(crate) passed: u64,
    pub(crate) seconds: f64,
}

impl Reader {
    /// All that ran.
    pub(crate) fn whole(&self) -> Figure {
        Figure {
            number: self.passed,
            unit: "tests".to_owned(),
            seconds: self.seconds,
        }
    }

    /// Reads one line.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("---- ") {
            let name = rest.strip_suffix(" stdout ----");
            self.test = name.map(|name| name.rsplit("::").next().unwrap_or(name).to_owned());
        } else if let Some(rest) = line.strip_prefix("test result: ok. ") {
            let passed = rest.split_once(" passed").and_then(|(n, _)| n.parse().ok());
            let time = rest.rsplit_once("finished in ").and_then(|(_, t)| time(t));
            self.passed += passed.unwrap_or(0_u64);
            self.seconds += time.unwrap_or(0.0);
            self.test = None;
        } else if let (Some(test), Some(figure)) = (&self.test, figure(line)) {
            self.found.push((test.clone(), figure));
        }
    }
}

/// A line `214 executions in 1.2s`.
fn figure(line: &str) -> Option<Figure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [number, unit, "in", taken, ..] = words[..] else {
        return None;
    };
    let taken = taken.trim_end_matches(',');
    Some(Figure {
        number: number.replace(',', "").parse().ok()?,
        unit: unit.to_owned(),
        seconds: time(taken)?,
    })
}

/// A time as `Duration` prints it, in seconds.
fn time(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_alphabetic() || c == 'µ')?;
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// Seconds in a form that is read at a glance.
pub(crate) fn brief(seconds: f64) -> String {
    if seconds >= 99.5 {
        format!(
            "{:.0} min {:02.0} s",
            (seconds / 60.0).floor(),
            seconds % 60.0
        )
    } else if seconds >= 9.95 {
        format!("{seconds:.0} s")
    } else if seconds >= 0.095 {
        format!("{seconds:.1} s")
    } else {
        "below 0.1 s".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_harness() {
        let mut reader = Reader::default();
        for line in "\
running 2 tests
12 executions in 1.0s
test slots::a ... ok
successes:
---- slots::a stdout ----
2423 executions in 340.5ms
---- b stdout ----
some words in between
7 schedules in 2.0s, fixed seed

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.41s
"
        .lines()
        {
            reader.read(line);
        }
        let names: Vec<_> = reader
            .found
            .iter()
            .map(|(test, figure)| (test.as_str(), figure.number, figure.unit.as_str()))
            .collect();
        assert_eq!(names, [("a", 2423, "executions"), ("b", 7, "schedules")]);
        assert!((reader.found[0].1.seconds - 0.3405).abs() < 1e-9);
        assert_eq!(reader.passed, 2);
        assert!((reader.seconds - 2.41).abs() < 1e-9);
    }

    #[test]
    fn figures_survive_writing_and_reading() {
        let mut figures = Figures::default();
        let figure = Figure {
            number: 3,
            unit: "runs".to_owned(),
            seconds: 0.25,
        };
        figures.insert("fuzz", "trace", figure.clone());
        let again = Figures::from_text(&figures.to_text()).expect("its own text");
        assert_eq!(again, figures);
        assert_eq!(again.get("fuzz", "trace"), Some(&figure));
        assert!(Figures::from_text("head\nonly\ttwo\n").is_err());
    }

    #[test]
    fn times_are_brief() {
        let all = [0.004, 0.1, 9.4, 17.3, 133.0].map(brief);
        assert_eq!(all, ["below 0.1 s", "0.1 s", "9.4 s", "17 s", "2 min 13 s"]);
    }
}
