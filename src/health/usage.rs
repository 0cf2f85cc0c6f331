//! How a pool is used, by counts over all frames and by samples, and the advice that follows.
//!
//! # What is exact
//!
//! - *Bytes of frame buffers, and pooled bytes, of each frame*: from the frames' records. Lost records are missing.
//! - *Misses and peak blocks of each size*: counted where an alloc takes memory from the system (`blocks/depot.rs`).
//!   Those of growing and filling call sites are left out (`kept_misses.rs`).
//!
//! # What is sampled
//!
//! A release records neither the call site nor the age, because that would slow every release. So lifetimes of
//! released buffers are unknown. A judgement walks over the buffers in use and reads their ages *now*. The histograms
//! count these ages, so a buffer that lives longer is counted more often.
//!
//! A program that calls the monitor at one place of its loop would see each buffer at one age only. So call sites are
//! sampled (`seen_sites.rs`) only by judgements of a [`Watch`](crate::Watch), on its own thread.

use super::advice::Advice;
use super::seen_sites::SeenSites;
use super::{Basis, PrewarmSize, SharedList, WorstFrames};
use crate::telemetry::breakdown::SizeHolding;
use crate::telemetry::histogram::Log2Histogram;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};

/// Misses from which prewarming is advised: in all, the allocs per miss, and in one frame.
const LEAST_MISSES: u64 = 100;
const ONE_MISS_IN: u64 = 200;
const MISSES_OF_A_BURST: u64 = 64;
/// The list has the sizes with the most misses: up to this percentage of them, and this number of sizes.
const COVERED: u64 = 97;
const SIZES: usize = 16;
/// Frames after which the largest one counts as the maximum, and the least saving of a smaller block.
const LEAST_FRAMES: u64 = 600;
const LEAST_SAVED: u64 = 1 << 20;
const LEAST_BLOCK: u64 = 4096;
/// Judgements after which the figures of advice are updated. They are updated at once if the misses that prewarming avoids are this much more
/// than those in its sentence, in percent.
const EVERY: u64 = 50;
const MORE_MISSES: u64 = 25;

/// What a histogram of a pool's usage counts.
///
/// ```
/// use framepool::health::Measure;
///
/// fn unit(measure: Measure) -> &'static str {
///     match measure {
///         Measure::FrameBytes | Measure::PooledBytes => "bytes",
///         Measure::AgeFrames => "frames",
///         _ => "",
///     }
/// }
/// assert_eq!(unit(Measure::AgeFrames), "frames");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Measure {
    /// For each frame, the bytes of the frame buffers that it allocated.
    #[default]
    FrameBytes,
    /// At each frame end, the bytes that the pool held from the system.
    PooledBytes,
    /// For each buffer that a judgement found, its age in frames.
    AgeFrames,
}

/// A histogram of how a pool is used.
///
/// ```
/// use framepool::health::Measure;
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// # let pool = BufferPool::new();
/// # let mut monitor = HealthMonitor::new(Thresholds::default());
/// let frame = pool.begin_frame();
/// frame.alloc::<u8>(1_000);
/// monitor.record(&frame.release_all());
/// for usage in monitor.emit_now(&pool).usage.iter() {
///     if usage.measure == Measure::FrameBytes {
///         assert_eq!(usage.histogram.at_most(0.99), Some(2_047)); // of 99 % of the frames
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct UsageHistogram {
    /// What it counts.
    pub measure: Measure,
    /// The tag of the buffers; empty for buffers without one, and for measures that are not by tag.
    pub tag: String,
    /// The counts.
    pub histogram: Log2Histogram,
}

/// A monitor's record of a pool's usage.
#[derive(Debug)]
pub(super) struct Usage {
    frame_bytes: Log2Histogram,
    pooled_bytes: Log2Histogram,
    /// By the tag's number.
    ages: Vec<Log2Histogram>,
    /// Frames after the warm-up, and the most bytes of frame buffers that one of them allocated.
    warm_frames: u64,
    most_frame_bytes: u64,
    /// Whether a frame was open at a frame end, or a record was lost. Then no record has the bytes of a single frame.
    is_overlapped: bool,
    /// The counts at the first judgement after the warm-up.
    warmed_up: Option<WarmedUp>,
    sites: SeenSites,
    judged: u64,
    /// Whether a judgement was requested.
    pub(super) is_asked: bool,
    /// Whether judgements come at random moments of a frame, not always at the same place of the program's loop.
    pub(super) looks_at_any_time: bool,
    listed: SharedList<UsageHistogram>,
    advice: SharedList<Advice>,
    /// The misses that prewarming could have avoided when `advice` was made.
    advised_misses: u64,
}

/// Misses of each size, and allocs.
#[derive(Debug)]
struct WarmedUp {
    misses: Vec<(Option<u64>, u64)>,
    allocs: u64,
}

