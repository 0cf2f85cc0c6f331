//! The columns of the terminal, for reports and messages.

use std::io;

use framepool::text::COLUMNS;

/// The least that text is wrapped to.
const LEAST: usize = 40;

/// The columns of standard output.
pub(crate) fn columns_of_output() -> usize {
    columns(terminal_size::terminal_size_of(io::stdout()))
}

/// The columns of standard error.
pub(crate) fn columns_of_error() -> usize {
    columns(terminal_size::terminal_size_of(io::stderr()))
}

fn columns(terminal: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    terminal.map_or(COLUMNS, |(width, _)| usize::from(width.0).max(LEAST))
}
