//! The tests as the sources declare them: their names, the laws they check, how far they search.
//!
//! A line `Laws: L1, L3.` in the head of a file (`//!`) is of all its tests; above a test (`///`) it is of that one.

use std::path::Path;

use crate::source::{Line, lines};
use crate::workspace::{Workspace, rust_files};

/// A law of the design, by its number.
pub(crate) type Law = u8;

/// The laws and what they are called.
pub(crate) const LAWS: [(Law, &str); 8] = [
    (1, "Conservation"),
    (2, "Never negative"),
    (3, "It adds up"),
    (4, "Whole and ordered"),
    (5, "Workers never wait"),
    (6, "One owner"),
    (7, "All of it comes back"),
    (8, "Steady state allocates nothing"),
];

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    /// The file, from the workspace's root.
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) laws: Vec<Law>,
    /// How far it goes, in words: a bound on preemptions, a number of rounds; empty where it says nothing.
    pub(crate) reach: String,
    /// Whether it explores executions or schedules, and says how many.
    pub(crate) explores: bool,
}

/// The tests in the Rust files below `folder`, or in the one file.
pub(crate) fn below(workspace: &Workspace, folder: &str) -> Result<Vec<Test>, String> {
    let path = workspace.root.join(folder);
    let files = if path.is_file() {
        vec![path]
    } else {
        rust_files(&path)
    };
    let mut tests = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let inside = file.strip_prefix(&workspace.root).unwrap_or(&file);
        tests.extend(in_source(&slashes(inside), &text)?);
    }
    Ok(tests)
}

fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The tests of one source.
fn in_source(file: &str, text: &str) -> Result<Vec<Test>, String> {
    let read = lines(text);
    let plain: Vec<&str> = text.lines().collect();
    let head = plain.iter().take_while(|line| line.starts_with("//!"));
    let of_file = laws_in(file, head)?;
    let mut tests = Vec::new();
    for (at, line) in read.iter().enumerate() {
        if line.code.trim() != "#[test]" {
            continue;
        }
        let Some((begin, name)) = function_after(&read, at) else {
            return Err(format!("{file}:{}: `#[test]` without a function", at + 1));
        };
        let ignored = |line: &Line| line.code.trim_start().starts_with("#[ignore");
        if read[at..begin].iter().any(ignored) {
            continue;
        }
        let above = plain[..at].iter().rev().take_while(|line| {
            line.trim_start().starts_with("///") || line.trim_start().starts_with("#[")
        });
        let own = laws_in(file, above)?;
        let body: String = read[begin..]
            .iter()
            .take_while(|line| line.function.rsplit("::").next() == Some(name.as_str()))
            .map(|line| line.code.as_str())
            .collect();
        tests.push(Test {
            file: file.to_owned(),
            laws: own.or_else(|| of_file.clone()).unwrap_or_default(),
            reach: reach(&body),
            explores: body.contains("explore("),
            name,
        });
    }
    Ok(tests)
}

fn function_after(read: &[Line], at: usize) -> Option<(usize, String)> {
    let (offset, code) = read[at..]
        .iter()
        .map(|line| line.code.as_str())
        .enumerate()
        .find(|(_, code)| code.contains("fn "))?;
    let name = code.split_once("fn ")?.1;
    let name: String = name
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    // The body begins where the brace does, which may be a line further on.
    let begin = (at + offset..read.len()).find(|&line| read[line].code.contains('{'))?;
    Some((begin, name))
}

/// The laws that a `Laws:` line among these names.
fn laws_in<'l>(
    file: &str,
    comment: impl Iterator<Item = &'l &'l str>,
) -> Result<Option<Vec<Law>>, String> {
    for line in comment {
        let words = line.trim_start().trim_start_matches(['/', '!']).trim();
        let Some(list) = words.strip_prefix("Laws:") else {
            continue;
        };
        let mut laws = Vec::new();
        for name in list.trim().trim_end_matches('.').split(',').map(str::trim) {
            let law = name
                .strip_prefix('L')
                .and_then(|number| number.parse().ok());
            match law {
                Some(law) if LAWS.iter().any(|(known, _)| *known == law) => laws.push(law),
                _ => return Err(format!("{file}: `Laws: … {name}`: there are L1 to L8")),
            }
        }
        return Ok(Some(laws));
    }
    Ok(None)
}

/// How far a test goes, from its body.
fn reach(body: &str) -> String {
    let mut words = Vec::new();
    if let Some(rest) = after(body, "explore(") {
        if rest.starts_with("None") {
            words.push("all executions".to_owned());
        } else if let Some(bound) = rest.strip_prefix("Some(").map(number) {
            let unit = if bound == "1" {
                "preemption"
            } else {
                "preemptions"
            };
            words.push(format!("{bound} {unit}"));
        }
    }
    let mut most = 0;
    let mut rest = body;
    while let Some(found) = after(rest, "rounds(") {
        most = most.max(number(found).replace('_', "").parse().unwrap_or(0));
        rest = found;
    }
    if most > 0 {
        words.push(format!("{} rounds", thousands(most)));
    }
    words.join(", ")
}

fn after<'t>(text: &'t str, what: &str) -> Option<&'t str> {
    text.split_once(what).map(|(_, rest)| rest.trim_start())
}

fn number(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_digit() || *c == '_')
        .collect()
}

/// A number with a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! Slots.
//!
//! Laws: L1, L6.

#[test]
fn first() {
    explore(Some(2), || {
        go();
    });
}

/// Something else.
/// Laws: L7.
#[test]
#[should_panic]
fn second() {
    for _ in 0..rounds(40_000) {
        go(rounds(3));
    }
}

#[test]
fn third() {
    explore(None, go);
}
";

    #[test]
    fn a_test_has_the_laws_above_it_or_those_of_its_file() {
        let tests = in_source("a.rs", SOURCE).expect("marks");
        let seen: Vec<_> = tests
            .iter()
            .map(|test| {
                (
                    test.name.as_str(),
                    test.laws.as_slice(),
                    test.reach.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("first", &[1, 6][..], "2 preemptions"),
                ("second", &[7], "40,000 rounds"),
                ("third", &[1, 6], "all executions"),
            ]
        );
    }

    #[test]
    fn a_law_that_is_none_is_an_error() {
        let wrong = SOURCE.replace("L7", "L9");
        assert!(in_source("a.rs", &wrong).is_err());
        assert!(in_source("a.rs", &SOURCE.replace("L7", "seven")).is_err());
    }

    #[test]
    fn thousands_have_commas() {
        let all = [7, 1_000, 12_345, 1_234_567].map(thousands);
        assert_eq!(all, ["7", "1,000", "12,345", "1,234,567"]);
    }
}
