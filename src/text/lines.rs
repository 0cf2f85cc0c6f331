//! Lines of a report: control characters escaped, and wrapped to a number of columns. No other file wraps text.
//!
//! A message of one line, such as an alert's sentence, is escaped here too, but only a report wraps it.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Columns of a report, unless its reader gives another number.
pub const COLUMNS: usize = 100;

/// The furthest column at which lines after the first may begin.
const DEEPEST: usize = 24;

/// The columns of a report: the width in `{report:80}`, and 100 without one.
pub fn columns(f: &fmt::Formatter<'_>) -> usize {
    f.width().unwrap_or(COLUMNS)
}

/// Text without control characters: each, a line feed too, is shown as JSON writes it. So a name breaks no line and
/// controls no terminal.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, char::is_control)
}

/// The name of a tag or a pool within a sentence: on one line, and its end if it is very long.
pub(crate) fn short_name(name: &str) -> String {
    fitted(name, 60, true)
}

/// Text without control characters except line feeds, for whole reports and JSON text.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |it| it.is_control() && it != '\n')
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' if is_escaped('\n') => shown.push_str("\\n"),
            // Every control character is below U+00A0.
            it if is_escaped(it) => {
                // Writing to text cannot fail.
                let _ = write!(shown, "\\u{:04x}", u32::from(it));
            }
            it => shown.push(it),
        }
    }
    Cow::Owned(shown)
}

/// One line of a report: control characters escaped, and wrapped at spaces to this many columns. A longer word stays
/// whole. Lines after the first are indented to where the text of the first begins.
pub fn line(text: &str, columns: usize) -> String {
    let text = one_line(text);
    let indent = indent(&text);
    let (mut rest, mut width) = (&*text, columns);
    let mut done = String::with_capacity(text.len() + 16);
    loop {
        // The indent of the first line is no place to break.
        let blank = rest.len() - rest.trim_start().len();
        let cut = blank + cut(&rest[blank..], width.saturating_sub(blank));
        done += &rest[..cut];
        rest = rest[cut..].trim_start();
        if rest.is_empty() {
            return done;
        }
        done.push('\n');
        done.extend(std::iter::repeat_n(' ', indent));
        width = columns.saturating_sub(indent);
    }
}

/// Each line of the text as [`line()`] writes it: for text whose line feeds are meant.
pub fn lines(text: &str, columns: usize) -> String {
    let lines: Vec<_> = text.lines().map(|it| line(it, columns)).collect();
    lines.join("\n")
}

/// The indent of the lines after the first: below the text after a number or a hyphen of a list, or after a label with
/// a gap; else two columns more than that of the first.
fn indent(text: &str) -> usize {
    let spaces = text.len() - text.trim_start_matches(' ').len();
    let rest = &text[spaces..];
    let first = &rest[..rest.find(' ').unwrap_or(rest.len())];
    let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let is_marker = first == "-" || first.strip_suffix('.').is_some_and(is_number);
    let begins = if is_marker {
        Some(first.len() + 1)
    } else {
        rest.find("  ").map(|at| {
            let after = rest[at..].trim_start_matches(' ');
            rest[..rest.len() - after.len()].chars().count()
        })
    };
    let aligned = begins.map(|begins| spaces + begins);
    aligned.filter(|&it| it <= DEEPEST).unwrap_or(spaces + 2)
}

/// Where to break the text, in bytes: at the last space within this width, else after the first word.
fn cut(text: &str, width: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(width) else {
        return text.len();
    };
    // One more byte, because a line may end just before a space.
    let within = text[..end].rfind(' ').filter(|&at| at > 0);
    let at_end = text[end..].starts_with(' ').then_some(end);
    at_end
        .or(within)
        .or_else(|| text.find(' ').filter(|&at| at > 0))
        .unwrap_or(text.len())
}

/// The text in at most this many lines of this width, broken at spaces, and within a longer word; the last one is cut if
/// there are too many.
pub fn wrapped(text: &str, width: usize, lines: usize) -> Vec<String> {
    let text = one_line(text);
    let mut done: Vec<String> = Vec::new();
    let mut rest = &*text;
    while !rest.is_empty() && done.len() < lines {
        if done.len() + 1 == lines {
            done.push(fitted(rest, width, false));
            break;
        }
        let within = rest.char_indices().nth(width.max(1));
        let cut = cut(rest, width).min(within.map_or(rest.len(), |(at, _)| at));
        done.push(rest[..cut].to_owned());
        rest = rest[cut..].trim_start();
    }
    done
}

/// The text in one line of `width` columns, cut at the beginning if `keeps_end`, as for a path, else at the end.
pub fn fitted(text: &str, width: usize, keeps_end: bool) -> String {
    let text = one_line(text);
    let length = text.chars().count();
    if length <= width {
        return text.into_owned();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_first_are_indented() {
        assert_eq!(line("one two three four", 9), "one two\n  three\n  four");
        assert_eq!(line("  one  two", 10), "  one  two");
        assert_eq!(line("  one two three", 9), "  one two\n    three");
        assert_eq!(line(" 1. one two three", 11), " 1. one two\n    three");
        assert_eq!(line("- one two three", 9), "- one two\n  three");
        assert_eq!(
            line("  flow  one two three", 15),
            "  flow  one two\n        three"
        );
        assert_eq!(lines("one two\nthree four", 7), "one two\nthree\n  four");
    }

    #[test]
    fn word_longer_than_the_line_stays_whole() {
        assert_eq!(
            line("at src/very/long/path.rs now", 8),
            "at\n  src/very/long/path.rs\n  now"
        );
        assert_eq!(line("unbreakable", 4), "unbreakable");
        assert_eq!(line("größe über alles", 10), "größe über\n  alles");
    }

    #[test]
    fn name_breaks_no_line_and_controls_no_terminal() {
        assert_eq!(
            one_line("a\nb\u{1b}[31m\u{9b}ä"),
            "a\\nb\\u001b[31m\\u009bä"
        );
        assert_eq!(line("pool `a\nb c`", 10), "pool `a\\nb\n  c`");
        assert_eq!(
            escaped("a\u{1b}[31m\u{7f}\u{9b}\r\tb\nä…"),
            "a\\u001b[31m\\u007f\\u009b\\u000d\\u0009b\nä…"
        );
    }

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
}
