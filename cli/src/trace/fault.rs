//! The faults of a trace, each with a message that says what to do.

use std::fmt;

use super::Tolerance;

/// The first line of every trace.
pub const HEADER: &str = "time_us,thread,op,id,size,site";

/// A trace that cannot be replayed, with the place and the fault.
#[derive(Debug)]
pub struct TraceError {
    /// The file, as the user named it.
    pub path: String,
    /// The line, if the fault is in one.
    pub line: Option<u64>,
    /// The fault.
    pub fault: Fault,
    /// How the trace was read: the message advises `--lenient` only if it was not given.
    pub tolerance: Tolerance,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path may contain anything, including a line feed; the message stays on one line.
        for c in self.path.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.fault)?;
        match self.tolerance {
            Tolerance::Strict => f.write_str(self.fault.lenient()),
            Tolerance::Lenient => Ok(()),
        }
    }
}

/// A fault of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file cannot be opened.
    Open(String),
    /// The path names a directory.
    Directory,
    /// A history that was saved by this program.
    History,
    /// A web page.
    Page,
    /// Reading stopped with an error.
    Read(String),
    /// The zstd stream is broken.
    Zstd(String),
    /// An empty file.
    Empty,
    /// The first line is not the header.
    Header(String),
    /// A header and nothing after it.
    NoOperations,
    /// Bytes that are not text.
    NotUtf8,
    /// A line that is too long.
    TooLong(usize),
    /// A blank line between operations.
    BlankLine,
    /// The line ends before this field.
    Missing(&'static str),
    /// A field that should be digits.
    NotANumber(&'static str, String),
    /// A number beyond 64 bits.
    TooLarge(&'static str, String),
    /// A size beyond the address space.
    Unaddressable(String),
    /// An unknown op.
    UnknownOp(String),
    /// A free of an id that was never allocated.
    UnknownId(u64),
    /// A free of an already freed id, with the line of that free.
    FreedTwice(u64, u64),
    /// An alloc of an already used id, with the line of that alloc.
    ReusedId(u64, u64),
    /// A time earlier than that of the previous line, with that time.
    TimeGoesBack(u64, u64),
    /// An incomplete last line, with its fault.
    TornLastLine(String),
    /// More operations than the replay can number.
    TooManyOperations,
}

impl Fault {
    /// The end of the message if `--lenient` leaves such faults out.
    fn lenient(&self) -> &'static str {
        match self {
            Self::Zstd(_) => ", or use --lenient for what is whole",
            Self::UnknownId(_) | Self::FreedTwice(..) => "; use --lenient to leave such lines out",
            Self::ReusedId(..) => ", or use --lenient to leave such lines out",
            Self::TornLastLine(_) => "; use --lenient to leave it out",
            _ => "",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(why) => write!(f, "cannot be opened ({why}); check the path"),
            Self::Directory => write!(f, "is a directory; give the path of a trace file"),
            Self::History => write!(
                f,
                "is a saved history, not a trace; `framepool report FILE` shows it"
            ),
            Self::Page => write!(
                f,
                "is a web page, not a trace; `framepool report FILE` shows a page that was saved"
            ),
            Self::Read(why) => write!(f, "reading failed ({why}); check the file"),
            Self::Zstd(why) => write!(
                f,
                "the zstd data is truncated or corrupt ({why}); copy or record the file again"
            ),
            Self::Empty => write!(
                f,
                "the file is empty; a trace begins with the line `{HEADER}`"
            ),
            Self::Header(found) => {
                write!(f, "wrong header {found}; the first line must be `{HEADER}`")
            }
            Self::NoOperations => write!(
                f,
                "no buffer is ever taken, so there is nothing to replay; record at least one alloc"
            ),
            Self::NotUtf8 => write!(
                f,
                "the line is not UTF-8; a trace is plain text, or plain text compressed with zstd"
            ),
            Self::TooLong(most) => write!(
                f,
                "the line is longer than {most} bytes; a trace has one operation a line"
            ),
            Self::BlankLine => write!(f, "the line is blank; remove it"),
            Self::Missing(field) => {
                write!(f, "the field `{field}` is missing; a line is `{HEADER}`")
            }
            Self::NotANumber(field, found) => write!(
                f,
                "the field `{field}` is {found}; it must be a whole number, digits only"
            ),
            Self::TooLarge(field, found) => write!(
                f,
                "the field `{field}` is {found}; the largest number is {}",
                u64::MAX
            ),
            Self::Unaddressable(found) => write!(
                f,
                "the size {found} is beyond the address space; the largest is {} bytes",
                isize::MAX
            ),
            Self::UnknownOp(found) => write!(
                f,
                "unknown op {found}; it must be `alloc`, `free` or `frame`"
            ),
            Self::UnknownId(id) => write!(
                f,
                "free of id {id}, which was never taken; its alloc must stand on a line before"
            ),
            Self::FreedTwice(id, line) => write!(
                f,
                "free of id {id}, which line {line} freed already; a buffer is freed once"
            ),
            Self::ReusedId(id, line) => write!(
                f,
                "id {id} was used by the alloc on line {line} already; give every alloc an id of its own"
            ),
            Self::TimeGoesBack(time, before) => write!(
                f,
                "the time goes back from {before} to {time}; sort the lines after the first by time, as `sort -s -t, -k1,1n` does"
            ),
            Self::TornLastLine(fault) => write!(f, "the last line is cut off ({fault})"),
            Self::TooManyOperations => {
                write!(f, "more than {} operations; split the trace", u32::MAX - 1)
            }
        }
    }
}

/// A field for a message: quoted, escaped, and cut so that the message stays on one line.
pub(crate) fn quoted(field: &str) -> String {
    const MOST: usize = 40;
    if field.chars().count() <= MOST {
        format!("{field:?}")
    } else {
        let head: String = field.chars().take(MOST).collect();
        format!("{head:?}…")
    }
}
