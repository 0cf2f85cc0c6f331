//! Checks the machine code of the hot paths in the disassembly of the probe (x86-64, objdump).
//!
//! Of each probe function that allocates or releases, all instructions are checked, including the cold ones:
//!
//! 1. No instruction locks the bus (`lock …`, or `xchg` with memory, which always locks), and none divides.
//! 2. Every call, and every jump out of the function, goes to a function on a list. The list has the cold functions, which
//!    the source marks `#[cold]`, and the function that the compiler adds for unwinding. No call goes through a pointer.
//! 3. A path leads from the entry to a return without a call. By (2) all calls are cold, so this path is the hot path.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::programs::{self, Program};
use super::{BUILDS, Baseline, Weight};
use crate::workspace::Workspace;

const PROBES: [&str; 5] = [
    "probe_pooled_pair",
    "probe_pooled_alloc",
    "probe_pooled_drop",
    "probe_frame_alloc",
    "probe_arena_loop",
];

/// The functions that a hot path may call or jump to.
const COLD: [&str; 4] = [
    "alloc_or_panic",
    "release_other",
    "release_slow",
    "_Unwind_Resume",
];

/// An instruction: its address, its name with operands, and its target if it is a call or a jump.
#[derive(Debug)]
struct Instruction {
    address: u64,
    text: String,
}

/// Checks all probes, and prints the findings.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let Some(weight) = Weight::of(&Baseline::read(workspace)?)? else {
        return Ok(());
    };
    let mut found = 0;
    for (build, name) in BUILDS {
        let functions = disassemble(&programs::build(Program::HotPaths, build)?)?;
        for probe in PROBES {
            let (_, code) = functions
                .iter()
                .find(|(symbol, _)| symbol.contains(probe))
                .ok_or_else(|| format!("the probe has no function {probe}"))?;
            let faults = faults(code);
            println!(
                "{probe:<20} {name:<13} {:>3} instructions, {}",
                code.len(),
                if faults.is_empty() { "ok" } else { "FAULTY" }
            );
            for fault in &faults {
                println!("    {fault}");
            }
            found += faults.len();
        }
    }
    weight.outcome(found, "faults in the machine code of the hot paths")
}

/// The functions of a program by their symbols.
fn disassemble(program: &std::path::Path) -> Result<Vec<(String, Vec<Instruction>)>, String> {
    let output = Command::new("objdump")
        .args([
            "--disassemble",
            "--demangle",
            "--no-show-raw-insn",
            "--wide",
        ])
        .arg(program)
        .output()
        .map_err(|error| format!("`objdump`: {error}; `cargo xtask ci setup` installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut functions: Vec<(String, Vec<Instruction>)> = Vec::new();
    for line in text.lines() {
        if let Some((_, symbol)) = line.strip_suffix(">:").and_then(|l| l.split_once(" <")) {
            functions.push((symbol.to_owned(), Vec::new()));
        } else if let Some((address, text)) = line.split_once(":\t") {
            let Ok(address) = u64::from_str_radix(address.trim(), 16) else {
                continue;
            };
            if let Some((_, code)) = functions.last_mut() {
                let text = text.trim().to_owned();
                code.push(Instruction { address, text });
            }
        }
    }
    Ok(functions)
}

/// The faults of a function.
fn faults(code: &[Instruction]) -> Vec<String> {
    let own: BTreeMap<u64, usize> = (0..code.len()).map(|at| (code[at].address, at)).collect();
    let mut faults = Vec::new();
    for instruction in code {
        let name = instruction.name();
        let text = &instruction.text;
        if name == "lock" || (name.starts_with("xchg") && text.contains('(')) {
            faults.push(format!("locks: {text}"));
        }
        if name.starts_with("div") || name.starts_with("idiv") {
            faults.push(format!("divides: {text}"));
        }
        let leaves = instruction.is_call()
            || (instruction.is_jump()
                && instruction.target().is_none_or(|to| !own.contains_key(&to)));
        if leaves && !COLD.iter().any(|cold| text.contains(cold)) {
            faults.push(format!(
                "calls or jumps to a function that is not on the list of cold functions: {text}"
            ));
        }
    }
    if !returns_without_call(code, &own) {
        faults.push("no path from the entry to a return without a call".to_owned());
    }
    faults
}

/// Whether a return can be reached from the entry without passing a call or leaving the function.
fn returns_without_call(code: &[Instruction], own: &BTreeMap<u64, usize>) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![0];
    while let Some(at) = next.pop() {
        let Some(instruction) = code.get(at) else {
            continue;
        };
        if !seen.insert(at) || instruction.is_call() {
            continue;
        }
        if instruction.name().starts_with("ret") {
            return true;
        }
        if instruction.is_jump() {
            next.extend(instruction.target().and_then(|to| own.get(&to)));
        }
        if !instruction.name().starts_with("jmp") && instruction.name() != "ud2" {
            next.push(at + 1);
        }
    }
    false
}

impl Instruction {
    fn name(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or("")
    }

    fn is_call(&self) -> bool {
        self.name().starts_with("call")
    }

    fn is_jump(&self) -> bool {
        self.name().starts_with('j')
    }

    /// The target of a direct call or jump; `None` for one through a pointer.
    fn target(&self) -> Option<u64> {
        let operand = self.text.split_whitespace().nth(1)?;
        u64::from_str_radix(operand, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(lines: &[&str]) -> Vec<Instruction> {
        lines
            .iter()
            .enumerate()
            .map(|(at, text)| Instruction {
                address: at as u64,
                text: (*text).to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_cold_call_beside_the_way_is_allowed() {
        let good = code(&[
            "test %rax,%rax",
            "je 3 <probe+3>",
            "ret",
            "call 9 <pool::alloc_or_panic>",
            "jmp 2 <probe+2>",
        ]);
        assert_eq!(faults(&good), Vec::<String>::new());
    }

    #[test]
    fn a_call_on_the_only_way_is_found() {
        let bad = code(&["call 9 <pool::alloc_or_panic>", "ret"]);
        assert_eq!(faults(&bad).len(), 1);
    }

    #[test]
    fn unknown_calls_locks_hidden_locks_divisions_are_found() {
        for line in [
            "call 9 <malloc>",
            "call *%rax",
            "jmp *8(%rax)",
            "lock incq (%rax)",
            "xchg %rax,(%rdi)",
            "div %rcx",
        ] {
            let bad = code(&["je 2 <probe+2>", line, "ret"]);
            assert_eq!(faults(&bad).len(), 1, "{line}");
        }
    }
}
