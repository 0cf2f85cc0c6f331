//! The hot paths without a clock: how many instructions they take, and what their machine code must not contain.
//!
//! Both are the compiler's work as much as ours, so both are judged with the compiler that the baseline was counted with.
//! With another one what is found is shown, and fails nothing.

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

/// What the tools here understand: x86-64 with valgrind and objdump.
const HOST: &str = "x86_64-unknown-linux-gnu";

/// The probes, and what the baseline calls them.
const BUILDS: [(Build, &str); 2] = [
    (Build::WithTelemetry, "telemetry"),
    (Build::WithoutTelemetry, "no-telemetry"),
];

/// Whether what is found here counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// A fault is an error.
    Judged,
    /// The compiler is not the baseline's: a fault is shown.
    Shown,
}

impl Weight {
    /// Says so when nothing counts here; `None` where nothing can be found out.
    fn of(baseline: &Baseline) -> Result<Option<Self>, String> {
        let here = Toolchain::find()?;
        if here.host != HOST {
            println!("not checked on {}: this is for {HOST}", here.host);
            return Ok(None);
        }
        if here.rustc == baseline.rustc {
            return Ok(Some(Self::Judged));
        }
        println!(
            "warning: this is {}, the baseline is of {}: what follows is shown and not judged",
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
