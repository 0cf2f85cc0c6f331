//! docs/orderings.md: every memory ordering of the library with its partner, taken from the comments beside the code.

use std::fmt::Write as _;

use super::accesses::{self, Access};
use super::compare;
use super::notes::ORDERINGS;
use crate::workspace::{Workspace, rust_files};

const PATH: &str = "docs/orderings.md";

const HEAD: &str = "\
# Memory orderings

Every place where the library names a memory ordering: the function, the access, the ordering, and why it is that one.
The reasons are the comments that stand above the accesses in the sources: each names its partner, the access on the
other side that it pairs with, and what becomes visible; Relaxed is justified like the others. This file is written by
`cargo xtask orderings` and compared in CI, which fails on an ordering without a comment. The order of the files is the
order in which a buffer's data passes through them.

A compare-exchange has two orderings, success / failure. The hot paths, `Counter::add` and `increment` and `Arena::bump`, are loads and
stores with one writer and no read-modify-write; on x86-64 their Release stores are plain stores.

The protocols these orderings belong to are in the heads of the files, and in short in [design.md](design.md).

";

/// Writes the document. Fails if an ordering has no comment.
pub(crate) fn write(workspace: &Workspace) -> Result<(), String> {
    let files = read(workspace)?;
    workspace.write(PATH, &render(&files))?;
    fail_on_bare(&files)
}

/// Fails if an ordering has no comment, or the document is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let files = read(workspace)?;
    fail_on_bare(&files)?;
    compare(workspace, PATH, &render(&files), "orderings")
}

/// Orderings without a comment, as `file:line: message`.
pub(crate) fn unexplained(workspace: &Workspace) -> Result<Vec<String>, String> {
    Ok(bare(&read(workspace)?))
}

/// The accesses of each source that has any, by path.
fn read(workspace: &Workspace) -> Result<Vec<(String, Vec<Access>)>, String> {
    let mut files = Vec::new();
    for path in rust_files(&workspace.root.join("src")) {
        let path = path.strip_prefix(&workspace.root).unwrap_or(&path);
        let path = path.to_string_lossy().replace('\\', "/");
        if is_tests(&path) {
            continue;
        }
        let accesses = accesses::read(&workspace.read(&path)?);
        if !accesses.is_empty() {
            files.push((path, accesses));
        }
    }
    Ok(files)
}

/// Whether a source is a module of tests in a file, or a folder, of its own.
fn is_tests(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}

fn bare(files: &[(String, Vec<Access>)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, accesses) in files {
        for access in accesses.iter().filter(|access| !access.bare.is_empty()) {
            found.push(format!(
                "{path}:{}: `{}` in `{}`: no comment says why {}",
                access.line,
                access.what,
                access.function,
                access.bare.join(" and ")
            ));
        }
    }
    found
}

fn fail_on_bare(files: &[(String, Vec<Access>)]) -> Result<(), String> {
    let bare = bare(files);
    if bare.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "orderings without a comment directly above:\n{}",
            bare.join("\n")
        ))
    }
}

fn render(files: &[(String, Vec<Access>)]) -> String {
    let mut text = HEAD.to_owned();
    let all: Vec<&str> = files
        .iter()
        .flat_map(|(_, accesses)| accesses)
        .flat_map(|access| access.orderings.iter().copied())
        .collect();
    let counts: Vec<String> = ORDERINGS
        .into_iter()
        .map(|name| (name, all.iter().filter(|found| **found == name).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let _ = writeln!(
        text,
        "{} uses of an ordering in {} source files: {}.",
        all.len(),
        files.len(),
        counts.join(", ")
    );
    for (path, accesses) in files {
        let _ = write!(
            text,
            "\n## [{path}](../{path})\n\n| function | access | ordering | why |\n|---|---|---|---|\n"
        );
        let mut rows: Vec<Row> = Vec::new();
        for access in accesses {
            let row = Row::of(access);
            match rows.last_mut() {
                Some(last) if last.same_but_access(&row) => last.accesses.extend(row.accesses),
                _ => rows.push(row),
            }
        }
        for row in rows {
            text.push_str(&row.line());
        }
    }
    text
}

/// A line of a table: accesses of one function, with the same orderings for the same reason.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    function: String,
    accesses: Vec<String>,
    orderings: String,
    why: String,
}

impl Row {
    fn of(access: &Access) -> Self {
        Self {
            function: access.function.clone(),
            accesses: vec![access.what.clone()],
            orderings: access.orderings.join(" / "),
            why: access.reasons.join(" "),
        }
    }

    fn same_but_access(&self, other: &Self) -> bool {
        self.function == other.function
            && self.orderings == other.orderings
            && self.why == other.why
    }

    fn line(&self) -> String {
        let mut accesses: Vec<String> = Vec::new();
        for access in &self.accesses {
            let access = format!("`{access}`");
            if !accesses.contains(&access) {
                accesses.push(access);
            }
        }
        format!(
            "| `{}` | {} | {} | {} |\n",
            self.function,
            accesses.join(", "),
            self.orderings,
            self.why.replace('|', "\\|")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(String, Vec<Access>)> {
        vec![("src/a.rs".to_owned(), accesses::read(text))]
    }

    #[test]
    fn accesses_with_one_reason_share_a_row() {
        let text = render(&files(
            "fn f() {\n    // Relaxed, both: a | b.\n    x.load(Ordering::Relaxed);\n    y.load(Ordering::Relaxed);\n}\n",
        ));
        assert!(text.contains("2 uses of an ordering in 1 source files: 2 Relaxed."));
        let row = "| `f` | `x.load`, `y.load` | Relaxed | Relaxed, both: a \\| b. |";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn a_module_of_tests_has_no_rows() {
        assert!(is_tests("src/show/tests.rs"));
        assert!(is_tests("src/health/tests/rules.rs"));
        assert!(!is_tests("src/cache/slot.rs"));
    }

    #[test]
    fn an_ordering_without_a_comment_is_an_error() {
        let error = fail_on_bare(&files("fn f() {\n    x.load(Ordering::Acquire);\n}\n"))
            .expect_err("no comment");
        assert!(error.contains("src/a.rs:2: `x.load` in `f`"), "{error}");
    }
}
