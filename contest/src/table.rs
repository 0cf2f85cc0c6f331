//! The table: one row per claim, with the measured value and whether the claim holds.

use serde::{Deserialize, Serialize};

use crate::measure::Measured;

/// The limit of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Limit {
    /// At most this many times the rival's value.
    #[serde(rename = "at most")]
    AtMost(f64),
    /// At least this many times the rival's value.
    #[serde(rename = "at least")]
    AtLeast(f64),
    /// At most this many nanoseconds.
    #[serde(rename = "nanoseconds, at most")]
    Nanos(f64),
}

/// A claim and its measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) rival: String,
    pub(crate) limit: Limit,
    pub(crate) measured: Option<Measured>,
    /// The values of both sides, or the reason why nothing was measured.
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(rival: impl Into<String>, limit: Limit, measured: Measured) -> Self {
        Self {
            rival: rival.into(),
            limit,
            measured: Some(measured),
            note: String::new(),
        }
    }

    pub(crate) fn unmeasured(rival: &str, limit: Limit, why: impl Into<String>) -> Self {
        Self {
            rival: rival.to_owned(),
            limit,
            measured: None,
            note: why.into(),
        }
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether the claim holds, if it was measured.
    pub(crate) fn holds(&self) -> Option<bool> {
        Some(self.limit.allows(self.measured?.value))
    }
}

impl Limit {
    pub(crate) fn allows(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) | Self::Nanos(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::AtMost(_) | Self::AtLeast(_) => "×",
            Self::Nanos(_) => "ns",
        }
    }

    pub(crate) fn sense(self) -> char {
        match self {
            Self::AtLeast(_) => '≥',
            Self::AtMost(_) | Self::Nanos(_) => '≤',
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
        let (sense, number, unit) = (row.limit.sense(), row.limit.number(), row.limit.unit());
        let limit = format!("{sense} {number} {unit}");
        let verdict = match row.holds() {
            Some(true) => "ok",
            Some(false) => "FAIL",
            None => "not measured",
        };
        let numbers = row.measured.map_or_else(String::new, |measured| {
            let (least, most) = measured.spread;
            let spread = format!("{least:.3}..{most:.3}");
            format!(
                "{:>8.3} {unit:<2} {:>10.3} {spread:>19}",
                measured.value, measured.by_minima
            )
        });
        println!(
            "{question:<44} {:<30} {limit:>9} {numbers:>42}  {verdict:<4}  {}",
            row.rival, row.note
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_in_its_own_sense() {
        let measured = Measured {
            value: 0.65,
            by_minima: 0.5,
            spread: (0.25, 1.0),
        };
        let mut row = Row::new("r", Limit::AtMost(0.65), measured);
        assert_eq!(row.holds(), Some(true));
        row.limit = Limit::AtMost(0.6);
        assert_eq!(row.holds(), Some(false));
        row.limit = Limit::AtLeast(0.6);
        assert_eq!(row.holds(), Some(true));
        row.measured = None;
        assert_eq!(row.holds(), None);
    }
}
