//! The memory that the machine has available, on systems that report it.

use std::time::Duration;

/// A reading is valid for this long.
const FRESH: Duration = Duration::from_secs(10);

/// The latest reading of the available memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemoryLeft {
    read: Option<Duration>,
    bytes: Option<u64>,
}

impl MemoryLeft {
    /// Available bytes, read again if the reading is old. `at` is the monitor's time.
    pub(crate) fn bytes(&mut self, at: Duration) -> Option<u64> {
        if self
            .read
            .is_none_or(|read| at.saturating_sub(read) >= FRESH)
        {
            self.read = Some(at);
            self.bytes = available();
        }
        self.bytes
    }
}

#[cfg(target_os = "linux")]
fn available() -> Option<u64> {
    available_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

#[cfg(not(target_os = "linux"))]
fn available() -> Option<u64> {
    None
}

/// The value of `MemAvailable`, which `/proc/meminfo` gives in KiB.
#[cfg(any(target_os = "linux", test))]
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_found_by_its_name() {
        let text = "MemTotal:  16 kB\nMemFree: 2 kB\nMemAvailable:    12 kB\n";
        assert_eq!(available_in(text), Some(12 * 1024));
        assert_eq!(available_in("MemTotal: 16 kB\n"), None);
        assert_eq!(available_in("MemAvailable: many kB\n"), None);
    }
}
