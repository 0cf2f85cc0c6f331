//! Who holds framepool's buffers, as a profile that pprof opens.
//!
//! [`heap`] and [`allocs`] give gzipped files in the format of pprof's `profile.proto`. `go tool pprof -top heap.pb.gz` shows the call
//! sites that hold the most memory.
//!
//! Pools, lines and tags have exact numbers. If the pool records backtraces (`Attribution::Backtraces`, feature `backtrace` of framepool), the
//! callers of a line are shown too. Those of large buffers are exact; those of small ones are estimates: what a line holds in small
//! buffers is divided in the proportion of the sampled ones.
//!
//! | profile | numbers | stacks |
//! |---|---|---|
//! | [`heap`] | `inuse_objects`, `inuse_space` | the pool, and each call site with pooled buffers out; all frame buffers together |
//! | [`allocs`] | `alloc_objects`, `alloc_space` since the pool was made | the pool, and pooled buffers or frame buffers |
//!
//! [`Held::new`] is of a pool that lives, [`Held::saved`] of one in a saved history, which `framepool report FILE --pprof OUT` writes.
//!
//! A pool knows the call sites of the buffers that are out. It does not count allocations by call site, so [`allocs`] has none.
//!
//! The bytes are rounded block sizes, as everywhere else: the `inuse_space` of a pool is its bytes in use.
#![forbid(unsafe_code)]

mod builder;
mod messages;
mod stacks;

use framepool::store::SavedPool;
use framepool::telemetry::StackHolding;
use framepool::{Outstanding, PoolStats, Timestamp};

use builder::Builder;

/// Buffers, and bytes.
type Values = [u64; 2];

/// What is known of one pool.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    name: &'a str,
    time: Timestamp,
    sites: Vec<Site<'a>>,
    /// What pooled buffers are called that belong to none of the call sites.
    other_sites: &'static str,
    /// Pooled buffers.
    pooled: Values,
    /// Buffers of both kinds.
    in_use: Values,
    /// The call stacks of sampled buffers.
    stacks: &'a [StackHolding],
    /// What was allocated since the pool was made.
    allocs: Vec<(&'static str, Values)>,
}

/// What one call site holds.
#[derive(Clone, Debug)]
struct Site<'a> {
    /// File, line and column, divided by colons, or any other text.
    location: String,
    thread: &'a str,
    tag: &'a str,
    values: Values,
}

impl<'a> Held<'a> {
    /// The pool's name, who holds its pooled buffers, and its numbers, which should have been read at the same time.
    pub fn new(name: &'a str, outstanding: &'a Outstanding, stats: &PoolStats) -> Self {
        let counts = &stats.totals.counts;
        let sites = outstanding.sites.iter().map(|site| Site {
            location: site.location.to_string(),
            thread: &site.thread,
            tag: &site.tag,
            values: [site.buffers, site.bytes],
        });
        Self {
            name,
            time: stats.time,
            sites: sites.collect(),
            other_sites: "[pooled buffers without a recorded call site]",
            pooled: [outstanding.buffers, outstanding.bytes],
            in_use: [stats.in_use_buffers, stats.in_use_bytes],
            stacks: &outstanding.stacks,
            allocs: vec![
                (
                    "[pooled buffers]",
                    [counts.pooled_allocs(), counts.pooled_alloc_bytes],
                ),
                (
                    "[frame buffers]",
                    [counts.frame_allocs, counts.frame_alloc_bytes],
                ),
            ],
        }
    }

    /// A pool of a saved history, as of its latest judgement. The history has the 256 call sites and tags that hold the most; one
    /// that an older version saved has 16 call sites, without tags and threads.
    pub fn saved(pool: &'a SavedPool) -> Self {
        let numbers = &pool.metrics;
        let site = |location: &str, thread, tag, values| Site {
            location: location.to_owned(),
            thread,
            tag,
            values,
        };
        let mut sites: Vec<_> = pool
            .holders
            .iter()
            .map(|it| site(&it.location, &*it.thread, &*it.tag, [it.buffers, it.bytes]))
            .collect();
        if sites.is_empty() {
            let older = pool.sites.iter();
            sites.extend(older.map(|it| site(&it.location, "", "", [it.buffers, it.bytes])));
        }
        Self {
            name: &pool.name,
            time: pool.time,
            sites,
            other_sites: "[pooled buffers of call sites that hold less]",
            pooled: [numbers.outstanding_buffers, numbers.outstanding_bytes],
            in_use: [numbers.in_use_buffers, numbers.in_use_bytes],
            stacks: &[],
            allocs: vec![(
                "[buffers of both kinds]",
                [numbers.total_allocs, numbers.total_alloc_bytes],
            )],
        }
    }
}

/// The profile of what is in use, by call site.
pub fn heap(pools: &[Held<'_>]) -> Vec<u8> {
    let mut profile = Builder::new("inuse_objects", "inuse_space", time(pools));
    profile.comment(
        "Pooled buffers by the line that took them, exact; frame buffers have no call sites. The callers of a line are estimates from sampled call stacks, if there are any.",
    );
    for held in pools {
        let root = profile.named(&format!("pool {}", held.name));
        let mut named = [0; 2];
        for site in &held.sites {
            let line = profile.line(&site.location);
            let labels = [("thread", site.thread), ("tag", site.tag)];
            let known = labels.into_iter().filter(|(_, value)| !value.is_empty());
            let known: Vec<_> = known.collect();
            let mut rest_of_site = site.values;
            for part in stacks::split(site, held.stacks) {
                let mut places = vec![line];
                places.extend(part.callers().map(|frame| profile.function(frame)));
                places.push(root);
                profile.sample(&places, part.values, &known);
                rest_of_site = rest(rest_of_site, part.values);
            }
            profile.sample(&[line, root], rest_of_site, &known);
            named = [named[0] + site.values[0], named[1] + site.values[1]];
        }
        let others = profile.named(held.other_sites);
        profile.sample(&[others, root], rest(held.pooled, named), &[]);
        let frames = profile.named("[frame buffers]");
        profile.sample(&[frames, root], rest(held.in_use, held.pooled), &[]);
    }
    profile.finish()
}

fn rest(all: Values, part: Values) -> Values {
    [
        all[0].saturating_sub(part[0]),
        all[1].saturating_sub(part[1]),
    ]
}

/// The profile of what was allocated since the pools were made, by kind of buffer where that is known.
pub fn allocs(pools: &[Held<'_>]) -> Vec<u8> {
    let mut profile = Builder::new("alloc_objects", "alloc_space", time(pools));
    profile.comment("Allocations are not counted by call site; the heap profile has the call sites of what is out.");
    for held in pools {
        let root = profile.named(&format!("pool {}", held.name));
        for &(kind, values) in &held.allocs {
            let kind = profile.named(kind);
            profile.sample(&[kind, root], values, &[]);
        }
    }
    profile.finish()
}

/// When the numbers were read: the latest of the pools' times.
fn time(pools: &[Held<'_>]) -> u64 {
    let times = pools.iter().map(|held| held.time);
    times.max().map_or(0, Timestamp::unix_nanos)
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
