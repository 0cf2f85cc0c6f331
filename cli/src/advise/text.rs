//! The result of a study, as data with stable keys and as text. docs/advice.md explains the keys.

use std::fmt::Write as _;

use framepool::health::{Advice, settings_code};
use framepool::telemetry::Log2Histogram;
use framepool::text::{Align, Table, bytes, line, lines, sparkline};
use serde::Serialize;

use super::lifetimes::AtPeak;
use super::settings::Settings;
use super::study::Study;
use super::trial::Trial;
use crate::replay::{FrameCut, Plan};
use crate::report::{count, counted, share};
use crate::trace::Trace;

/// Rows of a table.
const ROWS: usize = 12;

/// The result of a study.
#[derive(Debug, Serialize)]
pub(crate) struct AdviceSection {
    pub(crate) settings: SettingsSection,
    /// The replay with these settings.
    pub(crate) replayed: Trial,
    pub(crate) advice: Vec<Advice>,
    /// The advice on settings, as code to paste.
    pub(crate) code: String,
    /// The replay with all advice on settings followed.
    pub(crate) followed: Option<Trial>,
    pub(crate) lifetimes: LifetimesSection,
}

/// The settings of the program.
#[derive(Debug, Serialize)]
pub(crate) struct SettingsSection {
    pub(crate) thread_cache_bytes: u64,
    pub(crate) prewarmed_sizes: u64,
}

/// The lifetimes of the recording's buffers.
#[derive(Debug, Serialize)]
pub(crate) struct LifetimesSection {
    pub(crate) frames: Vec<Bucket>,
    pub(crate) never_released: u64,
    pub(crate) frame_bytes: Vec<Bucket>,
    pub(crate) at_peak: Vec<AtPeak>,
    pub(crate) sites: Vec<SiteSection>,
}

/// A bucket of a histogram.
#[derive(Debug, Serialize)]
pub(crate) struct Bucket {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) count: u64,
}

/// The buffers of one call site.
#[derive(Debug, Serialize)]
pub(crate) struct SiteSection {
    pub(crate) site: String,
    pub(crate) buffers: u64,
    pub(crate) bytes: u64,
    pub(crate) released_in_their_frame: u64,
    pub(crate) never_released: u64,
    pub(crate) most_frame_bytes: u64,
    pub(crate) frames: Vec<Bucket>,
    #[serde(skip)]
    median: Option<u64>,
    #[serde(skip)]
    almost_all: Option<u64>,
}

fn buckets(histogram: &Log2Histogram) -> Vec<Bucket> {
    let bucket = |(values, count): (std::ops::RangeInclusive<u64>, u64)| Bucket {
        from: *values.start(),
        to: *values.end(),
        count,
    };
    histogram.buckets().map(bucket).collect()
}

impl AdviceSection {
    pub(crate) fn of(study: &Study, trace: &Trace, settings: &Settings) -> Self {
        let found = &study.lifetimes;
        let site = |site: &super::lifetimes::SiteUse| SiteSection {
            site: match &*trace.sites[site.site as usize] {
                "" => "(no call site recorded)".to_owned(),
                name => name.to_owned(),
            },
            buffers: site.buffers,
            bytes: site.bytes,
            released_in_their_frame: site.within_frame,
            never_released: site.never,
            most_frame_bytes: site.most_frame_bytes,
            frames: buckets(&site.frames),
            median: site.frames.at_most(0.5),
            almost_all: site.frames.at_most(0.99),
        };
        Self {
            settings: SettingsSection {
                thread_cache_bytes: settings.thread_cache_bytes,
                prewarmed_sizes: settings.prewarm.len() as u64,
            },
            replayed: study.base.clone(),
            code: settings_code(&study.advice),
            advice: study.advice.clone(),
            followed: study.followed.clone(),
            lifetimes: LifetimesSection {
                frames: buckets(&found.frames),
                never_released: found.never,
                frame_bytes: buckets(&found.frame_bytes),
                at_peak: found.at_peak.clone(),
                sites: found.sites.iter().map(site).collect(),
            },
        }
    }

    /// The advice for the report of a replay.
    pub(crate) fn in_report(&self, name: &str, columns: usize) -> String {
        let command = format!("framepool advise {name}");
        let command = command.trim_end();
        let more = format!("`{command}` shows lifetimes by call site, and what was tried.");
        self.advice(columns) + "\n" + &line(&more, columns)
    }

    /// The advice, with its code.
    fn advice(&self, columns: usize) -> String {
        if self.advice.is_empty() {
            let trial = &self.replayed;
            let none = format!(
                "No advice: {} of the allocs missed, {} of them used the depot, and no call site would be cheaper with frame buffers.",
                share(trial.misses, trial.allocs),
                share(trial.hits_depot, trial.allocs),
            );
            return line(&none, columns);
        }
        let mut text = "advice, each tried in a replay".to_owned();
        for (at, advice) in self.advice.iter().enumerate() {
            text += "\n";
            text += &line(&format!("{:>3}. {advice}", at + 1), columns);
        }
        if !self.code.is_empty() {
            text.push_str("\n\nthe settings as code");
            for line in self.code.lines() {
                let _ = write!(text, "\n    {line}");
            }
        }
        text
    }

    /// All of it in this many columns, ending in a line feed.
    pub(crate) fn whole(&self, name: &str, frame_ms: f64, plan: &Plan, columns: usize) -> String {
        let frames = match plan.cut {
            FrameCut::Marked => " as the trace marks them".to_owned(),
            FrameCut::EveryUs(_) => format!(" of {frame_ms} ms of recorded time"),
        };
        let head = format!(
            "{name}\n{} on {}, {}{frames}",
            counted(plan.operations, "operation"),
            counted(plan.work.len() as u64, "thread"),
            counted(plan.frames.len() as u64, "frame"),
        );
        let parts = [
            lines(&head, columns),
            self.advice(columns),
            self.hit_rates(columns),
            self.lifetimes(columns),
            self.frame_bytes(columns),
            self.peak(columns),
        ];
        parts.join("\n\n") + "\n"
    }

