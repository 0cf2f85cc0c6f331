//! The binary `framepool`; all code is in the library of the same package.

use std::process::ExitCode;

fn main() -> ExitCode {
    framepool_cli::run()
}
