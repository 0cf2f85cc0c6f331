//! How the program ends: what it prints, and the exit code.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use crate::trace::TraceError;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The input cannot be used: exit code 2.
    Input(String),
    /// The replay found a fault, or could not be carried out: exit code 1.
    Fault(String),
}

impl Problem {
    /// Something that cannot be, unless this program is wrong.
    pub(crate) fn bug(error: impl fmt::Display) -> Self {
        Self::Fault(format!("this is a bug of framepool: {error}"))
    }

    /// Tells the user in one line, and makes the exit code of it.
    pub(crate) fn tell(&self) -> ExitCode {
        // Nobody reads a closed standard error.
        let _ = writeln!(std::io::stderr().lock(), "framepool: {self}");
        ExitCode::from(match self {
            Self::Input(_) => 2,
            Self::Fault(_) => 1,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Input(text) | Self::Fault(text)) = self;
        f.write_str(text)
    }
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        Self::Input(error.to_string())
    }
}

/// Prints to standard output. A reader that has gone away has seen what it wanted.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
