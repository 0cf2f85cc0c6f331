//! The tables of docs/verification.md: laws by methods, and for each law what checks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Evidence;
use super::claims::{LAWS, Law, Test, thousands};
use super::figures::brief;
use crate::mutants::Planted;

/// How many tests of each method check each law, and how many planted bugs break it.
pub(crate) fn matrix(evidence: &[Evidence], planted: &[&Planted]) -> String {
    let mut text = String::from("| law |");
    for method in evidence {
        let _ = write!(text, " {} |", method.name);
    }
    let _ = writeln!(
        text,
        " planted bugs |\n|---|{}",
        "--:|".repeat(evidence.len() + 1)
    );
    for (law, title) in LAWS {
        let _ = write!(text, "| [L{law} {title}](#{}) |", anchor(law, title));
        for method in evidence {
            let tests = method.of(law).count();
            let _ = match tests {
                0 => write!(text, " |"),
                tests => write!(text, " {tests} |"),
            };
        }
        let name = format!("L{law}");
        let bugs = planted
            .iter()
            .filter(|bug| laws_of(bug).any(|of| of == name));
        let _ = writeln!(text, " {} |", bugs.count());
    }
    text
}

fn laws_of(bug: &Planted) -> impl Iterator<Item = &'static str> + use<> {
    bug.laws.split(", ")
}

/// Every planted bug: what is broken, which laws, where, and who is known to notice.
pub(crate) fn planted(planted: &[&Planted]) -> String {
    let mut text =
        String::from("| what is broken | laws | where | noticed by |\n|---|---|---|---|\n");
    for bug in planted {
        let short = bug.file.trim_start_matches("src/");
        let noticed: Vec<String> = bug
            .noticed_by
            .iter()
            .map(|check| format!("`{check}`"))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | [{short}](../{}) | {} |",
            bug.name.replace('_', " "),
            bug.laws,
            bug.file,
            noticed.join("<br>")
        );
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
            method
                .whole
                .as_ref()
                .map(|whole| brief(whole.seconds))
                .unwrap_or_default(),
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
        if method.again {
            let tests = method.of(law).count();
            if tests > 0 {
                let _ = writeln!(
                    text,
                    "| {} | | {tests} of the tests of other methods, in another build |",
                    method.name
                );
            }
            continue;
        }
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
