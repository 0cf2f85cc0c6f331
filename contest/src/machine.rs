//! Describes the machine of the measurement. Without it an absolute number has no meaning.

use std::process::Command;

/// The lock file, which has the versions of the rivals in this program.
const LOCK: &str = include_str!("../../Cargo.lock");
const RIVALS: [&str; 6] = [
    "mimalloc",
    "tikv-jemallocator",
    "snmalloc-rs",
    "bumpalo",
    "crossbeam-queue",
    "arc-swap",
];

/// Pairs of a name and a value, in the order of the document.
pub(crate) fn describe() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("processor", processor(&read("/proc/cpuinfo"))),
        ("cores", cores.to_string()),
        (
            "system",
            format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        ),
        ("C library", said_by("getconf", &["GNU_LIBC_VERSION"])),
        ("compiler", said_by("rustc", &["--version"])),
        ("rivals", RIVALS.map(|name| version(LOCK, name)).join(", ")),
        ("date", date()),
    ]
}

/// Today.
pub(crate) fn date() -> String {
    said_by("date", &["-u", "+%Y-%m-%d"])
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The first line that a program prints, or `unknown`.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok()
        .and_then(|said| Some(said.lines().next()?.trim().to_owned()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The processor's name, with family and model. They identify its generation if the name of a virtual processor does not.
fn processor(cpuinfo: &str) -> String {
    let value = |key: &str| {
        cpuinfo.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim())
        })
    };
    match (value("model name"), value("cpu family"), value("model")) {
        (Some(name), Some(family), Some(model)) => {
            format!("{name}, family {family}, model {model}")
        }
        (Some(name), ..) => name.to_owned(),
        _ => std::env::consts::ARCH.to_owned(),
    }
}

/// Families and models of processors on which the claims were measured, with the names of their generations.
const GENERATIONS: [(&str, &str); 4] = [
    ("family 6, model 207", "Emerald Rapids"),
    ("family 25, model 1", "Zen 3"),
    ("family 25, model 17", "Zen 4"),
    ("family 26, model 2", "Zen 5"),
];

/// The generation of a processor, or its whole name if that is unknown.
pub(crate) fn generation(processor: &str) -> &str {
    let known = GENERATIONS.iter().find(|(id, _)| {
        let name = processor.strip_suffix(id);
        name.is_some_and(|name| name.ends_with(", "))
    });
    known.map_or(processor, |(_, name)| name)
}

/// `name version`, from the lock file.
fn version(lock: &str, name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let found = lock.split_once(&entry);
    let version = found.and_then(|(_, rest)| rest.split('"').next());
    format!("{name} {}", version.unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_with_its_generation() {
        let text = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n";
        assert_eq!(processor(text), "AMD EPYC, family 25, model 1");
        assert_eq!(processor(""), std::env::consts::ARCH);
        assert_eq!(generation(&processor(text)), "Zen 3");
        assert_eq!(
            generation("x, family 125, model 1"),
            "x, family 125, model 1"
        );
    }

    #[test]
    fn every_rival_is_in_the_lock_file() {
        for rival in RIVALS {
            assert!(!version(LOCK, rival).ends_with("unknown"), "{rival}");
        }
    }
}
