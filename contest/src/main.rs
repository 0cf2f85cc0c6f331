//! Measures framepool against its rivals in one run, and says of every claim whether it holds on this machine.
//!
//! ```text
//! cargo run --release -p contest                     the table
//! cargo run --release -p contest -- instructions     instructions per operation against the checked-in baseline
//! cargo run --release -p contest -- machine-code     what the hot paths' machine code must not contain
//! ```

mod arguments;
mod child;
mod instructions;
mod machine_code;
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
        Command::Instructions { bless } => instructions::compare(*bless),
        Command::MachineCode => machine_code::check(),
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
