//! The repository's own tasks: `cargo xtask ci` runs every check; the other tasks are checks that can also be run alone.

mod ci;
mod hot_paths;
mod mutants;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
cargo xtask ci [STEP...]           run all steps, or only the named ones
cargo xtask ci --list              list the steps
cargo xtask instructions [--bless] count the instructions of the hot paths, and compare them with
                                   contest/instructions.toml, or write them into it
cargo xtask machine-code           check that the hot paths' machine code has no lock, no division and no call
cargo xtask mutants [NAME...]      plant the bugs of xtask/planted/ one after another; fail if no test notices one
    --sample N [--seed TEXT|commit]
                                   plant only N of them; the seed decides which
cargo xtask mutants --list         list the planted bugs
cargo xtask mutants --check        only check that every bug still applies to the sources";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::find();
    let done = match arguments.as_slice() {
        ["ci", steps @ ..] => return ci::run(&workspace, steps),
        ["mutants", arguments @ ..] => return mutants::run(&workspace, arguments),
        ["instructions"] => hot_paths::compare(&workspace),
        ["instructions", "--bless"] => hot_paths::bless(&workspace),
        ["machine-code"] => hot_paths::check(&workspace),
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
