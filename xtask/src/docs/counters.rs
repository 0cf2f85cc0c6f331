//! The table in docs/counters.md: the library's own table of counters.

use std::fmt::Write as _;

use framepool::Counts;

use super::compare;
use crate::workspace::Workspace;

const PATH: &str = "docs/counters.md";
const BEGIN: &str = "<!-- counters: begin; written by `cargo xtask counters` -->\n";
const END: &str = "<!-- counters: end -->\n";

/// Writes the table into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    let text = replace(&workspace.read(PATH)?, &table())?;
    workspace.write(PATH, &text)
}

/// Fails if the document's table is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let text = replace(&workspace.read(PATH)?, &table())?;
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

/// The document with this table between the markers.
fn replace(document: &str, table: &str) -> Result<String, String> {
    let parts = document
        .split_once(BEGIN)
        .and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let Some((head, tail)) = parts else {
        return Err(format!(
            "{PATH} lacks the lines between which the table goes:\n{BEGIN}{END}"
        ));
    };
    Ok(format!("{head}{BEGIN}\n{table}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_what_is_between_the_markers() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        let new = replace(&document, "new\n").expect("markers");
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replace(&new, "new\n").expect("markers"), new);
        assert!(replace("no markers", "new\n").is_err());
    }

    #[test]
    fn every_counter_has_a_row() {
        let rows = table().lines().count();
        assert_eq!(rows, Counts::DEFINITIONS.len() + 2);
    }
}
