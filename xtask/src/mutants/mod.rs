//! `cargo xtask mutants`: small changes to the sources, each of which breaks one law, and the tests that notice them.
//!
//! A check that never failed proves nothing. So each bug of `xtask/planted/` is put into a copy of the repository
//! (`target/mutants/tree`), and the tests that should notice it are run there. A bug that none of them notices is a gap in
//! the checks, and the task fails. First the unchanged copy must pass the same tests; otherwise a failure would prove nothing.
//!
//! | outcome | meaning |
//! |---|---|
//! | noticed | a test failed, crashed, or ran past its time limit |
//! | SURVIVED | every test named for it passed |
//! | BROKEN | the bug's file is wrong: its text does not occur exactly once, the change does not compile, or the test does not exist |

mod choice;
mod planted;
mod run;
mod tree;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use choice::Choice;
use planted::Planted;
use run::{Bench, Verdict};

use crate::workspace::Workspace;

/// Runs the task with these arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> ExitCode {
    let done = planted::all(workspace).and_then(|all| match arguments {
        ["--list"] => {
            list(&all);
            Ok(true)
        }
        ["--check"] => check(workspace, &all),
        arguments => {
            let chosen = Choice::read(arguments, workspace)?.among(all)?;
            plant_all(workspace, &chosen)
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn list(all: &[Planted]) {
    for planted in all {
        let Planted {
            name,
            laws,
            file,
            noticed_by,
            ..
        } = planted;
        println!("{:9} {file:26} {name}", laws.join(", "));
        println!("{:36} {}", "", noticed_by.join(", "));
    }
    println!("{} planted bugs", all.len());
}

/// Whether every change applies to the current sources, and every named test exists. Builds nothing.
fn check(workspace: &Workspace, all: &[Planted]) -> Result<bool, String> {
    let mut sources = String::new();
    for file in workspace.files()? {
        if Path::new(&file).extension().is_some_and(|end| end == "rs") {
            sources += &workspace.read(&file)?;
        }
    }
    let mut faults = Vec::new();
    for planted in all {
        let text = workspace.read(&planted.file);
        faults.extend(text.and_then(|text| planted.apply(&text)).err());
        faults.extend(planted.tests_not_in(&sources, &run::PACKAGES));
    }
    for fault in &faults {
        println!("{fault}");
    }
    println!("{} planted bugs, {} faults", all.len(), faults.len());
    Ok(faults.is_empty())
}

/// Plants one bug after another, and runs the tests that should notice it. Returns whether all bugs were noticed.
fn plant_all(workspace: &Workspace, chosen: &[Planted]) -> Result<bool, String> {
    let began = Instant::now();
    let bench = Bench::set_up(workspace)?;
    bench.control(chosen)?;
    let control = began.elapsed();
    println!(
        "the unchanged copy passes, in {:.0} s",
        control.as_secs_f64()
    );
    let (mut survived, mut broken) = (0, 0);
    for (at, planted) in chosen.iter().enumerate() {
        let began = Instant::now();
        let verdict = bench.plant(planted);
        match verdict {
            Verdict::Noticed(_) => {}
            Verdict::Survived => survived += 1,
            Verdict::Broken(_) => broken += 1,
        }
        println!(
            "{:>3} of {}  {:5.1} s  {}: {verdict}",
            at + 1,
            chosen.len(),
            began.elapsed().as_secs_f64(),
            planted.name,
        );
    }
    println!(
        "\n{} planted bugs: {} noticed, {survived} survived, {broken} broken; {:.0} s",
        chosen.len(),
        chosen.len() - survived - broken,
        began.elapsed().as_secs_f64()
    );
    Ok(survived + broken == 0)
}
