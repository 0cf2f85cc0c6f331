//! A guard for tests: checks that a piece of code releases every buffer that it allocates.
//!
//! It compares counts of one pool at two moments, and no times. So its result is the same at every run, and allocations
//! elsewhere in the program do not affect it.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::panic::Location;
use std::thread;

use crate::BufferPool;
use crate::telemetry::outstanding::UNATTRIBUTED;
use crate::text::{bytes, counted, one_line};

/// The environment variable that selects the reaction to a leak.
const VARIABLE: &str = "FRAMEPOOL_LEAKS";

/// Pooled buffers and bytes, without those marked as long-lived.
type Held = (u64, u64);

/// What a pool holds: for each call site by tag, and without attribution.
#[derive(Debug, Default)]
struct Holdings {
    sites: BTreeMap<&'static Location<'static>, BTreeMap<String, Held>>,
    unattributed: Held,
}

/// Checks that no call site holds more pooled buffers of a pool at the end than at the beginning.
///
/// Buffers that are taken while attribution is off count all together, for no call site. Marks as long-lived are not known of them.
///
/// Dropping it runs the check. The environment variable `FRAMEPOOL_LEAKS` selects the reaction to a leak: `fail`, the
/// default, panics with the call sites; `report` prints them to standard error; `off` does nothing. Buffers marked as
/// long-lived do not count. Without the feature `telemetry` nothing is counted, and every check passes. The document
/// `docs/testing-for-leaks.md` has recipes.
///
/// ```
/// use framepool::{BufferPool, LeakCheck};
///
/// let pool = BufferPool::new();
/// let mut cache = None;
/// let mut round = || {
///     let buffer = pool.alloc::<u8>(100);
///     cache.get_or_insert(buffer); // taken once, and kept
/// };
/// let check = LeakCheck::after_warm_up(&pool, 2, &mut round);
/// for _ in 0..10 {
///     round();
/// }
/// assert!(check.finish().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "dropping it makes the check"]
pub struct LeakCheck {
    pool: BufferPool,
    before: Holdings,
    is_finished: bool,
}

/// The call sites that hold more than before.
///
/// `Display` gives a line for each, and the next step.
///
/// ```
/// use framepool::{BufferPool, LeakCheck};
///
/// let pool = BufferPool::builder().name("render").build()?;
/// let check = LeakCheck::new(&pool);
/// let forgotten = pool.alloc::<u8>(100);
/// if let Err(leaks) = check.finish() {
///     assert_eq!((&*leaks.pool, leaks.sites.len()), ("render", 1));
///     eprintln!("{leaks}");
/// }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundLeaks {
    /// The pool's name.
    pub pool: String,
    /// The largest first.
    pub sites: Vec<FoundLeak>,
    /// Additional buffers that were taken while attribution was off.
    pub unattributed: u64,
    /// Bytes of these, as rounded block sizes.
    pub unattributed_bytes: u64,
}

/// The additional buffers that a call site holds, with one tag.
///
/// ```
/// use framepool::{BufferPool, LeakCheck};
///
/// # let pool = BufferPool::new();
/// let check = LeakCheck::new(&pool);
/// let forgotten = [0; 2].map(|_| pool.alloc::<u8>(100));
/// for leak in check.finish().map_or_else(|leaks| leaks.sites, |()| Vec::new()) {
///     assert_eq!((leak.location.file(), leak.buffers), (file!(), 2));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundLeak {
    /// The line that called `alloc`.
    pub location: &'static Location<'static>,
    /// Their tag; empty for none.
    pub tag: String,
    /// Additional buffers.
    pub buffers: u64,
    /// Additional bytes, as rounded block sizes.
    pub bytes: u64,
}

impl LeakCheck {
    /// Begins a check. Buffers that are in use now do not count.
    pub fn new(pool: &BufferPool) -> Self {
        Self {
            pool: pool.clone(),
            before: held(pool),
            is_finished: false,
        }
    }

    /// Runs `work` this many times, so that caches fill, and then begins a check.
    pub fn after_warm_up(pool: &BufferPool, runs: usize, mut work: impl FnMut()) -> Self {
        (0..runs).for_each(|_| work());
        Self::new(pool)
    }

