//! The sentence of an alert: the problem or its end, the place, the time, and the next step.

use std::fmt;

use super::{Alert, AlertState, Rule};
use crate::text::{bytes, one_line, short_name};

impl Alert {
    /// Whether the value is at its level now. An alert whose value fell below it stays raised until it is below its clear level for long
    /// enough.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthMonitor, Thresholds};
    ///
    /// # let pool = BufferPool::new();
    /// # let buffer = pool.alloc::<u8>(10_000);
    /// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 1_000_000));
    /// let urgent = monitor.emit_now(&pool).active;
    /// assert!(urgent.iter().all(|alert| alert.reaches_level()));
    /// # drop(buffer);
    /// ```
    pub fn reaches_level(&self) -> bool {
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
                " fell below the level, {worst} at worst ({} {limit} {level})",
                self.severity
            );
        }
        match self.rule {
            Rule::Leak => {
                let problem = match &self.verdict {
                    Some(site) if site.becomes_larger() => "became larger",
                    _ if self.value > 1.0 => "were not given back",
                    _ => "was not given back",
                };
                write!(f, "{value}")?;
                self.place(f, " taken at ")?;
                self.tag(f)?;
                write!(f, " {problem}")?;
                self.growth(f)
            }
            Rule::Overdue => {
                let are = if self.value > 1.0 { "are" } else { "is" };
                write!(f, "{value} {are} out for longer than expected")?;
                self.place(f, ", taken at ")?;
                self.tag(f)?;
                self.verdict.as_ref().map_or(Ok(()), |verdict| {
                    write!(f, " by thread `{}`", one_line(&verdict.thread))
                })
            }
            Rule::TagBudget => {
                let tag = short_name(&self.tag);
                write!(f, "tag `{tag}` had {value} of its soft budget in use")
            }
            Rule::PooledBytes => write!(f, "the pool holds {value} from the system"),
            Rule::Refusals => {
                let were = if self.value > 1.0 { "were" } else { "was" };
                write!(f, "{value} {were} refused")
            }
            Rule::PoolKeys => write!(f, "the pool holds memory of {value}"),
            Rule::Bloat => {
                write!(
                    f,
                    "{value} lie idle beyond what recent frames needed, and more than that"
                )
            }
            Rule::Misses => write!(f, "{value} of recent allocs took memory from the system"),
            Rule::OpenFrame => {
                let are = if self.value > 1.0 { "are" } else { "is" };
                write!(f, "{value} {are} open for too long")?;
                self.place(f, ", begun at ")
            }
            Rule::FrameBudget => write!(f, "one frame in a hundred takes {value} or longer"),
            Rule::MissedBytes => {
                write!(f, "frames take {value} each from the system")?;
                self.place(f, ", most at ")
            }
            Rule::SystemCalls => {
                write!(f, "frames make {value} each to the system")?;
                self.place(f, ", for the most memory at ")
            }
            Rule::Stalled => write!(f, "no frame has ended for {value}"),
            Rule::TelemetryLost => {
                write!(f, "{value} of frames overwritten before they were read")
            }
        }?;
        write!(f, " ({} {limit} {level})", self.severity)
    }

    /// The line of code after these words, if the alert is about one.
    fn place(&self, f: &mut fmt::Formatter<'_>, words: &str) -> fmt::Result {
        self.site.map_or(Ok(()), |site| write!(f, "{words}{site}"))
    }

    /// The tag of the buffers, if all have the same.
    fn tag(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.verdict.as_ref().map_or("", |verdict| &verdict.tag);
        if tag.is_empty() {
            return Ok(());
        }
        write!(f, " with tag `{}`", short_name(tag))
    }

    /// The beginning, rate and evidence of growth.
    fn growth(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(verdict) = &self.verdict else {
            return Ok(());
        };
        let Some(growth) = &verdict.growth else {
            return Ok(());
        };
        let gained = bytes(growth.bytes);
        if verdict.becomes_larger() {
            write!(f, " by {gained}")?;
        } else {
            write!(f, " ({gained})")?;
        }
        write!(
            f,
            ", growing since frame {} ({:.1} s ago) {growth}; rose in {} of {} changes, the latest {:.1} s ago",
            verdict.since_frame,
            self.at.saturating_sub(verdict.since).as_secs_f64(),
            growth.rises,
            growth.rises + growth.falls,
            self.at.saturating_sub(growth.latest_rise).as_secs_f64(),
        )
    }

    /// The subject of a resolved alert.
    fn subject(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, place) = match self.rule {
            Rule::Leak => ("the leak", " at "),
            Rule::Overdue => ("the overdue buffers", " of "),
            Rule::OpenFrame => ("the open frame", " begun at "),
            Rule::TagBudget => return write!(f, "the memory of tag `{}`", short_name(&self.tag)),
            Rule::PooledBytes => ("the memory held from the system", ""),
            Rule::Refusals => ("the refusal of requests", ""),
            Rule::PoolKeys => ("the number of size classes", ""),
            Rule::Bloat => ("the idle memory", ""),
            Rule::Misses => ("the share of misses", ""),
            Rule::FrameBudget => ("the frame time", ""),
            Rule::MissedBytes => ("the memory taken per frame", ""),
            Rule::SystemCalls => ("the number of calls per frame", ""),
            Rule::Stalled => ("the time without a frame end", ""),
            Rule::TelemetryLost => ("the loss of frame records", ""),
        };
        f.write_str(subject)?;
        // Alerts of the whole pool may have the line to look at, which is not their subject.
        if place.is_empty() {
            return Ok(());
        }
        self.place(f, place)
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
