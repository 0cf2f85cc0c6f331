//! The rules for what is tried and what is advised.
//!
//! A piece of advice is a setting that was tried and that qualifies. After a program has followed it, the same rule finds
//! nothing more that qualifies: each rule continues until it finds no more gain, and then gives all advice at once.

use framepool::health::{Advice, Basis, PrewarmSize};

use super::lifetimes::{Lifetimes, SiteUse, frames_of};
use super::pairs::Pairs;
use super::settings::Settings;
use super::trial::{Trial, Trials};
use crate::outcome::Problem;
use crate::trace::Trace;

/// Misses matter if there is one in this number of allocs; exchanges, one in this number of allocs and releases.
const ONE_MISS_IN: u64 = 200;
const ONE_EXCHANGE_IN: u64 = 100;
/// But at least this many.
const LEAST: u64 = 100;
/// A list to prewarm has the sizes with the most misses: up to this percentage of them, and this number of lines.
const COVERED: u64 = 97;
const SIZES: usize = 16;
/// The most extensions of the list.
const EXTENSIONS: usize = 6;
/// The largest advised thread cache.
const MOST_CACHE: u64 = 64 << 20;
/// The most call sites that are measured, and the least buffers of one.
const SITES: usize = 5;
const LEAST_BUFFERS: u64 = 64;
/// The most bytes that a call site may add to a frame.
const MOST_FRAME_BYTES: u64 = 16 << 20;
/// One in this many of its buffers may outlive its frame.
const ONE_OTHER_IN: u64 = 100;
/// The least gain that is worth a change of code: in nanoseconds a frame, and as a share of the cost.
const LEAST_NS: f64 = 20.0;
const LEAST_SHARE: f64 = 0.05;

/// The facts of a recording, and the advice.
#[derive(Debug)]
pub(crate) struct Study {
    pub(crate) lifetimes: Lifetimes,
    /// The replay with the program's own setup.
    pub(crate) base: Trial,
    pub(crate) advice: Vec<Advice>,
    /// The replay with all advice on settings followed; `None` if there is none.
    pub(crate) followed: Option<Trial>,
}

impl Study {
    pub(crate) fn of(
        trace: &Trace,
        trials: &Trials<'_>,
        settings: &Settings,
    ) -> Result<Self, Problem> {
        let lifetimes = Lifetimes::of(trace, trials.plan);
        let base = trials.least(settings, |trial| trial.misses)?;
        let mut advice = Vec::new();
        let mut advised = settings.clone();
        if let Some(sizes) = prewarm(trials, settings, &base, &mut advice)? {
            advised = advised.with_prewarm(&sizes);
        }
        if let Some(bytes) = thread_cache(trials, settings, trace.frees, &mut advice)? {
            advised.thread_cache_bytes = bytes;
        }
        let followed = if advised == *settings {
            None
        } else {
            Some(trials.most(&advised, |trial| trial.misses)?)
        };
        frame_buffers(trace, trials, &lifetimes, &mut advice)?;
        Ok(Self {
            lifetimes,
            base,
            advice,
            followed,
        })
    }
}

fn misses_matter(trial: &Trial) -> bool {
    trial.misses >= LEAST.max(trial.allocs / ONE_MISS_IN)
}

/// Tries to prewarm the blocks that misses took.
fn prewarm(
    trials: &Trials<'_>,
    settings: &Settings,
    base: &Trial,
    advice: &mut Vec<Advice>,
) -> Result<Option<Vec<PrewarmSize>>, Problem> {
    let mut sizes: Vec<PrewarmSize> = Vec::new();
    let mut best = base.clone();
    for _ in 0..EXTENSIONS {
        if !misses_matter(&best) {
            break;
        }
        let longer = extended(&sizes, &best);
        let tried = trials.most(&settings.with_prewarm(&longer), |trial| trial.misses)?;
        // An extension needs to remove less than the first list, so that a program that follows the advice gets no more.
        let most = if sizes.is_empty() {
            best.misses / 2
        } else {
            best.misses / 4 * 3
        };
        if tried.misses > most {
            break;
        }
        (sizes, best) = (longer, tried);
    }
    if sizes.is_empty() {
        return Ok(None);
    }
    sizes.sort_by_key(|size| std::cmp::Reverse(size.total_bytes()));
    let (before, after) = (base.misses, best.misses);
    advice.push(Advice::prewarm(
        sizes.clone(),
        Basis::Replayed,
        before,
        after,
    ));
    Ok(Some(sizes))
}

