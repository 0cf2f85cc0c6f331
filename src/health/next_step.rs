//! The next step for an alert, as text, from the current state of the pool. `advice.rs` has advice for healthy
//! programs.

use std::fmt::Write;
use std::panic::Location;

use super::kept_misses::cause;
use super::{AlertState, LeakVerdict, Rule, RuntimeHealthMetrics, SiteVerdict};
use crate::telemetry::outstanding::{Outstanding, SiteHolding};
use crate::telemetry::tags::TagStats;
use crate::text::{bytes, counted, one_line, short_name};

/// Up to this many new buffers may be meant to stay.
const FEW: u64 = 16;
/// Trimming is named if it returns at least this part of the pool's memory: a quarter.
const LARGE_PART: u64 = 4;
/// The most call sites named in a sentence.
const NAMED: usize = 3;

/// What is known of the pool when an alert is reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) metrics: &'a RuntimeHealthMetrics,
    pub(crate) outstanding: &'a Outstanding,
    pub(crate) verdicts: &'a [SiteVerdict],
    pub(crate) tags: &'a [TagStats],
    /// Misses per frame of the window.
    pub(crate) misses_per_frame: f64,
}

impl<'a> Situation<'a> {
    /// The name of the tag with this number; empty for none.
    pub(crate) fn tag(self, number: usize) -> &'a str {
        let at = number.checked_sub(1);
        at.and_then(|at| self.tags.get(at))
            .map_or("", |tag| &tag.name)
    }

    /// The verdict on a call site: the sum over all of its tags.
    pub(crate) fn verdict(self, site: Option<&'static Location<'static>>) -> Option<SiteVerdict> {
        let site = site?;
        let of_line = self.verdicts.iter().filter(|known| known.location == site);
        let mut of_tags = of_line.filter(|known| self.counts(known));
        let worst = of_tags.next()?.clone();
        Some(of_tags.fold(worst, SiteVerdict::with))
    }

    /// Whether the verdict counts for its line: buffers that become larger do not if those of another tag of the line grow in number.
    pub(crate) fn counts(self, site: &SiteVerdict) -> bool {
        let grows_in_number = |other: &SiteVerdict| {
            other.location == site.location && other.leaked() > 0 && !other.becomes_larger()
        };
        !site.becomes_larger() || !self.verdicts.iter().any(grows_in_number)
    }

    /// The call site that causes most of what a rule about misses measured, by keeping its buffers.
    pub(crate) fn keeper(self, rule: Rule) -> Option<&'a SiteVerdict> {
        cause(rule, self.metrics, self.misses_per_frame, self.verdicts)
    }
}

/// The next step for an alert of this rule that has begun `count` times.
pub(crate) fn next_step(
    rule: Rule,
    state: AlertState,
    count: u64,
    (site, tag): (Option<&'static Location<'static>>, &str),
    situation: Situation<'_>,
) -> String {
    if state == AlertState::Resolved {
        let held = situation.verdict(site).filter(|_| rule == Rule::Leak);
        return if let Some(held) = held {
            format!(
                "it no longer grows, but {} of this line {} still in use: if they are not meant to stay, {}",
                counted(held.buffers, "buffer"),
                if held.buffers > 1 { "are" } else { "is" },
                usual(rule)
            )
        } else if count > 1 {
            format!("it came {count} times: if it comes again, {}", usual(rule))
        } else {
            "nothing is to be done".to_owned()
        };
    }
    match rule {
        Rule::PooledBytes => pooled_bytes(situation),
        Rule::TagBudget => tag_budget(tag, situation),
        Rule::Bloat => return_idle(situation),
        Rule::Leak => situation
            .verdict(site)
            .map_or_else(|| usual(rule).to_owned(), |site| leak(&site)),
        Rule::Misses | Rule::MissedBytes | Rule::SystemCalls => situation
            .keeper(rule)
            .map_or_else(|| usual(rule).to_owned(), kept),
        _ => usual(rule).to_owned(),
    }
}

