//! Measures framepool against its rivals in one run, and says of every claim whether it holds on this machine.
//!
//! ```text
//! cargo run --release -p contest
//! ```
//!
//! What needs no clock is a check of its own: `cargo xtask instructions`, `cargo xtask machine-code`.

mod arguments;
mod child;
mod measure;
mod probe;
#[path = "../../benches/rivals/mod.rs"]
mod rivals;
mod rows;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("contest: {message}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match &arguments.command {
        Command::Help => {
            println!("{}", arguments::USAGE);
            Ok(true)
        }
        Command::Table => Ok(table(&arguments)),
        Command::Child(task) => child::run(task).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("contest: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; whether the exit code is to say that all is well.
fn table(arguments: &Arguments) -> bool {
    let plan = if arguments.quick {
        measure::Plan::QUICK
    } else {
        measure::Plan::FULL
    };
    let mut all = Vec::new();
    if !arguments.json {
        table::print_head();
    }
    for question in rows::questions() {
        if !question.name.contains(arguments.only.as_str()) {
            continue;
        }
        let rows = (question.ask)(&plan);
        if !arguments.json {
            table::print(&question.name, &rows);
        }
        all.push((question.name, rows));
    }
    if arguments.json {
        table::print_json(&all);
    }
    let failed = all
        .iter()
        .flat_map(|(_, rows)| rows)
        .filter(|row| row.failed())
        .count();
    !(arguments.check && failed > 0)
}
