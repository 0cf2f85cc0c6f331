//! Target: the command line. Each word is refused with a message, or gives a number within its range.

use clap::Parser;
use framepool_cli::args::{Command, CommandLine, ReplayOptions};

use crate::bytes::Bytes;

/// Parses `bytes` as a command line with one word per line, and parses the options that they encode.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn arguments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    check(text.split('\n').filter(|word| !word.is_empty()));
    let encoded = encoded(&mut Bytes::new(bytes));
    check(encoded.iter().map(String::as_str));
}

/// A command with known options, each with some value.
fn encoded(from: &mut Bytes<'_>) -> Vec<String> {
    const REPLAY: [&str; 5] = ["frame-ms", "threads", "rounds", "leak-after", "speed"];
    const DEMO: [&str; 3] = ["seconds", "leak", "threads"];
    let command = ["replay", "demo"][from.below(2)];
    let options = if command == "demo" {
        &DEMO[..]
    } else {
        &REPLAY
    };
    let mut words = vec![command.to_owned()];
    for option in options {
        let value = match from.below(4) {
            0 => continue,
            1 => from.number().to_string(),
            2 => from.real().to_string(),
            _ => {
                let len = from.below(8);
                String::from_utf8_lossy(from.take(len)).into_owned()
            }
        };
        words.push(format!("--{option}={value}"));
    }
    words
}

fn check<'a>(words: impl Iterator<Item = &'a str>) {
    match CommandLine::try_parse_from(std::iter::once("framepool").chain(words)) {
        Ok(line) => {
            assert_options(&line.options);
            match line.command {
                Some(Command::Replay(replay)) => assert_options(&replay.options),
                Some(Command::Demo(demo)) => {
                    let limits = 0.5..=86_400.0;
                    assert!(demo.seconds.is_none_or(|seconds| limits.contains(&seconds)));
                    assert!(demo.leak <= 100_000);
                    assert_threads(demo.threads);
                }
                Some(Command::Memory(memory)) => {
                    assert!((0.001..=86_400_000.0).contains(&memory.frame_ms));
                    assert_threads(memory.threads);
                }
                // The options of the other commands are tested next to their parsers. The commands are not listed here, because
                // `top` exists only with the feature `dashboard`, which a build of the whole workspace turns on.
                _ => {}
            }
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn assert_options(options: &ReplayOptions) {
    assert!((0.001..=86_400_000.0).contains(&options.frame_ms));
    assert!(options.rounds <= 1000);
    assert!((1..=1_000_000).contains(&options.leak_after));
    if let Some(speed) = options.speed {
        assert!(speed == 0.0 || (0.001..=1e9).contains(&speed), "{speed}");
    }
    assert_threads(options.threads);
    assert!(!options.live_only || !(options.json || options.quiet));
}

fn assert_threads(threads: Option<std::num::NonZeroUsize>) {
    assert!(threads.is_none_or(|threads| threads.get() <= 65_536));
}
