//! The table in docs/counters.md: the library's own table of counters.

use std::fmt::Write as _;

use framepool::Counts;

use super::{between, compare};
use crate::workspace::Workspace;

const PATH: &str = "docs/counters.md";

/// Writes the table into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    let text = between(
        PATH,
        &workspace.read(PATH)?,
        "counters",
        "counters",
        &table(),
    )?;
    workspace.write(PATH, &text)
}

/// Fails if the document's table is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let text = between(
        PATH,
        &workspace.read(PATH)?,
        "counters",
        "counters",
        &table(),
    )?;
    compare(workspace, PATH, &text, "counters")
}

fn table() -> String {
    let mut text = String::from("| counter | unit | what it counts |\n|---|---|---|\n");
    for counter in Counts::DEFINITIONS {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            counter.name, counter.unit, counter.help
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_row() {
        let rows = table().lines().count();
        assert_eq!(rows, Counts::DEFINITIONS.len() + 2);
    }
}