impl WarmedUp {
    /// All misses of a size, and those that prewarming could have avoided. A prewarmed block is kept for its class, so none can be
    /// advised for a size that several classes have.
    fn misses_since(&self, size: &SizeHolding, setup: Setup) -> (u64, u64) {
        let mut misses = self.misses.iter();
        let cold = misses.find(|cold| cold.0 == size.block_bytes);
        let all = size.misses.saturating_sub(cold.map_or(0, |cold| cold.1));
        if size
            .block_bytes
            .is_some_and(|bytes| bytes <= setup.shared_bytes)
        {
            return (all, 0);
        }
        (all, all.saturating_sub(size.kept_more))
    }
}

/// A pool's setup at a judgement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setup {
    pub(super) frame_block_bytes: u64,
    pub(super) max_bytes: Option<u64>,
    /// The bytes of the largest blocks that several size classes have; 0 if there are none.
    pub(super) shared_bytes: u64,
    pub(super) round: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            frame_bytes: Log2Histogram::with_room(),
            pooled_bytes: Log2Histogram::with_room(),
            ages: Vec::new(),
            warm_frames: 0,
            most_frame_bytes: 0,
            is_overlapped: false,
            warmed_up: None,
            sites: SeenSites::default(),
            judged: 0,
            is_asked: false,
            looks_at_any_time: false,
            listed: SharedList::default(),
            advice: SharedList::default(),
            advised_misses: 0,
        }
    }
}

impl Usage {
    /// Takes a frame's record.
    pub(super) fn add_frame(&mut self, frame: &FrameSnapshot, is_warm: bool) {
        let bytes = frame.counts.frame_alloc_bytes;
        self.frame_bytes.add(bytes);
        self.pooled_bytes.add(frame.pooled_bytes);
        self.is_overlapped |= frame.open_frames > 0;
        if is_warm {
            self.warm_frames += 1;
            self.most_frame_bytes = self.most_frame_bytes.max(bytes);
        }
    }

    /// Notes how many records were lost.
    pub(super) fn note_lost(&mut self, records: u64) {
        self.is_overlapped |= records > 0;
    }

