//! The life of an alert: one state machine for all rules.
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
//! States: a condition is identified by pool, rule and call site. It has the severity it is raised at, if any, and
//! the change that is building up, if any. A quiet condition that was never raised is forgotten, so a healthy pool's
//! book is empty. One that was raised is remembered, so that its alert keeps its count when it returns. Each rule
//! remembers its last [`REMEMBERED`] quiet conditions.
//!
//! Damping: an alert whose condition comes and goes would be raised and resolved again and again. If its latest
//! beginnings lie close together ([`Thresholds::damping`]), it resolves only after a longer quiet time.
//!
//! Steps, one per report: the rows of all rules are entered; a condition without a row measures zero; then every
//! condition is compared with its limits once. A change of direction restarts the hold time. The severity after the
//! hold time is the lowest that the value had during it: a value that touched critical once, and was otherwise above
//! the warning level, becomes a warning.
//!
//! Reported: an alert is in `raised` when it is raised and when it escalates, and in `resolved` when it resolves; in
//! between, and while it eases, `active` has it with its current severity and value. The id never changes.

use std::panic::Location;
use std::time::Duration;

use super::next_step::{Situation, next_step};
use super::rows::Row;
use super::thresholds::{Damping, MAX_COMINGS};
use super::{
    Alert, AlertId, AlertState, Limits, PoolName, Rule, Severity, SiteVerdict, Thresholds,
};
use crate::clock::Timestamp;
use crate::telemetry::id::{FrameEnd, PoolId};

/// Quiet conditions of a rule that are remembered.
const REMEMBERED: usize = 64;

/// All conditions that are not quiet, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct AlertBook {
    conditions: Vec<Condition>,
}

/// The time and the pool of a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) pool: &'a PoolName,
    pub(crate) frame: FrameEnd,
    pub(crate) at: Duration,
    pub(crate) time: Timestamp,
    pub(crate) situation: Situation<'a>,
}

/// The alerts of a report.
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
    tag: usize,
    /// From the latest row that named one.
    blamed: Option<&'static Location<'static>>,
    pool: PoolId,
    /// How often the condition began, and when it did for the first time.
    count: u64,
    first_frame: FrameEnd,
    first_at: Duration,
    /// When it began the last few times, the latest first.
    comings: [Duration; MAX_COMINGS],
    /// Since when the value has been below the clear level, while the alert is raised.
    away_since: Option<Duration>,
    /// When the alert resolved.
    quiet_since: Duration,
    /// From the rows entered since the previous report.
    value: f64,
    at_most: Severity,
    worst: f64,
    severity: Option<Severity>,
    change: Option<Change>,
    raised_frame: FrameEnd,
    raised_at: Duration,
    raised_time: Timestamp,
}

/// A change that is building up.
#[derive(Clone, Copy, Debug)]
struct Change {
    toward: Option<Severity>,
    since: Duration,
}

impl AlertBook {
    /// Enters what a rule measured. Rows of one rule and site add up.
    pub(crate) fn enter(&mut self, pool: PoolId, row: Row, thresholds: &Thresholds) {
        let known = self
            .conditions
            .iter_mut()
            .find(|known| known.is_of(pool, &row));
        if let Some(known) = known {
            known.value += row.value;
            known.at_most = known.at_most.max(row.at_most);
            known.blamed = row.blamed.or(known.blamed);
        } else if thresholds
            .limits(row.rule)
            .severity(row.rule, row.value, None, row.at_most)
            .is_some()
        {
            self.conditions.push(Condition {
                rule: row.rule,
                site: row.site,
                tag: row.tag,
                blamed: row.blamed,
                pool,
                count: 0,
                first_frame: FrameEnd::default(),
                first_at: Duration::ZERO,
                comings: [Duration::ZERO; MAX_COMINGS],
                away_since: None,
                quiet_since: Duration::ZERO,
                value: row.value,
                at_most: row.at_most,
                worst: 0.0,
                severity: None,
                change: None,
                raised_frame: FrameEnd::default(),
                raised_at: Duration::ZERO,
                raised_time: Timestamp::default(),
            });
        }
    }

    /// Compares every condition with its limits, and reports.
    pub(crate) fn report(&mut self, thresholds: &Thresholds, moment: Moment<'_>) -> Findings {
        let mut findings = Findings::default();
        let pool = moment.pool.id();
        self.conditions.retain_mut(|condition| {
            if condition.pool != pool {
                return true;
            }
            condition.step(thresholds, moment, &mut findings);
            condition.value = 0.0;
            condition.at_most = Severity::Warning;
            condition.count > 0 || condition.change.is_some()
        });
        for resolved in &findings.resolved {
            self.forget_beyond(pool, resolved.rule);
        }
        findings.active.sort_by_key(|alert| alert.raised_at);
        findings
    }

