//! `cargo xtask mutants`: small changes to the sources, each of which breaks one law, and the checks that notice them.
//!
//! A check that was never seen to fail proves nothing. So each bug of `xtask/planted/` is put into a copy of the tree
//! (`target/mutants/tree`, with a build folder of its own), and the checks that should notice are run there. What none
//! of them notices is a hole in the checks and fails the task. Before that the unchanged copy must pass the same checks:
//! otherwise "noticed" would say nothing.
//!
//! | outcome | meaning |
//! |---|---|
//! | noticed | a test failed, crashed, or ran past its time limit |
//! | SURVIVED | every test named for it passed |
//! | BROKEN | the list is wrong: a text that does not occur exactly once, a change that does not compile, a test that is not there |

mod choice;
mod generated;
mod planted;
mod report;
mod run;
mod suite;
mod tree;
mod verdict;

use std::process::ExitCode;
use std::time::Instant;

use choice::Choice;
use report::Row;
use run::Bench;
use verdict::Verdict;

use crate::workspace::Workspace;

use planted::Planted;

/// What the command line asks for.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> ExitCode {
    let done = match arguments {
        ["--list"] => planted::all(workspace).map(|all| {
            report::list(&all);
            true
        }),
        ["--check"] => check(workspace),
        ["--generated", files @ ..] => generated::run(workspace, files),
        arguments => Choice::read(arguments, workspace).and_then(|choice| {
            let chosen = choice.among(planted::all(workspace)?)?;
            plant_all(workspace, &chosen, choice.all_checks)
        }),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every change applies to today's sources, and every test named is there. Builds nothing.
fn check(workspace: &Workspace) -> Result<bool, String> {
    let began = Instant::now();
    let all = planted::all(workspace)?;
    let files = workspace.files()?;
    let mut faults = Vec::new();
    for planted in &all {
        let applied = workspace
            .read(&planted.file)
            .and_then(|text| planted.apply(&text));
        faults.extend(applied.err());
        faults.extend(suite::faults(workspace, &files, planted)?);
    }
    for fault in &faults {
        println!("{fault}");
    }
    println!(
        "{} planted bugs apply, {} faults, {:.0} ms",
        all.len(),
        faults.len(),
        began.elapsed().as_secs_f64() * 1e3
    );
    Ok(faults.is_empty())
}

/// Plants one bug after another and sees who notices; whether every one was noticed.
fn plant_all(
    workspace: &Workspace,
    chosen: &[&'static Planted],
    all_checks: bool,
) -> Result<bool, String> {
    let began = Instant::now();
    let mut bench = Bench::set_up(workspace)?;
    let control = Instant::now();
    bench.control(chosen, all_checks)?;
    println!(
        "the unchanged copy passes, in {:.0} s\n",
        control.elapsed().as_secs_f64()
    );
    let mut rows = Vec::new();
    for (at, planted) in chosen.iter().enumerate() {
        let began = Instant::now();
        let verdict = bench.plant(planted, all_checks);
        let row = Row {
            planted,
            verdict,
            time: began.elapsed(),
        };
        println!("{:>3} of {}  {row}", at + 1, chosen.len());
        rows.push(row);
    }
    report::table(&rows);
    report::close(&rows, began.elapsed());
    Ok(rows
        .iter()
        .all(|row| matches!(row.verdict, Verdict::Noticed(_))))
}
