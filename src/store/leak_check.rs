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
use crate::text::{bytes, counted};

/// The environment variable that selects the reaction to a leak.
const VARIABLE: &str = "FRAMEPOOL_LEAKS";

/// Pooled buffers and bytes of a call site, without those marked as long-lived.
type Held = BTreeMap<&'static Location<'static>, (u64, u64)>;

/// Checks that no call site holds more pooled buffers of a pool at the end than at the beginning.
///
/// Dropping it runs the check. The environment variable `FRAMEPOOL_LEAKS` selects the reaction to a leak: `fail`, the
/// default, panics with the call sites; `report` prints them to standard error; `off` does nothing. Buffers marked as
/// long-lived do not count. The document `docs/testing-for-leaks.md` has recipes.
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
    before: Held,
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
}

/// The additional buffers that a call site holds.
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
        let more = held(&self.pool).into_iter().filter_map(|(location, now)| {
            let before = self.before.get(location).copied().unwrap_or_default();
            let buffers = now.0.checked_sub(before.0).filter(|&more| more > 0)?;
            Some(FoundLeak {
                location,
                buffers,
                bytes: now.1.saturating_sub(before.1),
            })
        });
        let mut sites: Vec<_> = more.collect();
        if sites.is_empty() {
            return Ok(());
        }
        sites.sort_by_key(|site| std::cmp::Reverse((site.bytes, site.buffers)));
        Err(FoundLeaks {
            pool: self.pool.name().to_owned(),
            sites,
        })
    }
}

fn held(pool: &BufferPool) -> Held {
    let mut held = Held::new();
    for site in pool.outstanding().sites {
        let entry = held.entry(site.location).or_default();
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
            writeln!(
                f,
                "  {} ({}) taken at {}",
                counted(site.buffers, "more buffer"),
                bytes(site.bytes),
                site.location
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
    use crate::Buffer;
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
