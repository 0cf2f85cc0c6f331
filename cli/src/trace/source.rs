//! The source of a trace: a file, plain or zstd by its first bytes, or the bundled recording.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use super::fault::{Fault, HEADER, TraceError};
use super::{Trace, reader};

/// The recording that comes with the program: compiled in, so that an installed binary also has it.
const BUNDLED: &[u8] = include_bytes!("../../../traces/minetest-server.csv.zst");
const BUNDLED_NAME: &str = "minetest-server.csv.zst";

/// The beginning of a saved history.
const HISTORY: &[u8] = b"{\"format\":\"framepool history\"";

/// How faulty lines are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// The trace is refused.
    Strict,
    /// They are skipped and counted.
    Lenient,
}

impl Tolerance {
    /// From the command line.
    pub(crate) fn of(is_lenient: bool) -> Self {
        if is_lenient {
            Self::Lenient
        } else {
            Self::Strict
        }
    }
}

/// The trace to read.
#[derive(Clone, Debug)]
pub(crate) enum TraceSource {
    /// The recording compiled into the program.
    Bundled,
    /// A file.
    File(PathBuf),
}

impl TraceSource {
    /// The trace the user named, or the bundled one.
    pub(crate) fn from_argument(path: Option<PathBuf>) -> Self {
        path.map_or(Self::Bundled, Self::File)
    }

    /// The file, unless it is the bundled recording.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Bundled => None,
            Self::File(path) => Some(path),
        }
    }

    /// The name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bundled => BUNDLED_NAME.to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Whether it can be read a second time, unlike a pipe.
    pub(crate) fn can_be_read_again(&self) -> bool {
        match self {
            Self::Bundled => true,
            Self::File(path) => path.is_file(),
        }
    }
}

/// Reads and checks a whole trace.
pub(crate) fn open(source: &TraceSource, tolerance: Tolerance) -> Result<Trace, TraceError> {
    let read = match source {
        TraceSource::Bundled => read_any(Cursor::new(BUNDLED), true, tolerance),
        TraceSource::File(path) => read_file(path, tolerance),
    };
    read.map_err(|(line, fault)| TraceError {
        path: source.name(),
        line,
        fault,
        tolerance,
    })
}

/// The line of a fault, if there is one.
type Place = Option<u64>;

fn read_file(path: &Path, tolerance: Tolerance) -> Result<Trace, (Place, Fault)> {
    let unopened = |error: io::Error| (None, Fault::Open(plain(&error)));
    if fs::metadata(path).map_err(unopened)?.is_dir() {
        return Err((None, Fault::Directory));
    }
    let file = File::open(path).map_err(unopened)?;
    let named_zstd = path
        .extension()
        .is_some_and(|name| name.eq_ignore_ascii_case("zst"));
    let input = BufReader::with_capacity(256 * 1024, file);
    read_any(input, named_zstd, tolerance)
}

/// Reads text or zstd. The first bytes decide; the name counts only if they are neither.
///
/// # Errors
///
/// The fault, with its line if there is one.
pub fn read_any(
    mut input: impl BufRead,
    named_zstd: bool,
    tolerance: Tolerance,
) -> Result<Trace, (Place, Fault)> {
    let begin = input
        .fill_buf()
        .map_err(|error| (None, Fault::Read(plain(&error))))?;
    if begin.starts_with(HISTORY) {
        return Err((Some(1), Fault::History));
    } else if begin.starts_with(b"<") {
        return Err((Some(1), Fault::Page));
    }
    let mut magic = Vec::with_capacity(4);
    (&mut input)
        .take(4)
        .read_to_end(&mut magic)
        .map_err(|error| (None, Fault::Read(plain(&error))))?;
    let kind = Kind::of(&magic, named_zstd);
    let whole = Cursor::new(magic).chain(input);
    let place = |(line, fault)| (Some(line), fault);
    match kind {
        Kind::Text => reader::read(whole, tolerance).map_err(place),
        Kind::Broken => Err((
            Some(1),
            Fault::Zstd("the name ends in .zst, the content does not begin as zstd".to_owned()),
        )),
        Kind::Zstd => {
            let broken = |error: io::Error| (None, Fault::Zstd(error.to_string()));
            let mut text = zstd::Decoder::with_buffer(whole).map_err(broken)?;
            // Files of `zstd --long` are readable too.
            text.window_log_max(if cfg!(target_pointer_width = "64") {
                31
            } else {
                27
            })
            .map_err(broken)?;
            let text = BufReader::with_capacity(256 * 1024, text);
            reader::read(text, tolerance).map_err(|(line, fault)| {
                match fault {
                    Fault::Read(why) => (Some(line), Fault::Zstd(why)),
                    // Truncated data without any text ends here, and an empty frame too.
                    other => (Some(line), other),
                }
            })
        }
    }
}

