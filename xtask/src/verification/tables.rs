//! The tables of docs/verification.md: laws by methods, and for each law what checks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Evidence;
use super::claims::{LAWS, Law, Test, thousands};
use super::figures::brief;

/// How many tests of each method check each law.
pub(crate) fn matrix(evidence: &[Evidence]) -> String {
    let mut text = String::from("| law |");
    for method in evidence {
        let _ = write!(text, " {} |", method.name);
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(evidence.len()));
    for (law, title) in LAWS {
        let _ = write!(text, "| [L{law} {title}](#{}) |", anchor(law, title));
        for method in evidence {
            let tests = method.of(law).count();
            let _ = match tests {
                0 => write!(text, " |"),
                tests => write!(text, " {tests} |"),
            };
        }
        text.push('\n');
    }
    text
}

/// Where a heading such as `L1 Conservation` is linked to.
fn anchor(law: Law, title: &str) -> String {
    format!("l{law}-{}", title.to_lowercase().replace(' ', "-"))
}

/// What each method explored in all, the time it took, and what it cannot see.
pub(crate) fn methods(evidence: &[Evidence]) -> String {
    let mut text = String::from(
        "| method | tests | explored | time | command | cannot see |\n|---|--:|--:|--:|---|---|\n",
    );
    for method in evidence {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}` | {} |",
            method.name,
            method.tests.len(),
            method.explored(),
            method.seconds.map(brief).unwrap_or_default(),
            method.command,
            method.blind
        );
    }
    text
}

/// The tests of one law, one row a file, each test on a line of its own.
pub(crate) fn of_law(law: Law, evidence: &[Evidence]) -> String {
    let mut text = String::from(
        "| method | where | tests: how far, how much explored, time |\n|---|---|---|\n",
    );
    for method in evidence {
        let mut files: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
        for test in method.of(law) {
            files.entry(&test.file).or_default().push(test);
        }
        for (file, tests) in files {
            let lines: Vec<String> = tests.iter().map(|test| line(method, test)).collect();
            let short = file.rsplit('/').next().unwrap_or(file);
            let _ = writeln!(
                text,
                "| {} | [{short}](../{file}) | {} |",
                method.name,
                lines.join("<br>")
            );
        }
    }
    text
}

fn line(method: &Evidence, test: &Test) -> String {
    let mut parts = Vec::new();
    if !test.reach.is_empty() {
        parts.push(test.reach.clone());
    }
    if let Some(figure) = method.figures.get(&test.name) {
        parts.push(format!("{} {}", thousands(figure.number), figure.unit));
        parts.push(brief(figure.seconds));
    }
    if parts.is_empty() {
        format!("`{}`", test.name)
    } else {
        format!("`{}`: {}", test.name, parts.join(", "))
    }
}
