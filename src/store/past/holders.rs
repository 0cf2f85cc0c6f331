//! The holders of memory, split in four ways: which ones a sample names, and their names.
//!
//! A sample has only what is kept across frames (`telemetry/kept.rs`), so that any two samples can be compared. For each
//! way it has the largest holders, the other holders together, and the rest: kept buffers without such a holder. So the
//! parts of each way add up to the same sum. Together with the memory of frames in flight, a number of its own, that is
//! the memory in use.

use std::cmp::Reverse;
use std::panic::Location;

use super::sample::HeldShare;
use crate::health::HealthSnapshot;
use crate::sync::{Arc, Published, sized};
use crate::telemetry::kept::{Amount, Largest, NAMED, SITES};

/// The most call sites in the whole history. A program has fewer lines that allocate buffers.
const MAX_SITES: usize = sized(4_096, 8, 3);
/// The most tags, threads and sizes, of each, in the whole history.
const MAX_NAMES: usize = sized(1_024, 8, 3);

/// A way to split the memory in use.
///
/// ```
/// use framepool::store::{HolderKind, HolderNames};
///
/// fn names(all: &HolderNames, kind: HolderKind) -> &[String] {
///     match kind {
///         HolderKind::Site => &all.sites,
///         HolderKind::Tag => &all.tags,
///         HolderKind::Thread => &all.threads,
///         HolderKind::Size => &all.sizes,
///         _ => &[],
///     }
/// }
/// assert!(HolderKind::ALL.iter().all(|&kind| names(&HolderNames::default(), kind).is_empty()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HolderKind {
    /// By the line of code that allocated. The rest was allocated while attribution was off.
    Site,
    /// By tag, without the tags below it. The rest has no tag.
    Tag,
    /// By the thread that allocated. The rest was allocated while attribution was off.
    Thread,
    /// By the size of the block. There is no rest.
    Size,
}

impl HolderKind {
    /// Every way.
    pub const ALL: &'static [Self] = &[Self::Site, Self::Tag, Self::Thread, Self::Size];

    /// The names of the first two places: holders that a sample does not name, and the rest.
    fn first_names(self) -> [&'static str; 2] {
        match self {
            Self::Site => ["other call sites", "not attributed"],
            Self::Tag => ["other tags", "without a tag"],
            Self::Thread => ["other threads", "not attributed"],
            Self::Size => ["other sizes", "other blocks"],
        }
    }

    /// Places in a sample.
    pub(crate) const fn places(self) -> usize {
        let named = match self {
            Self::Site => SITES,
            _ => NAMED,
        };
        named + 2
    }

    /// The first of its places in a sample.
    pub(crate) fn begin(self) -> usize {
        let before = Self::ALL.iter().take(self as usize);
        before.map(|kind| kind.places()).sum()
    }
}

/// Places in a sample for all ways.
pub(crate) const HELD: usize = HolderKind::Site.places() + 3 * HolderKind::Tag.places();

/// The names of holders by place, for each way to split the memory. The name of a size is its bytes, or `larger`.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool::store::{HeldShare, Span};
///
/// # let pool = BufferPool::new();
/// let watch = Watch::start(&pool, HealthConfig::default());
/// watch.stop();
/// let names = watch.store().rollup_of(pool.id(), Span::Hour, 0).unwrap().names;
/// assert_eq!(names.tags[HeldShare::REST as usize], "without a tag");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct HolderNames {
    /// The names of call sites.
    pub sites: Vec<String>,
    /// The names of tags.
    pub tags: Vec<String>,
    /// The names of threads.
    pub threads: Vec<String>,
    /// The names of block sizes.
    pub sizes: Vec<String>,
}

/// The names of all holders so far. They only grow. Published before the first row that uses a new place. The writer holds
/// the receivers' lock.
#[derive(Debug)]
pub(crate) struct Holders {
    sites: Published<Vec<Option<&'static Location<'static>>>>,
    /// Of tags, threads and sizes.
    names: [Published<Vec<String>>; 3],
}

