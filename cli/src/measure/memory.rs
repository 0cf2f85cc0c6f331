//! Peak memory of one replay, measured in a process that does nothing else.
//!
//! The program starts itself again for each contestant. The child lays out the trace, asks the system to forget the
//! peak so far, replays once while touching every page of every buffer, and says how far the peak rose above what was resident
//! before. Heaps of earlier runs cannot hide anything, and what the trace itself occupies is not counted.

use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;

use framepool::BufferPool;

use super::Contestants;
use crate::args::{MemoryArgs, ReplayOptions};
use crate::contestant::Name;
use crate::replay::{Crew, Plan, Written};
use crate::trace::TraceSource;

/// What one contestant's replay needed.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    /// Bytes that became resident.
    Peak(u64),
    /// Why it is not known.
    Unavailable(String),
}

/// Measures one contestant in a process of its own.
pub(crate) fn measure_in_children(
    who: Name,
    source: &TraceSource,
    options: &ReplayOptions,
) -> Memory {
    if !source.can_be_read_again() {
        return Memory::Unavailable("the trace cannot be read a second time".to_owned());
    }
    match ask_child(who, source, options) {
        Ok(bytes) => Memory::Peak(bytes),
        Err(why) => Memory::Unavailable(why),
    }
}

fn ask_child(who: Name, source: &TraceSource, options: &ReplayOptions) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .arg(MemoryArgs::COMMAND)
        .arg(who.as_str())
        .arg("--frame-ms")
        .arg(options.frame_ms.to_string())
        .arg("--leak-after")
        .arg(options.leak_after.to_string());
    if let Some(threads) = options.threads {
        command.arg("--threads").arg(threads.to_string());
    }
    if options.lenient {
        command.arg("--lenient");
    }
    if let TraceSource::File(path) = source {
        command.arg("--").arg(path);
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    said.trim().parse().map_err(|_| {
        let first = complaint
            .lines()
            .next()
            .unwrap_or("the measuring process said nothing");
        first.trim_start_matches("framepool: ").to_owned()
    })
}

/// The child's part: replays once and returns the bytes that became resident at the peak.
pub(crate) fn measure_here(who: Name, plan: Plan, pool: BufferPool) -> Result<u64, String> {
    let crew = Crew::new(plan.work.iter().map(|work| work.name.as_str()))
        .map_err(|error| error.to_string())?;
    let plan = Arc::new(plan);
    let contestants = Contestants::new(&plan, pool);
    peak_of(who, &contestants, &crew, &plan)
}

/// Replays once; the bytes that became resident at the peak.
pub(crate) fn peak_of(
    who: Name,
    contestants: &Contestants,
    crew: &Crew,
    plan: &Arc<Plan>,
) -> Result<u64, String> {
    let before = Resident::now()?.forget_peak();
    contestants
        .run(who, crew, plan, Written::Pages)
        .map_err(|_| "the replay failed".to_owned())?;
    Ok(Resident::now()?.peak.saturating_sub(before))
}

/// What the system says about this process's memory, in bytes.
#[derive(Clone, Copy, Debug)]
struct Resident {
    now: u64,
    peak: u64,
}

impl Resident {
    fn now() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("this system does not report it".to_owned());
        }
        let status =
            std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kibibytes * 1024)
        };
        match (field("VmRSS:"), field("VmHWM:")) {
            (Some(now), Some(peak)) => Ok(Self { now, peak }),
            _ => Err("/proc/self/status does not tell".to_owned()),
        }
    }

    /// Sets the peak back, and returns from where it counts. A system that refuses counts from the peak so far.
    fn forget_peak(self) -> u64 {
        match reset_peak() {
            Ok(()) => self.now,
            Err(_) => self.peak,
        }
    }
}

/// Linux: writing 5 makes the peak what is resident now.
fn reset_peak() -> io::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
}
