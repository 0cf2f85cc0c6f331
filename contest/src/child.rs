//! Measurements that need a process of their own: the contest starts itself again and reads one number.

use std::process::Command;

use crate::rows::{framed, memory};

/// What a child was asked to do.
pub(crate) fn run(task: &[String]) -> Result<(), String> {
    let value = match task.first().map(String::as_str) {
        Some("glibc-mixed") => framed::glibc_mixed(),
        Some("resident") => memory::resident()?,
        other => return Err(format!("no such measurement: {other:?}")),
    };
    println!("{value}");
    Ok(())
}

/// Has a child measure, and gives its number.
pub(crate) fn measure_in_child(task: &[&str]) -> Result<f64, String> {
    let own = std::env::current_exe().map_err(|error| format!("where am I: {error}"))?;
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