    fn hit_rates(&self, columns: usize) -> String {
        let trials = std::iter::once(&self.replayed).chain(&self.followed);
        let heads = ["as it is set up", "with this advice"];
        let mut all = vec![("of the allocs", Align::Left)];
        all.extend(
            heads
                .iter()
                .zip(trials.clone())
                .map(|(head, _)| (*head, Align::Right)),
        );
        let mut table = Table::new(&all);
        let mut row = |name: &str, number: &dyn Fn(&Trial) -> String| {
            table.row(std::iter::once(name.to_owned()).chain(trials.clone().map(number)));
        };
        let of_allocs = |part: fn(&Trial) -> u64| move |it: &Trial| share(part(it), it.allocs);
        row(
            "hits, thread's own magazine",
            &of_allocs(|it| it.hits_thread),
        );
        row("hits, shared depot", &of_allocs(|it| it.hits_depot));
        row("misses", &of_allocs(|it| it.misses));
        row("misses, number", &|it| count(it.misses));
        row("exchanges with the depot", &|it| count(it.exchanges));
        row("pooled bytes, most", &|it| {
            bytes(it.peak_pooled_bytes).to_string()
        });
        format!("{table:columns$}")
    }

    fn lifetimes(&self, columns: usize) -> String {
        let found = &self.lifetimes;
        let mut table = Table::new(&[
            ("released after, frames", Align::Left),
            ("buffers", Align::Right),
            ("share", Align::Right),
        ]);
        let released: u64 = found.frames.iter().map(|bucket| bucket.count).sum();
        let all = released + found.never_released;
        for bucket in &found.frames {
            table.row([
                match (bucket.from, bucket.to) {
                    (0, _) => "in their frame".to_owned(),
                    (from, to) if from == to => count(from),
                    (from, to) => format!("{} to {}", count(from), count(to)),
                },
                count(bucket.count),
                share(bucket.count, all),
            ]);
        }
        if found.never_released > 0 {
            table.row([
                "never".to_owned(),
                count(found.never_released),
                share(found.never_released, all),
            ]);
        }
        let mut sites = Table::new(&[
            ("lifetimes by call site", Align::Site),
            ("buffers", Align::Right),
            ("in their frame", Align::Right),
            ("half, frames", Align::Right),
            ("99 %, frames", Align::Right),
            ("never", Align::Right),
            ("most bytes a frame", Align::Right),
        ]);
        let at_most = |frames: Option<u64>| match frames {
            None => "–".to_owned(),
            Some(frames @ 0..=1) => count(frames),
            Some(frames) => format!("≤ {}", count(frames)),
        };
        for site in found.sites.iter().take(ROWS) {
            sites.row([
                site.site.clone(),
                count(site.buffers),
                share(site.released_in_their_frame, site.buffers),
                at_most(site.median),
                at_most(site.almost_all),
                count(site.never_released),
                bytes(site.most_frame_bytes).to_string(),
            ]);
        }
        let mut text = format!("{table:columns$}\n\n{sites:columns$}");
        if found.sites.len() > ROWS {
            let _ = write!(
                text,
                "\n… and {} more call sites; --json has them all",
                found.sites.len() - ROWS
            );
        }
        text
    }

    fn frame_bytes(&self, columns: usize) -> String {
        let found = &self.lifetimes.frame_bytes;
        let mut table = Table::new(&[
            ("asked for in a frame, up to", Align::Left),
            ("frames", Align::Right),
            ("", Align::Left),
        ]);
        let most = found.iter().map(|bucket| bucket.count).max().unwrap_or(0) as f64;
        for bucket in found {
            let bar = sparkline(&[bucket.count as f64, most], 2).to_string();
            table.row([
                bytes(bucket.to).to_string(),
                count(bucket.count),
                bar.chars().take(1).collect(),
            ]);
        }
        format!("{table:columns$}")
    }

    fn peak(&self, columns: usize) -> String {
        let mut sizes: Vec<&AtPeak> = self.lifetimes.at_peak.iter().collect();
        sizes.sort_by_key(|size| std::cmp::Reverse(size.bytes));
        let left_out = sizes.len().saturating_sub(ROWS);
        let mut table = Table::new(&[
            ("out at the peak, block size", Align::Left),
            ("buffers", Align::Right),
            ("asked for", Align::Right),
            ("rounding", Align::Right),
            ("rounding", Align::Right),
        ]);
        let mut row = |name: String, buffers: u64, block: u64, requested: u64| {
            let waste = block - requested;
            table.row([
                name,
                count(buffers),
                bytes(requested).to_string(),
                bytes(waste).to_string(),
                share(waste, block),
            ]);
        };
        for size in sizes.iter().take(ROWS) {
            row(
                bytes(size.block_bytes).to_string(),
                size.buffers,
                size.bytes,
                size.requested,
            );
        }
        let sum = |of: fn(&AtPeak) -> u64| sizes.iter().map(|it| of(it)).sum();
        row(
            "all sizes".to_owned(),
            sum(|it| it.buffers),
            sum(|it| it.bytes),
            sum(|it| it.requested),
        );
        let mut text = format!("{table:columns$}");
        if left_out > 0 {
            let _ = write!(
                text,
                "\n{} left out, but in the sum; --json has them all",
                counted(left_out as u64, "smaller size")
            );
        }
        text
    }
}
