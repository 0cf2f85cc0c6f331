//! Formats numbers for the view, with a constant width so that they do not jump.

use std::time::Duration;

use framepool::text::bytes;

use crate::report::count;

/// `1.22 MiB`, padded to eight columns, so that all sizes of a column end at the same place.
pub(super) fn size(count: u64) -> String {
    format!("{:>8}", bytes(count).to_string())
}

/// A number a second: `2,880/s`, `12.3 k/s`.
pub(super) fn rate(number: f64) -> String {
    if number >= 1e6 {
        format!("{:.2} M/s", number / 1e6)
    } else if number >= 1e4 {
        format!("{:.1} k/s", number / 1e3)
    } else {
        format!("{}/s", count(number.round() as u64))
    }
}

/// `9.50 ms`, `850 µs`, `1.20 s`.
pub(super) fn milliseconds(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{:.2} s", ms / 1_000.0)
    } else if ms >= 1.0 || ms <= 0.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{:.0} µs", ms * 1_000.0)
    }
}

/// A time in its two largest units: `8 s`, `2 min 05 s`, `3 h 12 min`, `2 d 04 h`.
pub(super) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => "< 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A share in percent; a dash if the whole is zero. Less than all is never shown as 100 %.
pub(super) fn percent(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return "–".to_owned();
    }
    let percent = 100.0 * part / whole;
    let shown = if part < whole {
        percent.min(99.99)
    } else {
        percent
    };
    format!("{shown:.2} %")
}

/// The text cut to `width` columns: at the beginning if `keeps_end`, as for a path, else at the end.
pub(super) fn fitted(text: &str, width: usize, keeps_end: bool) -> String {
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
pub(super) fn wrapped(text: &str, width: usize, lines: usize) -> Vec<String> {
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
    fn incomplete_share_is_never_shown_as_100_percent() {
        assert_eq!(percent(999_999.0, 1_000_000.0), "99.99 %");
        assert_eq!(percent(7.0, 7.0), "100.00 %");
        assert_eq!(percent(0.0, 0.0), "–");
    }

    #[test]
    fn ages_have_two_units() {
        let said = [8, 125, 11_520, 187_200].map(|s| age(Duration::from_secs(s)));
        assert_eq!(said, ["8 s", "2 min 05 s", "3 h 12 min", "2 d 04 h"]);
    }
}
