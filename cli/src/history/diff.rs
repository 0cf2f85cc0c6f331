//! `framepool diff`: two histories, number by number and call site by call site.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use framepool::RuntimeHealthMetrics;
use framepool::store::{SavedAlert, SavedHistory, SavedPool};
use framepool::text::{Align, Table, bytes, columns, line};
use serde::Serialize;

use super::gate::growing;
use super::{by_line, earlier, lengths};
use crate::report::count;

/// Call sites listed.
const MAX_SITES: usize = 25;

/// A number's name and unit, and how to read it.
type Number = (&'static str, &'static str, fn(&RuntimeHealthMetrics) -> f64);

const NUMBERS: [Number; 13] = [
    ("frames", "1", |m| m.total_frames as f64),
    ("peak from the system", "By", |m| m.peak_bytes as f64),
    ("in use at the end", "By", |m| m.in_use_bytes as f64),
    ("idle at the end", "By", |m| m.idle_bytes as f64),
    ("buffers out at the end", "1", |m| m.in_use_buffers as f64),
    ("allocs", "1", |m| m.total_allocs as f64),
    ("allocs per frame", "", |m| per_frame(m, m.total_allocs)),
    ("misses", "1", |m| m.total_misses as f64),
    ("misses of allocs", "%", |m| {
        100.0 * m.total_misses as f64 / m.total_allocs.max(1) as f64
    }),
    ("bytes taken from the system", "By", |m| {
        m.total_system_bytes as f64
    }),
    ("bytes taken per frame", "By", |m| {
        per_frame(m, m.total_system_bytes)
    }),
    ("average frame time", "ms", |m| m.avg_frame_ms),
    ("p99 frame time", "ms", |m| m.p99_frame_ms),
];

fn per_frame(m: &RuntimeHealthMetrics, total: u64) -> f64 {
    total as f64 / m.total_frames.max(1) as f64
}

/// Two histories compared. The field names are the keys of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Diff {
    pools: Vec<PoolDiff>,
    pools_gone: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PoolDiff {
    name: String,
    /// Whether the earlier history has such a pool. Its name in the earlier history; `None` if it was not there.
    name_before: Option<String>,
    /// What is said if the runs differ in length; then the totals among the numbers do not compare.
    lengths: Option<String>,
    numbers: Vec<NumberDiff>,
    sites: Vec<SiteDiff>,
    /// Why growth was not judged in one of the histories; `None` if it was.
    growth_not_judged_before: Option<String>,
    growth_not_judged_after: Option<String>,
    growing_new: Vec<String>,
    growing_gone: Vec<String>,
    alerts_new: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NumberDiff {
    name: &'static str,
    unit: &'static str,
    before: f64,
    after: f64,
}

#[derive(Debug, Serialize)]
struct SiteDiff {
    location: String,
    bytes_before: u64,
    bytes_after: u64,
    buffers_before: u64,
    buffers_after: u64,
}

impl SiteDiff {
    fn change(&self) -> &'static str {
        match (self.buffers_before, self.buffers_after) {
            (0, _) => "new",
            (_, 0) => "gone",
            _ if self.bytes_after > self.bytes_before => "grew",
            _ => "shrank",
        }
    }
}

impl Diff {
    pub(super) fn new(before: &SavedHistory, after: &SavedHistory) -> Self {
        let of = |pool| earlier(before, after, pool);
        let known: Vec<_> = after.pools.iter().filter_map(of).collect();
        let is_gone = |pool: &&SavedPool| !known.iter().any(|it| std::ptr::eq(*it, *pool));
        Self {
            pools: after
                .pools
                .iter()
                .map(|pool| compare(of(pool), pool, before, after))
                .collect(),
            pools_gone: before
                .pools
                .iter()
                .filter(is_gone)
                .map(|pool| pool.name.clone())
                .collect(),
        }
    }
}

