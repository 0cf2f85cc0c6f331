//! The binary `framepool`; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    framepool_cli::run()
}
