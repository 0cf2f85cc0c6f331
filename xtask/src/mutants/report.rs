//! What the task prints: the list, a line for each planted bug, and the table at the end.

use std::fmt;
use std::time::Duration;

use super::planted::Planted;
use super::verdict::Verdict;

/// So many of those who noticed are named.
const SHOWN: usize = 4;

/// A planted bug and what became of it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) planted: &'static Planted,
    pub(crate) verdict: Verdict,
    pub(crate) time: Duration,
}

impl Row {
    fn outcome(&self) -> String {
        match &self.verdict {
            Verdict::Noticed(by) if by.len() > SHOWN => {
                let more = by.len() - SHOWN;
                format!("{} and {more} more", by[..SHOWN].join(", "))
            }
            Verdict::Noticed(by) => by.join(", "),
            Verdict::Survived => "SURVIVED".to_owned(),
            Verdict::Broken(fault) => format!("BROKEN: {fault}"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5.1} s  {}: {}",
            self.time.as_secs_f64(),
            self.planted.name,
            self.outcome()
        )
    }
}

/// The list without running anything.
pub(crate) fn list(all: &[&'static Planted]) {
    for planted in all {
        println!(
            "{:9} {:26} {}\n{:36} {}",
            planted.laws.join(", "),
            planted.file,
            planted.name,
            "",
            planted.noticed_by.join(" ")
        );
    }
    println!("{} planted bugs", all.len());
}

/// The rows as a table that reads well in a terminal and in a document.
pub(crate) fn table(rows: &[Row]) {
    let width =
        |of: fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let name = width(|row| row.planted.name.len() + 2, 11);
    let laws = width(|row| row.planted.laws.join(", ").len(), 4);
    let file = width(|row| row.planted.file.len() + 2, 4);
    println!(
        "\n| {:name$} | {:laws$} | {:file$} | {:>6} | noticed by |",
        "planted bug", "laws", "file", "time"
    );
    println!(
        "|{:-<1$}|{2:-<3$}|{2:-<4$}|------:|---|",
        "",
        name + 2,
        "",
        laws + 2,
        file + 2
    );
    for row in rows {
        println!(
            "| {:name$} | {:laws$} | {:file$} | {:4.0} s | {} |",
            format!("`{}`", row.planted.name),
            row.planted.laws.join(", "),
            format!("`{}`", row.planted.file),
            row.time.as_secs_f64(),
            row.outcome()
        );
    }
}

/// The last lines.
pub(crate) fn close(rows: &[Row], total: Duration) {
    let count = |is: fn(&Verdict) -> bool| rows.iter().filter(|row| is(&row.verdict)).count();
    println!(
        "\n{} planted bugs: {} noticed, {} survived, {} broken; {:.0} s",
        rows.len(),
        count(|verdict| matches!(verdict, Verdict::Noticed(_))),
        count(|verdict| matches!(verdict, Verdict::Survived)),
        count(|verdict| matches!(verdict, Verdict::Broken(_))),
        total.as_secs_f64()
    );
}
