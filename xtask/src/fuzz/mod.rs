//! `cargo xtask fuzz`: builds the fuzzers, replays the corpus, and lets each target run for its time.
//!
//! No tool is installed: libFuzzer comes as a crate, and the compiler's own flags do the rest. `AddressSanitizer` is on, and
//! leaks are looked for.

mod build;
mod report;

use std::path::PathBuf;

use crate::workspace::Workspace;
use build::Fuzzers;
use report::Report;

/// Every target, as in `fuzz/src/lib.rs`, with the longest input that libFuzzer makes.
const TARGETS: [(&str, u32); 5] = [
    ("trace", 2048),
    ("arguments", 256),
    ("config", 256),
    ("health", 512),
    ("program", 256),
];

/// How long each target runs unless told.
const SECONDS: f64 = 10.0;

/// Scales the time, as it scales the rounds of the tests.
const SCALE: &str = "FRAMEPOOL_TEST_SCALE";

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Order<'a> {
    targets: Vec<(&'a str, u32)>,
    seconds: Option<f64>,
    /// One input to run instead of fuzzing.
    replay: Option<&'a str>,
}

impl<'a> Order<'a> {
    fn read(arguments: &[&'a str]) -> Result<Self, String> {
        let mut order = Self {
            targets: Vec::new(),
            seconds: None,
            replay: None,
        };
        let mut rest = arguments.iter();
        while let Some(&word) = rest.next() {
            match word {
                "--seconds" => order.seconds = Some(positive(rest.next().copied())?),
                "--replay" => {
                    order.replay = Some(rest.next().ok_or("`--replay` needs a file")?);
                }
                name => {
                    let known = TARGETS.iter().find(|(known, _)| *known == name);
                    let known = known.ok_or_else(|| {
                        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
                        format!("no target `{name}`; there are {}", names.join(", "))
                    })?;
                    order.targets.push(*known);
                }
            }
        }
        if order.replay.is_some() && order.targets.len() != 1 {
            return Err("`--replay FILE` needs the one target that is to run it".to_owned());
        }
        if order.targets.is_empty() {
            order.targets.extend(TARGETS);
        }
        Ok(order)
    }

    /// Whole seconds for each target: libFuzzer knows no parts of one, and takes zero for ever.
    fn time(&self) -> Result<u64, String> {
        let scale = match std::env::var(SCALE) {
            Ok(text) => positive(Some(&text)).map_err(|error| format!("{SCALE}: {error}"))?,
            Err(_) => 1.0,
        };
        Ok(self.seconds.unwrap_or(SECONDS * scale).ceil().max(1.0) as u64)
    }
}

fn positive(text: Option<&str>) -> Result<f64, String> {
    let text = text.unwrap_or_default();
    text.parse()
        .ok()
        .filter(|&number| number > 0.0 && number <= 1e6)
        .ok_or_else(|| format!("`{text}` is no positive number"))
}

/// Fuzzes the targets that are named, or all; how many runs that were.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<u64, String> {
    let order = Order::read(arguments)?;
    let seconds = order.time()?;
    let names: Vec<&str> = order.targets.iter().map(|(name, _)| *name).collect();
    let fuzzers = Fuzzers::build(workspace, &names)?;
    if let Some(input) = order.replay {
        return replay(workspace, &fuzzers, names[0], &[PathBuf::from(input)])
            .map(|runs| runs as u64);
    }
    let mut runs = 0;
    for (name, longest) in order.targets {
        let inputs = corpus(workspace, name)?;
        let replayed = replay(workspace, &fuzzers, name, &inputs)?;
        let report = fuzz(workspace, &fuzzers, (name, longest), seconds)?;
        println!("fuzz {name}: {replayed} inputs of the corpus replayed; {report} in {seconds} s");
        runs += replayed as u64 + report.runs;
    }
    Ok(runs)
}

/// The inputs kept in the repository.
fn corpus(workspace: &Workspace, name: &str) -> Result<Vec<PathBuf>, String> {
    let folder = workspace.root.join("fuzz/corpus").join(name);
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut inputs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inputs.sort();
    if inputs.is_empty() {
        return Err(format!("{}: no inputs", folder.display()));
    }
    Ok(inputs)
}

/// Runs these inputs and nothing else; how many they were.
fn replay(
    workspace: &Workspace,
    fuzzers: &Fuzzers,
    name: &str,
    inputs: &[PathBuf],
) -> Result<usize, String> {
    let mut command = fuzzers.command(workspace, name);
    command
        .args(["-timeout=60", "-rss_limit_mb=4096"])
        .args(inputs);
    let report = Report::of(&mut command)?;
    if report.replayed != inputs.len() as u64 || !report.succeeded {
        let last = report.last_input.clone().unwrap_or_default();
        return Err(format!(
            "target {name} broke on {last}\n{}\nonce more: cargo xtask fuzz {name} --replay {last}",
            report.messages()
        ));
    }
    Ok(inputs.len())
}

/// Lets libFuzzer look for new inputs.
fn fuzz(
    workspace: &Workspace,
    fuzzers: &Fuzzers,
    (name, longest): (&str, u32),
    seconds: u64,
) -> Result<Report, String> {
    let found = fuzzers.folder(&["found", name])?;
    let crashes = fuzzers.folder(&["crashes", name])?;
    let mut command = fuzzers.command(workspace, name);
    command
        .arg(found)
        .arg(workspace.root.join("fuzz/corpus").join(name))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={longest}"))
        // The trailing slash makes it a folder.
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        // A window of 2 GiB is what a zstd stream may ask for.
        .args(["-timeout=60", "-rss_limit_mb=4096", "-malloc_limit_mb=4096"])
        // Numbers compared with limits are brought nearer to them.
        .args(["-use_value_profile=1", "-len_control=0"])
        .arg("-print_final_stats=1");
    let report = Report::of(&mut command)?;
    if !report.succeeded {
        let input = report.artifact.clone().unwrap_or_default();
        return Err(format!(
            "target {name} broke after {} runs\n{}\nthe input: {input}\nonce more: cargo xtask fuzz {name} --replay {input}",
            report.runs,
            report.messages()
        ));
    }
    if report.runs == 0 || report.coverage == 0 {
        return Err(format!("target {name}: nothing ran\n{}", report.messages()));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_all_targets_run() {
        let order = Order::read(&["--seconds", "2.5"]).expect("an order");
        assert_eq!(order.targets, TARGETS);
        assert_eq!(order.time(), Ok(3));
        let order = Order::read(&["health", "trace"]).expect("an order");
        assert_eq!(order.targets, [TARGETS[3], TARGETS[0]]);
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for words in [
            &["tarce"][..],
            &["--seconds"],
            &["--seconds", "0"],
            &["--seconds", "nan"],
            &["--replay", "some"],
            &["trace", "health", "--replay", "some"],
            &["trace", "--replay"],
        ] {
            assert!(Order::read(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_target_has_an_entry_and_a_corpus() {
        let workspace = Workspace::find();
        let library = workspace.read("fuzz/src/lib.rs").expect("the library");
        let listed = library.matches("    (\"").count();
        assert_eq!(listed, TARGETS.len());
        for (name, _) in TARGETS {
            assert!(library.contains(&format!("(\"{name}\", {name})")), "{name}");
            assert!(!corpus(&workspace, name).expect(name).is_empty());
        }
    }
}
