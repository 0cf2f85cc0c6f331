//! A Rust source as its lines: the code without comments and strings, the comment, and the function around it.
//!
//! Not a parser: it knows comments, string and character literals, and braces. That is enough for sources that rustfmt
//! has laid out.

/// One line of a source.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The code, with the contents of strings left out.
    pub(crate) code: String,
    /// The text of a `//` comment, without the slashes.
    pub(crate) comment: Option<String>,
    /// The innermost named function at the line's end, as `Type::name` where it has a type; empty outside.
    pub(crate) function: String,
    /// Whether the line lies in a module of tests.
    pub(crate) in_tests: bool,
}

impl Line {
    /// Whether the line has a comment and nothing else.
    pub(crate) fn is_comment(&self) -> bool {
        self.comment.is_some() && self.code.trim().is_empty()
    }
}

/// What the reader is inside of, from one line to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Text,
    /// A raw string, closed by a quote and so many hashes.
    RawText(usize),
    /// A block comment, so many deep.
    Comment(usize),
}

/// What a brace opened.
#[derive(Debug)]
enum Scope {
    Function(String),
    Type(String),
    Tests,
    Other,
}

/// Reads a source.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut inside = Inside::Code;
    let mut scopes = Scopes::default();
    text.lines()
        .map(|line| {
            let (code, comment) = split(line, &mut inside);
            let before = scopes.function();
            scopes.read(&code);
            let after = scopes.function();
            Line {
                in_tests: scopes.in_tests(),
                // The line that closes a function still belongs to it.
                function: if after.is_empty() { before } else { after },
                code,
                comment,
            }
        })
        .collect()
}

/// Code and comment of one line.
fn split(line: &str, inside: &mut Inside) -> (String, Option<String>) {
    let chars: Vec<char> = line.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        match *inside {
            Inside::Text => {
                if rest[0] == '\\' {
                    at += 1;
                } else if rest[0] == '"' {
                    code.push('"');
                    *inside = Inside::Code;
                }
                at += 1;
            }
            Inside::RawText(hashes) => {
                if rest[0] == '"' && rest[1..].iter().take_while(|&&c| c == '#').count() >= hashes {
                    code.push('"');
                    at += hashes;
                    *inside = Inside::Code;
                }
                at += 1;
            }
            Inside::Comment(depth) => {
                if rest.starts_with(&['*', '/']) {
                    *inside = if depth == 1 {
                        Inside::Code
                    } else {
                        Inside::Comment(depth - 1)
                    };
                    at += 1;
                } else if rest.starts_with(&['/', '*']) {
                    *inside = Inside::Comment(depth + 1);
                    at += 1;
                }
                at += 1;
            }
            Inside::Code if rest.starts_with(&['/', '/']) => {
                let text: String = rest.iter().collect();
                let text = text.trim_start_matches('/').trim_start_matches('!');
                return (code, Some(text.trim().to_owned()));
            }
            Inside::Code if rest.starts_with(&['/', '*']) => {
                *inside = Inside::Comment(1);
                at += 2;
            }
            Inside::Code => at += read_code(rest, &mut code, inside),
        }
    }
    (code, None)
}

/// Reads one piece of code; how many characters it has.
fn read_code(rest: &[char], code: &mut String, inside: &mut Inside) -> usize {
    match rest[0] {
        '"' => {
            let prefix = code.trim_end_matches('#');
            let hashes = code.len() - prefix.len();
            let raw = prefix.ends_with('r')
                && !prefix[..prefix.len() - 1].ends_with(|c: char| c.is_alphanumeric() && c != 'b');
            *inside = if raw {
                Inside::RawText(hashes)
            } else {
                Inside::Text
            };
            code.push('"');
            1
        }
        // A character literal; a lifetime has no quote after it.
        '\'' if rest.get(1) == Some(&'\\') => {
            3 + rest[3..].iter().take_while(|&&c| c != '\'').count() + 1
        }
        '\'' if rest.get(2) == Some(&'\'') => 3,
        other => {
            code.push(other);
            1
        }
    }
}

#[derive(Debug, Default)]
struct Scopes {
    open: Vec<Scope>,
    /// What was read since the last brace or semicolon.
    header: String,
}

impl Scopes {
    fn read(&mut self, code: &str) {
        for character in code.chars() {
            match character {
                '{' => {
                    self.open.push(scope(&self.header));
                    self.header.clear();
                }
                '}' => {
                    self.open.pop();
                    self.header.clear();
                }
                ';' => self.header.clear(),
                other => self.header.push(other),
            }
        }
        self.header.push(' ');
    }

