//! The health status of a pool, and the severity of one alert.

use std::fmt;

/// The health status of a pool, worst last.
///
/// ```
/// use framepool::{DiagnosticsStore, HealthStatus};
///
/// # let store = DiagnosticsStore::new();
/// // The answer of a server's health check.
/// let code = match store.status() {
///     HealthStatus::Healthy | HealthStatus::Warning => 200,
///     HealthStatus::Critical => 503,
/// };
/// assert_eq!(code, 200);
/// assert!(HealthStatus::Warning < HealthStatus::Critical);
/// ```
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
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, HealthStatus, Severity, Thresholds};
///
/// # let pool = BufferPool::new();
/// # let buffer = pool.alloc::<u8>(10_000);
/// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 5_000));
/// let health = monitor.emit_now(&pool);
/// # if cfg!(feature = "telemetry") {
/// let worst = health.active.iter().map(|alert| alert.severity).max();
/// assert_eq!(worst, Some(Severity::Critical));
/// assert_eq!(health.status, HealthStatus::Critical);
/// # }
/// # drop(buffer);
/// ```
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
