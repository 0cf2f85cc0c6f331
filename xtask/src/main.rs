//! The repository's own tasks: `cargo xtask ci` runs every check, the others make documents from the sources.

mod benchmarks;
mod ci;
mod docs;
mod fuzz;
mod hot_paths;
mod mutants;
mod sanitize;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
cargo xtask ci [STEP...]           run all checks, or only these steps
cargo xtask ci --list              list the steps
cargo xtask fuzz [TARGET...] [--seconds N]
                                   replay the fuzz corpus, then fuzz each target so long
cargo xtask fuzz TARGET --replay FILE
                                   run one input through a target
cargo xtask sanitize [NAME...]     run the library's tests under ThreadSanitizer and AddressSanitizer with
                                   LeakSanitizer (thread, address), or only under these
cargo xtask instructions [--bless] count the instructions of the hot paths and compare with contest/instructions.toml, or
                                   write that anew
cargo xtask machine-code           what the hot paths' machine code must not contain
cargo xtask counters [--check]     write the table in docs/counters.md from the library's, or compare
cargo xtask benchmarks [--check]   write the charts and the tables of docs/benchmarks.md from what was measured, or compare
cargo xtask benchmarks --measure [WORD...]
                                   measure all questions, or those with one of these words, and keep what came out
cargo xtask mutants [NAME...]      plant the bugs of xtask/planted/, one after another, and see which tests notice
    --sample N [--seed S|commit]   only N of them; one seed after another goes through the whole list
cargo xtask mutants --list         list the planted bugs
cargo xtask mutants --check        only see that every one still applies to the sources";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::find();
    let done = match arguments.as_slice() {
        ["ci", steps @ ..] => return ci::run(&workspace, steps),
        ["fuzz", arguments @ ..] => fuzz::run(&workspace, arguments),
        ["sanitize", names @ ..] => sanitize::run(&workspace, names).map(|_| ()),
        ["mutants", arguments @ ..] => return mutants::run(&workspace, arguments),
        ["instructions"] => hot_paths::compare(&workspace),
        ["instructions", "--bless"] => hot_paths::bless(&workspace),
        ["machine-code"] => hot_paths::check(&workspace),
        ["counters"] => docs::counters::write(&workspace),
        ["counters", "--check"] => docs::counters::check(&workspace),
        ["benchmarks"] => benchmarks::write(&workspace),
        ["benchmarks", "--check"] => benchmarks::check(&workspace),
        ["benchmarks", "--measure", words @ ..] => benchmarks::measure(&workspace, words),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown task `{}`\n\n{HELP}", other.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