    /// Takes the findings of a judgement. `tags` are the names of the tags, in the order of their numbers.
    pub(super) fn judge<'t>(
        &mut self,
        outstanding: &Outstanding,
        now: &PoolStats,
        worst: &WorstFrames,
        setup: Setup,
        tags: impl Iterator<Item = &'t str>,
    ) -> (SharedList<Advice>, SharedList<UsageHistogram>) {
        self.judged += 1;
        if self.ages.len() < outstanding.ages.len() {
            self.ages
                .resize(outstanding.ages.len(), Log2Histogram::default());
        }
        for (known, ages) in self.ages.iter_mut().zip(&outstanding.ages) {
            known.merge(ages);
        }
        if self.looks_at_any_time {
            let round_offset = setup.round.wrapping_sub(now.totals.frames);
            self.sites.look(&outstanding.sites, round_offset);
        }
        if self.warm_frames > 0 && self.warmed_up.is_none() {
            let sizes = outstanding.sizes.iter();
            self.warmed_up = Some(WarmedUp {
                misses: sizes.map(|size| (size.block_bytes, size.misses)).collect(),
                allocs: now.totals.allocs,
            });
        }
        self.advise(outstanding, now, worst, setup);
        if std::mem::take(&mut self.is_asked) || self.has_another_shape() {
            self.list(tags);
        }
        (self.advice.clone(), self.listed.clone())
    }

    /// Rebuilds the list of advice if it changed.
    fn advise(
        &mut self,
        outstanding: &Outstanding,
        now: &PoolStats,
        worst: &WorstFrames,
        setup: Setup,
    ) {
        let prewarm = self.missed(&outstanding.sizes, now, worst, setup);
        let block = self.smaller_block(outstanding, setup.frame_block_bytes);
        if prewarm.is_none() && block.is_none() && !self.sites.has_advice() {
            if !self.advice.is_empty() {
                self.advice = SharedList::default();
            }
            return;
        }
        // Figures change with every judgement; sentences need not.
        let avoidable = prewarm.map_or(0, |(_, avoidable)| avoidable);
        let is_out_of_date = avoidable * 100 > self.advised_misses * (100 + MORE_MISSES);
        if !self.advice.is_empty() && !is_out_of_date && self.judged % EVERY != 1 {
            return;
        }
        self.advised_misses = avoidable;
        let mut advice = Vec::new();
        if let (Some(all), Some(cold)) = (prewarm, &self.warmed_up) {
            let sizes = outstanding.sizes.iter();
            let missed = sizes.map(|size| (size, cold.misses_since(size, setup).1));
            advice.extend(prewarming(missed, all, setup.max_bytes));
        }
        if let Some((to, held)) = block {
            let from = setup.frame_block_bytes;
            let (frames, most) = (self.warm_frames, self.most_frame_bytes);
            let after = after_shrinking(held, from, to);
            advice.push(Advice::smaller_frame_block(
                from,
                to,
                frames,
                most,
                (held, after),
            ));
        }
        self.sites.advise(&mut advice);
        self.advice.share(&advice);
    }

    /// Misses of all sizes since the warm-up, and those that prewarming could have avoided, if they matter.
    fn missed(
        &self,
        sizes: &[SizeHolding],
        now: &PoolStats,
        worst: &WorstFrames,
        setup: Setup,
    ) -> Option<(u64, u64)> {
        let cold = self.warmed_up.as_ref()?;
        let misses = sizes.iter().map(|size| cold.misses_since(size, setup));
        let (all, avoidable) = misses.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let allocs = now.totals.allocs.saturating_sub(cold.allocs);
        let burst = worst.by_misses[0].map_or(0, |frame| frame.value);
        let is_often = avoidable.saturating_mul(ONE_MISS_IN) >= allocs;
        let matters = avoidable >= LEAST_MISSES && (is_often || burst >= MISSES_OF_A_BURST);
        matters.then_some((all, avoidable))
    }

    /// A block size that is large enough for every frame, and the bytes held for frame buffers now, if it saves
    /// enough.
    fn smaller_block(&self, outstanding: &Outstanding, from: u64) -> Option<(u64, u64)> {
        let most = self.most_frame_bytes;
        let to = (most + most / 4 + 256).next_power_of_two().max(LEAST_BLOCK);
        if self.is_overlapped || self.warm_frames < LEAST_FRAMES || most == 0 || to > from / 4 {
            return None;
        }
        let threads = outstanding.threads.iter();
        let held: u64 = threads.map(|it| it.frame_bytes + it.frame_idle_bytes).sum();
        let saved = held.saturating_sub(after_shrinking(held, from, to));
        (saved >= LEAST_SAVED).then_some((to, held))
    }

    /// The histograms with a value, in the order in which they are listed, and the number of the tag.
    fn histograms(&self) -> impl Iterator<Item = (Measure, usize, &Log2Histogram)> {
        let frames = [
            (Measure::FrameBytes, 0, &self.frame_bytes),
            (Measure::PooledBytes, 0, &self.pooled_bytes),
        ];
        let ages = self.ages.iter().enumerate();
        let ages = ages.map(|(tag, ages)| (Measure::AgeFrames, tag, ages));
        let all = frames.into_iter().chain(ages);
        all.filter(|(.., histogram)| histogram.count() > 0)
    }

    /// Whether the median, the 99th percentile or the maximum differs from the list. A change of the count alone
    /// makes no new list.
    fn has_another_shape(&self) -> bool {
        let listed = self.listed.iter().map(|it| it.histogram.shape());
        !self.histograms().map(|(.., it)| it.shape()).eq(listed)
    }

    fn list<'t>(&mut self, tags: impl Iterator<Item = &'t str>) {
        let names: Vec<&str> = std::iter::once("").chain(tags).collect();
        let of = |(measure, tag, histogram): (Measure, usize, &Log2Histogram)| UsageHistogram {
            measure,
            tag: names.get(tag).copied().unwrap_or_default().to_owned(),
            histogram: histogram.clone(),
        };
        let list: Vec<_> = self.histograms().map(of).collect();
        self.listed.share(&list);
    }
}

/// The bytes that blocks with `held` bytes would hold with another size. Under a budget a block may be smaller than
/// usual.
fn after_shrinking(held: u64, from: u64, to: u64) -> u64 {
    held.min(held.div_ceil(from) * to)
}

/// The sizes with the most misses.
fn prewarming<'s>(
    sizes: impl Iterator<Item = (&'s SizeHolding, u64)>,
    (all, avoidable): (u64, u64),
    max_bytes: Option<u64>,
) -> Option<Advice> {
    let mut missed: Vec<_> = sizes.filter(|&(_, misses)| misses > 0).collect();
    missed.sort_by_key(|&(_, misses)| std::cmp::Reverse(misses));
    let (mut list, mut covered) = (Vec::new(), 0);
    for (size, misses) in missed.into_iter().take(SIZES) {
        // Blocks beyond the largest size class are not kept.
        let Some(block_bytes) = size.block_bytes else {
            continue;
        };
        let count = size.peak_blocks.saturating_sub(size.kept_more);
        if count == 0 {
            continue;
        }
        list.push(PrewarmSize { block_bytes, count });
        covered += misses;
        if covered * 100 >= avoidable * COVERED {
            break;
        }
    }
    list.sort_by_key(|size| std::cmp::Reverse(size.total_bytes()));
    let bytes: u64 = list.iter().map(PrewarmSize::total_bytes).sum();
    let fits = max_bytes.is_none_or(|limit| bytes <= limit / 2);
    (fits && covered * 2 >= avoidable)
        .then(|| Advice::prewarm(list, Basis::Counted, all, all - covered))
}