    /// Runs the check, and returns the result without regard to `FRAMEPOOL_LEAKS`.
    ///
    /// ```
    /// use framepool::{BufferPool, LeakCheck};
    ///
    /// # let pool = BufferPool::new();
    /// let check = LeakCheck::new(&pool);
    /// drop(pool.alloc::<u8>(100));
    /// assert_eq!(check.finish(), Ok(()));
    /// ```
    ///
    /// # Errors
    ///
    /// The call sites that hold more than at the beginning.
    pub fn finish(mut self) -> Result<(), FoundLeaks> {
        self.is_finished = true;
        self.compare()
    }

    fn compare(&self) -> Result<(), FoundLeaks> {
        let now = held(&self.pool);
        let (mut sites, none) = (Vec::new(), BTreeMap::new());
        for (location, now) in now.sites {
            let before = self.before.sites.get(location).unwrap_or(&none);
            // A call site may hold the same buffers with another tag.
            let sum = |tags: &BTreeMap<String, Held>| tags.values().map(|held| held.0).sum::<u64>();
            if sum(&now) <= sum(before) {
                continue;
            }
            sites.extend(now.into_iter().filter_map(|(tag, now)| {
                let before = before.get(&tag).copied().unwrap_or_default();
                let (buffers, bytes) = more(now, before)?;
                Some(FoundLeak {
                    location,
                    tag,
                    buffers,
                    bytes,
                })
            }));
        }
        let unattributed = more(now.unattributed, self.before.unattributed);
        if sites.is_empty() && unattributed.is_none() {
            return Ok(());
        }
        sites.sort_by_key(|site| std::cmp::Reverse((site.bytes, site.buffers)));
        let (unattributed, unattributed_bytes) = unattributed.unwrap_or_default();
        Err(FoundLeaks {
            pool: self.pool.name().to_owned(),
            sites,
            unattributed,
            unattributed_bytes,
        })
    }
}

/// The additional buffers and bytes, if there are more buffers than before.
fn more(now: Held, before: Held) -> Option<Held> {
    let buffers = now.0.checked_sub(before.0).filter(|&more| more > 0)?;
    Some((buffers, now.1.saturating_sub(before.1)))
}

fn held(pool: &BufferPool) -> Holdings {
    let out = pool.outstanding();
    let mut held = Holdings {
        unattributed: (out.unattributed, out.unattributed_bytes),
        ..Holdings::default()
    };
    for site in out.sites {
        let tags = held.sites.entry(site.location).or_default();
        let entry = tags.entry(site.tag).or_default();
        entry.0 += site.buffers.saturating_sub(site.long_lived);
        entry.1 += site.bytes.saturating_sub(site.long_lived_bytes);
    }
    held
}

/// The reaction to a leak.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    Off,
    Report,
    Fail,
    Unknown(String),
}

impl Reaction {
    fn of(value: Option<&str>) -> Self {
        match value {
            None | Some("" | "fail") => Self::Fail,
            Some("report") => Self::Report,
            Some("off") => Self::Off,
            Some(other) => Self::Unknown(other.to_owned()),
        }
    }
}

impl Drop for LeakCheck {
    fn drop(&mut self) {
        // A test that is already failing has its own message.
        if self.is_finished || thread::panicking() {
            return;
        }
        let value = env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned());
        let reaction = Reaction::of(value.as_deref());
        if let Reaction::Unknown(value) = &reaction {
            panic!("{VARIABLE} is `{value}`; set it to `fail`, `report` or `off`");
        }
        if reaction == Reaction::Off {
            return;
        }
        if let Err(leaks) = self.compare() {
            assert!(reaction == Reaction::Report, "{leaks}");
            eprintln!("{leaks}");
        }
    }
}

impl fmt::Display for FoundLeaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "pool `{}` has more buffers out than when the check began:",
            self.pool
        )?;
        for site in &self.sites {
            write!(
                f,
                "  {} ({}) taken at {}",
                counted(site.buffers, "more buffer"),
                bytes(site.bytes),
                site.location
            )?;
            if !site.tag.is_empty() {
                write!(f, " with tag `{}`", one_line(&site.tag))?;
            }
            f.write_str("\n")?;
        }
        if self.unattributed > 0 {
            writeln!(
                f,
                "  {} ({}) {UNATTRIBUTED}",
                counted(self.unattributed, "more buffer"),
                bytes(self.unattributed_bytes)
            )?;
        }
        write!(
            f,
            "drop them before the check ends, run the code once before it if it fills a cache, or mark what is meant to stay with \
             `Buffer::mark_long_lived`; {VARIABLE}=report only reports"
        )
    }
}

