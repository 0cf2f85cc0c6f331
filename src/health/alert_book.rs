//! The life of an alert: the one state machine that every rule goes through.
//!
//! ```text
//!          reaches a level                 stays there for raise_after
//!  quiet ──────────────────▶ building up ──────────────────────────────▶ raised ◀─┐ a higher level for raise_after:
//!    ▲                            │                                       │  │    │   escalated, raised again
//!    ├──── falls below it ────────┘                                       │  └────┘ a lower one for clear_after:
//!    │                                                                    │           eased
//!    └──────────── below the clear level for clear_after: resolved ───────┘
//! ```
//!
//! States: a condition is known by rule and call site. It has the severity it is raised at, if any, and the change
//! that is building up, if any. What is quiet is forgotten, so a healthy pool's book is empty.
//!
//! Steps, one per report: the rows of all rules are entered; what got no row measures zero; then every condition is
//! held against its limits once. A change of direction starts the hold time anew. A change that builds up goes no
//! further than the value went all the time: a value that touched critical once, while it was above the warning level
//! throughout, becomes a warning.
//!
//! Reported: an alert is in `raised` when it is raised and when it escalates, and in `resolved` when it resolves;
//! between these two, and while it eases, `active` has it with its present severity and value. The id never changes.

use std::panic::Location;
use std::time::Duration;

use super::rules::Row;
use super::{Alert, AlertId, AlertState, Limits, PoolName, Rule, Severity, Thresholds};
use crate::clock::Timestamp;
use crate::fold::FrameEnd;

/// All conditions that are not quiet, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct AlertBook {
    conditions: Vec<Condition>,
}

/// When and of what pool a report is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) pool: &'a PoolName,
    pub(crate) frame: FrameEnd,
    pub(crate) at: Duration,
    pub(crate) time: Timestamp,
}

/// What a report says of alerts.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) raised: Vec<Alert>,
    pub(crate) resolved: Vec<Alert>,
    pub(crate) active: Vec<Alert>,
}

#[derive(Debug)]
struct Condition {
    rule: Rule,
    site: Option<&'static Location<'static>>,
    /// Of the latest row that named one.
    blamed: Option<&'static Location<'static>>,
    /// Of the rows entered since the report before.
    value: f64,
    worst: f64,
    severity: Option<Severity>,
    change: Option<Change>,
    raised_frame: FrameEnd,
    raised_at: Duration,
    raised_time: Timestamp,
}

/// A change that builds up.
#[derive(Clone, Copy, Debug)]
struct Change {
    toward: Option<Severity>,
    since: Duration,
}

impl AlertBook {
    /// Enters what a rule measured. Rows of one rule and site add up.
    pub(crate) fn enter(&mut self, row: Row, thresholds: &Thresholds) {
        let known = self
            .conditions
            .iter_mut()
            .find(|known| known.rule == row.rule && known.site == row.site);
        if let Some(known) = known {
            known.value += row.value;
            known.blamed = row.blamed.or(known.blamed);
        } else if thresholds
            .limits(row.rule)
            .severity(row.rule, row.value, None)
            .is_some()
        {
            self.conditions.push(Condition {
                rule: row.rule,
                site: row.site,
                blamed: row.blamed,
                value: row.value,
                worst: 0.0,
                severity: None,
                change: None,
                raised_frame: FrameEnd::default(),
                raised_at: Duration::ZERO,
                raised_time: Timestamp::default(),
            });
        }
    }

    /// Holds every condition against its limits, and reports.
    pub(crate) fn report(&mut self, thresholds: &Thresholds, moment: Moment<'_>) -> Findings {
        let mut findings = Findings::default();
        self.conditions.retain_mut(|condition| {
            let limits = thresholds.limits(condition.rule);
            condition.step(&limits, moment, &mut findings);
            condition.value = 0.0;
            condition.severity.is_some() || condition.change.is_some()
        });
        findings
    }
}

impl Condition {
    fn step(&mut self, limits: &Limits, moment: Moment<'_>, findings: &mut Findings) {
        self.worst = self.worst.max(self.value);
        let before = self.severity;
        self.severity = self.severity_after(limits, moment.at);
        if before.is_none() && self.severity.is_some() {
            self.raised_frame = moment.frame;
            self.raised_at = moment.at;
            self.raised_time = moment.time;
        }
        match (before, self.severity) {
            (Some(last), None) => {
                let resolved = self.alert(AlertState::Resolved, last, limits, moment);
                findings.resolved.push(resolved);
            }
            (_, Some(now)) => {
                let active = self.alert(AlertState::Raised, now, limits, moment);
                if Some(now) > before {
                    findings.raised.push(Alert {
                        escalated_from: before,
                        ..active.clone()
                    });
                }
                findings.active.push(active);
            }
            (None, None) => {}
        }
    }

    /// The severity after this step: the present one, unless a change has built up for long enough.
    fn severity_after(&mut self, limits: &Limits, now: Duration) -> Option<Severity> {
        let wanted = limits.severity(self.rule, self.value, self.severity);
        let building = self.change.take();
        if wanted == self.severity {
            return self.severity;
        }
        let rises = wanted > self.severity;
        let change = match building {
            Some(change) if (change.toward > self.severity) == rises => Change {
                toward: if rises {
                    change.toward.min(wanted)
                } else {
                    change.toward.max(wanted)
                },
                since: change.since,
            },
            _ => Change {
                toward: wanted,
                since: now,
            },
        };
        let hold = if rises {
            limits.raise_after
        } else {
            limits.clear_after
        };
        if now.saturating_sub(change.since) < hold {
            self.change = Some(change);
            return self.severity;
        }
        if change.toward != wanted {
            // The rest of the way has its own hold time.
            self.change = Some(Change {
                toward: wanted,
                since: now,
            });
        }
        change.toward
    }

    fn alert(
        &self,
        state: AlertState,
        severity: Severity,
        limits: &Limits,
        moment: Moment<'_>,
    ) -> Alert {
        Alert {
            id: AlertId::new(moment.pool, self.rule, self.site),
            rule: self.rule,
            state,
            severity,
            escalated_from: None,
            value: self.value,
            worst: self.worst,
            threshold: limits.level(severity),
            frame: moment.frame,
            raised_frame: self.raised_frame,
            at: moment.at,
            raised_at: self.raised_at,
            time: moment.time,
            raised_time: self.raised_time,
            pool: moment.pool.clone(),
            site: self.site.or(self.blamed),
        }
    }
}
