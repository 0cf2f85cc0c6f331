//! A measured number: median, minimum and maximum over the rounds.

use std::fmt;

use serde::Serialize;

/// Median, minimum and maximum of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of these measurements; `None` if there are none.
    pub(crate) fn of(measured: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = measured.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let upper = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[upper]
        } else {
            f64::midpoint(sorted[upper - 1], sorted[upper])
        };
        Some(Self { median, min, max })
    }
}

impl fmt::Display for Spread {
    /// `12.3 (11.9..14.0)`, with the digits after the point that the formatter asks for, one by default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(1);
        let Self { median, min, max } = self;
        write!(f, "{median:.digits$} ({min:.digits$}..{max:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_middle_value_or_mean_of_two() {
        let of = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0, 1.0, 2.0]).map(|spread| spread.median), Some(2.0));
        let even = of(&[4.0, 1.0, 2.0, 3.0]).expect("four values");
        assert_eq!(even.to_string(), "2.5 (1.0..4.0)");
        assert_eq!(format!("{even:.2}"), "2.50 (1.00..4.00)");
    }
}