impl Holders {
    pub(crate) fn new() -> Self {
        Self {
            sites: Published::new(Arc::new(vec![None; 2])),
            names: std::array::from_fn(|_| Published::new(Arc::new(vec![String::new(); 2]))),
        }
    }

    /// The call sites by place. The first two places have none.
    pub(crate) fn sites(&self) -> Arc<Vec<Option<&'static Location<'static>>>> {
        self.sites.load()
    }

    /// All names by place.
    pub(crate) fn names(&self) -> HolderNames {
        let first = |kind: HolderKind| kind.first_names().map(str::to_owned).to_vec();
        let mut names = HolderNames {
            sites: first(HolderKind::Site),
            tags: first(HolderKind::Tag),
            threads: first(HolderKind::Thread),
            sizes: first(HolderKind::Size),
        };
        let sites = self.sites.load();
        let sites = sites.iter().skip(2).flatten();
        names.sites.extend(sites.map(ToString::to_string));
        let lists = [&mut names.tags, &mut names.threads, &mut names.sizes];
        for (list, known) in lists.into_iter().zip(&self.names) {
            list.extend(known.load().iter().skip(2).cloned());
        }
        names
    }

    /// The holders at a health snapshot, in the places of a sample.
    pub(crate) fn held(&self, health: &HealthSnapshot) -> [HeldShare; HELD] {
        let kept = &health.kept;
        let mut held = [HeldShare::default(); HELD];
        let mut fill = |kind: HolderKind, shares: Vec<HeldShare>| {
            let places = held[kind.begin()..].iter_mut().take(kind.places());
            for (place, share) in places.zip(shares) {
                *place = share;
            }
        };
        fill(
            HolderKind::Site,
            shares(&kept.sites, kept.all, |site| self.site(site)),
        );
        let [tags, threads, sizes] = &self.names;
        // The list of tags has no entry for number zero, and the list of threads may be cut.
        let tag = |tag: usize| health.tags.get(tag - 1).map(|tag| tag.name.clone());
        let thread = |number| {
            let mut threads = health.threads.iter();
            let found = threads.find(|thread| thread.number == number);
            found.map(|thread| thread.thread.clone())
        };
        let size = |block: Option<u64>| {
            Some(block.map_or_else(|| "larger".to_owned(), |bytes| bytes.to_string()))
        };
        fill(
            HolderKind::Tag,
            shares(&kept.tags, kept.all, |it| place(tags, tag(it))),
        );
        fill(
            HolderKind::Thread,
            shares(&kept.threads, kept.all, |it| place(threads, thread(it))),
        );
        fill(
            HolderKind::Size,
            shares(&kept.sizes, kept.all, |it| place(sizes, size(it))),
        );
        held
    }

    /// The place of a call site in the list; the place of the others if the list is full.
    fn site(&self, site: &'static Location<'static>) -> u16 {
        let known = self.sites.load();
        let same = |known: &'static Location<'static>| std::ptr::eq(known, site) || known == site;
        if let Some(place) = known.iter().position(|known| known.is_some_and(same)) {
            return place as u16;
        }
        if known.len() >= MAX_SITES {
            return HeldShare::OTHERS;
        }
        let mut more = Vec::clone(&known);
        more.push(Some(site));
        self.sites.swap(Arc::new(more));
        known.len() as u16
    }
}

/// The place of a name in the list; the place of the others if the list is full, or the name is not known.
fn place(names: &Published<Vec<String>>, name: Option<String>) -> u16 {
    let Some(name) = name else {
        return HeldShare::OTHERS;
    };
    let known = names.load();
    if let Some(place) = known.iter().skip(2).position(|known| *known == name) {
        return place as u16 + 2;
    }
    if known.len() >= MAX_NAMES {
        return HeldShare::OTHERS;
    }
    let mut more = Vec::clone(&known);
    more.push(name);
    names.swap(Arc::new(more));
    known.len() as u16
}