    /// Forgets the condition that has been quiet longest, if the rule has more than [`REMEMBERED`] quiet ones.
    fn forget_beyond(&mut self, pool: PoolId, rule: Rule) {
        let is_quiet = |known: &Condition| {
            known.pool == pool
                && known.rule == rule
                && known.severity.is_none()
                && known.change.is_none()
        };
        if self
            .conditions
            .iter()
            .filter(|known| is_quiet(known))
            .count()
            > REMEMBERED
        {
            let quiet = self
                .conditions
                .iter()
                .enumerate()
                .filter(|(_, known)| is_quiet(known));
            if let Some((oldest, _)) = quiet.min_by_key(|(_, known)| known.quiet_since) {
                self.conditions.remove(oldest);
            }
        }
    }
}

impl Condition {
    fn is_of(&self, pool: PoolId, row: &Row) -> bool {
        self.pool == pool && self.rule == row.rule && (self.site, self.tag) == (row.site, row.tag)
    }

    fn step(&mut self, thresholds: &Thresholds, moment: Moment<'_>, findings: &mut Findings) {
        let limits = &thresholds.limits(self.rule);
        let before = self.severity;
        if before.is_none() && self.change.is_none() {
            self.worst = 0.0;
        }
        self.worst = self.worst.max(self.value);
        let is_there = limits
            .severity(self.rule, self.value, before, self.at_most)
            .is_some();
        self.severity = self.severity_after(limits, thresholds.damped(), moment.at);
        let is_new = before.is_none() && self.severity.is_some();
        if is_new {
            self.raised_frame = moment.frame;
            self.raised_at = moment.at;
            self.raised_time = moment.time;
        }
        let away_since = if is_there {
            self.away_since.take()
        } else {
            self.away_since.get_or_insert(moment.at);
            None
        };
        let is_back =
            away_since.is_some_and(|since| moment.at.saturating_sub(since) >= limits.clear_after);
        if is_new || (before.is_some() && is_back) {
            self.come(moment);
        }
        if before.is_some() && self.severity.is_none() {
            self.quiet_since = moment.at;
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

    /// The facts about the call site, while the alert is raised.
    fn verdict(&self, state: AlertState, moment: Moment<'_>) -> Option<SiteVerdict> {
        let is_about_old_buffers = matches!(self.rule, Rule::Leak | Rule::Overdue);
        (is_about_old_buffers && state == AlertState::Raised)
            .then(|| moment.situation.verdict(self.site))
            .flatten()
    }

    /// Notes that the condition began.
    fn come(&mut self, moment: Moment<'_>) {
        if self.count == 0 {
            self.first_frame = moment.frame;
            self.first_at = moment.at;
        }
        self.count += 1;
        self.comings.rotate_right(1);
        self.comings[0] = moment.at;
    }

    /// How long the value must be below the clear level before the alert resolves.
    fn quiet_time(&self, limits: &Limits, damping: Damping) -> Duration {
        let times = damping.times as usize;
        let is_often = times > 0
            && self.count >= times as u64
            && self.comings[0].saturating_sub(self.comings[times - 1]) <= damping.within;
        if is_often {
            limits.clear_after.max(damping.quiet)
        } else {
            limits.clear_after
        }
    }

    /// The severity after this step: the current one, unless a change has built up for long enough.
    fn severity_after(
        &mut self,
        limits: &Limits,
        damping: Damping,
        now: Duration,
    ) -> Option<Severity> {
        let wanted = limits.severity(self.rule, self.value, self.severity, self.at_most);
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
        } else if change.toward.is_none() {
            self.quiet_time(limits, damping)
        } else {
            limits.clear_after
        };
        if now.saturating_sub(change.since) < hold {
            self.change = Some(change);
            return self.severity;
        }
        if change.toward != wanted {
            // The remaining change has its own hold time.
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
        let tag = moment.situation.tag(self.tag);
        Alert {
            id: AlertId::new(self.pool, self.rule, self.site, tag),
            tag: tag.to_owned(),
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
            count: self.count,
            first_frame: self.first_frame,
            first_at: self.first_at,
            next_step: next_step(
                self.rule,
                state,
                self.count,
                (self.site, tag),
                moment.situation,
            ),
            pool_id: self.pool,
            pool: moment.pool.clone(),
            verdict: self.verdict(state, moment),
            site: self.site.or(self.blamed),
        }
    }
}
