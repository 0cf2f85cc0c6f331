//! Answers queries between frame ends: the pool's numbers, peaks, open frames, and holders.

use crate::clock::{self, Time};
use crate::pool::findings::Limits;
use crate::pool::inner::PoolInner;
use crate::pool::walk::Records;
use crate::telemetry::id::FrameEnd;
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::Outstanding;
use crate::telemetry::peaks::{Mark, Peak};
use crate::telemetry::snapshot::PoolStats;
use crate::text::replace;

/// Entries that are completed under one hold of the aggregator's lock: a frame end waits for no more of them.
const AT_ONCE: usize = 64;

impl PoolInner {
    /// The pool's numbers now.
    pub(crate) fn stats(&self) -> PoolStats {
        self.aggregator.lock().levels_now(self)
    }

    /// Begins a phase.
    pub(crate) fn mark(&self) -> Mark {
        let aggregator = &mut *self.aggregator.lock();
        let now = aggregator.wall.stamp_now(clock::now());
        aggregator
            .peaks
            .mark(&self.budget, now, FrameEnd(aggregator.frames))
    }

    /// The peak since a mark; none if the mark is another pool's.
    pub(crate) fn peak_since(&self, mark: &Mark) -> Option<Peak> {
        let aggregator = &mut *self.aggregator.lock();
        let now = aggregator.wall.stamp_now(clock::now());
        aggregator.peaks.observe(&self.budget, now);
        aggregator.peaks.since(mark)
    }

    /// Lists the open frames, the oldest first, and reuses the memory of the list.
    pub(crate) fn open_frames_into(&self, open: &mut Vec<OpenFrame>) {
        open.clear();
        let frames = self.in_flight.open_frames(self.round());
        // Without memory the list is shorter; this is no error.
        if open.try_reserve(self.in_flight.limit() as usize).is_ok() {
            open.extend(frames);
        }
        open.sort_unstable_by_key(|frame| frame.id);
    }

    /// Who holds what now.
    pub(crate) fn outstanding(&self) -> Outstanding {
        let mut outstanding = Outstanding::default();
        self.outstanding_into(&mut outstanding);
        outstanding
    }

    /// Lists who holds what now, and reuses the memory of an earlier result.
    pub(crate) fn outstanding_into(&self, out: &mut Outstanding) {
        let walks = &mut *self.walks.lock();
        // Read the round first: a round that begins during the walk makes buffers look younger, never older.
        let round = self.round();
        let now = clock::now();
        let mut overdue_by_tag = std::mem::take(&mut walks.overdue_by_tag);
        let (old_before, aged_before, is_stalled) = {
            let aggregator = self.aggregator.lock();
            let of_pool = self.config.overdue_after_frames;
            aggregator
                .tags
                .overdue_after_frames(of_pool, &mut overdue_by_tag);
            let times = &aggregator.round_times;
            (
                times.old_before(self.config.leak_after, now),
                times.old_before(self.config.looked_at_after, now),
                times.is_stalled(now),
            )
        };
        let in_flight_age = (round > 0 && !is_stalled).then(|| self.in_flight.age(round));
        let records = Records {
            table: &self.table,
            slots: &self.slots,
            names: &self.names,
            limits: Limits {
                classes: &self.classes,
                #[cfg(feature = "backtrace")]
                large_bytes: self.config.backtraces.1,
                leak_after_frames: self.config.leak_after_frames,
                in_flight_age,
                old_before,
                aged_before,
                overdue_after_frames: self.config.overdue_after_frames,
                overdue_by_tag: &overdue_by_tag,
            },
        };
        let by_size = walks.walk(records, round, out);
        walks.overdue_by_tag = overdue_by_tag;
        // Not under the model checker: these reads need no order, and the models of walks would be larger.
        if cfg!(feature = "telemetry") && !cfg!(framepool_loom) {
            self.list_sizes(&by_size, &mut out.sizes);
            self.list_kept_sizes(&by_size, &mut out.kept);
            self.complete_threads(out);
        }
        #[cfg(feature = "backtrace")]
        {
            out.stacks_lost = self.call_stacks.lost();
            out.stack_sampling = self.stack_sampling();
            let every = out.stack_sampling.every;
            out.stacks
                .sort_unstable_by_key(|it| std::cmp::Reverse((it.weight(every), it.buffers)));
        }
        self.complete_sites(out, round, now);
    }

    /// Writes ages, and the names of tags, into the entries of a walk in this round. A tag exists before its buffers.
    fn complete_sites(&self, out: &mut Outstanding, round: u64, now: Time) {
        for stacks in out.stacks.chunks_mut(AT_ONCE) {
            let aggregator = self.aggregator.lock();
            for it in stacks.iter_mut().filter(|it| it.tag_number > 0) {
                replace(&mut it.tag, aggregator.tags.name(it.tag_number));
            }
        }
        for sites in out.sites.chunks_mut(AT_ONCE) {
            let aggregator = self.aggregator.lock();
            for site in sites {
                let taken = round.wrapping_sub(site.oldest_age_frames);
                // Rounds that began during the walk may have displaced earlier ones. Then the age is too low by up to the time of
                // the walk besides.
                site.oldest_age = aggregator.round_times.age(taken, now);
                replace(&mut site.tag, aggregator.tags.name(site.tag_number));
            }
        }
    }
}
