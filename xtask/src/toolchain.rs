//! The compiler that runs the checks.

use std::process::Command;

/// A compiler and its own platform.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The output of `rustc -V`.
    pub(crate) rustc: String,
    /// The platform on which it runs, and for which it builds by default.
    pub(crate) host: String,
}

impl Toolchain {
    /// The compiler that cargo uses here.
    pub(crate) fn find() -> Result<Self, String> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).arg("-vV").output();
        let output = output.map_err(|error| format!("`rustc -vV`: {error}"))?;
        Self::from_text(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| "`rustc -vV` names no version or no host".to_owned())
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        Some(Self {
            rustc: lines.next()?.to_owned(),
            host: lines
                .find_map(|line| line.strip_prefix("host: "))?
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchain_text_needs_version_and_host() {
        let text =
            "rustc 1.95.0 (0a1b 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        let read = Toolchain::from_text(text).expect("both are there");
        assert_eq!(read.rustc, "rustc 1.95.0 (0a1b 2026-04-14)");
        assert_eq!(read.host, "x86_64-unknown-linux-gnu");
        assert_eq!(Toolchain::from_text("rustc 1.95.0\n"), None);
    }
}
