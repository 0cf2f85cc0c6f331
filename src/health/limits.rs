//! The levels of one rule, and the severity of a value.

use std::time::Duration;

use super::{Rule, Severity};

/// A level that no value reaches.
pub(super) const NEVER: f64 = f64::INFINITY;

/// The levels and hold times at which one rule raises and resolves its alert.
///
/// Levels are in the rule's unit, see [`Rule::unit`]. [`Rule::Leak`], [`Rule::Overdue`], [`Rule::Refusals`],
/// [`Rule::OpenFrame`] and [`Rule::TelemetryLost`] count *from* a level, the other rules only *above* it. A value of zero never reaches a level.
///
/// ```
/// use framepool::{Rule, Severity, Thresholds};
/// use std::time::Duration;
///
/// let limits = Thresholds::default().limits(Rule::Bloat);
/// assert_eq!(limits.level(Severity::Warning), 16e6);
/// assert_eq!(limits.level(Severity::Critical), f64::INFINITY); // never
/// assert_eq!(limits.raise_after, Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The level of a warning. Infinity: no warnings.
    pub warning: f64,
    /// The level of a critical alert. Infinity: the alert stays a warning. If the critical level is at or below the
    /// warning level, the alert is critical from the start.
    pub critical: f64,
    /// An alert's severity lasts until the value is below its level times this, 0 to 1. At 1 the level that raises
    /// is the level that clears.
    pub clear_ratio: f64,
    /// How long a value must stay at a level before the alert is raised or escalated. Zero: at once.
    pub raise_after: Duration,
    /// How long a value must stay below the clear level before the alert resolves or eases. Zero: at once.
    pub clear_after: Duration,
}

impl Limits {
    /// The level of a severity.
    pub fn level(&self, severity: Severity) -> f64 {
        match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    /// The severity of a value while the alert is at `current`: at most `at_most`. A level that was reached holds until
    /// the value is below its clear level.
    pub(crate) fn severity(
        &self,
        rule: Rule,
        value: f64,
        current: Option<Severity>,
        at_most: Severity,
    ) -> Option<Severity> {
        let reaches =
            |level: f64| value > 0.0 && (value > level || (rule.is_from() && value >= level));
        [Severity::Critical, Severity::Warning]
            .into_iter()
            .filter(|&severity| severity <= at_most)
            .find(|&severity| {
                let level = self.level(severity);
                let holds = current >= Some(severity);
                reaches(level) || (holds && reaches(level * self.clear_ratio))
            })
    }

    /// Returns the limits with invalid values replaced: a level of NaN is never reached, a negative one is zero, and
    /// the clear ratio is clamped to 0 to 1.
    pub(super) fn normalised(self) -> Self {
        let level = |level: f64| {
            if level.is_nan() {
                NEVER
            } else {
                level.max(0.0)
            }
        };
        Self {
            warning: level(self.warning),
            critical: level(self.critical),
            clear_ratio: if self.clear_ratio.is_nan() {
                1.0
            } else {
                self.clear_ratio.clamp(0.0, 1.0)
            },
            ..self
        }
    }
}