/// The other holders, the rest of all that is kept, and the largest holders, the largest first.
fn shares<K: Copy, const N: usize>(
    holders: &Largest<K, N>,
    all: Amount,
    mut place: impl FnMut(K) -> u16,
) -> Vec<HeldShare> {
    let share = |site, Amount { buffers, bytes }| HeldShare {
        site,
        bytes,
        buffers,
    };
    let mut named: Vec<_> = holders
        .named()
        .map(|(holder, amount)| (place(holder), amount))
        .collect();
    named.sort_by_key(|(_, amount)| Reverse(amount.bytes));
    named.retain(|&(place, _)| place != HeldShare::OTHERS);
    let sum = named.iter().map(|&(_, amount)| amount).sum();
    let others = share(HeldShare::OTHERS, holders.all.less(sum));
    let rest = share(HeldShare::REST, all.less(holders.all));
    let named = named
        .into_iter()
        .map(|(place, amount)| share(place, amount));
    [others, rest].into_iter().chain(named).collect()
}

#[cfg(all(
    test,
    not(framepool_loom),
    not(framepool_shuttle),
    feature = "telemetry"
))]
mod tests {
    use super::*;
    use crate::{BufferPool, HealthMonitor, Thresholds};

    /// Bytes of each holder, including the others and the rest.
    fn bytes_by(kind: HolderKind, holders: &Holders, held: &[HeldShare]) -> Vec<(String, u64)> {
        let names = holders.names();
        let names = [&names.sites, &names.tags, &names.threads, &names.sizes][kind as usize];
        let shares = held[kind.begin()..].iter().take(kind.places());
        let shares = shares.filter(|share| share.bytes > 0);
        shares
            .map(|share| (names[usize::from(share.site)].clone(), share.bytes))
            .collect()
    }

    #[test]
    fn each_kind_and_frames_make_all_in_use() {
        let pool = BufferPool::new();
        let tagged: Vec<_> = (0..NAMED + 3)
            .map(|at| pool.tag(&format!("tag {at}")).alloc::<u8>(1_000 << at))
            .collect();
        let kept = pool.alloc::<u8>(5_000);
        let frame = pool.begin_frame();
        frame.alloc::<u8>(7_000).fill(1);
        let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
        let holders = Holders::new();
        let held = holders.held(&health);
        let kept_bytes = health.metrics.in_use_bytes - health.metrics.in_flight_bytes;
        assert!(health.metrics.in_flight_bytes >= 7_000);
        for &kind in HolderKind::ALL {
            let parts = bytes_by(kind, &holders, &held);
            let sum: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
            assert_eq!(sum, kept_bytes, "{kind:?}: {parts:?}");
        }
        let tags = bytes_by(HolderKind::Tag, &holders, &held);
        assert_eq!(tags.len(), NAMED + 2);
        assert!(tags.iter().any(|(name, _)| name == "tag 10"), "{tags:?}");
        let untagged = tags.iter().find(|(name, _)| name == "without a tag");
        assert!(untagged.is_some_and(|&(_, bytes)| (5_000..7_000).contains(&bytes)));
        let me = std::thread::current();
        let threads = bytes_by(HolderKind::Thread, &holders, &held);
        assert_eq!(threads, [(me.name().unwrap().to_owned(), kept_bytes)]);
        drop((tagged, kept));
    }

    #[test]
    fn full_list_of_names_gives_the_others() {
        let names = Published::new(Arc::new(vec![String::new(); 2]));
        for at in 2..MAX_NAMES {
            assert_eq!(usize::from(place(&names, Some(at.to_string()))), at);
        }
        let of = |name: &str| place(&names, Some(name.to_owned()));
        assert_eq!((of("one more"), of("7")), (HeldShare::OTHERS, 7));
    }
}
