//! Who holds framepool's buffers, as a profile that pprof opens.
//!
//! [`heap`] and [`allocs`] give gzipped files in the format of pprof's `profile.proto`. `go tool pprof -top heap.pb.gz` shows the call
//! sites that hold the most memory. All numbers are exact: nothing is sampled.
//!
//! | profile | numbers | stacks |
//! |---|---|---|
//! | [`heap`] | `inuse_objects`, `inuse_space` | the pool, and each call site with pooled buffers out; all frame buffers together |
//! | [`allocs`] | `alloc_objects`, `alloc_space` since the pool was made | the pool, and pooled buffers or frame buffers |
//!
//! A pool knows the call sites of the buffers that are out. It does not count allocations by call site, so [`allocs`] has none.
//!
//! The bytes are rounded block sizes, as everywhere else: the `inuse_space` of a pool is its bytes in use.
#![forbid(unsafe_code)]

mod builder;
mod messages;

use framepool::{Outstanding, PoolStats, Timestamp};

use builder::Builder;

/// What is known of one pool.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    name: &'a str,
    outstanding: &'a Outstanding,
    stats: &'a PoolStats,
}

impl<'a> Held<'a> {
    /// The pool's name, who holds its pooled buffers, and its numbers, which should have been read at the same time.
    pub fn new(name: &'a str, outstanding: &'a Outstanding, stats: &'a PoolStats) -> Self {
        Self {
            name,
            outstanding,
            stats,
        }
    }
}

/// The profile of what is in use, by call site.
pub fn heap(pools: &[Held<'_>]) -> Vec<u8> {
    let mut profile = Builder::new("inuse_objects", "inuse_space", time(pools));
    profile.comment(
        "Pooled buffers by the line that took them, exact; frame buffers have no call sites.",
    );
    for held in pools {
        let (out, stats) = (held.outstanding, held.stats);
        let root = profile.named(&format!("pool {}", held.name));
        let mut named = [0; 2];
        for site in &out.sites {
            let line = profile.line(site.location);
            let values = [site.buffers, site.bytes];
            let labels = [("thread", site.thread.as_str()), ("tag", &site.tag)];
            let labels = &labels[..if site.tag.is_empty() { 1 } else { 2 }];
            profile.sample(&[line, root], values, labels);
            named = [named[0] + values[0], named[1] + values[1]];
        }
        let rest = |all: [u64; 2], part: [u64; 2]| {
            [
                all[0].saturating_sub(part[0]),
                all[1].saturating_sub(part[1]),
            ]
        };
        let pooled = [out.buffers, out.bytes];
        let unnamed = profile.named("[pooled buffers without a recorded call site]");
        profile.sample(&[unnamed, root], rest(pooled, named), &[]);
        let frames = profile.named("[frame buffers]");
        let in_use = [stats.in_use_buffers, stats.in_use_bytes];
        profile.sample(&[frames, root], rest(in_use, pooled), &[]);
    }
    profile.finish()
}

/// The profile of what was allocated since the pools were made, by kind of buffer.
pub fn allocs(pools: &[Held<'_>]) -> Vec<u8> {
    let mut profile = Builder::new("alloc_objects", "alloc_space", time(pools));
    profile.comment("Allocations are not counted by call site; the heap profile has the call sites of what is out.");
    for held in pools {
        let counts = &held.stats.totals.counts;
        let root = profile.named(&format!("pool {}", held.name));
        let pooled = profile.named("[pooled buffers]");
        let values = [counts.pooled_allocs(), counts.pooled_alloc_bytes];
        profile.sample(&[pooled, root], values, &[]);
        let frames = profile.named("[frame buffers]");
        let values = [counts.frame_allocs, counts.frame_alloc_bytes];
        profile.sample(&[frames, root], values, &[]);
    }
    profile.finish()
}

/// When the numbers were read: the latest of the pools' times.
fn time(pools: &[Held<'_>]) -> u64 {
    let times = pools.iter().map(|held| held.stats.time);
    times.max().map_or(0, Timestamp::unix_nanos)
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
