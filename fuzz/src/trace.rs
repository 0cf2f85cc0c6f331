//! Target: the trace reader of the binary. If it refuses a trace, it names the right line; if not, it reads exactly what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Cursor;

use framepool_cli::trace::{Event, Fault, HEADER, NEVER, Tolerance, Trace, TraceError, read_any};

use crate::bytes::Bytes;

type Outcome = Result<Trace, (Option<u64>, Fault)>;

/// Reads `bytes` as a trace, and reads the lines that they encode.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn trace(bytes: &[u8]) {
    check(bytes);
    check(&encoded(&mut Bytes::new(bytes)));
}

/// A trace with mostly valid lines. Plain bytes seldom get beyond the first line.
fn encoded(from: &mut Bytes<'_>) -> Vec<u8> {
    const SITES: [&str; 4] = ["a", "b", "map<int, int>", ""];
    let mut text = format!("{HEADER}\n").into_bytes();
    let (mut time, mut ids) = (0_u64, 0_u64);
    while !from.is_empty() {
        let word = from.byte();
        time = match word % 16 {
            15 => time.wrapping_sub(1),
            14 => from.number(),
            step => time.saturating_add(u64::from(step / 4)),
        };
        let line = match word / 16 {
            0..=5 => {
                // Sometimes an id is not new.
                let id = if word % 8 == 7 { from.number() } else { ids };
                ids += 1;
                let (thread, bytes) = (from.number(), from.number());
                format!(
                    "{time},{thread},alloc,{id},{bytes},{}\n",
                    SITES[from.below(4)]
                )
            }
            6..=10 => format!("{time},{},free,{}\n", from.below(4), from.number()),
            11 | 12 => format!("{time},,frame\n"),
            13 => "\n".to_owned(),
            14 => format!("{time},0,frame,,,\r\n"),
            _ => {
                let len = from.below(32);
                text.extend(from.take(len));
                continue;
            }
        };
        text.extend(line.into_bytes());
    }
    text
}

/// Reads `bytes` as a file with a name for text and as one with a name for zstd. A valid trace is also written again and read as
/// plain and as compressed text.
fn check(bytes: &[u8]) {
    let outcome = read(bytes, false);
    let named = read(bytes, true);
    if named != outcome {
        // The name matters only if the content is neither text nor zstd. No such content is a trace.
        assert!(outcome.is_err(), "the name changed what was read");
        assert!(matches!(named, Err((Some(1), Fault::Zstd(_)))), "{named:?}");
    }
    let packed = bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    match &outcome {
        Ok(trace) => {
            assert_adds_up(trace);
            let text = written(trace);
            assert_eq!(read(text.as_bytes(), false).as_ref(), Ok(trace), "{text}");
            let packed = zstd::encode_all(text.as_bytes(), 1).expect("compressing");
            assert_eq!(read(&packed, true).as_ref(), Ok(trace), "compressed");
        }
        Err((line, fault)) => {
            assert_names_its_line(*line, fault);
            if !packed {
                assert_is_where_it_says(bytes, line.expect("text has lines"), fault);
            }
        }
    }
}

fn read(bytes: &[u8], named_zstd: bool) -> Outcome {
    read_any(Cursor::new(bytes), named_zstd, Tolerance::Strict)
}

