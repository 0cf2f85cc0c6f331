//! Every use of a memory ordering in a source, with the comment that justifies it.
//!
//! A comment reaches the statement under it, the statements that follow that one directly and use orderings it names
//! too, and, if it says that it is of several ("Relaxed, both: …"), the rest of its function. Of several that reach a
//! use, the last that names its ordering counts.

use super::notes::{self, Note, ORDERINGS};
use crate::source::{Line, lines};

/// How many lines further a note of several reaches.
const FURTHEST: usize = 30;

/// One access with its orderings; two for a compare-exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// Line of the first ordering, from 1.
    pub(crate) line: usize,
    pub(crate) function: String,
    /// The access as `receiver.method`.
    pub(crate) what: String,
    pub(crate) orderings: Vec<&'static str>,
    /// The notes that justify the orderings.
    pub(crate) reasons: Vec<String>,
    /// Orderings without a note.
    pub(crate) bare: Vec<&'static str>,
}

/// A note and how far it reaches.
#[derive(Debug)]
struct Reach {
    note: Note,
    line: usize,
    /// The last statement it covered.
    statement: usize,
}

/// Every access with an ordering outside tests.
pub(crate) fn read(text: &str) -> Vec<Access> {
    let lines = lines(text);
    let mut reaches: Vec<Reach> = Vec::new();
    let mut accesses: Vec<Access> = Vec::new();
    let mut open = None;
    let mut statement = 0;
    let mut function = "";
    for (at, line) in lines.iter().enumerate() {
        if line.function != function {
            function = &line.function;
            reaches.clear();
        }
        if let Some(note) = note_ending_at(&lines, at) {
            reaches.push(Reach {
                note,
                line: at,
                statement,
            });
        }
        let code = line.code.trim_end();
        if !line.in_tests {
            for (column, ordering) in orderings_in(&line.code) {
                let (start, what) = access_around(&lines, at, column);
                let access = match accesses.last_mut() {
                    Some(last) if open == Some(start) => last,
                    _ => {
                        open = Some(start);
                        accesses.push(Access {
                            line: at + 1,
                            function: line.function.clone(),
                            what,
                            orderings: Vec::new(),
                            reasons: Vec::new(),
                            bare: Vec::new(),
                        });
                        accesses.last_mut().expect("pushed just now")
                    }
                };
                access.orderings.push(ordering);
                match covering(&mut reaches, ordering, at, statement) {
                    Some(text) if access.reasons.contains(&text) => {}
                    Some(text) => access.reasons.push(text),
                    None => access.bare.push(ordering),
                }
            }
        }
        if code.ends_with([';', '{', '}']) {
            statement += 1;
        }
    }
    accesses
}

/// The note in the comment whose last line this is.
fn note_ending_at(lines: &[Line], at: usize) -> Option<Note> {
    let line = &lines[at];
    let text = line.comment.as_deref()?;
    if !line.is_comment() {
        return notes::read(&[text]);
    }
    if lines.get(at + 1).is_some_and(Line::is_comment) {
        return None;
    }
    let first = (0..at)
        .rev()
        .take_while(|&before| lines[before].is_comment())
        .last()
        .unwrap_or(at);
    let comment: Vec<&str> = lines[first..=at]
        .iter()
        .filter_map(|line| line.comment.as_deref())
        .collect();
    notes::read(&comment)
}

/// The text of the last note that reaches here and names the ordering.
fn covering(
    reaches: &mut [Reach],
    ordering: &str,
    line: usize,
    statement: usize,
) -> Option<String> {
    let reach = reaches.iter_mut().rev().find(|reach| {
        let near = statement <= reach.statement + 1;
        let far = reach.note.several && line <= reach.line + FURTHEST;
        reach.note.names.contains(&ordering) && (near || far)
    })?;
    reach.statement = statement;
    Some(reach.note.text.clone())
}

/// Where `Ordering::X` stands in a line, and which X.
fn orderings_in(code: &str) -> impl Iterator<Item = (usize, &'static str)> {
    code.match_indices("Ordering::").filter_map(|(at, path)| {
        let name = &code[at + path.len()..];
        let name = ORDERINGS
            .into_iter()
            .find(|ordering| name.starts_with(ordering))?;
        Some((at, name))
    })
}

/// The call whose argument stands here: where its parenthesis is, and what it is called.
fn access_around(lines: &[Line], line: usize, column: usize) -> ((usize, usize), String) {
    let mut before = Backwards::new(lines, line, column);
    let mut depth = 0;
    let start = loop {
        match before.next() {
            None => return ((line, column), String::new()),
            Some((_, ')')) => depth += 1,
            Some((place, '(')) if depth == 0 => break place,
            Some((_, '(')) => depth -= 1,
            Some(_) => {}
        }
    };
    let method = before.word();
    if !before.skip('.') {
        return (start, method);
    }
    before.skip_groups();
    let receiver = before.word();
    if receiver.is_empty() {
        return (start, method);
    }
    (start, format!("{receiver}.{method}"))
}

/// The characters before a place, last first.
struct Backwards<'l> {
    lines: &'l [Line],
    line: usize,
    rest: Vec<char>,
}