fn compare(
    earlier: Option<&SavedPool>,
    pool: &SavedPool,
    before: &SavedHistory,
    after: &SavedHistory,
) -> PoolDiff {
    let nothing = SavedPool::default();
    let known = earlier.unwrap_or(&nothing);
    let numbers = NUMBERS.map(|(name, unit, number)| NumberDiff {
        name,
        unit,
        before: number(&known.metrics),
        after: number(&pool.metrics),
    });
    let sites = site_diffs(known, pool);
    let [was, is]: [Vec<&str>; 2] = [known, pool].map(|it| growing(it).collect());
    let only = |of: &[&str], other: &[&str]| -> Vec<String> {
        let only = of.iter().filter(|site| !other.contains(site));
        only.map(ToString::to_string).collect()
    };
    let raised = |history: &SavedHistory, of: &SavedPool| {
        let alerts = history.alerts.iter().filter(|it| it.pool_id == of.id);
        let mut raised: Vec<String> = alerts.map(named).collect();
        raised.sort();
        raised.dedup();
        raised
    };
    let raised_before = raised(before, known);
    let mut alerts_new = raised(after, pool);
    alerts_new.retain(|alert| !raised_before.contains(alert));
    PoolDiff {
        name: pool.name.clone(),
        name_before: earlier.map(|pool| pool.name.clone()),
        lengths: earlier.and_then(|it| lengths(it, pool)),
        numbers: numbers.into(),
        sites,
        growth_not_judged_before: known.growth_not_judged(),
        growth_not_judged_after: pool.growth_not_judged(),
        growing_new: only(&is, &was),
        growing_gone: only(&was, &is),
        alerts_new,
    }
}

/// The call sites that hold something else than before, those with the largest difference first. A site that one of the
/// histories left out is not compared.
fn site_diffs(before: &SavedPool, after: &SavedPool) -> Vec<SiteDiff> {
    let (held_before, held_after) = (by_line(before), by_line(after));
    let is_compared = |site: &&&str| {
        let is_known = |held: &BTreeMap<_, _>, of: &SavedPool| {
            held.contains_key(**site) || of.holders_left_out == 0
        };
        is_known(&held_before, before) && is_known(&held_after, after)
    };
    let lines: BTreeSet<_> = held_before.keys().chain(held_after.keys()).collect();
    let diffs = lines.into_iter().filter(is_compared).map(|&location| {
        let [was, is] = [&held_before, &held_after].map(|held| held.get(location).copied());
        let (buffers_before, bytes_before) = was.unwrap_or_default();
        let (buffers_after, bytes_after) = is.unwrap_or_default();
        SiteDiff {
            location: location.to_owned(),
            bytes_before,
            bytes_after,
            buffers_before,
            buffers_after,
        }
    });
    let mut diffs: Vec<_> = diffs.collect();
    diffs.retain(|it| (it.bytes_before, it.buffers_before) != (it.bytes_after, it.buffers_after));
    diffs.sort_by_key(|it| std::cmp::Reverse(it.bytes_after.abs_diff(it.bytes_before)));
    diffs
}

/// The rule, with the call site that it is about, if it is about one.
fn named(alert: &SavedAlert) -> String {
    match &alert.site {
        Some(site) => format!("{} at {site}", alert.rule),
        None => alert.rule.to_string(),
    }
}

fn in_words(value: f64, unit: &str) -> String {
    match unit {
        "By" => bytes(value as u64).to_string(),
        "1" => count(value as u64),
        "%" => format!("{value:.2} %"),
        "" => format!("{value:.2}"),
        unit => format!("{value:.2} {unit}"),
    }
}

/// `+12.5 %`, or empty if there is nothing to compare with.
fn change(before: f64, after: f64) -> String {
    if before.total_cmp(&after).is_eq() {
        "=".to_owned()
    } else if before == 0.0 {
        "new".to_owned()
    } else {
        format!("{:+.1} %", 100.0 * (after - before) / before)
    }
}

impl std::fmt::Display for Diff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = columns(f);
        let mut text = String::new();
        for pool in &self.pools {
            pool.write(&mut text, columns)?;
        }
        for name in &self.pools_gone {
            let gone = format!("pool `{name}` is gone");
            writeln!(text, "{}\n", line(&gone, columns))?;
        }
        f.write_str(text.trim_end())
    }
}

