//! Formats numbers for reports.

use framepool::text::noun_of;

/// A whole number with thousands separators: `113,911`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 frame`, `2,000 frames`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {}", count(number), noun_of(number, noun))
}

/// A part of a whole in percent; empty if the whole is zero.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    format!("{:.2} %", 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let written = [0, 7, 999, 1_000, 113_911, u64::MAX].map(count);
        assert_eq!(written[..4], ["0", "7", "999", "1,000"]);
        assert_eq!(written[4..], ["113,911", "18,446,744,073,709,551,615"]);
        assert_eq!(
            (share(1, 8), share(1, 0)),
            ("12.50 %".into(), String::new())
        );
    }
}
