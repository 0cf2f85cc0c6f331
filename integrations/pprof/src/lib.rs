//! The holders of framepool's buffers, as a profile for pprof.
//!
//! [`heap`] and [`allocs`] give gzipped files in the format of pprof's `profile.proto`. `go tool pprof -top heap.pb.gz` shows the call
//! sites that hold the most memory.
//!
//! Pools, lines and tags have exact numbers. If the pool records backtraces (`Attribution::Backtraces`, feature `backtrace` of
//! framepool), the callers of a line are shown too. Those of large buffers are exact; those of small ones are estimates: a line's small
//! buffers are split in the proportion of the sampled ones.
//!
//! | profile | numbers | stacks |
//! |---|---|---|
//! | [`heap`] | `inuse_objects`, `inuse_space` | the pool, and each call site with pooled buffers in use; all frame buffers together |
//! | [`allocs`] | `alloc_objects`, `alloc_space` since the pool was made | the pool, and each sampled call site |
//!
//! [`Held::new`] is for a live pool, [`Held::saved`] for one in a saved history, as in `framepool report FILE --pprof OUT`.
//!
//! A pool knows the call sites of buffers in use. It does not count each allocation for its call site, so the call sites of
//! [`allocs`] are estimates from samples ([`Held::with_samples`]): always for frame buffers, and for pooled buffers while
//! backtraces are on. The sums are exact.
//!
//! The bytes are rounded block sizes, as in all reports: the `inuse_space` of a pool is its bytes in use.
#![forbid(unsafe_code)]

mod builder;
mod messages;
mod stacks;

use framepool::store::SavedPool;
use framepool::telemetry::{FrameCounts, FrameMemory, SampledAllocs, SampledCounts};
use framepool::{Outstanding, PoolStats, Timestamp};

use builder::Builder;
use stacks::{Stack, divided, plus, rest, share};

/// Buffers, and bytes.
type Values = [u64; 2];

/// The data of one pool.
///
/// ```
/// use framepool::BufferPool;
/// use framepool_pprof::Held;
///
/// let pool = BufferPool::builder().name("render").build()?;
/// let image = pool.alloc::<u8>(4096);
/// let (outstanding, stats) = (pool.outstanding(), pool.stats());
/// let held = Held::new(pool.name(), &outstanding, &stats);
/// let profile = framepool_pprof::heap(&[held]); // for `go tool pprof -top`
/// assert!(profile.starts_with(&[0x1f, 0x8b])); // gzip
/// # drop(image);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Held<'a> {
    name: &'a str,
    time: Timestamp,
    sites: Vec<Site<'a>>,
    /// The name for pooled buffers without a listed call site.
    other_sites: &'static str,
    /// Pooled buffers.
    pooled: Values,
    /// Buffers of both kinds.
    in_use: Values,
    /// The call stacks of sampled buffers.
    stacks: Vec<Stack>,
    /// The allocations since the pool was made.
    allocs: Allocs<'a>,
}

/// The allocations since a pool was made.
#[derive(Clone, Copy, Debug, Default)]
struct Allocs<'a> {
    pooled: Values,
    frame: Values,
    /// Buffers of unknown kind.
    both: Values,
    sampled: Option<&'a SampledAllocs>,
}

/// The buffers of one call site.
#[derive(Clone, Debug)]
struct Site<'a> {
    /// File, line and column, separated by colons, or any other text.
    location: String,
    thread: &'a str,
    tag: &'a str,
    values: Values,
}

impl<'a> Held<'a> {
    /// Makes the data of a live pool from its name, its outstanding buffers and its numbers, which should be read at the
    /// same time.
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
            stacks: outstanding.stacks.iter().map(Stack::from).collect(),
            allocs: Allocs {
                pooled: [counts.pooled_allocs(), counts.pooled_alloc_bytes],
                frame: [counts.frame_allocs, counts.frame_alloc_bytes],
                ..Allocs::default()
            },
        }
    }

    /// Adds samples of the allocations, so that [`allocs`] has call sites. Read the pool's numbers right after the samples.
    ///
    /// ```
    /// use framepool::BufferPool;
    /// use framepool_pprof::Held;
    ///
    /// let pool = BufferPool::builder().sample_frames(1).build()?;
    /// pool.begin_frame().alloc::<u8>(4096);
    /// let sampled = pool.sampled_allocs();
    /// let (outstanding, stats) = (pool.outstanding(), pool.stats());
    /// let held = Held::new("render", &outstanding, &stats);
    /// let without = framepool_pprof::allocs(&[held.clone()]);
    /// let with = framepool_pprof::allocs(&[held.with_samples(&sampled)]);
    /// assert!(with.len() > without.len()); // the line above has an entry
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_samples(mut self, sampled: &'a SampledAllocs) -> Self {
        self.allocs.sampled = Some(sampled);
        self
    }

    /// Makes the data of a pool in a saved history, as of its latest judgement. The history has the 256 call sites and tags
    /// that hold the most; one from an older version has 16 call sites, without tags and threads.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool_pprof::Held;
    ///
    /// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
    /// watch.stop();
    /// let history = watch.store().saved(); // or `SavedHistory::load`
    /// let pools: Vec<_> = history.pools.iter().map(Held::saved).collect();
    /// assert!(framepool_pprof::heap(&pools).starts_with(&[0x1f, 0x8b]));
    /// ```
    pub fn saved(pool: &'a SavedPool) -> Self {
        let numbers = &pool.metrics;
        let sites = pool.holders.iter().map(|it| Site {
            location: it.location.clone(),
            thread: &it.thread,
            tag: &it.tag,
            values: [it.buffers, it.bytes],
        });
        Self {
            name: &pool.name,
            time: pool.time,
            sites: sites.collect(),
            other_sites: "[pooled buffers of call sites that hold less]",
            pooled: [numbers.outstanding_buffers, numbers.outstanding_bytes],
            in_use: [numbers.in_use_buffers, numbers.in_use_bytes],
            stacks: pool.stacks.iter().map(Stack::from).collect(),
            allocs: Allocs {
                both: [numbers.total_allocs, numbers.total_alloc_bytes],
                ..Allocs::default()
            },
        }
    }
}

