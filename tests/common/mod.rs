//! Shared by all test binaries: a plain version of the documented rounding, the laws as assertions, seeded random numbers.
#![allow(dead_code, reason = "every test binary uses its part")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use framepool::{BufferPool, FrameSnapshot, PoolStats, Totals};

/// Whether the library counts. Without the feature `telemetry` every number reads zero.
pub(crate) const TELEMETRY: bool = cfg!(feature = "telemetry");

/// Rounds of a loop: fewer in a build without optimisation, multiplied by `FRAMEPOOL_TEST_SCALE`.
pub(crate) fn rounds(release: usize) -> usize {
    // The bits of the factor, or 0 before it was read.
    static SCALE: AtomicU64 = AtomicU64::new(0);
    let known = f64::from_bits(SCALE.load(Ordering::Relaxed));
    let scale = if known > 0.0 { known } else { scale() };
    SCALE.store(scale.to_bits(), Ordering::Relaxed);
    let built = if cfg!(debug_assertions) { 8.0 } else { 1.0 };
    ((release as f64 * scale / built).ceil() as usize).max(1)
}

fn scale() -> f64 {
    match std::env::var("FRAMEPOOL_TEST_SCALE") {
        Err(_) => 1.0,
        Ok(text) => match text.parse() {
            Ok(scale) if scale > 0.0 && scale <= 1e6 => scale,
            _ => panic!("FRAMEPOOL_TEST_SCALE is `{text}`; it is a factor such as 0.1 or 20"),
        },
    }
}

/// The size classes of pooled buffers in bytes, before alignment: 16 bytes apart up to 128, 64 apart up to 256, then four steps per
/// doubling.
pub(crate) fn classes() -> impl Iterator<Item = u64> {
    let steps =
        (8..30).flat_map(|power| (1..=4).map(move |step| (1 << power) + step * (1 << power) / 4));
    (0..=8).map(|step| 16 * step).chain([192, 256]).chain(steps)
}

/// Bytes reported for a pooled buffer of `bytes` in a pool with this alignment.
pub(crate) fn pooled_bytes(bytes: u64, alignment: u64) -> u64 {
    classes()
        .find(|&class| class >= bytes)
        .expect("tests stay below the largest class")
        .next_multiple_of(alignment)
}

/// Bytes reported for a frame buffer of `bytes` in a pool with this alignment: from 1 KiB on an odd number of units of the
/// alignment, so that buffers do not all start in the same cache sets; at page alignment they do anyway.
pub(crate) fn frame_bytes(bytes: u64, alignment: u64) -> u64 {
    let units = bytes.div_ceil(alignment);
    let coloured = bytes >= 1024 && alignment < 4096 && units.is_multiple_of(2);
    (units + u64::from(coloured)) * alignment
}

/// Asserts what must hold in any snapshot at any moment, in any interleaving (L2 Never negative, L3 It adds up).
#[track_caller]
pub(crate) fn assert_lawful(snapshot: &FrameSnapshot) {
    assert_levels(
        snapshot.pooled_bytes,
        snapshot.in_use_bytes,
        snapshot.idle_bytes,
        snapshot.peak_bytes,
    );
    assert_totals(
        &snapshot.totals,
        snapshot.in_use_buffers,
        snapshot.in_use_bytes,
    );
    assert_eq!(
        snapshot.allocs,
        snapshot.frame_allocs + snapshot.pooled_allocs
    );
    assert_eq!(
        snapshot.imbalance(),
        i64::try_from(snapshot.allocs).unwrap() - i64::try_from(snapshot.releases).unwrap()
    );
    if TELEMETRY {
        assert_eq!(snapshot.totals.frames, snapshot.frame.get());
    }
    assert!(
        snapshot.requested_bytes <= snapshot.in_use_bytes,
        "{snapshot:?}"
    );
    assert!(snapshot.totals.allocs >= snapshot.allocs, "{snapshot:?}");
    assert!(
        snapshot.totals.releases >= snapshot.releases,
        "{snapshot:?}"
    );
}

/// The same for numbers read between frame ends.
#[track_caller]
pub(crate) fn assert_lawful_stats(stats: &PoolStats) {
    assert_levels(
        stats.pooled_bytes,
        stats.in_use_bytes,
        stats.idle_bytes,
        stats.peak_bytes,
    );
    assert_totals(&stats.totals, stats.in_use_buffers, stats.in_use_bytes);
    assert!(stats.requested_bytes <= stats.in_use_bytes, "{stats:?}");
    assert!(stats.claimed_slots <= stats.slots, "{stats:?}");
}

