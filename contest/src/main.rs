//! Measures framepool against its rivals in one run, and says of every claim whether it holds on this machine.
//!
//! ```text
//! cargo run --profile measured -p contest
//! ```
//!
//! What needs no clock is a check of its own: `cargo xtask instructions`, `cargo xtask machine-code`.

mod arguments;
mod chart;
mod child;
mod data;
mod machine;
mod measure;
mod programs;
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
        Command::Table => table(&arguments),
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
fn table(arguments: &Arguments) -> Result<bool, String> {
    let plan = if arguments.quick {
        measure::Plan::QUICK
    } else {
        measure::Plan::FULL
    };
    let mut questions = rows::questions();
    // What is measured for a chart alone has no line in the table.
    questions.retain(|question| {
        question.name.contains(arguments.only.as_str()) && (arguments.data || question.has_rows)
    });
    if questions.is_empty() {
        return Err(format!("no question has `{}` in it", arguments.only));
    }
    if arguments.data {
        data::print_machine();
    } else {
        table::print_head();
    }
    let mut failed = 0;
    let count = questions.len();
    for (at, question) in questions.iter().enumerate() {
        if arguments.data {
            eprintln!("{:>2} of {count}: {}", at + 1, question.name);
        }
        let answer = (question.ask)(&plan).map_err(|why| format!("{}: {why}", question.name))?;
        if arguments.data {
            data::print(&question.name, &answer);
        } else {
            table::print(&question.name, &answer.rows);
        }
        failed += answer.rows.iter().filter(|row| row.failed()).count();
    }
    Ok(!(arguments.check && failed > 0))
}