/// Checks that the error is one line that begins with the file and the faulty line.
fn assert_names_its_line(line: Option<u64>, fault: &Fault) {
    let error = TraceError {
        path: "a.csv".to_owned(),
        line,
        fault: fault.clone(),
        tolerance: Tolerance::Strict,
    };
    let text = error.to_string();
    // Only a stream whose beginning cannot be read has no line.
    let place = match (line, fault) {
        (Some(line), _) => format!("a.csv:{line}: "),
        (None, Fault::Zstd(_) | Fault::Read(_)) => "a.csv: ".to_owned(),
        (None, other) => panic!("no line for: {other}"),
    };
    assert!(text.starts_with(&place), "{text:?}");
    assert!(text.len() > place.len() && text.len() < 1000, "{text:?}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Checks that the lines before the named one are valid, and that the named line is faulty without the later lines too.
fn assert_is_where_it_says(bytes: &[u8], line: u64, fault: &Fault) {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let at = usize::try_from(line).expect("few lines");
    assert!(at >= 1 && at <= lines.len().max(1), "line {at}: {fault}");
    let head = |count: usize| read(&lines[..count].concat(), false);
    if !matches!(fault, Fault::NoOperations | Fault::Empty) {
        match head(at - 1) {
            Ok(_) | Err((_, Fault::NoOperations)) => {}
            Err((_, Fault::Empty)) => assert_eq!(at, 1),
            Err((earlier, other)) => panic!("line {earlier:?} before {at}: {other}"),
        }
    }
    // A blank line is a fault only if a line follows. A trace without allocs is a fault only at its end.
    let last_ends = lines.last().is_some_and(|last| last.ends_with(b"\n"));
    let is_last = at == lines.len() && !last_ends;
    if !is_last && !matches!(fault, Fault::BlankLine | Fault::Empty) {
        assert_eq!(head(at), Err((Some(line), fault.clone())));
    }
}

/// Counts the trace again, and compares the result with the reader's counts.
fn assert_adds_up(trace: &Trace) {
    let mut out: BTreeMap<u32, u128> = BTreeMap::new();
    let mut taken = 0;
    let (mut frees, mut marks, mut time) = (0, 0, 0);
    let (mut peak_bytes, mut peak_buffers) = (0_u128, 0);
    for (at, operation) in trace.operations.iter().enumerate() {
        assert!(operation.time_us >= time, "time goes back");
        time = operation.time_us;
        match operation.event {
            Event::Alloc(buffer) => {
                assert_eq!(buffer, taken, "buffers come in the order taken");
                taken += 1;
                let recorded = &trace.buffers[buffer as usize];
                assert_eq!(recorded.taken_by as usize, at);
                assert!((recorded.site as usize) < trace.sites.len());
                out.insert(buffer, recorded.bytes as u128);
            }
            Event::Free(buffer) => {
                assert_eq!(trace.buffers[buffer as usize].freed_by as usize, at);
                out.remove(&buffer).expect("a buffer that is out");
                frees += 1;
            }
            Event::Frame => marks += 1,
        }
        if operation.event != Event::Frame {
            assert!((operation.thread as usize) < trace.threads.len());
        }
        peak_bytes = peak_bytes.max(out.values().sum());
        peak_buffers = peak_buffers.max(out.len() as u64);
    }
    assert!(taken > 0 && taken as usize == trace.buffers.len());
    assert_eq!((trace.frees, trace.frame_marks), (frees, marks));
    assert_eq!(trace.peak_live_bytes, peak_bytes);
    assert_eq!(trace.peak_live_buffers, peak_buffers);
    let never = trace.buffers.iter().filter(|one| one.freed_by == NEVER);
    assert_eq!(never.count(), out.len());
    let ids: BTreeSet<u64> = trace.buffers.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), trace.buffers.len(), "an id is used once");
    assert_eq!(
        (trace.end_us(), trace.allocs_and_frees()),
        (time, u64::from(taken) + frees)
    );
}

/// The trace as text. Its lines end with `\r\n`, so that a site that ends with a carriage return keeps it.
fn written(trace: &Trace) -> String {
    let mut text = format!("{HEADER}\r\n");
    for operation in &trace.operations {
        let time = operation.time_us;
        let thread = || trace.threads[operation.thread as usize];
        let _ = match operation.event {
            Event::Alloc(buffer) => {
                let taken = &trace.buffers[buffer as usize];
                let site = &trace.sites[taken.site as usize];
                write!(
                    text,
                    "{time},{},alloc,{},{},{site}\r\n",
                    thread(),
                    taken.id,
                    taken.bytes
                )
            }
            Event::Free(buffer) => {
                let id = trace.buffers[buffer as usize].id;
                write!(text, "{time},{},free,{id},,\r\n", thread())
            }
            Event::Frame => write!(text, "{time},,frame,,,\r\n"),
        };
    }
    text
}
