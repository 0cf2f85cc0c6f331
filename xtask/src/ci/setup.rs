//! What the checks need besides cargo: a C and a C++ compiler that link, a few tools, rustfmt, clippy.
//!
//! The C compiler is for the linker's sake and for build scripts that compile C, the C++ compiler for libFuzzer and for the
//! contest's rivals, which are built by make and cmake; valgrind and objdump look at the hot paths, a real Prometheus scrapes
//! the exporter, an OTLP receiver in a Python package takes what is pushed, Chromium opens the dashboard, Go's pprof and
//! the Firefox Profiler the profiles, and Perfetto's messages for Python the timelines. What is missing is installed where that is possible without asking, and named where it is not.

use std::process::{Command, Stdio};

use super::command::{Runner, announce, write_file};
use crate::workspace::Workspace;

/// A compiler that must be there.
#[derive(Debug)]
pub(crate) struct Compiler {
    command: &'static str,
    language: &'static str,
    /// What Debian calls what it needs.
    packages: &'static [&'static str],
    /// A program that it compiles and links.
    probe: (&'static str, &'static str),
}

const C: Compiler = Compiler {
    command: "cc",
    language: "C",
    packages: &["gcc", "libc6-dev"],
    probe: (
        "probe.c",
        "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n",
    ),
};

pub(crate) const CXX: Compiler = Compiler {
    command: "c++",
    language: "C++",
    packages: &["g++"],
    probe: (
        "probe.cc",
        "#include <vector>\nint main() { return static_cast<int>(std::vector<int>().size()); }\n",
    ),
};

/// Programs that must be there, the argument with which each says its version, and what Debian calls their packages.
const TOOLS: [(&str, &str, &str); 11] = [
    ("make", "--version", "make"),
    ("cmake", "--version", "cmake"),
    ("objdump", "--version", "binutils"),
    ("valgrind", "--version", "valgrind"),
    ("promtool", "--version", "prometheus"),
    ("chromium", "--version", "chromium"),
    ("chromedriver", "--version", "chromium-driver"),
    ("go", "version", "golang-go"),
    ("pip3", "--version", "python3-pip"),
    ("node", "--version", "nodejs"),
    ("npm", "--version", "npm"),
];

/// Python packages that must be there, with their versions: an OTLP receiver, and the messages of OTLP and of
/// Perfetto's traces.
const PYTHON: [&str; 3] = [
    "rotel==0.0.1a15",
    "opentelemetry-proto==1.45.2",
    "perfetto==0.59.1",
];

/// A package of npm that must be there, with its version: the Firefox Profiler at the command line.
const PROFILER: &str = "@firefox-devtools/profiler-cli@0.10.0";

pub(crate) fn run(runner: &mut Runner<'_>) -> Result<(), String> {
    for compiler in [C, CXX] {
        compiler.provide(runner.workspace)?;
    }
    provide_tools()?;
    provide_python(runner.workspace)?;
    provide_profiler(runner.workspace)?;
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

impl Compiler {
    /// Installs it if it is missing.
    fn provide(&self, workspace: &Workspace) -> Result<(), String> {
        if self.works(workspace)? {
            println!("{} compiler and linker: there", self.language);
            return Ok(());
        }
        install(self.packages)?;
        self.must_work(workspace)
    }

    /// Says what to do if it does not work.
    pub(crate) fn must_work(&self, workspace: &Workspace) -> Result<(), String> {
        if self.works(workspace)? {
            return Ok(());
        }
        Err(format!(
            "no working {} compiler `{}`; install one (Debian: `apt-get install {}`) and run this again",
            self.language,
            self.command,
            self.packages.join(" ")
        ))
    }

    /// Whether it compiles and links a program.
    fn works(&self, workspace: &Workspace) -> Result<bool, String> {
        let (name, text) = self.probe;
        let source = workspace.target().join("setup").join(name);
        write_file(&source, text)?;
        let status = Command::new(self.command)
            .arg("-o")
            .arg(source.with_extension("out"))
            .arg(&source)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        Ok(status.is_ok_and(|status| status.success()))
    }
}

/// Installs the tools that are missing, all at once.
fn provide_tools() -> Result<(), String> {
    let is_missing = |(command, version, _): &&(&str, &str, &str)| !succeeds(command, &[version]);
    let missing = || TOOLS.iter().filter(is_missing);
    let packages: Vec<&str> = missing().map(|(_, _, package)| *package).collect();
    install(&packages)?;
    let still: Vec<&str> = missing().map(|(command, _, _)| *command).collect();
    if still.is_empty() {
        println!("{}: there", TOOLS.map(|(command, _, _)| command).join(", "));
        return Ok(());
    }
    Err(format!(
        "missing: {}; install them (Debian: `apt-get install {}`) and run this again",
        still.join(", "),
        packages.join(" ")
    ))
}

/// Installs the Python packages that are missing into a folder of the target directory, where the tests look for them.
fn provide_python(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.target().join("python");
    let are_there = || {
        Command::new("python3")
            .args([
                "-c",
                "import rotel, opentelemetry.proto.collector, perfetto.protos",
            ])
            .env("PYTHONPATH", &folder)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !are_there() {
        let folder = folder.to_string_lossy();
        let mut words = vec!["-m", "pip", "install", "--quiet", "--upgrade"];
        words.extend(["--target", &*folder]);
        words.extend(PYTHON);
        announce("python3", &words);
        let status = Command::new("python3").args(&words).status();
        if !status.is_ok_and(|status| status.success()) || !are_there() {
            return Err(format!(
                "missing Python packages; run `python3 {}` and this again",
                words.join(" ")
            ));
        }
    }
    println!("{}: there", PYTHON.join(", "));
    Ok(())
}

/// Installs the package of npm if it is missing into a folder of the target directory, where the tests look for it.
fn provide_profiler(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.target().join("npm");
    let program = folder.join("node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js");
    let is_there = || succeeds("node", &[&*program.to_string_lossy(), "--version"]);
    if !is_there() {
        let folder = folder.to_string_lossy();
        let words = ["install", "--no-audit", "--no-fund", "--prefix", &*folder];
        let words = [&words[..], &[PROFILER]].concat();
        announce("npm", &words);
        let status = Command::new("npm").args(&words).status();
        if !status.is_ok_and(|status| status.success()) || !is_there() {
            return Err(format!(
                "missing package of npm; run `npm {}` and this again",
                words.join(" ")
            ));
        }
    }
    println!("{PROFILER}: there");
    Ok(())
}

fn is_there(command: &str) -> bool {
    succeeds(command, &["--version"])
}

/// Installs Debian packages where that is possible without asking.
fn install(packages: &[&str]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let Some(prefix) = privileged() else {
        return Ok(());
    };
    apt_get(prefix, &["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    apt_get(prefix, &install)
}

/// What to put before `apt-get`, if this machine has it and lets us.
fn privileged() -> Option<&'static [&'static str]> {
    if !is_there("apt-get") {
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
