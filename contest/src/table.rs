//! The table: one line per claim, with what was measured and whether it holds.

use crate::measure::Measured;

/// What a claim allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// Times the rival, at most.
    AtMost(f64),
    /// Times the rival, at least.
    AtLeast(f64),
    /// Nanoseconds, at most.
    Nanos(f64),
}

/// One claim and what was measured for it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) rival: String,
    pub(crate) limit: Limit,
    /// What was measured, or why nothing was.
    pub(crate) measured: Result<Measured, String>,
    /// What the two sides took, where that says something.
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(rival: impl Into<String>, limit: Limit, measured: Measured) -> Self {
        Self {
            rival: rival.into(),
            limit,
            measured: Ok(measured),
            note: String::new(),
        }
    }

    pub(crate) fn unmeasured(rival: &str, limit: Limit, why: impl Into<String>) -> Self {
        Self {
            rival: rival.to_owned(),
            limit,
            measured: Err(why.into()),
            note: String::new(),
        }
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether it was measured and does not hold.
    pub(crate) fn failed(&self) -> bool {
        let Ok(measured) = &self.measured else {
            return false;
        };
        !match self.limit {
            Limit::AtMost(limit) | Limit::Nanos(limit) => measured.value <= limit,
            Limit::AtLeast(limit) => measured.value >= limit,
        }
    }

    fn verdict(&self) -> &'static str {
        match (&self.measured, self.failed()) {
            (Err(_), _) => "not measured",
            (Ok(_), true) => "FAIL",
            (Ok(_), false) => "ok",
        }
    }
}

impl Limit {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::AtMost(_) | Self::AtLeast(_) => "x",
            Self::Nanos(_) => "ns",
        }
    }

    fn show(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit:.2} x"),
            Self::AtLeast(limit) => format!("≥ {limit:.2} x"),
            Self::Nanos(limit) => format!("≤ {limit:.0} ns"),
        }
    }

    pub(crate) fn number(self) -> f64 {
        let (Self::AtMost(limit) | Self::AtLeast(limit) | Self::Nanos(limit)) = self;
        limit
    }
}

pub(crate) fn print_head() {
    println!(
        "{:<44} {:<30} {:>9} {:>11} {:>10} {:>19}  verdict",
        "question", "rival", "limit", "measured", "by minima", "spread"
    );
}

pub(crate) fn print(question: &str, rows: &[Row]) {
    for row in rows {
        let unit = row.limit.unit();
        print!("{question:<44} {:<30} {:>9} ", row.rival, row.limit.show());
        match &row.measured {
            Ok(measured) => {
                let (least, most) = measured.spread;
                println!(
                    "{:>8.3} {unit:<2} {:>10.3} {:>19}  {:<4}  {}",
                    measured.value,
                    measured.by_minima,
                    format!("{least:.3}..{most:.3}"),
                    row.verdict(),
                    row.note
                );
            }
            Err(why) => println!("{:>42}  {}: {why}", "", row.verdict()),
        }
    }
}