/// The list, extended by the sizes with the most misses in a trial with it.
fn extended(sizes: &[PrewarmSize], trial: &Trial) -> Vec<PrewarmSize> {
    let mut missed: Vec<_> = trial.sizes.iter().filter(|size| size.misses > 0).collect();
    missed.sort_by_key(|size| std::cmp::Reverse(size.misses));
    let all: u64 = missed.iter().map(|size| size.misses).sum();
    let mut covered = 0;
    let mut longer = sizes.to_vec();
    for size in missed {
        // Blocks beyond the largest size class are not kept.
        let Some(block_bytes) = size.block_bytes else {
            continue;
        };
        let wanted = PrewarmSize {
            block_bytes,
            count: size.peak_blocks,
        };
        match longer.iter().position(|it| it.block_bytes == block_bytes) {
            Some(at) => longer[at].count = longer[at].count.max(wanted.count),
            None if longer.len() < SIZES => longer.push(wanted),
            None => {}
        }
        covered += size.misses;
        if covered * 100 >= all * COVERED {
            break;
        }
    }
    longer
}

/// Tries larger thread caches: finds the smallest such that no larger one halves the remaining exchanges.
fn thread_cache(
    trials: &Trials<'_>,
    settings: &Settings,
    frees: u64,
    advice: &mut Vec<Advice>,
) -> Result<Option<u64>, Problem> {
    let exchanges = |trial: &Trial| trial.exchanges;
    let base = trials.least(settings, exchanges)?;
    let mut best = (settings.thread_cache_bytes, base.exchanges);
    let mut bytes = best.0.max(64 << 10);
    while best.1 >= LEAST.max((base.allocs + frees) / ONE_EXCHANGE_IN) && bytes < MOST_CACHE {
        bytes *= 2;
        let larger = Settings {
            thread_cache_bytes: bytes,
            ..settings.clone()
        };
        let tried = trials.most(&larger, exchanges)?;
        if tried.exchanges <= best.1 / 2 {
            best = (bytes, tried.exchanges);
        }
    }
    if best.0 == settings.thread_cache_bytes {
        return Ok(None);
    }
    let from = settings.thread_cache_bytes;
    advice.push(Advice::thread_cache(from, best.0, base.exchanges, best.1));
    Ok(Some(best.0))
}

/// Measures the call sites whose buffers could be frame buffers.
fn frame_buffers(
    trace: &Trace,
    trials: &Trials<'_>,
    lifetimes: &Lifetimes,
    advice: &mut Vec<Advice>,
) -> Result<(), Problem> {
    let frames = trials.plan.frames.len() as u64;
    let could_be = |site: &&SiteUse| {
        site.others() <= site.buffers / ONE_OTHER_IN
            && site.buffers >= LEAST_BUFFERS
            && site.most_frame_bytes <= MOST_FRAME_BYTES
            && !trace.sites[site.site as usize].is_empty()
    };
    let mut sites = lifetimes.sites.iter().filter(could_be).peekable();
    if sites.peek().is_none() || frames < 2 {
        return Ok(());
    }
    let frame_of = frames_of(trace, trials.plan);
    let mut found = Vec::new();
    for site in sites.take(SITES) {
        trials.check()?;
        let Some(costs) = Pairs::of(trace, &frame_of, site.site).measure() else {
            continue;
        };
        let per_frame = |cost: f64| cost / frames as f64;
        let costs = (per_frame(costs.pooled), per_frame(costs.framed));
        if costs.0 - costs.1 < LEAST_NS.max(costs.0 * LEAST_SHARE) {
            continue;
        }
        found.push(Advice::frame_buffers(
            &trace.sites[site.site as usize],
            (site.buffers, site.others()),
            frames,
            site.most_frame_bytes,
            costs,
        ));
    }
    found.sort_by(|a, b| (b.before - b.after).total_cmp(&(a.before - a.after)));
    advice.extend(found);
    Ok(())
}
