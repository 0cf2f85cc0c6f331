//! Splits the memory that a pool's limit counts into parts, so that a refusal names everything that holds memory
//! (L10, a refusal tells the whole truth).
//!
//! # Why the parts add up
//!
//! One aggregation under the aggregator's lock reads three totals: the bytes held, those of frame buffers, and those of pooled
//! buffers (L3, it adds up). Idle memory is the difference. Each total is then split into parts by later reads, while other
//! threads run. A part is capped at the rest of its total, and the last part is the remainder. So the sum is always exact, and
//! each part is exact when the threads rest.
//!
//! # What a refusal costs
//!
//! The totals cost one aggregation. The call sites need a walk over the records of all buffers in use. A program that
//! uses refusals as back-pressure asks often, so walks over many buffers are limited to a hundredth of the time. In
//! between, the error names the call sites of the last walk, with its age.
#![expect(
    unsafe_code,
    reason = "what slots and arenas say is read under the aggregator's lock"
)]

use std::time::Duration;

use crate::clock;
use crate::error::AllocError;
use crate::memory::tag_budget::{MAX_TAGS, Refused};
use crate::pool::inner::PoolInner;
use crate::pool::walk::LastWalk;
use crate::slot::state::Slot;
use crate::telemetry::holdings::{HeldBy, Holding};
use crate::telemetry::outstanding::SiteHolding;
use crate::text::replace;

/// The most holders that are named of each kind.
const NAMED: usize = 5;
/// Up to this many buffers, a walk is cheap enough for every refusal.
const FEW_BUFFERS: u64 = 256;
/// With more buffers, the pause between two walks is this many times the duration of the last one.
const REST: u32 = 100;

/// What a pool holds, part by part.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    /// The sum of the parts.
    pub(crate) held: u64,
    pub(crate) in_use: u64,
    pub(crate) parts: Vec<Holding>,
    /// The call sites that hold the most, and the age of this list.
    pub(crate) holders: Vec<SiteHolding>,
    pub(crate) holders_age: Duration,
}

/// Bytes that are still to be split among parts.
struct Rest<'h> {
    parts: &'h mut Vec<Holding>,
    left: u64,
}

impl Rest<'_> {
    /// Assigns `bytes` of the rest, as far as it goes, to a part.
    fn part(&mut self, bytes: u64, by: HeldBy) {
        let bytes = bytes.min(self.left);
        // Without memory the list is shorter, and the last part of the group has the rest.
        if bytes > 0 && self.parts.try_reserve(1).is_ok() {
            self.left -= bytes;
            self.parts.push(Holding { by, bytes });
        }
    }
}

/// The largest of many numbers, each with its subject.
struct Largest<T>([Option<(u64, T)>; NAMED]);

impl<T> Largest<T> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| None))
    }

    fn enter(&mut self, bytes: u64, of: T) {
        let mut entry = (bytes, of);
        for place in &mut self.0 {
            let is_larger = place.as_ref().is_none_or(|(max, _)| entry.0 > *max);
            if is_larger {
                match place.replace(entry) {
                    Some(smaller) => entry = smaller,
                    None => return,
                }
            }
        }
    }
}

impl PoolInner {
    /// What the pool holds now, part by part, with the largest holders.
    pub(crate) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        if !cfg!(feature = "telemetry") {
            return holdings;
        }
        let mut aggregator = self.aggregator.lock();
        let levels = aggregator.levels_now(self);
        let claimed = self.budget.claimed();
        let bookkeeping = self.budget.bookkeeping();
        let counts = levels.totals.counts;
        let framed = counts
            .frame_alloc_bytes
            .wrapping_sub(counts.frame_release_bytes);
        let pooled = levels.in_use_bytes.wrapping_sub(framed);
        holdings.in_use = levels.in_use_bytes;
        let parts = &mut holdings.parts;

        let mut frames = Largest::new();
        let (mut unused, mut kept) = (0, 0);
        let mut threads = Largest::new();
        let open = self.in_flight.open();
        for slot in self.slots.iter() {
            for (place, arena) in slot.arenas_among(u32::MAX) {
                let held = arena.held();
                if open & 1 << place.index() == 0 || arena.is_parked() {
                    kept += held;
                    continue;
                }
                // SAFETY: we have the aggregator's lock.
                let lent = unsafe { arena.read() }.bytes;
                frames.enter(lent, (place.index(), slot));
                unused += held.saturating_sub(lent);
            }
            // SAFETY: we have the aggregator's lock.
            threads.enter(unsafe { slot.kept_bytes() }, slot);
        }

        let mut rest = Rest {
            parts,
            left: framed,
        };
        for (bytes, (index, slot)) in frames.0.into_iter().flatten() {
            let frame = self.in_flight.id(index);
            let thread = self.thread_of(slot);
            rest.part(bytes, HeldBy::Frame { frame, thread });
        }
        rest.part(u64::MAX, HeldBy::OtherFrames);

        let mut rest = Rest {
            parts,
            left: levels.idle_bytes,
        };
        rest.part(unused, HeldBy::UnusedInFrames);
        rest.part(kept, HeldBy::KeptForFrames);
        rest.part(self.depot_bytes(), HeldBy::Depot);
        for (bytes, slot) in threads.0.into_iter().flatten() {
            rest.part(bytes, HeldBy::Thread(self.thread_of(slot)));
        }
        rest.part(u64::MAX, HeldBy::OtherThreads);
        drop(aggregator);

