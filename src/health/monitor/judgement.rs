//! One judgement: from what was recorded and read to a health snapshot.

use std::time::Duration;

use super::HealthMonitor;
use crate::clock::Timestamp;
use crate::health::alert_book::Moment;
use crate::health::envelope::Mark;
use crate::health::listed::leaks;
use crate::health::loop_time::LoopTime;
use crate::health::misses::miss_summary;
use crate::health::next_step::Situation;
use crate::health::rows::{SinceJudged, rows};
use crate::health::{
    Advice, HOLDERS, HealthSnapshot, HealthStatus, PoolName, RuntimeHealthMetrics, SharedList,
    UsageHistogram,
};
use crate::telemetry::id::{FrameEnd, PoolId};
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::snapshot::{FrameSnapshot, PoolStats};

/// Frames have stopped ending if none did for this many usual periods.
const STALLED_PERIODS: u32 = 4;
/// A program that allocates for this loop time without a frame end has stopped ending frames. A hitch is shorter.
const SILENT: Duration = Duration::from_secs(30);

impl HealthMonitor {
    /// Judges these numbers at the clock's present time: those of the latest frame, and those read now.
    pub(crate) fn judge(
        &mut self,
        pool: &PoolName,
        frame: &FrameSnapshot,
        now: &PoolStats,
        outstanding: &Outstanding,
    ) -> HealthSnapshot {
        let at = self.clock.emitted();
        let idle = self.clock.since_frame();
        let times = self.times.summary(&self.recent, idle);
        if times.frames > 0 {
            self.usual_period = times.usual_period;
        }
        let warm_up_allocs = self.thresholds.warm_up_allocs();
        let misses = miss_summary(&self.recent, idle, warm_up_allocs);
        let mut metrics =
            RuntimeHealthMetrics::new(frame, now, outstanding, times, misses, idle, self.lost);
        metrics.needed_bytes = self.need.peak(at, metrics.in_use_bytes);
        metrics.prewarmed_bytes = self.reading.prewarmed_bytes;
        metrics.note_resident(self.resident);
        let refused = self.newly_refused(metrics.total_refusals);
        let thresholds = &self.thresholds;
        self.reading
            .open_frames
            .retain(|frame| thresholds.is_open_too_long(frame));
        let spreads = std::mem::take(&mut self.spreads);
        let stalled = self.stalled(idle);
        self.advance_loop(at, frame.frame, now.totals.allocs);
        let mark = self.mark(frame.frame, at, now.time);
        let silence = self.loop_time.since(self.judged.frame_ended);
        let ends_no_frames = silence >= SILENT || frame.frame.get() == 0;
        let limits = self.thresholds.growth();
        self.verdicts
            .sample(outstanding, ends_no_frames, &mark, limits);
        let limit = self.reading.setup.max_bytes;
        let budget = limit.map(|limit| limit.saturating_sub(metrics.in_use_bytes));
        let verdicts = self.verdicts.list(outstanding, budget, &mark, limits);
        self.blamed = self.largest_miss.take().or(self.blamed);
        let situation = Situation {
            metrics: &metrics,
            outstanding,
            verdicts: &verdicts,
            tags: &self.reading.tags.tags,
            misses_per_frame: misses.per_frame,
        };
        let since = SinceJudged {
            lost: spreads.lost,
            refused,
            stalled,
            missed: self.blamed.and_then(|miss| miss.site),
        };
        for row in rows(situation, since, &self.reading.open_frames) {
            self.alerts.enter(pool.id(), row, &self.thresholds);
        }
        let moment = Moment {
            pool,
            frame: frame.frame,
            at,
            time: now.time,
            situation,
        };
        let findings = self.alerts.report(&self.thresholds, moment);
        let (frame_sampling, frame_sites) = self.listed.frame_memory(&self.reading.frame_memory);
        let (advice, usage) = self.use_so_far(outstanding, now);
        let worst = findings.active.iter().map(|alert| alert.severity).max();
        HealthSnapshot {
            status: worst.map_or(HealthStatus::Healthy, HealthStatus::from),
            metrics,
            stats: *now,
            interval: spreads,
            worst: self.worst,
            raised: findings.raised,
            resolved: findings.resolved,
            active: findings.active,
            leaks: leaks(outstanding, &verdicts),
            verdicts,
            long_lived: self.listed.long_lived(outstanding),
            kept: outstanding.kept,
            holders: self.listed.holders(outstanding),
            holders_left_out: outstanding.sites.len().saturating_sub(HOLDERS) as u64,
            open_too_long: self.reading.open_frames.clone(),
            tags: self.tags.share(&self.reading.tags.tags),
            sizes: self.sizes.share(&outstanding.sizes),
            threads: self.listed.threads(outstanding),
            stacks: self.listed.stacks(outstanding),
            stack_sampling: outstanding.stack_sampling,
            frame_sampling,
            frame_sites,
            advice,
            usage,
            at,
            time: now.time,
            limits: self.limits.clone(),
            growth: *self.thresholds.growth(),
            round: mark.round,
            pool_id: pool.id(),
            pool: pool.clone(),
        }
    }

