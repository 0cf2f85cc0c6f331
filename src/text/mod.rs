//! Text for people, in the format of all reports: byte counts with units.
//!
//! The hidden tables, lines and sparklines of the reports are not part of the public API. This repository's binary
//! shares them.

mod lines;
mod table;

use std::fmt;

#[doc(hidden)]
pub(crate) use lines::short_name;
pub use lines::{COLUMNS, columns, escaped, fitted, line, lines, one_line, wrapped};
#[doc(hidden)]
pub use table::{Align, Table};

/// Replaces a text; without memory for the new one it is empty.
pub(crate) fn replace(text: &mut String, new: &str) {
    text.clear();
    if text.try_reserve(new.len()).is_ok() {
        text.push_str(new);
    }
}

/// Formats a size in the unit that leaves at most four digits before the point: `512 B`, `1.50 KiB`, `12.0 MiB`.
///
/// Units are powers of 1024. Exact counts are in the fields, not in the text.
///
/// ```
/// assert_eq!(framepool::text::bytes(12 << 20).to_string(), "12.0 MiB");
/// ```
pub fn bytes(count: u64) -> impl fmt::Display {
    Bytes(count)
}

/// A count and its noun: `1 buffer`, `2 buffers`.
#[doc(hidden)]
pub fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {}", noun_of(count, noun))
}

/// The form of a noun for this many: `buffer` for 1, `size classes` for 3. The plural ends in `s`, and in `es` after an `s`.
#[doc(hidden)]
pub fn noun_of(count: u64, noun: &str) -> String {
    let ending = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{noun}{ending}")
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1023.995 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let digits = match value {
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{value:.digits$} {}", UNITS[unit]))
    }
}

/// A line of bars for a series of numbers, at most `width` of them, the latest last: `▁▂▅█▃`.
///
/// The scale begins at zero, and the tallest bar is the largest number. If there are more numbers than bars, each bar shows
/// the largest number of its part, so no spike is lost. A value that is not a positive number gets the lowest bar.
#[doc(hidden)]
pub fn sparkline(series: &[f64], width: usize) -> impl fmt::Display {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let count = series.len().min(width);
    let tallest = series
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    (0..count)
        .map(|bar| {
            let share = &series[bar * series.len() / count..(bar + 1) * series.len() / count];
            let highest = share.iter().copied().fold(0.0, f64::max);
            let step = (highest / tallest * BARS.len() as f64).ceil() as usize;
            BARS[step.clamp(1, BARS.len()) - 1]
        })
        .collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_short_and_unambiguous() {
        let text = |count| bytes(count).to_string();
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1536), "1.50 KiB");
        assert_eq!(text(12 << 20), "12.0 MiB");
        assert_eq!(text((1 << 20) - 1), "1.00 MiB");
        assert_eq!(text(u64::MAX), "16.0 EiB");
        assert_eq!(format!("{:>8}|", bytes(5)), "     5 B|");
    }

    #[test]
    fn a_noun_is_singular_for_one_only() {
        assert_eq!(counted(0_u64, "buffer"), "0 buffers");
        assert_eq!(counted(1_u64, "size class"), "1 size class");
        assert_eq!(counted(2_u64, "size class"), "2 size classes");
    }

    #[test]
    fn a_sparkline_keeps_every_spike() {
        let text = |series: &[f64], width| sparkline(series, width).to_string();
        assert_eq!(text(&[], 8), "");
        assert_eq!(text(&[1.0], 0), "");
        assert_eq!(text(&[0.0, 0.0], 8), "▁▁");
        assert_eq!(text(&[1.0, 2.0, 4.0, 8.0], 8), "▁▂▄█");
        assert_eq!(text(&[1.0, 1.0, 8.0, 1.0, 1.0, 1.0], 3), "▁█▁");
        assert_eq!(text(&[f64::NAN, f64::INFINITY, -1.0, 8.0], 8), "▁█▁█");
    }
}