impl std::error::Error for FoundLeaks {}

#[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
mod tests {
    use super::*;
    use crate::{Attribution, Buffer};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn only_what_is_taken_and_kept_counts() {
        let pool = BufferPool::builder().name("checked").build().unwrap();
        let other = BufferPool::new();
        let before = pool.alloc::<u8>(100);
        let check = LeakCheck::new(&pool);
        drop(before);
        let long_lived = pool.alloc::<u8>(100);
        Buffer::mark_long_lived(&long_lived);
        let foreign = other.alloc::<u8>(100);
        drop(pool.alloc::<u8>(100));
        assert_eq!(check.finish(), Ok(()));
        drop((long_lived, foreign));
    }

    #[test]
    fn a_leak_is_named_by_line_and_count() {
        let pool = BufferPool::builder().name("checked").build().unwrap();
        let mut kept = Vec::new();
        let mut run = || kept.push(pool.alloc::<u8>(100));
        let check = LeakCheck::after_warm_up(&pool, 3, &mut run);
        run();
        run();
        let leaks = check.finish().unwrap_err();
        assert_eq!((leaks.sites.len(), leaks.sites[0].buffers), (1, 2));
        let said = leaks.to_string();
        assert!(
            said.contains("2 more buffers") && said.contains(file!()),
            "{said}"
        );
    }

    #[test]
    fn buffers_without_attribution_leak_too() {
        let pool = BufferPool::new();
        pool.set_attribution(Attribution::Off);
        let earlier = pool.alloc::<u8>(64);
        let check = LeakCheck::new(&pool);
        let kept = [0; 2].map(|_| pool.alloc::<u8>(1024));
        drop(pool.alloc::<u8>(1024));
        let leaks = check.finish().unwrap_err();
        assert_eq!((leaks.unattributed, leaks.unattributed_bytes), (2, 2048));
        assert!(leaks.sites.is_empty());
        let said = leaks.to_string();
        assert!(
            said.contains("2 more buffers (2.00 KiB) taken while attribution was off")
                && said.contains("`Attribution::CallSites`"),
            "{said}"
        );
        let out = pool.outstanding();
        assert_eq!((out.buffers, out.unattributed), (0, 3));
        assert!(out.to_string().starts_with("3 buffers, "), "{out}");
        drop((earlier, kept));
    }

    #[test]
    fn a_leak_names_its_tag() {
        let pool = BufferPool::new();
        let tags = ["a", "b"].map(|name| pool.tag(name));
        let take = |tag: usize| tags[tag].alloc::<u8>(64);
        let moved = take(0);
        let check = LeakCheck::new(&pool);
        drop(moved);
        let mut kept = vec![take(1)];
        assert_eq!(check.finish(), Ok(()), "as many as before");
        let check = LeakCheck::new(&pool);
        kept.push(take(1));
        let leaks = check.finish().unwrap_err();
        assert_eq!((leaks.sites.len(), &*leaks.sites[0].tag), (1, "b"));
        assert!(leaks.to_string().contains(" with tag `b`\n"), "{leaks}");
    }

    #[test]
    fn a_dropped_check_fails_the_test() {
        let pool = BufferPool::new();
        let mut kept = None;
        let check = LeakCheck::new(&pool);
        kept.replace(pool.alloc::<u8>(100));
        let panic = catch_unwind(AssertUnwindSafe(|| drop(check))).unwrap_err();
        let said = panic.downcast_ref::<String>().expect("a text");
        assert!(said.contains("1 more buffer "), "{said}");
        // A second panic must not abort a test that fails for another reason.
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _check = LeakCheck::new(&pool);
            let _leaked = std::mem::ManuallyDrop::new(pool.alloc::<u8>(100));
            panic!("the other reason");
        }));
        assert_eq!(
            *unwound.unwrap_err().downcast::<&str>().unwrap(),
            "the other reason"
        );
    }

    #[test]
    fn the_variable_has_three_values() {
        let of = |value| Reaction::of(value);
        assert_eq!(
            (of(None), of(Some("fail"))),
            (Reaction::Fail, Reaction::Fail)
        );
        assert_eq!(
            (of(Some("report")), of(Some("off"))),
            (Reaction::Report, Reaction::Off)
        );
        assert_eq!(of(Some("Off")), Reaction::Unknown("Off".to_owned()));
    }
}
