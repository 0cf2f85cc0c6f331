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
    /// Gates failed, one sentence each: exit code 3.
    Gate(Vec<String>),
    /// A signal ended a run before it was complete, and what was asked for is written: exit code 130.
    EndedEarly(String),
}

impl Problem {
    /// Something that cannot be, unless this program is wrong.
    pub(crate) fn bug(error: impl fmt::Display) -> Self {
        Self::Fault(format!("this is a bug of framepool: {error}"))
    }

    /// Tells the user in one line, or in one for each gate, and makes the exit code of it.
    pub(crate) fn tell(&self) -> ExitCode {
        for line in self.to_string().lines() {
            // Nobody reads a closed standard error.
            let _ = writeln!(std::io::stderr().lock(), "framepool: {line}");
        }
        ExitCode::from(match self {
            Self::Input(_) => 2,
            Self::Fault(_) => 1,
            Self::Gate(_) => 3,
            Self::EndedEarly(_) => 130,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(text) | Self::Fault(text) | Self::EndedEarly(text) => f.write_str(text),
            Self::Gate(failures) => {
                for (at, failure) in failures.iter().enumerate() {
                    let separator = if at == 0 { "" } else { "\n" };
                    write!(f, "{separator}gate failed: {failure}")?;
                }
                Ok(())
            }
        }
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
