//! Reads lines into a checked [`Trace`]: everything is validated here, before any replay.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{BufRead, Read};

use super::fault::{Fault, HEADER, quoted};
use super::line::{Line, Op};
use super::{Event, NEVER, Operation, RecordedBuffer, Skip, Tolerance, Trace};

/// The longest line that is read. A recorder's lines are far shorter, and a file that is no trace may have no line ends.
const LONGEST_LINE: usize = 64 * 1024;

/// Reads a trace to its end. The fault comes with the number of its line.
pub(crate) fn read(input: impl BufRead, tolerance: Tolerance) -> Result<Trace, (u64, Fault)> {
    let is_lenient = tolerance == Tolerance::Lenient;
    let mut lines = Lines::new(input);
    let mut building = Building::default();
    match lines.next()? {
        None => return Err((1, Fault::Empty)),
        Some(header) if header.strip_prefix('\u{feff}').unwrap_or(header) == HEADER => {}
        Some(first) if is_lenient => {
            building.trace.headless = true;
            if Line::parse(first)
                .and_then(|line| building.add(line))
                .is_err()
            {
                building.trace.skipped.note(1, Skip::TornFirstLine);
            }
        }
        Some(other) => return Err((1, Fault::Header(quoted(other)))),
    }
    loop {
        let line = match lines.next() {
            Ok(None) => break,
            Ok(Some("")) => {
                // Blank lines may end a file; between operations they would shift line numbers.
                let blank = lines.number;
                while let Some(text) = lines.next()? {
                    if !text.is_empty() {
                        return Err((blank, Fault::BlankLine));
                    }
                }
                break;
            }
            Ok(Some(text)) => Line::parse(text).and_then(|line| building.add(line)),
            Err((line, Fault::Read(_))) if is_lenient => {
                building.trace.skipped.note(line, Skip::CutOff);
                break;
            }
            Err((_, fault)) => Err(fault),
        };
        let Err(fault) = line else {
            continue;
        };
        match Skip::of(&fault, lines.is_whole) {
            Some(skip) if is_lenient => building.trace.skipped.note(lines.number, skip),
            Some(Skip::TornLastLine) => {
                return Err((lines.number, Fault::TornLastLine(fault.to_string())));
            }
            _ => return Err((lines.number.max(1), fault)),
        }
    }
    if building.trace.buffers.is_empty() {
        return Err((lines.number.max(1), Fault::NoOperations));
    }
    Ok(building.trace)
}

/// Numbered lines without their line ends, in one reused buffer.
struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    /// Whether the line has a line end.
    is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            is_whole: true,
        }
    }

    fn next(&mut self) -> Result<Option<&str>, (u64, Fault)> {
        self.line.clear();
        let number = self.number + 1;
        let read = self
            .input
            .by_ref()
            .take(LONGEST_LINE as u64 + 1)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| (number, Fault::Read(error.to_string())))?;
        if read == 0 {
            return Ok(None);
        }
        self.number = number;
        self.is_whole = self.line.last() == Some(&b'\n');
        if self.is_whole {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        } else if self.line.len() > LONGEST_LINE {
            return Err((number, Fault::TooLong(LONGEST_LINE)));
        }
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err((number, Fault::NotUtf8)),
        }
    }
}

/// A trace under construction, with the state to check the next line.
#[derive(Default)]
struct Building {
    trace: Trace,
    /// Maps ids to buffers. Freed ids stay, because an id is used only once.
    ids: HashMap<u64, u32>,
    threads: HashMap<u64, u32>,
    sites: HashMap<Box<str>, u32>,
    live_bytes: u128,
    live_buffers: u64,
}

impl Building {
    fn add(&mut self, line: Line<'_>) -> Result<(), Fault> {
        let before = self.trace.end_us();
        if line.time_us < before {
            return Err(Fault::TimeGoesBack(line.time_us, before));
        }
        let number = u32::try_from(self.trace.operations.len())
            .ok()
            .filter(|&number| number != NEVER)
            .ok_or(Fault::TooManyOperations)?;
        let (thread, event) = match line.op {
            Op::Alloc {
                thread,
                id,
                bytes,
                site,
            } => {
                let event = self.alloc(number, id, bytes, site)?;
                (self.thread(thread), event)
            }
            Op::Free { thread, id } => {
                let event = self.free(number, id)?;
                (self.thread(thread), event)
            }
            Op::Frame => {
                self.trace.frame_marks += 1;
                (0, Event::Frame)
            }
        };
        self.trace.operations.push(Operation {
            time_us: line.time_us,
            thread,
            event,
        });
        Ok(())
    }

    fn alloc(&mut self, number: u32, id: u64, bytes: usize, site: &str) -> Result<Event, Fault> {
        let buffer = self.trace.buffers.len() as u32;
        if let Some(&earlier) = self.ids.get(&id) {
            let taken_by = self.trace.buffers[earlier as usize].taken_by;
            return Err(Fault::ReusedId(id, self.trace.line_of(taken_by as usize)));
        }
        self.ids.insert(id, buffer);
        let site = match self.sites.get(site) {
            Some(&site) => site,
            None => intern(
                &mut self.sites,
                &mut self.trace.sites,
                Box::<str>::from(site),
            ),
        };
        self.trace.buffers.push(RecordedBuffer {
            id,
            bytes,
            site,
            taken_by: number,
            freed_by: NEVER,
        });
        self.live_bytes += bytes as u128;
        self.live_buffers += 1;
        self.trace.peak_live_bytes = self.trace.peak_live_bytes.max(self.live_bytes);
        self.trace.peak_live_buffers = self.trace.peak_live_buffers.max(self.live_buffers);
        Ok(Event::Alloc(buffer))
    }

    fn free(&mut self, number: u32, id: u64) -> Result<Event, Fault> {
        let &buffer = self.ids.get(&id).ok_or(Fault::UnknownId(id))?;
        let freed_by = self.trace.buffers[buffer as usize].freed_by;
        if freed_by != NEVER {
            return Err(Fault::FreedTwice(id, self.trace.line_of(freed_by as usize)));
        }
        let recorded = &mut self.trace.buffers[buffer as usize];
        recorded.freed_by = number;
        self.live_bytes -= recorded.bytes as u128;
        self.live_buffers -= 1;
        self.trace.frees += 1;
        Ok(Event::Free(buffer))
    }

    fn thread(&mut self, id: u64) -> u32 {
        intern(&mut self.threads, &mut self.trace.threads, id)
    }
}

/// The index of `key`, which is added if it is new.
fn intern<K: Hash + Eq + Clone>(indices: &mut HashMap<K, u32>, keys: &mut Vec<K>, key: K) -> u32 {
    *indices.entry(key).or_insert_with_key(|key| {
        keys.push(key.clone());
        keys.len() as u32 - 1
    })
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
