//! The tables in docs/counters.md: the library's own tables of counters and of metrics.

use std::fmt::Write as _;

use framepool::metrics::METRICS;
use framepool::telemetry::Counts;

use super::{between, compare};
use crate::workspace::Workspace;

const PATH: &str = "docs/counters.md";

/// Writes the tables into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    workspace.write(PATH, &document(workspace)?)
}

/// Fails if the document's tables are out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    compare(workspace, PATH, &document(workspace)?, "counters")
}

/// The document with the tables as they are now.
fn document(workspace: &Workspace) -> Result<String, String> {
    let text = workspace.read(PATH)?;
    let text = between(PATH, &text, "counters", "counters", &counters())?;
    between(PATH, &text, "metrics", "counters", &metrics())
}

fn counters() -> String {
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

fn metrics() -> String {
    let mut text =
        String::from("| metric | kind | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for metric in METRICS {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            metric.name,
            metric.kind.name(),
            metric.unit,
            metric.labels.join(", "),
            metric.help
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_and_metric_has_a_row() {
        let rows = [counters(), metrics()].map(|table| table.lines().count());
        assert_eq!(rows, [Counts::DEFINITIONS.len() + 2, METRICS.len() + 2]);
    }
}