    fn function(&self) -> String {
        let Some(at) = self
            .open
            .iter()
            .rposition(|scope| matches!(scope, Scope::Function(_)))
        else {
            return String::new();
        };
        let Scope::Function(name) = &self.open[at] else {
            return String::new();
        };
        let owner = self.open[..at].iter().rev().find_map(|scope| match scope {
            Scope::Type(owner) => Some(owner),
            _ => None,
        });
        owner.map_or_else(|| name.clone(), |owner| format!("{owner}::{name}"))
    }

    fn in_tests(&self) -> bool {
        self.open.iter().any(|scope| matches!(scope, Scope::Tests))
    }
}

/// What the brace after `header` opens.
fn scope(header: &str) -> Scope {
    if let Some(name) = word_after(header, "fn") {
        return Scope::Function(name);
    }
    if let Some(name) = word_after(header, "mod") {
        return if name == "tests" {
            Scope::Tests
        } else {
            Scope::Other
        };
    }
    if let Some(name) = word_after(header, "trait") {
        return Scope::Type(name);
    }
    let words: Vec<&str> = header.split_whitespace().collect();
    let Some(at) = words
        .iter()
        .position(|word| *word == "impl" || word.starts_with("impl<"))
    else {
        return Scope::Other;
    };
    let subject = words.iter().position(|word| *word == "for").map_or_else(
        || without_generics(&words[at..].join(" ")["impl".len()..]),
        |place| words[place + 1..].join(" "),
    );
    Scope::Type(first_word(&subject))
}

/// What follows a leading `<...>`.
fn without_generics(text: &str) -> String {
    let text = text.trim_start();
    if !text.starts_with('<') {
        return text.to_owned();
    }
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if !text[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text[at + 1..].to_owned();
        }
    }
    String::new()
}

/// The last segment of the path at the beginning.
fn first_word(text: &str) -> String {
    let path: String = text
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
        .collect();
    path.rsplit("::").next().unwrap_or_default().to_owned()
}

/// The word that follows this keyword.
fn word_after(text: &str, keyword: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    words.find(|word| *word == keyword)?;
    let name = first_word(words.next()?);
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_no_code() {
        let read = lines("let a = \"// no {\"; // yes\nlet b = '{'; let c = '\\''; /* { */ d\n");
        assert_eq!(read[0].code, "let a = \"\"; ");
        assert_eq!(read[0].comment.as_deref(), Some("yes"));
        assert_eq!(read[1].code, "let b = ; let c = ;  d");
    }

    #[test]
    fn strings_go_on_over_lines() {
        let read = lines("f(\"one {\n  two \\\" }\", x);\nf(r#\"a \" b\n{\"#);\ng();\n");
        assert_eq!(read[1].code, "\", x);");
        assert_eq!(read[3].code, "\");");
        assert_eq!(read[4].code, "g();");
    }

    #[test]
    fn functions_are_named_with_their_type() {
        let text = "impl<T: Fn() -> u8> fmt::Debug for Slot<'_, T> {\n    fn fmt(&self) -> R {\n        a(|x| {\n            b\n        })\n    }\n}\nimpl<'a, T> Bin<T> {\n    pub(crate) fn new<A>(\n        a: A,\n    ) -> Self {\n        c\n    }\n}\nfn free() {\n    d\n}\n";
        let at = |code: &str| {
            let read = lines(text);
            let line = read.iter().find(|line| line.code.trim() == code);
            line.expect("a line of the text").function.clone()
        };
        assert_eq!(at("b"), "Slot::fmt");
        assert_eq!(at("c"), "Bin::new");
        assert_eq!(at("d"), "free");
    }

    #[test]
    fn tests_are_told_apart() {
        let read = lines(
            "fn a() {\n    x\n}\n#[cfg(test)]\nmod tests {\n    fn b() {\n        y\n    }\n}\n",
        );
        assert!(!read[1].in_tests);
        assert!(read[6].in_tests);
    }

    #[test]
    fn lifetimes_are_no_character_literals() {
        let read = lines("fn f<'a>(x: &'a str) -> &'a str { x } // end\n");
        assert_eq!(read[0].code, "fn f<'a>(x: &'a str) -> &'a str { x } ");
    }
}
