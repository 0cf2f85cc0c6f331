//! What a fuzzer said: libFuzzer's messages, of which only what matters is kept.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// How many of the last messages are shown when something broke.
const SHOWN: usize = 60;

/// One run of a fuzzer.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) succeeded: bool,
    /// Inputs run while fuzzing.
    pub(super) runs: u64,
    /// Edges of the code reached.
    pub(super) coverage: u64,
    /// Inputs of a replay that ran to their end.
    pub(super) replayed: u64,
    /// The input of a replay begun last.
    pub(super) last_input: Option<String>,
    /// Where the input that broke something was written.
    pub(super) artifact: Option<String>,
    last: VecDeque<String>,
}

impl Report {
    /// Runs a fuzzer to its end.
    pub(super) fn of(command: &mut Command) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the fuzzer: {error}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut report = Self::default();
        if let Some(messages) = child.stderr.take() {
            for line in BufReader::new(messages).split(b'\n') {
                let line = line.map_err(failed)?;
                report.read(&String::from_utf8_lossy(&line));
            }
        }
        report.succeeded = child.wait().map_err(failed)?.success();
        Ok(report)
    }

    fn read(&mut self, line: &str) {
        if let Some(input) = line.strip_prefix("Running: ") {
            self.last_input = Some(input.to_owned());
        } else if line.starts_with("Executed ") {
            self.replayed += 1;
        } else if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = runs.trim().parse().unwrap_or(0);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.artifact = Some(path.to_owned());
        }
        // `#1234  NEW    cov: 321 ft: 987 corp: …`
        if line.starts_with('#')
            && let Some((_, rest)) = line.split_once("cov: ")
            && let Some(edges) = rest.split(' ').next().and_then(|word| word.parse().ok())
        {
            self.coverage = edges;
        } else {
            if self.last.len() == SHOWN {
                self.last.pop_front();
            }
            self.last.push_back(line.to_owned());
        }
    }

    /// The last messages, progress left out.
    pub(super) fn messages(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs, {} edges reached", self.runs, self.coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_libfuzzer_are_understood() {
        let mut report = Report::default();
        for line in [
            "INFO: Seed: 1",
            "Running: corpus/a",
            "Executed corpus/a in 3 ms",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#9\tDONE   cov: 345 ft: 400 corp: 9/99b lim: 4 exec/s: 3 rss: 31Mb",
            "stat::number_of_executed_units: 678",
            "artifact_prefix='x/'; Test unit written to x/crash-1",
        ] {
            report.read(line);
        }
        assert_eq!(
            (report.runs, report.coverage, report.replayed),
            (678, 345, 1)
        );
        assert_eq!(report.last_input.as_deref(), Some("corpus/a"));
        assert_eq!(report.artifact.as_deref(), Some("x/crash-1"));
        assert!(report.messages().starts_with("INFO") && !report.messages().contains("cov:"));
    }

    #[test]
    fn a_fuzzer_that_fails_is_seen_to_fail() {
        let report = Report::of(Command::new("sh").args(["-c", "echo broken >&2; exit 77"]));
        let report = report.expect("a shell");
        assert!(!report.succeeded && report.messages() == "broken");
    }
}