/// The next step that does not depend on the situation.
fn usual(rule: Rule) -> &'static str {
    match rule {
        Rule::Leak => {
            "find what keeps the buffers of this line, and drop them or bound their number"
        }
        Rule::Overdue => {
            "drop these buffers sooner, or call `Buffer::mark_long_lived` if they are meant to stay"
        }
        Rule::TagBudget => "release buffers of this tag, or raise its `warn_bytes`",
        Rule::PooledBytes => "release buffers, or state a larger `Thresholds::working_set`",
        Rule::Refusals => {
            "the error of each says why, and which lines hold the most: release some of that, or raise the `max_bytes` of the pool or tag"
        }
        Rule::PoolKeys => {
            "ask for fewer different lengths, since a size class cannot use the idle memory of another, \
             or raise `Thresholds::pool_keys`"
        }
        Rule::Bloat => "call `BufferPool::trim`",
        Rule::Misses => {
            "call `BufferPool::prewarm` for the lengths in use, or keep buffers instead of dropping them"
        }
        Rule::FrameBudget => "look at what the slow frames do, or raise `Thresholds::frame_budget`",
        Rule::OpenFrame => {
            "end it with `Frame::release_all` or drop it: it keeps its memory, and no frame can begin when all are open"
        }
        Rule::MissedBytes | Rule::SystemCalls => {
            "call `BufferPool::prewarm` for these lengths, or keep the buffers instead of dropping them"
        }
        Rule::Stalled => {
            "if the program pauses on purpose, this is right; else look at what the thread that ends frames waits for"
        }
        Rule::TelemetryLost => "raise `history_frames`, or lower the watch's `poll_interval`",
    }
}

/// The next step for a leak. A few buffers may be meant to stay.
fn leak(site: &SiteVerdict) -> String {
    let thread = one_line(&site.thread);
    if site.becomes_larger() {
        return format!(
            "find why the buffers that thread `{thread}` takes there become larger, and bound their size; call \
             `Buffer::mark_long_lived` if they are meant to grow"
        );
    }
    let mut text = format!(
        "find what keeps the buffers that thread `{thread}` takes there, and drop them or bound their number"
    );
    if site.growth.is_some_and(|growth| !growth.lasted) {
        text.push_str("; if it is a load or a cache that fills, wait until it levels off");
    }
    if site.leaked() <= FEW {
        text.push_str("; call `Buffer::mark_long_lived` if they are meant to stay");
    }
    text
}

/// The next step for misses that a call site causes by keeping its buffers.
fn kept(site: &SiteVerdict) -> String {
    if site.verdict == LeakVerdict::Filling {
        return format!(
            "most of this memory is taken at {}, where the number of buffers still rises: call `BufferPool::prewarm` for \
             them if that is a load, else find what keeps them",
            site.location
        );
    }
    if site.becomes_larger() {
        return format!(
            "most of this memory is taken at {}, whose buffers become larger: find why, or bound their size",
            site.location
        );
    }
    format!(
        "most of this memory is taken at {}, whose buffers are not given back: find what keeps them, or bound their number; \
         `BufferPool::prewarm` would not help",
        site.location
    )
}

