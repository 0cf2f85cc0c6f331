//! Documents made from the sources, and whether they are up to date.

pub(crate) mod counters;
pub(crate) mod links;
pub(crate) mod orderings;

mod accesses;
mod notes;

use crate::workspace::Workspace;

/// Fails unless `path` has this text; `task` is what writes it.
fn compare(workspace: &Workspace, path: &str, text: &str, task: &str) -> Result<(), String> {
    let found = workspace.read(path).unwrap_or_default();
    if found == text {
        println!("{path} is up to date");
        return Ok(());
    }
    let line = found
        .lines()
        .zip(text.lines())
        .take_while(|(found, wanted)| found == wanted)
        .count();
    Err(format!(
        "{path} is out of date from line {}; run `cargo xtask {task}`",
        line + 1
    ))
}
