//! Measures framepool against its rivals in one run, and reports whether each claim holds on this machine.
//!
//! ```text
//! cargo run --profile measured -p contest
//! ```
//!
//! The checks without a clock are elsewhere: `cargo xtask instructions` and `cargo xtask machine-code`.

mod arguments;
mod child;
mod document;
mod machine;
mod measure;
mod programs;
mod rows;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use document::data::Data;

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
        Command::Measure => measure_all(&arguments),
        Command::Write => document::write().map(|()| true),
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

/// Measures and prints. Returns false if the exit code must report a failed claim.
fn measure_all(arguments: &Arguments) -> Result<bool, String> {
    let plan = if arguments.quick {
        measure::Plan::QUICK
    } else {
        measure::Plan::FULL
    };
    let mut questions = rows::questions();
    questions.retain(|question| {
        let has = |words: &String| question.name.contains(words.as_str());
        let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(has);
        // A question for a chart alone has no row in the table.
        is_wanted && (arguments.keep || question.has_rows)
    });
    if questions.is_empty() {
        return Err(format!(
            "no question has `{}` in it",
            arguments.only.join("` or `")
        ));
    }
    let mut data = Data::of_this_machine();
    table::print_head();
    for question in &questions {
        let answer = (question.ask)(&plan).map_err(|why| format!("{}: {why}", question.name))?;
        table::print(&question.name, &answer.rows);
        data.add(&question.name, answer);
    }
    let failed = data
        .claims
        .iter()
        .any(|claim| claim.row.holds() == Some(false));
    if arguments.keep {
        document::keep(data, arguments.only.is_empty())?;
    }
    Ok(!(arguments.check && failed))
}
