//! Peak memory of one replay, measured in a separate process.
//!
//! The program starts itself again for each contestant. The child reads and plans the trace, resets the system's peak, and
//! replays once while it touches every page of every buffer. It returns the rise of the peak above the resident memory
//! before. So heaps of earlier runs cannot hide memory, and the trace itself does not count.

use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use framepool::BufferPool;

use super::Contestants;
use crate::args::{MemoryArgs, ReplayOptions};
use crate::contestant::Name;
use crate::ending::Ending;
use crate::replay::{Crew, Plan, Written};
use crate::trace::TraceSource;

/// Between two looks whether a child has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The memory of one contestant's replay.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    /// Bytes that became resident.
    Peak(u64),
    /// Why it is unknown.
    Unavailable(String),
}

/// Measures one contestant in a separate process.
pub(crate) fn measure_in_children(
    who: Name,
    source: &TraceSource,
    options: &ReplayOptions,
    ending: &Ending,
) -> Memory {
    if !source.can_be_read_again() {
        return Memory::Unavailable("the trace cannot be read a second time".to_owned());
    }
    match ask_child(who, source, options, ending) {
        Ok(bytes) => Memory::Peak(bytes),
        Err(why) => Memory::Unavailable(why),
    }
}

fn ask_child(
    who: Name,
    source: &TraceSource,
    options: &ReplayOptions,
    ending: &Ending,
) -> Result<u64, String> {
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
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).spawn();
    let output = child
        .and_then(|child| output_of(child, ending))
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

/// Waits for a child, whose output fits into a pipe. If the run is asked to end, the child ends at once.
fn output_of(mut child: Child, ending: &Ending) -> io::Result<Output> {
    while child.try_wait()?.is_none() {
        if ending.is_asked() {
            child.kill()?;
        }
        ending.sleep_until(Instant::now() + LOOK);
    }
    let output = child.wait_with_output()?;
    if ending.is_asked() {
        return Err(io::Error::other("the run was interrupted"));
    }
    Ok(output)
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
        .run(who, crew, plan, Written::Pages, &Ending::unheard())
        .map_err(|_| "the replay failed".to_owned())?;
    Ok(Resident::now()?.peak.saturating_sub(before))
}

/// This process's memory in bytes, as reported by the system.
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

    /// Resets the peak, and returns its new start. If the system refuses, the peak so far is the start.
    fn forget_peak(self) -> u64 {
        match reset_peak() {
            Ok(()) => self.now,
            Err(_) => self.peak,
        }
    }
}

/// Linux: writing 5 resets the peak to the current resident memory.
fn reset_peak() -> io::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
}
