//! Tables of a report. A table fits into the columns of its reader: call sites are shortened first, then columns are left
//! out.

use std::fmt;

use super::lines::{columns, fitted, line, one_line};

/// The least width of a call site.
const SHORTEST: usize = 24;

/// Between two columns.
const GAP: usize = 2;

/// The alignment of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
    /// A call site, a path or a name: words, of which the end is the most important part.
    Site,
}

#[derive(Clone, Debug)]
struct Column {
    head: String,
    align: Align,
}

/// A table of text whose columns are as wide as their widest cell, unless it would be too wide for its reader.
///
/// It fits into 100 columns, or into those of `{table:80}`. Control characters in cells are escaped.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    /// Lines below rows, with the number of the row.
    below: Vec<(usize, String)>,
    /// The columns that may be left out, the least important first.
    spare: Vec<usize>,
}

impl Table {
    /// An empty table with these column heads.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let column = |&(head, align): &(&str, Align)| Column {
            head: one_line(head).into_owned(),
            align,
        };
        Self {
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            below: Vec::new(),
            spare: (1..columns.len()).rev().collect(),
        }
    }

    /// The columns that are left out first where the table is too wide, the least important first; by default the last
    /// ones. The first column always stays.
    #[must_use]
    pub fn spare(mut self, first: &[usize]) -> Self {
        self.spare.retain(|column| !first.contains(column));
        self.spare.splice(0..0, first.iter().copied());
        self
    }

    /// Adds a row; missing cells are empty, cells beyond the columns are dropped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| one_line(&cell).into_owned());
        let mut row: Vec<String> = cells.take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
        self
    }

    /// Adds a line below the last row, which does not widen a column.
    pub fn below(&mut self, line: impl Into<String>) -> &mut Self {
        self.below.push((self.rows.len(), line.into()));
        self
    }

    /// The widest cell of each column.
    fn natural(&self) -> Vec<usize> {
        let widest = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| row[at].chars().count());
            let cells = cells.max().unwrap_or(0);
            cells.max(column.head.chars().count())
        };
        self.columns.iter().enumerate().map(widest).collect()
    }

    /// The shown columns with their widths.
    fn fit(&self, most: usize) -> Vec<(usize, usize)> {
        let mut widths: Vec<_> = self.natural().into_iter().enumerate().collect();
        let total = |widths: &[(usize, usize)]| {
            widths
                .iter()
                .map(|it| it.1 + GAP)
                .sum::<usize>()
                .saturating_sub(GAP)
        };
        let is_site = |&(at, _): &(usize, usize)| self.columns[at].align == Align::Site;
        let mut spare = self.spare.iter();
        loop {
            let sites = widths.iter().filter(|it| is_site(it));
            let give: usize = sites.map(|it| it.1.saturating_sub(SHORTEST)).sum();
            if total(&widths) - give <= most {
                break;
            }
            match spare.next() {
                Some(&left_out) => widths.retain(|it| it.0 != left_out),
                None => break,
            }
        }
        // The widest call sites give the most.
        while total(&widths) > most {
            let mut sites = widths.iter_mut().filter(|it| is_site(it));
            let widest = sites.by_ref().max_by_key(|it| it.1);
            match widest.filter(|it| it.1 > SHORTEST) {
                Some(widest) => widest.1 -= 1,
                None => break,
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = columns(f);
        let widths = self.fit(most);
        let row = |cells: &dyn Fn(usize) -> (String, usize)| -> String {
            let mut text = String::new();
            for &(at, width) in &widths {
                if !text.is_empty() {
                    text.push_str("  ");
                }
                let (cell, length) = cells(at);
                let gap = " ".repeat(width - length.min(width));
                match self.columns[at].align {
                    Align::Right => text.extend([&*gap, &*cell]),
                    Align::Left | Align::Site => text.extend([&*cell, &*gap]),
                }
            }
            text.truncate(text.trim_end().len());
            text
        };
        let width_of = |at| widths.iter().find(|it| it.0 == at).map_or(0, |it| it.1);
        let counted = |text: String| {
            let length = text.chars().count();
            (text, length)
        };
        let heads = row(&|at| counted(fitted(&self.columns[at].head, width_of(at), false)));
        let width = widths.iter().map(|it| it.1 + GAP).sum::<usize>();
        write!(f, "{heads}\n{}", "─".repeat(width.saturating_sub(GAP)))?;
        let mut below = self.below.iter().peekable();
        for (number, cells) in self.rows.iter().enumerate() {
            let keeps_end = |at: usize| self.columns[at].align == Align::Site;
            let cells = row(&|at| counted(fitted(&cells[at], width_of(at), keeps_end(at))));
            write!(f, "\n{cells}")?;
            while let Some((_, text)) = below.next_if(|&&(row, _)| row == number + 1) {
                write!(f, "\n{}", line(text, most))?;
            }
        }
        let heads = self.columns.iter().enumerate();
        let left_out: Vec<_> = heads
            .filter(|(at, column)| !column.head.is_empty() && !widths.iter().any(|it| it.0 == *at))
            .map(|(_, column)| column.head.as_str())
            .collect();
        if !left_out.is_empty() {
            let left_out = format!("(no room for: {})", left_out.join("; "));
            write!(f, "\n{}", line(&left_out, most))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[("site", Align::Left), ("bytes", Align::Right)]);
        table.row(["a".to_owned(), "1".to_owned()]);
        table.row(["größer".to_owned(), "1000".to_owned(), "dropped".to_owned()]);
        table.row(["ö".to_owned(), "2".to_owned()]);
        table.row(["b".to_owned()]);
        assert_eq!(
            table.to_string(),
            "site    bytes\n─────────────\na           1\ngrößer   1000\nö           2\nb"
        );
    }

    #[test]
    fn line_below_a_row_widens_no_column() {
        let mut table = Table::new(&[("site", Align::Left), ("bytes", Align::Right)]);
        table.row(["a".to_owned(), "1".to_owned()]);
        table.below("  a long sentence about it");
        table.row(["b".to_owned(), "2".to_owned()]);
        assert_eq!(
            table.to_string(),
            "site  bytes\n───────────\na         1\n  a long sentence about it\nb         2"
        );
    }

    /// A table 54 columns wide.
    fn wide() -> Table {
        let mut table = Table::new(&[
            ("call site", Align::Site),
            ("buffers", Align::Right),
            ("bytes", Align::Right),
        ])
        .spare(&[1]);
        table.row([
            "src/a/long/path/to/a/file.rs:12:34".to_owned(),
            "1,000,000".to_owned(),
            "64 B".to_owned(),
        ]);
        table
    }

    #[test]
    fn call_site_is_shortened_before_columns_go() {
        assert_eq!(wide().fit(54), [(0, 34), (1, 9), (2, 5)]);
        let shorter = format!("{:44}", wide());
        assert!(
            shorter.contains("…g/path/to/a/file.rs:12:34  1,000,000   64 B"),
            "{shorter}"
        );
        assert!(!shorter.contains("no room"));
        let narrow = format!("{:40}", wide());
        assert!(
            narrow.contains("…c/a/long/path/to/a/file.rs:12:34   64 B"),
            "{narrow}"
        );
        assert!(narrow.ends_with("(no room for: buffers)"), "{narrow}");
        for most in 34..60 {
            let text = format!("{:most$}", wide());
            assert!(
                text.lines().all(|line| line.chars().count() <= most),
                "{text}"
            );
        }
    }

    #[test]
    fn name_breaks_no_row() {
        let mut table = Table::new(&[("pool", Align::Site), ("bytes", Align::Right)]);
        table.row(["a\nb\u{1b}".to_owned(), "1".to_owned()]);
        assert_eq!(
            table.to_string(),
            "pool        bytes\n─────────────────\na\\nb\\u001b      1"
        );
    }
}
