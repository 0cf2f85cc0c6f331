//! The end of the program: its output and its exit code.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::report::{columns_of_error, hanging};
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
    EndedEarly { said: String, code: u8 },
}

impl Problem {
    /// An impossible error: a bug of this program.
    pub(crate) fn bug(error: impl fmt::Display) -> Self {
        Self::Fault(format!("this is a bug of framepool: {error}"))
    }

    /// Prints one line, or one for each gate, and returns the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        for line in self.to_string().lines() {
            say(line);
        }
        ExitCode::from(match self {
            Self::Input(_) => 2,
            Self::Fault(_) => 1,
            Self::Gate(_) => 3,
            Self::EndedEarly { code, .. } => *code,
        })
    }
}

/// Prints a warning: one line on standard error.
pub(crate) fn warn(text: &str) {
    say(&format!("warning: {text}"));
}

fn say(line: &str) {
    let mut out = io::stderr().lock();
    let mut line = escaped(&format!("framepool: {line}"));
    // Elsewhere a message stays one line, so that programs can read it.
    if out.is_terminal() {
        line = hanging(&line, columns_of_error(), 2);
    }
    // Standard error may be closed.
    let _ = writeln!(out, "{line}");
}

/// Text without control characters except line feeds: each is shown as `\u001b`, as JSON writes it, so that no file
/// controls the terminal, and JSON text keeps its meaning.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            // Every control character is below U+00A0.
            let escape = format!("\\u{:04x}", u32::from(character));
            shown.push_str(&escape);
        } else {
            shown.push(character);
        }
    }
    shown
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(text) | Self::Fault(text) | Self::EndedEarly { said: text, .. } => {
                f.write_str(text)
            }
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
    fn control_characters_are_shown_as_escapes() {
        let said = escaped("a\u{1b}[31m\u{7f}\u{9b}\r\tb\nä…");
        assert_eq!(said, "a\\u001b[31m\\u007f\\u009b\\u000d\\u0009b\nä…");
        let data = serde_json::to_string("\u{7f}\u{9b}").expect("JSON");
        let read: String = serde_json::from_str(&escaped(&data)).expect("JSON");
        assert_eq!(read, "\u{7f}\u{9b}");
    }
}
