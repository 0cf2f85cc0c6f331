//! What the checks need besides cargo: a C compiler that links, rustfmt, clippy.
//!
//! The C compiler is for the linker's sake and for build scripts that compile C. What is missing is installed where that
//! is possible without asking, and named where it is not.

use std::process::{Command, Stdio};

use super::command::{Runner, announce, write_file};

const PACKAGES: &[&str] = &["gcc", "libc6-dev"];
const PROBE: &str = "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n";

pub(crate) fn run(runner: &mut Runner<'_>) -> Result<(), String> {
    c_compiler(runner)?;
    for (component, task) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !has_component(runner, task) {
            add_component(component)?;
            if !has_component(runner, task) {
                return Err(format!(
                    "`cargo {task}` does not work although `{component}` was added"
                ));
            }
        }
    }
    for tool in ["rustc", "cargo"] {
        show_version(tool);
    }
    Ok(())
}

fn c_compiler(runner: &Runner<'_>) -> Result<(), String> {
    if compiles_c(runner)? {
        println!("C compiler and linker: there");
        return Ok(());
    }
    let packages = PACKAGES.join(" ");
    let Some(prefix) = privileged() else {
        return Err(format!(
            "no working C compiler `cc`; install one (Debian: `apt-get install {packages}`) and run this again"
        ));
    };
    apt_get(prefix, &["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(PACKAGES);
    apt_get(prefix, &install)?;
    if compiles_c(runner)? {
        Ok(())
    } else {
        Err(format!(
            "`cc` does not work although {packages} were installed"
        ))
    }
}

/// Whether `cc` compiles and links a program.
fn compiles_c(runner: &Runner<'_>) -> Result<bool, String> {
    let source = runner.workspace.target().join("setup/probe.c");
    write_file(&source, PROBE)?;
    let status = Command::new("cc")
        .arg("-o")
        .arg(source.with_extension("out"))
        .arg(&source)
        .stdin(Stdio::null())
        .status();
    Ok(status.is_ok_and(|status| status.success()))
}

/// What to put before `apt-get`, if this machine has it and lets us.
fn privileged() -> Option<&'static [&'static str]> {
    if !succeeds("apt-get", &["--version"]) {
        return None;
    }
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    succeeds("sudo", &["-n", "true"]).then_some(&["sudo", "-n"])
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Result<(), String> {
    let mut words = prefix.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(arguments);
    announce(words[0], &words[1..]);
    let status = Command::new(words[0]).args(&words[1..]).status();
    if status.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err(format!("`apt-get {}` failed", arguments.join(" ")))
    }
}

fn has_component(runner: &Runner<'_>, task: &str) -> bool {
    let output = runner.cargo_command(&[task, "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}

/// The one place that fetches a part of the toolchain, so it uses the environment as it is.
fn add_component(component: &str) -> Result<(), String> {
    let arguments = ["component", "add", component];
    announce("rustup", &arguments);
    let status = Command::new("rustup").args(arguments).status();
    if status.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err(format!(
            "`{component}` is missing and `rustup component add {component}` failed; install it and run this again"
        ))
    }
}

fn show_version(tool: &str) {
    if let Ok(output) = Command::new(tool).arg("--version").output() {
        println!("{}", String::from_utf8_lossy(&output.stdout).trim());
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