impl<'l> Backwards<'l> {
    fn new(lines: &'l [Line], line: usize, column: usize) -> Self {
        let rest = lines[line].code[..column].chars().collect();
        Self { lines, line, rest }
    }

    fn peek(&mut self) -> Option<char> {
        while self.rest.is_empty() {
            self.line = self.line.checked_sub(1)?;
            self.rest = self.lines[self.line].code.trim_end().chars().collect();
        }
        self.rest.last().copied()
    }

    fn next(&mut self) -> Option<((usize, usize), char)> {
        let last = self.peek()?;
        self.rest.pop();
        Some(((self.line, self.rest.len()), last))
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.rest.pop();
        }
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        let found = self.peek() == Some(wanted);
        if found {
            self.rest.pop();
        }
        found
    }

    /// Skips indexes, argument lists and blocks.
    fn skip_groups(&mut self) {
        self.skip_spaces();
        while self.peek().is_some_and(|c| matches!(c, ')' | ']')) {
            let mut depth = 0;
            while let Some((_, character)) = self.next() {
                match character {
                    ')' | ']' => depth += 1,
                    '(' | '[' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            self.skip_spaces();
        }
    }

    fn word(&mut self) -> String {
        self.skip_spaces();
        let from = self
            .rest
            .iter()
            .rposition(|c| !(c.is_alphanumeric() || *c == '_'))
            .map_or(0, |at| at + 1);
        self.rest.split_off(from).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Access {
        let mut all = read(&format!("impl S {{\n    fn f() {{\n{body}\n    }}\n}}\n"));
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn an_access_is_named_by_receiver_and_method() {
        for (code, what) in [
            ("self.now.frame.load(Ordering::Relaxed);", "frame.load"),
            ("self.a[b.c()].load(Ordering::Relaxed);", "a.load"),
            (
                "CLOSED.store(g(1, h()), Ordering::Relaxed);",
                "CLOSED.store",
            ),
            (
                "self\n    .top\n    .store(\n    1,\n    Ordering::Relaxed,\n);",
                "top.store",
            ),
            (
                "unsafe { s.as_ref() }.older.store(n, Ordering::Relaxed);",
                "older.store",
            ),
        ] {
            assert_eq!(one(&format!("// Relaxed: so.\n{code}")).what, what);
        }
    }

    #[test]
    fn a_comparison_is_no_memory_ordering() {
        assert!(read("fn f() {\n    a == Ordering::Less;\n}\n").is_empty());
    }

    #[test]
    fn an_exchange_has_two_orderings_and_needs_both_justified() {
        let exchange = "match self.top.compare_exchange(\n    a,\n    Ordering::Release,\n    Ordering::Relaxed,\n) {";
        let access = one(&format!(
            "// Release: publishes.\n// Relaxed on failure: again.\n{exchange}\n}}"
        ));
        assert_eq!(access.orderings, ["Release", "Relaxed"]);
        assert_eq!(
            access.reasons,
            ["Release: publishes. Relaxed on failure: again."]
        );
        assert!(access.bare.is_empty());
        assert_eq!(access.function, "S::f");
        let access = one(&format!("// Release: publishes.\n{exchange}\n}}"));
        assert_eq!(access.bare, ["Relaxed"]);
    }

    #[test]
    fn a_note_reaches_on_over_accesses_and_not_over_other_statements() {
        let near = "fn f() {\n    // Relaxed: levels.\n    let a = b.load(Ordering::Relaxed);\n    let c = d.load(Ordering::Relaxed);\n}\n";
        assert!(read(near).iter().all(|access| access.bare.is_empty()));
        let apart = "fn f() {\n    // Relaxed: a level.\n    let a = b.load(Ordering::Relaxed);\n    g();\n    h();\n    let c = d.load(Ordering::Relaxed);\n}\n";
        assert_eq!(read(apart)[1].bare, ["Relaxed"]);
        let several = apart.replace("Relaxed:", "Relaxed, both:");
        assert!(read(&several)[1].bare.is_empty());
    }

    #[test]
    fn a_note_ends_with_its_function() {
        let text = "fn f() {\n    // Relaxed, all: so.\n    a.load(Ordering::Relaxed);\n}\nfn g() {\n    a.load(Ordering::Relaxed);\n}\n";
        assert_eq!(read(text)[1].bare, ["Relaxed"]);
    }

    #[test]
    fn a_note_within_an_expression_counts_from_there() {
        let access = read(
            "fn f() {\n    // Relaxed: a look.\n    a.load(Ordering::Relaxed) == 0\n        // Acquire: pairs.\n        && a\n            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)\n            .is_ok()\n}\n",
        );
        assert_eq!(access.len(), 2);
        assert_eq!(access[1].reasons, ["Acquire: pairs.", "Relaxed: a look."]);
        assert!(access[1].bare.is_empty());
    }

    #[test]
    fn tests_need_no_comment() {
        assert!(
            read("mod tests {\n    fn f() {\n        a.load(Ordering::SeqCst);\n    }\n}\n")
                .is_empty()
        );
    }
}
