//! The holders of framepool's buffers, as a flame graph for the Firefox Profiler.
//!
//! [`profile`] makes a profile of a saved history, or of a live program: `profile(&watch.store().saved())`. Each pool is
//! one process in the profile.
//!
//! | part of the profile | what it shows |
//! |---|---|
//! | retained memory (flame graph, call tree) | bytes in use as of the latest judgement: pool, tags, callers of sampled buffers, call site |
//! | memory track | bytes in use over the time that the history covers |
//! | markers | alerts from raised to resolved; marks |
//!
//! The numbers of pools, tags and call sites are exact. The bytes are rounded block sizes, as in all reports, and add up
//! to the pool's bytes in use. If the pool recorded backtraces (`Attribution::Backtraces`), the callers stand between the
//! tags and the call site. Those of small buffers are estimates from samples; the callers' category says how many buffers
//! are sampled.
#![forbid(unsafe_code)]

mod markers;
mod moments;
mod stacks;

use framepool::health::AlertState;
use framepool::store::{EventKind, SavedHistory, SavedPool};
use framepool::telemetry::SampledCounts;
use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, MarkerTiming, Profile, ReferenceTimestamp, SamplingInterval,
    ThreadHandle,
};

use markers::{AlertMarker, Mark};
use moments::{Moments, in_use_over_time};
use stacks::{Colours, Stacks};

/// The profile of all pools of a history, as the JSON text that the profiler loads.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let pool = BufferPool::new();
/// let watch = Watch::start(&pool, HealthConfig::default());
/// let kept = pool.alloc::<u8>(4096);
/// watch.stop();
/// let profile = framepool_firefox::profile(&watch.store().saved());
/// assert!(String::from_utf8_lossy(&profile).contains("nativeAllocations"));
/// # drop(kept);
/// ```
pub fn profile(history: &SavedHistory) -> Vec<u8> {
    let moments = Moments::of(history);
    let start = ReferenceTimestamp::from_millis_since_unix_epoch(moments.first_ms());
    // There is no sampling. The interval is the length at which the profiler draws a single sample.
    let mut profile = Profile::new("framepool", start, SamplingInterval::from_millis(1));
    profile.set_symbolicated(true);
    let colours = Colours::new(&mut profile);
    let alerts = profile.add_category("Alerts and marks", CategoryColor::Red);
    for (at, pool) in history.pools.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let name = format!("pool {}", pool.name);
        let process = profile.add_process(&name, number, moments.first());
        let thread = profile.add_thread(process, number, moments.first(), true);
        profile.set_thread_name(thread, "buffers in use");
        profile.add_initial_visible_thread(thread);
        if at == 0 {
            profile.add_initial_selected_thread(thread);
        }
        let memory =
            profile.add_counter(process, "in use", "Memory", "Bytes of the buffers in use");
        let mut before = 0.0;
        for (time, bytes) in in_use_over_time(pool) {
            profile.add_counter_sample(memory, moments.at(time), bytes - before, 0);
            before = bytes;
        }
        let time = moments.at(pool.time.unix_nanos());
        let mut colours = colours;
        if !pool.stacks.is_empty() {
            colours.name_callers(&mut profile, pool.stack_sampling);
        }
        add_holders(&mut Stacks::new(&mut profile, thread, colours, time), pool);
        add_markers(&mut profile, (thread, alerts), history, pool, &moments);
    }
    // Writing to memory cannot fail.
    serde_json::to_vec(&profile).unwrap_or_default()
}

/// Adds the memory in use by call site, as one unfreed allocation for each.
fn add_holders(stacks: &mut Stacks<'_>, pool: &SavedPool) {
    let root = format!("pool {}", pool.name);
    let mut named = 0_u64;
    for holder in &pool.holders {
        let key = (&*holder.tag, &*holder.location);
        let sampled = pool.stacks.iter();
        let sampled = sampled.filter(|it| (&*it.tag, &*it.location) == key);
        let counts: Vec<_> = sampled.clone().map(|it| it.counts).collect();
        let parts = SampledCounts::divide([holder.buffers, holder.bytes], &counts);
        let mut rest = holder.bytes;
        for (stack, [_, bytes]) in sampled.zip(parts) {
            stacks.hold(&root, key, &stack.frames, bytes);
            rest = rest.saturating_sub(bytes);
        }
        stacks.hold(&root, key, &[], rest);
        named = named.saturating_add(holder.bytes);
    }
    let (pooled, all) = (pool.metrics.outstanding_bytes, pool.metrics.in_use_bytes);
    stacks.hold_together(
        &root,
        "[pooled buffers of call sites that hold less]",
        pooled.saturating_sub(named),
    );
    stacks.hold_together(&root, "[frame buffers]", all.saturating_sub(pooled));
}

fn add_markers(
    profile: &mut Profile,
    (thread, category): (ThreadHandle, CategoryHandle),
    history: &SavedHistory,
    pool: &SavedPool,
    moments: &Moments,
) {
    // The profiler shows the time from the first marker to the last, so add one from the beginning to the end.
    let all = Mark::new(profile, category, "history", "what the history covers");
    let end = moments.at(pool.time.unix_nanos());
    profile.add_marker(thread, MarkerTiming::Interval(moments.first(), end), all);
    for alert in history
        .alerts
        .iter()
        .filter(|alert| alert.pool_id == pool.id)
    {
        let from = alert.raised_time.unix_nanos();
        let to = match alert.state {
            AlertState::Raised => pool.time,
            AlertState::Resolved => alert.time,
        };
        let to = to.unix_nanos().max(from);
        let marker = AlertMarker::new(profile, category, alert);
        profile.add_marker(
            thread,
            MarkerTiming::Interval(moments.at(from), moments.at(to)),
            marker,
        );
    }
    let marks = history
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Mark);
    for event in marks.filter(|event| event.pool_id.is_none_or(|id| id == pool.id)) {
        let marker = Mark::new(profile, category, "mark", &event.text);
        let time = moments.at(event.time.unix_nanos());
        profile.add_marker(thread, MarkerTiming::Instant(time), marker);
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