/// Whether a file begins as a trace does: with the header, or as zstd data.
pub(crate) fn is_trace(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut begin));
    let text = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&begin);
    read.is_ok()
        && (text.starts_with(HEADER.as_bytes())
            || Kind::of(&begin[..begin.len().min(4)], false) == Kind::Zstd)
}

/// The kind of a file by its first bytes.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Zstd,
    /// Named as zstd, but neither zstd nor the start of a header (after an optional byte order mark).
    Broken,
}

impl Kind {
    fn of(magic: &[u8], named_zstd: bool) -> Self {
        let frame = magic == [0x28, 0xb5, 0x2f, 0xfd];
        let skippable = matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
        let marked = magic.starts_with("\u{feff}".as_bytes());
        if frame || skippable {
            Self::Zstd
        } else if named_zstd && !magic.is_empty() && magic != b"time" && !marked {
            Self::Broken
        } else {
            Self::Text
        }
    }
}

/// The system's error message, without the number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn fault(bytes: &[u8], named_zstd: bool) -> (Place, Fault) {
        read_any(Cursor::new(bytes), named_zstd, Tolerance::Strict).expect_err("a broken trace")
    }

    #[test]
    fn the_bundled_recording_is_the_one_described() {
        let trace = open(&TraceSource::Bundled, Tolerance::Strict).expect("the bundled trace");
        assert_eq!(trace.buffers.len(), 113_911);
        assert_eq!(trace.frees, 113_900);
        assert_eq!(trace.threads.len(), 5);
        assert_eq!(trace.peak_live_bytes, 150_212_267);
    }

    #[test]
    fn content_decides_not_the_name() {
        let text = b"time_us,thread,op,id,size,site\n0,0,alloc,0,8,s\n";
        let packed = zstd::encode_all(&text[..], 3).expect("compressing");
        for named_zstd in [false, true] {
            for bytes in [&text[..], &packed] {
                let trace = read_any(Cursor::new(bytes), named_zstd, Tolerance::Strict)
                    .expect("a good trace");
                assert_eq!(trace.buffers.len(), 1);
            }
            let marked = [b"\xef\xbb\xbf", &text[..]].concat();
            read_any(Cursor::new(marked), named_zstd, Tolerance::Strict)
                .expect("a byte order mark");
        }
        assert!(matches!(
            fault(b"not zstd", true),
            (Some(1), Fault::Zstd(_))
        ));
        assert!(matches!(
            fault(b"not zstd", false),
            (Some(1), Fault::Header(_))
        ));
        assert!(matches!(fault(b"", true), (Some(1), Fault::Empty)));
    }

    #[test]
    fn several_zstd_frames_are_read_as_one_trace() {
        let mut packed =
            zstd::encode_all(&b"time_us,thread,op,id,size,site\n0,0,al"[..], 3).expect("one");
        packed.extend(zstd::encode_all(&b"loc,0,8,s\n1,0,free,0\n"[..], 3).expect("two"));
        let trace = read_any(Cursor::new(packed), false, Tolerance::Strict).expect("a good trace");
        assert_eq!((trace.buffers.len(), trace.frees), (1, 1));
    }

    #[test]
    fn truncated_zstd_stream_is_never_accepted_as_trace() {
        let mut text = String::from("time_us,thread,op,id,size,site\n");
        for i in 0..200 {
            let _ = writeln!(text, "{i},0,alloc,{i},{},site{}", i * 37 % 4099, i % 7);
        }
        let packed = zstd::encode_all(text.as_bytes(), 3).expect("compressing");
        for cut in 1..packed.len() {
            let (_, fault) = fault(&packed[..cut], true);
            assert!(matches!(fault, Fault::Zstd(_)), "cut at {cut}: {fault}");
        }
    }
}
