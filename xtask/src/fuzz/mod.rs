//! `cargo xtask fuzz`: builds the fuzzers, replays the corpus, and lets each target run for its time.
//!
//! No tool is installed: libFuzzer comes as a crate, and the compiler's own flags do the rest. `AddressSanitizer` is on, and
//! leaks are looked for.

mod build;

use std::process::Command;

use crate::workspace::Workspace;
use build::Fuzzers;

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

/// Fuzzes the targets that are named, or all.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<(), String> {
    let order = Order::read(arguments)?;
    let seconds = order.time()?;
    let names: Vec<&str> = order.targets.iter().map(|(name, _)| *name).collect();
    let fuzzers = Fuzzers::build(workspace, &names)?;
    if let Some(input) = order.replay {
        return execute(fuzzers.command(workspace, names[0]).arg(input), names[0]).map(|_| ());
    }
    for (name, longest) in order.targets {
        let inputs = corpus(workspace, name)?;
        // libFuzzer runs the inputs of its folders before it makes its own.
        let said = execute(
            fuzzers
                .command(workspace, name)
                .arg(fuzzers.folder(&["found", name])?)
                .arg(workspace.root.join("fuzz/corpus").join(name))
                .arg(format!("-max_total_time={seconds}"))
                .arg(format!("-max_len={longest}"))
                // The trailing slash makes it a folder.
                .arg(format!(
                    "-artifact_prefix={}/",
                    fuzzers.folder(&["crashes", name])?.display()
                ))
                // Numbers compared with limits are brought nearer to them.
                .args(["-use_value_profile=1", "-len_control=0"]),
            name,
        )?;
        let runs = runs(&said);
        if runs < inputs as u64 {
            return Err(format!(
                "target {name}: {runs} runs for {inputs} inputs of the corpus\n{said}"
            ));
        }
        println!(
            "fuzz {name}: {runs} runs in {seconds} s, {inputs} inputs of the corpus among them"
        );
    }
    Ok(())
}

/// How many inputs are kept in the repository.
fn corpus(workspace: &Workspace, name: &str) -> Result<usize, String> {
    let folder = workspace.root.join("fuzz/corpus").join(name);
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    match entries.flatten().count() {
        0 => Err(format!("{}: no inputs", folder.display())),
        inputs => Ok(inputs),
    }
}

/// Runs a fuzzer to its end; what libFuzzer said. If something broke, that says where its input is.
fn execute(command: &mut Command, name: &str) -> Result<String, String> {
    let output = command
        // A window of 2 GiB is what a zstd stream may ask for.
        .args(["-timeout=60", "-rss_limit_mb=4096", "-malloc_limit_mb=4096"])
        .arg("-print_final_stats=1")
        .output()
        .map_err(|error| format!("the fuzzer: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!(
        "target {name} broke:\n{said}\nonce more: cargo xtask fuzz {name} --replay FILE, with the file that is named above"
    ))
}

/// How many inputs a fuzzer ran.
fn runs(said: &str) -> u64 {
    said.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|runs| runs.trim().parse().ok())
        .unwrap_or(0)
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
    fn a_fuzzer_that_fails_is_seen_to_fail() {
        let broken = execute(
            Command::new("sh").args(["-c", "echo why >&2; exit 77"]),
            "x",
        );
        assert!(broken.is_err_and(|said| said.contains("why")));
        let said = "#9\tDONE   cov: 345\nstat::number_of_executed_units: 678\n";
        assert_eq!((runs(said), runs("")), (678, 0));
    }

    #[test]
    fn every_target_has_an_entry_and_a_corpus() {
        let workspace = Workspace::find();
        let library = workspace.read("fuzz/src/lib.rs").expect("the library");
        let listed = library.matches("    (\"").count();
        assert_eq!(listed, TARGETS.len());
        for (name, _) in TARGETS {
            assert!(library.contains(&format!("(\"{name}\", {name})")), "{name}");
            assert!(corpus(&workspace, name).is_ok());
        }
    }
}
