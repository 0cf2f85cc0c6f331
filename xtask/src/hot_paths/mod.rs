//! Checks the hot paths without a clock: how many instructions they take, and what their machine code must not contain.
//!
//! Both depend on the compiler. So the checks fail only with the compiler of the baseline; with another one they print their
//! findings as a warning.

mod baseline;
mod instructions;
mod machine_code;
#[path = "../../../contest/src/programs.rs"]
mod programs;

pub(crate) use instructions::{bless, compare};
pub(crate) use machine_code::check;

use baseline::Baseline;
use programs::Build;

use crate::toolchain::Toolchain;

/// The platform that the checks support: x86-64 with valgrind and objdump.
const HOST: &str = "x86_64-unknown-linux-gnu";

/// The builds of the probe, and their names in the baseline.
const BUILDS: [(Build, &str); 2] = [
    (Build::WithTelemetry, "telemetry"),
    (Build::WithoutTelemetry, "no-telemetry"),
];

/// Whether findings are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// A finding is an error.
    Judged,
    /// The compiler is not the baseline's: findings are only printed.
    Shown,
}

impl Weight {
    /// Prints a message if findings are no errors. `None` on a platform that the checks do not support.
    fn of(baseline: &Baseline) -> Result<Option<Self>, String> {
        let here = Toolchain::find()?;
        if here.host != HOST {
            println!(
                "not checked on {}: the checks support {HOST} only",
                here.host
            );
            return Ok(None);
        }
        if here.rustc == baseline.rustc {
            return Ok(Some(Self::Judged));
        }
        println!(
            "warning: this compiler is {}, the baseline was counted with {}: the findings below are no errors",
            here.rustc, baseline.rustc
        );
        Ok(Some(Self::Shown))
    }

    /// The outcome for this number of faults.
    fn outcome(self, faults: usize, what: &str) -> Result<(), String> {
        if faults == 0 || self == Self::Shown {
            return Ok(());
        }
        Err(format!("{faults} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_errors_only_with_the_baseline_compiler() {
        assert!(Weight::Judged.outcome(0, "faults").is_ok());
        assert!(Weight::Judged.outcome(1, "faults").is_err());
        assert!(Weight::Shown.outcome(1, "faults").is_ok());
    }
}