#[track_caller]
fn assert_levels(pooled: u64, in_use: u64, idle: u64, peak: u64) {
    assert_eq!(
        Some(pooled),
        in_use.checked_add(idle),
        "L3: reserved = in use + idle"
    );
    assert!(in_use <= pooled, "L3: {in_use} of {pooled} bytes in use");
    assert!(
        peak >= pooled,
        "the peak {peak} is below the level {pooled}"
    );
}

#[track_caller]
fn assert_totals(totals: &Totals, in_use_buffers: u64, in_use_bytes: u64) {
    assert!(totals.releases <= totals.allocs, "L2: {totals:?}");
    assert!(totals.release_bytes <= totals.alloc_bytes, "L2: {totals:?}");
    assert!(totals.evicted_bytes <= totals.system_bytes, "{totals:?}");
    assert_eq!(
        totals.allocs - totals.releases,
        in_use_buffers,
        "{totals:?}"
    );
    assert_eq!(
        totals.alloc_bytes - totals.release_bytes,
        in_use_bytes,
        "{totals:?}"
    );
    let counts = &totals.counts;
    assert!(
        counts.pooled_releases <= counts.pooled_allocs(),
        "L2: {counts:?}"
    );
    assert!(
        counts.frame_releases <= counts.frame_allocs,
        "L2: {counts:?}"
    );
    assert!(
        counts.pooled_release_bytes <= counts.pooled_alloc_bytes,
        "L2: {counts:?}"
    );
    assert!(
        counts.frame_release_bytes <= counts.frame_alloc_bytes,
        "L2: {counts:?}"
    );
    assert!(
        counts.pooled_released_requested <= counts.pooled_requested_bytes,
        "{counts:?}"
    );
    assert!(
        counts.frame_released_requested <= counts.frame_requested_bytes,
        "{counts:?}"
    );
    assert!(
        counts.depot_hits + counts.misses() <= counts.allocs(),
        "sources: {counts:?}"
    );
}

/// Asserts what must also hold when the pool is not in use: every alloc has one source, and all buffers were released.
#[track_caller]
pub(crate) fn assert_empty(pool: &BufferPool) {
    let snapshot = pool.end_frame();
    assert_lawful(&snapshot);
    assert_eq!(
        snapshot.hits_thread + snapshot.hits_depot + snapshot.misses,
        snapshot.allocs
    );
    let totals = snapshot.totals;
    assert_eq!(totals.allocs, totals.releases, "L1: {totals:?}");
    assert_eq!(totals.alloc_bytes, totals.release_bytes, "L1: {totals:?}");
    assert_eq!(
        totals.counts.pooled_requested_bytes + totals.counts.frame_requested_bytes,
        totals.counts.pooled_released_requested + totals.counts.frame_released_requested
    );
    assert_eq!(snapshot.requested_bytes, 0);
    assert_eq!(snapshot.idle_bytes, snapshot.pooled_bytes);
    let out = pool.outstanding();
    assert_eq!((out.buffers, out.bytes, out.sites.len()), (0, 0, 0));
    pool.assert_no_leaks();
    let stats = pool.stats();
    assert_lawful_stats(&stats);
    assert_eq!(stats.totals.allocs, totals.allocs);
}

/// A barrier at which threads wait for each other, step by step.
///
/// Like `std::sync::Barrier`, but in our own code: the standard library is precompiled, so `ThreadSanitizer` does not see
/// its synchronisation.
#[derive(Debug)]
pub(crate) struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
        }
    }

    pub(crate) fn wait(&self) {
        // AcqRel: everything that a thread did before the gate is visible to all threads after it.
        let place = self.arrived.fetch_add(1, Ordering::AcqRel);
        let full = (place / self.threads + 1) * self.threads;
        // Acquire: pairs with the AcqRel of the others.
        while self.arrived.load(Ordering::Acquire) < full {
            std::thread::yield_now();
        }
    }
}

/// The text a panic carried.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .expect("a panic with a text")
}

/// A value under a lock whose synchronisation `ThreadSanitizer` sees. It does not see that of a contended
/// `std::sync::Mutex`, which is precompiled. So a word is stored before each unlock and loaded after each lock.
#[derive(Debug, Default)]
pub(crate) struct Locked<T> {
    value: Mutex<T>,
    handed: AtomicBool,
}

impl<T> Locked<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            handed: AtomicBool::new(false),
        }
    }

    #[track_caller]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.value.lock().unwrap();
        self.handed.load(Ordering::Acquire);
        let result = f(&mut value);
        self.handed.store(true, Ordering::Release);
        result
    }
}

/// Reproducible numbers (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A length in bytes: mostly small, sometimes large, sometimes zero.
    pub(crate) fn bytes(&mut self) -> usize {
        let magnitude = self.below(16);
        self.below((1 << magnitude) + 1)
    }
}