        let mut rest = Rest {
            parts,
            left: claimed.saturating_sub(levels.pooled_bytes),
        };
        rest.part(u64::MAX, HeldBy::Requests);
        let limit = self.budget.limit().unwrap_or(u64::MAX);
        let mut rest = Rest {
            parts,
            // A concurrent request may have added its bytes and not yet been refused.
            left: bookkeeping.min(limit.saturating_sub(claimed)),
        };
        rest.part(u64::MAX, HeldBy::Bookkeeping);

        let buffers = counts.pooled_allocs().wrapping_sub(counts.pooled_releases);
        self.name_holders(&mut holdings, pooled, buffers);
        holdings.held = holdings.parts.iter().map(|part| part.bytes).sum();
        holdings
    }

    /// Splits the bytes of pooled buffers by call site, as of now or of the last walk.
    fn name_holders(&self, holdings: &mut Holdings, pooled: u64, buffers: u64) {
        let mut last = self.last_walk.lock();
        holdings.holders_age = self.walk_again(&mut last, buffers);
        let sites = &last.found.sites;
        let named = &sites[..sites.len().min(NAMED)];
        let mut rest = Rest {
            parts: &mut holdings.parts,
            left: pooled,
        };
        for site in named {
            rest.part(site.bytes, by(site));
        }
        rest.part(u64::MAX, HeldBy::OtherBuffers);
        if holdings.holders.try_reserve(named.len()).is_ok() {
            holdings.holders.extend(named.iter().map(copy_of));
        }
    }

    /// Walks over the records for a refusal, unless the last such walk is recent enough; returns its age.
    fn walk_again(&self, last: &mut LastWalk, buffers: u64) -> Duration {
        let age = last.ended.map(clock::since);
        let is_fresh = age.is_some_and(|age| age < last.took * REST);
        if buffers > FEW_BUFFERS && is_fresh {
            return age.unwrap_or_default();
        }
        let began = clock::now();
        self.outstanding_into(&mut last.found);
        last.took = clock::since(began);
        last.ended = Some(clock::now());
        Duration::ZERO
    }

    /// Makes the error for an exhausted budget of a tag, with the largest holders.
    ///
    /// The claimed part of the budget is in use, or is credit of a thread. The bytes in use are split by call site.
    #[cold]
    pub(crate) fn explain_tag(&self, by_budget: Refused) -> AllocError {
        let account = by_budget.account;
        let mut is_within = [false; MAX_TAGS];
        let (tag, name, credit) = {
            let aggregator = self.aggregator.lock();
            let (tag, ..) = self.tag_budgets.state(account);
            for (other, is_within) in is_within.iter_mut().enumerate() {
                *is_within = aggregator.tags.is_within(other, tag);
            }
            let by_tag = self.slots.iter().filter_map(|slot| slot.by_tag.seen());
            let credit: u64 = by_tag.map(|it| it.credits[account].bytes()).sum();
            (tag, copied(aggregator.tags.name(tag)), credit)
        };
        let (_, limit, held) = self.tag_budgets.state(account);
        debug_assert!(is_within[tag]);
        let in_use = held.saturating_sub(credit);
        let mut parts = Vec::new();
        let mut holders = Vec::new();
        let mut rest = Rest {
            parts: &mut parts,
            left: in_use,
        };
        let counts = self.slots.pooled_counts();
        let mut last = self.last_walk.lock();
        self.walk_again(&mut last, counts.allocs.wrapping_sub(counts.releases));
        let sites = last.found.sites.iter();
        let of_tag = sites.filter(|site| is_within[site.tag_number]).take(NAMED);
        for site in of_tag {
            rest.part(site.bytes, by(site));
            if holders.try_reserve(1).is_ok() {
                holders.push(copy_of(site));
            }
        }
        rest.part(u64::MAX, HeldBy::OtherBuffers);
        let mut rest = Rest {
            parts: &mut parts,
            left: held - in_use,
        };
        rest.part(u64::MAX, HeldBy::Credit);
        AllocError::TagBudgetExceeded {
            tag: name,
            requested: by_budget.bytes,
            in_use,
            limit,
            held,
            parts,
            holders,
        }
    }

    /// The name of the thread that has a slot, or had it last.
    fn thread_of(&self, slot: &Slot) -> String {
        self.names.read(slot.thread(), copied)
    }
}

/// The holder that names a call site.
fn by(site: &SiteHolding) -> HeldBy {
    HeldBy::CallSite {
        location: site.location,
        tag: copied(&site.tag),
    }
}

/// A copy of an entry; a text is empty if there is no memory for it.
fn copy_of(site: &SiteHolding) -> SiteHolding {
    SiteHolding {
        thread: copied(&site.thread),
        tag: copied(&site.tag),
        ..*site
    }
}

/// A copy of a text; empty if there is no memory for it.
fn copied(text: &str) -> String {
    let mut copy = String::new();
    replace(&mut copy, text);
    copy
}
