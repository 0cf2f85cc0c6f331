//! The lists of call sites and threads in a health snapshot.
//!
//! A list is rebuilt only when it changes, so that a judgement without changes allocates nothing.

use super::{SharedList, SiteVerdict};
use crate::telemetry::breakdown::ThreadHolding;
use crate::telemetry::call_stack::StackHolding;
use crate::telemetry::frame_memory::{FrameMemory, FrameSampling, FrameSite};
use crate::telemetry::outstanding::{Outstanding, SiteHolding};

/// The most call sites with long-lived buffers in the list.
const LONG_LIVED_SITES: usize = 16;
/// The most pairs of call site and tag in the list.
pub(crate) const HOLDERS: usize = 256;
/// The most call sites of frame buffers in the list.
const FRAME_SITES: usize = 64;
/// The most call stacks in the list.
pub(crate) const STACKS: usize = 64;
/// The most threads in the list.
const THREADS: usize = 256;

/// The lists as of when they last changed.
#[derive(Debug, Default)]
pub(super) struct Listed {
    long_lived: SharedList<SiteHolding>,
    holders: SharedList<SiteHolding>,
    threads: SharedList<ThreadHolding>,
    stacks: SharedList<StackHolding>,
    frame_sampling: FrameSampling,
    frame_sites: SharedList<FrameSite>,
}

impl Listed {
    /// The call sites that hold long-lived buffers.
    pub(super) fn long_lived(&mut self, outstanding: &Outstanding) -> SharedList<SiteHolding> {
        let is_long_lived = |site: &&SiteHolding| site.long_lived > 0;
        let sites = outstanding.sites.iter().filter(is_long_lived);
        let sites = sites.take(LONG_LIVED_SITES);
        renew(&mut self.long_lived, sites, |site| {
            (site.long_lived, site.long_lived_bytes, 0)
        })
    }

    /// The call sites that hold the most, by tag.
    pub(super) fn holders(&mut self, outstanding: &Outstanding) -> SharedList<SiteHolding> {
        let sites = outstanding.sites.iter().take(HOLDERS);
        renew(&mut self.holders, sites, |site| {
            (site.buffers, site.bytes, site.in_flight_bytes)
        })
    }

    /// The threads that hold the most.
    pub(super) fn threads(&mut self, outstanding: &Outstanding) -> SharedList<ThreadHolding> {
        let threads = &outstanding.threads;
        self.threads.share(&threads[..threads.len().min(THREADS)])
    }

    /// The call stacks of sampled buffers that represent the most bytes.
    pub(super) fn stacks(&mut self, outstanding: &Outstanding) -> SharedList<StackHolding> {
        let stacks = &outstanding.stacks;
        self.stacks.share(&stacks[..stacks.len().min(STACKS)])
    }

    /// What fills frame memory, with its sampled frames. Rebuilt when the mean of a frame changes, so that a program
    /// with uniform frames keeps one list.
    pub(super) fn frame_memory(
        &mut self,
        memory: &FrameMemory,
    ) -> (FrameSampling, SharedList<FrameSite>) {
        let sites = &memory.sites[..memory.sites.len().min(FRAME_SITES)];
        let means = |sampling: FrameSampling, site: &FrameSite| {
            let per_frame = |sum| sampling.per_frame(sum);
            let counts = (per_frame(site.counts.allocs), per_frame(site.counts.bytes));
            (site.location, counts, site.most_bytes)
        };
        let now = sites.iter().map(|site| means(memory.sampling, site));
        let before = self.frame_sites.iter();
        let has_changed = !now.eq(before.map(|site| means(self.frame_sampling, site)));
        // The number of frames grows until the windows are full; rebuild whenever it has doubled.
        let is_of_more = memory.sampling.frames >= 2 * self.frame_sampling.frames.max(1);
        if has_changed || is_of_more && !sites.is_empty() {
            self.frame_sites = SharedList::new(sites.to_vec());
            self.frame_sampling = memory.sampling;
            let left_out = memory.sites[sites.len()..].iter();
            let other = &mut self.frame_sampling.other;
            *other = left_out.fold(*other, |sum, site| sum.plus(site.counts));
        }
        if sites.is_empty() {
            self.frame_sampling = memory.sampling;
        }
        self.frame_sampling.every = memory.sampling.every;
        (self.frame_sampling, self.frame_sites.clone())
    }
}

/// Rebuilds the list if its call sites, tags or numbers changed, and shares it. Ages are ignored, because they change
/// all the time.
fn renew<'s>(
    list: &mut SharedList<SiteHolding>,
    sites: impl Iterator<Item = &'s SiteHolding> + Clone,
    numbers: impl Fn(&SiteHolding) -> (u64, u64, u64),
) -> SharedList<SiteHolding> {
    let held = |site: &SiteHolding| (site.location, site.tag_number, numbers(site));
    if !sites.clone().map(held).eq(list.iter().map(held)) {
        *list = SharedList::new(sites.cloned().collect());
    }
    list.clone()
}

/// The holdings of growing and overdue sites.
pub(super) fn leaks(outstanding: &Outstanding, verdicts: &[SiteVerdict]) -> Vec<SiteHolding> {
    let alerting = verdicts
        .iter()
        .take_while(|site| site.verdict.is_alert())
        .map(|site| (site.location, site.tag_number));
    let holding = |key| {
        outstanding
            .sites
            .iter()
            .find(|site| (site.location, site.tag_number) == key)
    };
    let mut leaks: Vec<_> = alerting.filter_map(holding).cloned().collect();
    leaks.sort_by_key(|site| std::cmp::Reverse(site.bytes));
    leaks
}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::BufferPool;

    #[test]
    fn unchanged_holders_share_one_list() {
        let pool = BufferPool::new();
        let tagged = pool.tag("sky").alloc::<u8>(200);
        let mut listed = Listed::default();
        let first = listed.holders(&pool.outstanding());
        pool.end_frame();
        let again = listed.holders(&pool.outstanding());
        assert_eq!(first.as_ptr(), again.as_ptr(), "ages alone changed");
        let untagged = pool.alloc::<u8>(100);
        let now = listed.holders(&pool.outstanding());
        let held: Vec<_> = now.iter().map(|it| (&*it.tag, it.bytes)).collect();
        assert_eq!(held, [("sky", 256), ("", 128)]);
        drop((tagged, untagged));
    }
}
