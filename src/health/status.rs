//! The health status of a pool, and the severity of one alert.

use std::fmt;

/// The health status of a pool, worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum HealthStatus {
    /// No alert is active.
    #[default]
    Healthy,
    /// Alerts are active, none of them critical.
    Warning,
    /// A critical alert is active.
    Critical,
}

#[expect(
    unsafe_code,
    reason = "lets an `Atomic<HealthStatus>` be shared between threads"
)]
// SAFETY: `HealthStatus` is `repr(u8)` without fields: one byte, always initialised, no padding. It is `Copy` and
// borrows nothing.
unsafe impl bytemuck::NoUninit for HealthStatus {}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// The severity of one alert, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Severity {
    /// Look at it soon.
    Warning,
    /// Look at it now.
    Critical,
}

impl From<Severity> for HealthStatus {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HealthStatus::from(*self).fmt(f)
    }
}
