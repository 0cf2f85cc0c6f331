//! Measurements in their own process: the contest starts itself again and reads one number.

use std::process::Command;

use crate::rows::{fixed, framed, memory, trace};

/// Runs the task of a child process.
pub(crate) fn run(task: &[String]) -> Result<(), String> {
    let words: Vec<&str> = task.iter().map(String::as_str).collect();
    let value = match words.as_slice() {
        ["glibc-mixed"] => framed::glibc_mixed(),
        ["resident"] => memory::resident()?,
        ["pool-bytes"] => fixed::pool_bytes()?,
        ["trace-cold", recording, who] => trace::first_replay(recording, who, false)?,
        ["trace-resident", recording, who] => trace::first_replay(recording, who, true)?,
        other => return Err(format!("unknown measurement: {other:?}")),
    };
    println!("{value}");
    Ok(())
}

/// Runs a task in a child process, and returns its number.
pub(crate) fn measure_in_child(task: &[&str]) -> Result<f64, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("the path of this program: {error}"))?;
    number_from(Command::new(own).arg("child").args(task))
}

/// Runs a program that prints one number.
pub(crate) fn number_from(command: &mut Command) -> Result<f64, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        format!(
            "{command:?} said {text:?} and {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
