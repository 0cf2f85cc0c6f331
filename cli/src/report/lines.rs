//! Fits text into the columns of a terminal.

use std::io;

/// Columns where there is no terminal, and the least that text is wrapped to.
const USUAL: usize = 100;
const LEAST: usize = 40;

/// The columns of standard output.
pub(crate) fn columns_of_output() -> usize {
    columns(terminal_size::terminal_size_of(io::stdout()))
}

/// The columns of standard error.
pub(crate) fn columns_of_error() -> usize {
    columns(terminal_size::terminal_size_of(io::stderr()))
}

fn columns(terminal: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    terminal.map_or(USUAL, |(width, _)| usize::from(width.0).max(LEAST))
}

/// The text in lines of at most `width` columns. Lines after the first begin with `indent` spaces.
pub(crate) fn hanging(text: &str, width: usize, indent: usize) -> String {
    let first = wrapped(text, width, 1 + text.len());
    let Some(begin) = first.first().filter(|_| first.len() > 1) else {
        return text.to_owned();
    };
    let rest = text[begin.len()..].trim_start();
    let gap = " ".repeat(indent);
    let mut lines = begin.clone();
    for line in wrapped(rest, width.saturating_sub(indent).max(1), 1 + rest.len()) {
        lines += "\n";
        lines += &gap;
        lines += &line;
    }
    lines
}

/// The text cut to `width` columns: at the beginning if `keeps_end`, as for a path, else at the end.
pub(crate) fn fitted(text: &str, width: usize, keeps_end: bool) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    if keeps_end {
        let tail: String = text.chars().skip(length - kept).collect();
        format!("…{tail}")
    } else {
        let head: String = text.chars().take(kept).collect();
        format!("{}…", head.trim_end())
    }
}

/// The text in lines of at most this width, broken at spaces; the last line is cut if there are too many.
pub(crate) fn wrapped(text: &str, width: usize, lines: usize) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && done.len() < lines {
        let is_last = done.len() + 1 == lines;
        if rest.chars().count() <= width || is_last {
            done.push(fitted(rest, width, false));
            break;
        }
        let end = rest
            .char_indices()
            .nth(width)
            .map_or(rest.len(), |(at, _)| at);
        // One more character, because a line may end just before a space.
        let reach = rest[end..]
            .chars()
            .next()
            .map_or(end, |next| end + next.len_utf8());
        let cut = rest[..reach].rfind(' ').filter(|&at| at > 0).unwrap_or(end);
        done.push(rest[..cut].to_owned());
        rest = rest[cut..].trim_start();
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_at_spaces_and_cut() {
        assert_eq!(wrapped("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(wrapped("one two three four", 7, 2), ["one two", "three…"]);
        assert_eq!(wrapped("unbreakable", 4, 9), ["unbr", "eaka", "ble"]);
        assert_eq!(
            wrapped("größe über alles", 5, 9),
            ["größe", "über", "alles"]
        );
        assert_eq!(fitted("src/demo/leak.rs:34", 10, true), "…eak.rs:34");
    }

    #[test]
    fn lines_after_the_first_are_indented() {
        assert_eq!(
            hanging("one two three four", 9, 2),
            "one two\n  three\n  four"
        );
        assert_eq!(hanging("  one  two", 10, 2), "  one  two");
    }
}