impl PoolDiff {
    fn write(&self, text: &mut String, columns: usize) -> std::fmt::Result {
        let new = match &self.name_before {
            None => ", new".to_owned(),
            Some(before) if *before != self.name => format!(", before: `{before}`"),
            Some(_) => String::new(),
        };
        let mut table = Table::new(&[
            (&format!("pool `{}`{new}", self.name), Align::Site),
            ("before", Align::Right),
            ("after", Align::Right),
            ("change", Align::Right),
        ]);
        for it in &self.numbers {
            table.row([
                it.name.to_owned(),
                in_words(it.before, it.unit),
                in_words(it.after, it.unit),
                change(it.before, it.after),
            ]);
        }
        writeln!(text, "{table:columns$}\n")?;
        if let Some(lengths) = &self.lengths {
            let said = format!("{lengths}; compare shares, and what is per frame");
            writeln!(text, "{}\n", line(&said, columns))?;
        }
        if !self.sites.is_empty() {
            let mut table = Table::new(&[
                ("call sites that hold other than before", Align::Site),
                ("", Align::Left),
                ("bytes before", Align::Right),
                ("after", Align::Right),
                ("buffers before", Align::Right),
                ("after", Align::Right),
            ]);
            for it in self.sites.iter().take(MAX_SITES) {
                table.row([
                    it.location.clone(),
                    it.change().to_owned(),
                    bytes(it.bytes_before).to_string(),
                    bytes(it.bytes_after).to_string(),
                    count(it.buffers_before),
                    count(it.buffers_after),
                ]);
            }
            writeln!(text, "{table:columns$}")?;
            let more = self.sites.len().saturating_sub(MAX_SITES);
            if more > 0 {
                writeln!(text, "… and {more} more; --json has them all")?;
            }
            writeln!(text)?;
        }
        for (which, why) in [
            ("before", &self.growth_not_judged_before),
            ("after", &self.growth_not_judged_after),
        ] {
            if let Some(why) = why {
                writeln!(text, "{}\n", line(&format!("{which}: {why}"), columns))?;
            }
        }
        for (what, list) in [
            ("leaks that were none before", &self.growing_new),
            ("leaks that are none any more", &self.growing_gone),
            ("alerts that did not rise before", &self.alerts_new),
        ] {
            if !list.is_empty() {
                let said = format!("{what}: {}", list.join(", "));
                writeln!(text, "{}\n", line(&said, columns))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framepool::store::SavedHolder;

    fn holder(location: &str, tag: &str, bytes: u64) -> SavedHolder {
        let mut holder = SavedHolder::default();
        holder.location = location.to_owned();
        holder.tag = tag.to_owned();
        (holder.buffers, holder.bytes) = (1, bytes);
        holder
    }

    fn pool(holders: Vec<SavedHolder>) -> SavedPool {
        let mut pool = SavedPool::default();
        pool.holders = holders;
        pool
    }

    fn changes(before: &SavedPool, after: &SavedPool) -> Vec<(String, &'static str)> {
        let diffs = site_diffs(before, after).into_iter();
        diffs.map(|it| (it.location.clone(), it.change())).collect()
    }

    #[test]
    fn smallest_of_many_sites_is_not_gone() {
        let many = |grown: u64| {
            let site = |at: u64| holder(&format!("site.rs:{at}"), "", 1_000 - at);
            let mut holders: Vec<_> = (0..40_u64).map(site).collect();
            holders[39].bytes += grown;
            pool(holders)
        };
        assert!(changes(&many(0), &many(0)).is_empty());
        let grew = [("site.rs:39".to_owned(), "grew")];
        assert_eq!(changes(&many(0), &many(5)), grew);
    }

    #[test]
    fn line_with_two_tags_is_one_site() {
        let before = pool(vec![
            holder("a.rs:1", "sky", 64),
            holder("a.rs:1", "sea", 64),
        ]);
        let after = pool(vec![
            holder("a.rs:1", "sky", 64),
            holder("b.rs:2", "sky", 64),
        ]);
        let expected = [("a.rs:1", "shrank"), ("b.rs:2", "new")];
        assert_eq!(
            changes(&before, &after),
            expected.map(|(location, change)| (location.to_owned(), change))
        );
    }

    #[test]
    fn site_that_was_left_out_is_not_compared() {
        let mut before = pool(vec![holder("a.rs:1", "", 64)]);
        let after = pool(vec![holder("a.rs:1", "", 64), holder("b.rs:2", "", 32)]);
        assert_eq!(changes(&before, &after), [("b.rs:2".to_owned(), "new")]);
        before.holders_left_out = 1;
        assert!(changes(&before, &after).is_empty());
    }
}
