//! Lines of fields between tabs, as the contest prints them and as measurements are kept.

use std::str::FromStr;

/// A line of fields, and where it stands.
#[derive(Debug)]
pub(crate) struct Line<'t> {
    pub(crate) number: usize,
    pub(crate) text: &'t str,
}

impl<'t> Line<'t> {
    /// Its fields, if it has so many.
    pub(crate) fn fields<const N: usize>(&self) -> Result<[&'t str; N], String> {
        let fields: Vec<&str> = self.text.split('\t').collect();
        let found = fields.len();
        fields
            .try_into()
            .map_err(|_| format!("line {}: {found} fields and not {N}", self.number))
    }

    /// One of its fields as a number.
    pub(crate) fn number(&self, field: &str) -> Result<f64, String> {
        f64::from_str(field)
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(|| format!("line {}: `{field}` is no number", self.number))
    }
}

/// The lines of a table below its head and its columns.
pub(super) fn table<'t>(text: &'t str, columns: &str) -> Result<Vec<Line<'t>>, String> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, text)| Line {
            number: at + 1,
            text,
        })
        .filter(|line| !line.text.starts_with('#'));
    match lines.next() {
        Some(line) if line.text == columns => Ok(lines.collect()),
        _ => Err(format!("lacks the line of columns `{columns}`")),
    }
}