/// Who holds the most of a tag.
fn tag_budget(tag: &str, situation: Situation<'_>) -> String {
    let is_within = |site: &&SiteHolding| {
        let below = site.tag.strip_prefix(tag);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    let sites = situation.outstanding.sites.iter().filter(is_within);
    let in_use: u64 = sites.clone().map(|site| site.bytes).sum();
    let stats = situation.tags.iter().find(|stats| stats.name == tag);
    let peak = stats.map_or(0, |stats| stats.recent_peak_bytes);
    if in_use < peak / 2 {
        return format!(
            "most of the {} of tag `{}` were released again, as the buffers of a frame are: take less at a time there \
             (`BufferPool::frame_memory` shows what fills frames), or raise its `warn_bytes`",
            bytes(peak),
            short_name(tag)
        );
    }
    format!(
        "release buffers of tag `{}`{}, or raise its `warn_bytes`",
        short_name(tag),
        named(sites, |site| site.bytes)
    )
}

/// What holds the memory, largest first, and what to do about that.
fn pooled_bytes(situation: Situation<'_>) -> String {
    let m = situation.metrics;
    let out = situation.outstanding;
    let framed = m.in_use_bytes.saturating_sub(out.bytes);
    // Idle memory that no recent frame needed: trimming returns it, and the program does not take it again.
    let needed = m.needed_bytes.max(m.in_use_bytes);
    let spare = m.pooled_bytes.saturating_sub(needed);
    let parts = [
        m.idle_bytes,
        framed,
        out.long_lived_bytes,
        out.bytes - out.long_lived_bytes.min(out.bytes),
    ];
    let most = parts.iter().max().copied().unwrap_or(0);
    let [idle, framed, long_lived, others] = parts;
    if most == 0 {
        usual(Rule::PooledBytes).to_owned()
    } else if most == idle && m.prewarmed_bytes > idle / 2 {
        format!(
            "{} of it were prewarmed: prewarm less, or state a larger `Thresholds::working_set`",
            bytes(m.prewarmed_bytes.min(idle))
        )
    } else if most == idle && spare >= m.pooled_bytes / LARGE_PART {
        format!(
            "{} of it are idle, and no recent frame needed them: {}, or state a larger `Thresholds::working_set`",
            bytes(spare),
            return_idle(situation)
        )
    } else if most == idle {
        format!(
            "recent frames needed {} of it at once: use less in a frame, or state a larger `Thresholds::working_set`",
            bytes(needed)
        )
    } else if most == framed {
        format!(
            "{} of it are buffers of open frames: take less in a frame, end frames sooner, or state a larger \
             `Thresholds::working_set`",
            bytes(framed)
        )
    } else if most == long_lived {
        format!(
            "{} of it are long-lived buffers{}: drop what is not needed, or state a larger `Thresholds::working_set`",
            bytes(long_lived),
            named(out.long_lived_sites(), |site| site.long_lived_bytes)
        )
    } else {
        format!(
            "{} of it are buffers in use{}: release what is not needed, or state a larger `Thresholds::working_set`",
            bytes(others),
            named(out.sites.iter(), |site| site.bytes - site.long_lived_bytes)
        )
    }
}

/// How idle memory goes back: by trimming, unless most of it is in the caches of threads, which trimming does not reach.
fn return_idle(situation: Situation<'_>) -> String {
    let threads = || situation.outstanding.threads.iter();
    let cached: u64 = threads().map(|thread| thread.idle_bytes).sum();
    let largest = threads().max_by_key(|thread| thread.idle_bytes);
    match largest {
        Some(largest) if cached > situation.metrics.idle_bytes / 2 => format!(
            "{} are in the caches of threads (`{}` keeps {}), which `BufferPool::trim` does not reach: lower \
             `thread_cache_bytes`, or end threads that rest",
            bytes(cached),
            one_line(&largest.thread),
            bytes(largest.idle_bytes)
        ),
        _ => usual(Rule::Bloat).to_owned(),
    }
}

/// The call sites that hold the most of something: `, taken at a.rs:1:2 (3 MiB), b.rs:4:5 (1 MiB)`.
fn named<'a>(
    sites: impl Iterator<Item = &'a SiteHolding>,
    held: impl Fn(&SiteHolding) -> u64,
) -> String {
    let mut sites: Vec<&SiteHolding> = sites.filter(|site| held(site) > 0).collect();
    sites.sort_by_key(|site| std::cmp::Reverse(held(site)));
    let mut text = String::new();
    for (place, site) in sites.iter().take(NAMED).enumerate() {
        text.push_str(if place == 0 { ", taken at " } else { ", " });
        // Writing to text cannot fail.
        let _ = write!(text, "{} ({})", site.location, bytes(held(site)));
    }
    text
}
