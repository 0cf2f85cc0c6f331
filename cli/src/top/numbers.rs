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

#[cfg(test)]
mod tests {
    use super::*;

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
