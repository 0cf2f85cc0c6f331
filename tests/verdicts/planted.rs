//! Planted leaks are reported at their line, within a limit of frames.

use std::fmt::Write;

use crate::bench::{Bench, leaks};
use crate::leak::{Leak, is_leak};
use crate::scenarios::all;

/// Frames from the first leaked buffer to the alert that names its line.
fn named_after(scenario: usize, from: u64, every: u64, most: u64) -> Option<u64> {
    let (_, mut step) = all(0).into_iter().nth(scenario).unwrap();
    let mut bench = Bench::new();
    let mut leak = Leak::new(from, every);
    for frame in 0..from + most {
        let health = bench.frame(|pool, frame| {
            leak.step(pool, frame);
            step(pool, frame)
        });
        if let Some(health) = health {
            let accused = leaks(&health);
            if accused.iter().any(|site| is_leak(site)) {
                assert_eq!(accused.len(), 1, "{health}");
                return Some(frame + 1 - from);
            }
        }
    }
    None
}

/// The first frame, the interval in frames, and the most frames until the alert.
const CASES: [(u64, u64, u64); 5] = [
    // A second.
    (5_000, 2, 60),
    // A minute, and two windows of 5 s.
    (5_000, 60, 3_600 + 600),
    // The fill time, the next buffer, and two windows of 5 s.
    (5_000, 600, 6_600 + 600 + 600),
    // The third buffer, and two windows.
    (5_000, 3_600, 2 * 3_600 + 600),
    // A leak that begins with the program has the fill time.
    (0, 2, 6_600 + 600),
];

#[test]
fn planted_leaks_are_named_at_their_line() {
    // Without optimisation, only the quick ones.
    let cases = if cfg!(debug_assertions) {
        1
    } else {
        CASES.len()
    };
    let mut table = String::from("frames until named, by scenario");
    let mut late = Vec::new();
    for (at, (name, _)) in all(0).into_iter().enumerate() {
        write!(table, "\n| {name} |").unwrap();
        for &(from, every, most) in &CASES[..cases] {
            let after = named_after(at, from, every, 20_000);
            write!(table, " {after:?} |").unwrap();
            if after.is_none_or(|frames| frames > most) {
                late.push((name, from, every, after));
            }
        }
    }
    println!("{table}");
    assert!(late.is_empty(), "{late:?}\n{table}");
}