    /// This judgement, by the clocks of verdicts.
    fn mark(&self, frame: FrameEnd, at: Duration, time: Timestamp) -> Mark {
        Mark {
            frame,
            at,
            time,
            loop_time: self.loop_time,
            round: self.reading.setup.round,
        }
    }

    /// Starts over if the pool is another one than before, because one monitor watches one pool.
    pub(super) fn begin_pool(&mut self, pool: PoolId) {
        let before = self.judged.pool.replace(pool);
        if before.is_some_and(|before| before != pool) {
            self.start_over(pool);
        }
    }

    /// Forgets all but how the program set it up.
    // Not inlined: a judgement would hold a second monitor on the stack, and threads may have small ones.
    #[cold]
    #[inline(never)]
    fn start_over(&mut self, pool: PoolId) {
        let mut fresh = Self::new(self.thresholds.clone());
        fresh.clock.interval = self.clock.interval;
        fresh.recent = self.recent.emptied();
        fresh.usage.looks_at_any_time = self.usage.looks_at_any_time;
        fresh.judged.pool = Some(pool);
        *self = fresh;
    }

    /// How the pool is used, and what follows.
    fn use_so_far(
        &mut self,
        outstanding: &Outstanding,
        now: &PoolStats,
    ) -> (SharedList<Advice>, SharedList<UsageHistogram>) {
        let tags = self.reading.tags.tags.iter().map(|tag| &*tag.name);
        self.usage
            .judge(outstanding, now, &self.worst, self.reading.setup, tags)
    }

    /// Requests that were refused since the judgement before, of all so far; none at the first one.
    fn newly_refused(&mut self, so_far: u64) -> u64 {
        let before = self.judged.refusals.replace(so_far);
        before.map_or(0, |before| so_far.wrapping_sub(before))
    }

    /// For how long a frame end has been late: by more than is usual for this program.
    fn stalled(&self, idle: Duration) -> Duration {
        if idle > self.usual_period.saturating_mul(STALLED_PERIODS) {
            idle
        } else {
            Duration::ZERO
        }
    }

    /// Lets loop time pass: by the frames recorded, or where none were by the frames ended and by the allocs made since the
    /// judgement before.
    fn advance_loop(&mut self, at: Duration, frame: FrameEnd, allocs: u64) {
        let before = self.judged;
        let passed = at.saturating_sub(before.at);
        let ended = frame.get().saturating_sub(before.frame.get());
        let is_recorded = self.loop_time.frames != before.recorded;
        if !is_recorded {
            if ended > 0 {
                self.loop_time.add_frames(ended, passed);
            } else if allocs != before.allocs {
                self.loop_time.add_silence(passed);
            }
        }
        self.judged = Judged {
            recorded: self.loop_time.frames,
            frame,
            frame_ended: if is_recorded || ended > 0 {
                self.loop_time
            } else {
                before.frame_ended
            },
            allocs,
            at,
            ..before
        };
    }
}

/// How far the program was at a judgement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    pool: Option<PoolId>,
    recorded: u64,
    frame: FrameEnd,
    /// When a frame end was last seen.
    frame_ended: LoopTime,
    allocs: u64,
    /// Refusals so far.
    refusals: Option<u64>,
    at: Duration,
}
