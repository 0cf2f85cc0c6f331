//! The sentence of an alert: the problem or its end, the place, the time, and the next step.

use std::fmt;

use super::{Alert, AlertState, Rule};
use crate::text::{bytes, one_line};

impl Alert {
    fn reaches_level(&self) -> bool {
        self.value > self.threshold || (self.rule.is_from() && self.value >= self.threshold)
    }

    /// The problem, without pool and time.
    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.rule.in_words(self.value);
        let level = self.rule.in_words(self.threshold);
        let limit = if self.rule.is_from() { "from" } else { "above" };
        if !self.reaches_level() {
            // The value has fallen, but not below its clear level, or not for long enough.
            self.subject(f)?;
            let worst = self.rule.in_words(self.worst);
            return write!(
                f,
                " is below its level for now, {worst} at worst ({} {limit} {level})",
                self.severity
            );
        }
        match (self.rule, self.site) {
            (Rule::Leak, Some(site)) => {
                let were = if self.value > 1.0 { "were" } else { "was" };
                write!(f, "{value} taken at {site}")?;
                self.tag(f)?;
                write!(f, " {were} not given back")?;
                self.growth(f)
            }
            (Rule::Leak, None) => write!(f, "{value} not given back"),
            (Rule::Overdue, site) => {
                let are = if self.value > 1.0 { "are" } else { "is" };
                write!(f, "{value} {are} out for longer than expected")?;
                site.map_or(Ok(()), |site| write!(f, ", taken at {site}"))?;
                self.tag(f)?;
                self.verdict.as_ref().map_or(Ok(()), |verdict| {
                    write!(f, " by thread `{}`", one_line(&verdict.thread))
                })
            }
            (Rule::TagBudget, _) => {
                let tag = one_line(&self.tag);
                write!(f, "tag `{tag}` uses {value} of its soft budget")
            }
            (Rule::PooledBytes, _) => write!(f, "the pool holds {value} from the system"),
            (Rule::PoolKeys, _) => write!(f, "the pool holds memory of {value}"),
            (Rule::Bloat, _) => {
                write!(
                    f,
                    "{value} lie idle beyond what recent frames needed, and more than that"
                )
            }
            (Rule::Misses, _) => write!(f, "{value} of recent allocs took memory from the system"),
            (Rule::OpenFrame, site) => {
                let are = if self.value > 1.0 { "are" } else { "is" };
                write!(f, "{value} {are} open for too long")?;
                site.map_or(Ok(()), |site| write!(f, ", begun at {site}"))
            }
            (Rule::FrameBudget, _) => write!(f, "one frame in a hundred takes {value} or longer"),
            (Rule::MissedBytes, site) => {
                write!(f, "frames take {value} each from the system")?;
                site.map_or(Ok(()), |site| write!(f, ", most at {site}"))
            }
            (Rule::SystemCalls, site) => {
                write!(f, "frames make {value} each to the system")?;
                site.map_or(Ok(()), |site| write!(f, ", for the most memory at {site}"))
            }
            (Rule::Stalled, _) => write!(f, "no frame has ended for {value}"),
            (Rule::TelemetryLost, _) => {
                write!(f, "{value} of frames overwritten before they were read")
            }
        }?;
        write!(f, " ({} {limit} {level})", self.severity)
    }

    /// The tag of the buffers, if all have the same.
    fn tag(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.verdict.as_ref().map_or("", |verdict| &verdict.tag);
        if tag.is_empty() {
            return Ok(());
        }
        write!(f, " with tag `{}`", one_line(tag))
    }

    /// The beginning, rate and evidence of growth.
    fn growth(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(verdict) = &self.verdict else {
            return Ok(());
        };
        let Some(growth) = &verdict.growth else {
            return Ok(());
        };
        write!(
            f,
            " ({}), growing since frame {} ({:.1} s ago) {growth}; rose in {} of {} changes, the latest {:.1} s ago",
            bytes(growth.bytes),
            verdict.since_frame,
            self.at.saturating_sub(verdict.since).as_secs_f64(),
            growth.rises,
            growth.rises + growth.falls,
            self.at.saturating_sub(growth.latest_rise).as_secs_f64(),
        )
    }

    /// The subject of a resolved alert.
    fn subject(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.site) {
            (Rule::Leak, Some(site)) => write!(f, "the leak at {site}"),
            (Rule::Leak, None) => f.write_str("the leak"),
            (Rule::Overdue, Some(site)) => write!(f, "the overdue buffers of {site}"),
            (Rule::Overdue, None) => f.write_str("the overdue buffers"),
            (Rule::TagBudget, _) => write!(f, "the memory of tag `{}`", one_line(&self.tag)),
            (Rule::PooledBytes, _) => f.write_str("the memory held from the system"),
            (Rule::PoolKeys, _) => f.write_str("the number of size classes"),
            (Rule::Bloat, _) => f.write_str("the idle memory"),
            (Rule::Misses, _) => f.write_str("the share of misses"),
            (Rule::OpenFrame, Some(site)) => write!(f, "the open frame begun at {site}"),
            (Rule::OpenFrame, None) => f.write_str("the open frame"),
            (Rule::FrameBudget, _) => f.write_str("the frame time"),
            (Rule::MissedBytes, _) => f.write_str("the memory taken per frame"),
            (Rule::SystemCalls, _) => f.write_str("the number of calls per frame"),
            (Rule::Stalled, _) => f.write_str("the time without a frame end"),
            (Rule::TelemetryLost, _) => f.write_str("the loss of frame records"),
        }
    }
}

/// One sentence for people.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state == AlertState::Resolved {
            f.write_str("resolved: ")?;
            self.subject(f)?;
            write!(
                f,
                " in pool `{}` is over after {:.1} s, frames {} to {}, {} at worst",
                one_line(&self.pool),
                self.lasted().as_secs_f64(),
                self.raised_frame,
                self.frame,
                self.rule.in_words(self.worst)
            )?;
            write!(f, "; {}", self.next_step)
        } else {
            write!(f, "{}", self.severity)?;
            if let Some(before) = self.escalated_from {
                write!(f, ", was {before}")?;
            }
            f.write_str(": ")?;
            self.sentence(f)?;
            write!(
                f,
                " in pool `{}`, since frame {}",
                one_line(&self.pool),
                self.raised_frame
            )?;
            if self.count > 1 {
                write!(f, ", {} times since frame {}", self.count, self.first_frame)?;
            }
            write!(f, "; {}", self.next_step)
        }
    }
}
