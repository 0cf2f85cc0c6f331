//! The end of the program: its output and its exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use framepool::text::{escaped, line};

use crate::report::columns_of_error;
use crate::trace::TraceError;

/// Why the program fails.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The input cannot be used: exit code 2.
    Input(String),
    /// The replay found a fault, or could not run: exit code 1.
    Fault(String),
    /// Gates failed, one sentence each: exit code 3.
    Gate(Vec<String>),
    /// A signal ended a run early, and the requested files are written: exit code 130 or 143, as in a shell.
    EndedEarly { said: Vec<String>, code: u8 },
}

impl Problem {
    /// An impossible error: a bug of this program.
    pub(crate) fn bug(error: impl fmt::Display) -> Self {
        Self::Fault(format!("this is a bug of framepool: {error}"))
    }

    /// The messages, each of which is printed for itself.
    pub(crate) fn messages(&self) -> Vec<String> {
        match self {
            Self::Input(text) | Self::Fault(text) => vec![text.clone()],
            Self::EndedEarly { said, .. } => said.clone(),
            Self::Gate(failures) => {
                let failed = failures.iter().map(|it| format!("gate failed: {it}"));
                failed.collect()
            }
        }
    }

    /// Prints one message, or one for each gate, and returns the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        self.messages().iter().for_each(|message| say(message));
        ExitCode::from(match self {
            Self::Input(_) => 2,
            Self::Fault(_) => 1,
            Self::Gate(_) => 3,
            Self::EndedEarly { code, .. } => *code,
        })
    }
}

/// Prints a warning on standard error.
pub(crate) fn warn(text: &str) {
    say(&format!("warning: {text}"));
}

/// Prints one message on standard error, wrapped.
fn say(message: &str) {
    let message = line(&format!("framepool: {message}"), columns_of_error());
    // Standard error may be closed.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages().join("\n"))
    }
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        Self::Input(error.to_string())
    }
}

/// Prints to standard output, with control characters escaped. A closed pipe, as that of `head`, is no error.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out
        .write_all(escaped(text).as_bytes())
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::Input(format!(
            "standard output: cannot be written ({error}); send it to a file or a program that takes it"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_keeps_its_meaning() {
        let data = serde_json::to_string("\u{7f}\u{9b}").expect("JSON");
        let read: String = serde_json::from_str(&escaped(&data)).expect("JSON");
        assert_eq!(read, "\u{7f}\u{9b}");
    }
}