/// The profile of the memory in use, by call site.
///
/// ```
/// use framepool::BufferPool;
/// use framepool_pprof::{Held, heap};
///
/// let pools = ["render", "audio"].map(|name| BufferPool::builder().name(name).build().unwrap());
/// let read = pools.each_ref().map(|pool| (pool.name(), pool.outstanding(), pool.stats()));
/// let held = read.each_ref().map(|(name, outstanding, stats)| Held::new(name, outstanding, stats));
/// assert!(!heap(&held).is_empty()); // one profile of both pools
/// ```
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
            let of_site = held
                .stacks
                .iter()
                .filter(|it| it.tag == site.tag && it.location == site.location);
            for (stack, part) in divided(site.values, of_site, SampledCounts::default()) {
                let places = places(&mut profile, root, stack);
                profile.sample(&places, part, &known);
                rest_of_site = rest(rest_of_site, part);
            }
            profile.sample(&[line, root], rest_of_site, &known);
            named = plus(named, site.values);
        }
        let others = profile.named(held.other_sites);
        profile.sample(&[others, root], rest(held.pooled, named), &[]);
        let frames = profile.named("[frame buffers]");
        profile.sample(&[frames, root], rest(held.in_use, held.pooled), &[]);
    }
    profile.finish()
}

/// The profile of the allocations since the pools were made: by kind of buffer, and by call site if there are
/// [samples](Held::with_samples).
///
/// The sums of a pool and of a kind are exact. The call sites are estimates, except for large pooled buffers: the sum is
/// split in the proportion of the samples. The profile's comments give the number of samples.
///
/// ```
/// use framepool::BufferPool;
/// use framepool_pprof::{Held, allocs};
///
/// let pool = BufferPool::new();
/// let (sampled, outstanding, stats) = (pool.sampled_allocs(), pool.outstanding(), pool.stats());
/// let held = Held::new("render", &outstanding, &stats).with_samples(&sampled);
/// assert!(allocs(&[held]).starts_with(&[0x1f, 0x8b])); // gzip
/// ```
pub fn allocs(pools: &[Held<'_>]) -> Vec<u8> {
    let mut profile = Builder::new("alloc_objects", "alloc_space", time(pools));
    for held in pools {
        let root = profile.named(&format!("pool {}", held.name));
        let Allocs {
            mut pooled,
            mut frame,
            both,
            sampled,
        } = held.allocs;
        if let Some(sampled) = sampled {
            profile.comment(&comment(held.name, sampled));
            pooled = sampled_pooled(&mut profile, root, pooled, sampled);
            frame = sampled_frames(&mut profile, root, frame, &sampled.frames);
        }
        for (kind, values) in [
            ("[pooled buffers]", pooled),
            ("[frame buffers]", frame),
            ("[buffers of both kinds]", both),
        ] {
            let kind = profile.named(kind);
            profile.sample(&[kind, root], values, &[]);
        }
    }
    profile.finish()
}

/// The comment on the samples of a pool.
fn comment(pool: &str, sampled: &SampledAllocs) -> String {
    let frames = &sampled.frames.sampling;
    let pooled = if sampled.buffers == 0 {
        "Pooled buffers have call sites if backtraces are on.".to_owned()
    } else {
        format!(
            "Pooled buffers by call site are scaled up from 1 sampled buffer in {}; those of {} bytes and more are exact.",
            sampled.sampling.every, sampled.sampling.from_bytes
        )
    };
    format!(
        "Pool {pool}: frame buffers by call site are scaled up from {} sampled frames (1 in {}). {pooled}",
        frames.frames, frames.every
    )
}

/// The places of a stack: the line, its callers, the pool.
fn places(profile: &mut Builder, root: u64, stack: &Stack) -> Vec<u64> {
    let mut places = vec![profile.line(&stack.location)];
    let callers = stack.callers.iter();
    places.extend(callers.map(|frame| profile.function(frame)));
    places.push(root);
    places
}

/// Adds pooled buffers by call stack; returns the rest.
fn sampled_pooled(
    profile: &mut Builder,
    root: u64,
    pooled: Values,
    sampled: &SampledAllocs,
) -> Values {
    let traced = [sampled.buffers, sampled.bytes];
    let stacks: Vec<_> = sampled.stacks.iter().map(Stack::from).collect();
    let mut left = traced;
    for (stack, part) in divided(traced, stacks.iter(), sampled.unlisted) {
        let places = places(profile, root, stack);
        profile.sample(&places, part, &[]);
        left = rest(left, part);
    }
    let unknown = profile.named("[pooled buffers without a sampled call site]");
    profile.sample(&[unknown, root], left, &[]);
    rest(pooled, traced)
}

/// Adds frame buffers by call site; returns the rest.
fn sampled_frames(
    profile: &mut Builder,
    root: u64,
    frame: Values,
    sampled: &FrameMemory,
) -> Values {
    let values = |counts: FrameCounts| [counts.allocs, counts.bytes];
    let mut left = frame;
    for site in &sampled.sites {
        let line = profile.line(&site.location.to_string());
        let part = share(frame, values(site.counts), values(sampled.sampling.total));
        let tag = (!site.tag.is_empty()).then_some(("tag", &*site.tag));
        profile.sample(&[line, root], part, tag.as_slice());
        left = rest(left, part);
    }
    left
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
