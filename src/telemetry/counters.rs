//! The table of counters. The slot, the aggregator, the snapshot, the texts and the documents are generated from it.
//!
//! Every counter is cumulative, is never reset, and has one writer: the thread that owns the slot. A frame's number
//! is the difference of two readings, so a slot can change its owner without any transfer.
//!
//! # Orderings
//!
//! A counter is written with Release and read with Acquire. The first pass reads the releases of all slots, the second pass their
//! allocs. A release that the first pass saw came after its alloc became visible. So the second pass sees that alloc in every
//! slot (L2, never negative).
//!
//! An alloc from the magazine is counted in the bin of its class, on a cache line that it writes anyway. Its bytes are not
//! counted: they follow from the number of buffers. The requested bytes are counted once per lane, for all classes together, and
//! also serve as a change mark (`slot/changes.rs`). All other counters are in the lane too ([`SlotCounters`]).
//!
//! # Releases into a bin are not counted
//!
//! They follow from existing words. A bin keeps a balance (`bin.rs`) that only an alloc or a release changes:
//!
//! ```text
//!   releases into a bin  =  hits  +  releases in the balance  +  1 if there is a hot block
//! ```
//!
//! A release sets the hot block, or raises the balance. An alloc does the opposite, and then counts a hit. An aggregation reads
//! these words while they change, and must never find too many releases. So it reads the hits first, then the balance, then the
//! hot block. If it sees an alloc counted (Acquire), it sees all writes before that (Release). A change during the reading may be
//! missed, but is never counted twice. So the result is at most the number of releases before its last read, and is exact at
//! rest. It may be smaller than an earlier result, which is then kept (`pool/frame_end.rs`).
//!
//! An alloc raises exactly one count, that of the memory's source. The number of allocs is the sum of these counts.
//! So hits and misses always add up to the allocs.
//!
//! Counters and their sums wrap at 2^64. Differences are modulo 2^64 too, and stay right.

use crate::codegen::in_register;
use crate::sync::{AtomicU64, Ordering, Owned};
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::part::{self, Part, minus, plus};

/// One number with one writer.
///
/// `add` and `increment` are a load and a store, not an atomic read-modify-write.
#[derive(Debug)]
pub(crate) struct Counter {
    value: AtomicU64,
}

impl Counter {
    pub(crate) fn new() -> Self {
        Self {
            value: AtomicU64::new(0),
        }
    }

    /// Adds one. Only the slot's owner calls this. Nothing in a build without telemetry.
    #[inline(always)]
    pub(crate) fn increment(&self) {
        if cfg!(feature = "telemetry") {
            self.store(self.value.load_own().wrapping_add(1));
        }
    }

    /// Adds `amount`. Only the slot's owner calls this. Nothing in a build without telemetry.
    #[inline(always)]
    pub(crate) fn add(&self, amount: u64) {
        if cfg!(feature = "telemetry") {
            self.store(in_register(self.value.load_own()).wrapping_add(amount));
        }
    }

    #[inline(always)]
    fn store(&self, value: u64) {
        // Release: pairs with the Acquire in `get`; what this thread did before counting (growing the reserved bytes, seeing the
        // alloc of the buffer it releases) is visible to the thread that reads the new value.
        self.value.store(value, Ordering::Release);
    }

    /// Sets the value.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn set(&self, value: u64) {
        self.store(value);
    }

    /// The current value; zero in a build without telemetry.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // Acquire: pairs with the Release in `store`.
        self.value.load(Ordering::Acquire)
    }
}

/// Name, unit and meaning of a counter.
///
/// ```
/// use framepool::telemetry::Counts;
///
/// let counts = framepool::BufferPool::new().stats().totals.counts;
/// for (counter, value) in Counts::DEFINITIONS.iter().zip(counts.values()) {
///     println!("{value} {} {}: {}", counter.unit, counter.name, counter.help);
/// }
/// assert!(Counts::DEFINITIONS.iter().any(|counter| counter.name == "cold_misses"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CounterDefinition {
    /// The field's name in [`Counts`].
    pub name: &'static str,
    /// UCUM unit: `By` for bytes, or what is counted in braces.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The metrics that include it.
    pub parts: &'static [Part],
}

macro_rules! counters {
    (
        released { $($released:ident, $settled_unit:literal, $settled_help:literal, $settled_parts:expr;)* }
        derived { $($derived:ident, $derived_unit:literal, $derived_help:literal, $derived_parts:expr;)* }
        counted { $($counted:ident, $counted_unit:literal, $counted_help:literal, $counted_parts:expr;)* }
        frame { $($frame:ident, $frame_unit:literal, $frame_help:literal, $frame_parts:expr;)* }
    ) => {
        /// The counters of one lane for everything that its bins do not count: not quite two cache lines.
        #[derive(Debug)]
        #[repr(C)]
        pub(crate) struct SlotCounters {
            /// Released buffers whose blocks went to no bin of the owner, and their bytes.
            pub(crate) released: Counter,
            pub(crate) released_bytes: Counter,
            /// Block bytes of allocated buffers whose blocks came from no bin.
            pub(crate) lent_bytes: Counter,
            $(pub(crate) $counted: Counter,)*
        }

        impl SlotCounters {
            pub(crate) fn new() -> Self {
                Self {
                    released: Counter::new(),
                    released_bytes: Counter::new(),
                    lent_bytes: Counter::new(),
                    $($counted: Counter::new(),)*
                }
            }

            /// Sets all counters except the hits and releases, which are set in a bin.
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pub(crate) fn set(&self, counts: &Counts) {
                for (counter, value) in [
                    (
                        &self.released,
                        counts.pooled_releases.wrapping_sub(counts.thread_hits),
                    ),
                    (&self.released_bytes, counts.pooled_release_bytes),
                    (&self.lent_bytes, counts.pooled_alloc_bytes),
                    $((&self.$counted, counts.$counted),)*
                ] {
                    counter.set(value);
                }
            }

            /// The allocs that are counted here, in the table's order.
            pub(crate) fn read_allocated(&self) -> Allocated {
                Allocated {
                    pooled_alloc_bytes: self.lent_bytes.get(),
                    $($counted: self.$counted.get(),)*
                    ..Allocated::default()
                }
            }
        }

        /// The first pass of an aggregation: releases of pooled buffers.
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Released {
            $(pub(crate) $released: u64,)*
        }

        /// The second pass of an aggregation: allocs of pooled buffers, and all other counters of slots.
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Allocated {
            $(pub(crate) $derived: u64,)*
            $(pub(crate) $counted: u64,)*
        }

        impl Released {
            /// Replaces `before`, a part of the sum, with `now`.
            pub(crate) fn replace(&mut self, before: &mut Self, now: Self) {
                $(self.$released = self.$released.wrapping_add(now.$released.wrapping_sub(before.$released));)*
                *before = now;
            }
        }

        impl Allocated {
            /// Replaces `before`, a part of the sum, with `now`.
            pub(crate) fn replace(&mut self, before: &mut Self, now: Self) {
                $(self.$derived = self.$derived.wrapping_add(now.$derived.wrapping_sub(before.$derived));)*
                $(self.$counted = self.$counted.wrapping_add(now.$counted.wrapping_sub(before.$counted));)*
                *before = now;
            }
        }

        /// Every counter of the table, as plain numbers: of one frame, or since the pool was made.
        ///
        /// ```
        /// let pool = framepool::BufferPool::new();
        /// for _ in 0..100 {
        ///     drop(pool.alloc::<u8>(100)); // the first takes memory from the system, the others reuse it
        /// }
        /// let counts = pool.stats().totals.counts;
        /// # if cfg!(feature = "telemetry") {
        /// assert_eq!((counts.allocs(), counts.cold_misses, counts.thread_hits), (100, 1, 99));
        /// # }
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Counts {
            $(#[doc = $settled_help] pub $released: u64,)*
            $(#[doc = $derived_help] pub $derived: u64,)*
            $(#[doc = $counted_help] pub $counted: u64,)*
            $(#[doc = $frame_help] pub $frame: u64,)*
        }

        impl Counts {
            /// The table: name, unit and meaning of every counter, in the order of [`values`](Self::values).
            pub const DEFINITIONS: &'static [CounterDefinition] = &[
                $(CounterDefinition { name: stringify!($released), unit: $settled_unit, help: $settled_help, parts: $settled_parts },)*
                $(CounterDefinition { name: stringify!($derived), unit: $derived_unit, help: $derived_help, parts: $derived_parts },)*
                $(CounterDefinition { name: stringify!($counted), unit: $counted_unit, help: $counted_help, parts: $counted_parts },)*
                $(CounterDefinition { name: stringify!($frame), unit: $frame_unit, help: $frame_help, parts: $frame_parts },)*
            ];

            /// The counters' values, in the order of [`DEFINITIONS`](Self::DEFINITIONS).
            pub fn values(&self) -> impl Iterator<Item = u64> + use<> {
                [$(self.$released,)* $(self.$derived,)* $(self.$counted,)* $(self.$frame,)*].into_iter()
            }

            /// The counts of an aggregation: of pooled buffers, of ended frames, and of open frames.
            pub(crate) fn of(released: &Released, allocated: &Allocated, ended: ArenaReading, open: ArenaReading) -> Self {
                let framed = ended.plus(open);
                Self {
                    $($released: released.$released,)*
                    $($derived: allocated.$derived,)*
                    $($counted: allocated.$counted,)*
                    frame_allocs: framed.allocs,
                    frame_misses: framed.misses,
                    frame_alloc_bytes: framed.bytes,
                    frame_requested_bytes: framed.requested,
                    // All allocs of an ended frame are released.
                    frame_releases: ended.allocs,
                    frame_release_bytes: ended.bytes,
                    frame_released_requested: ended.requested,
                }
            }

            /// The counts between `earlier` and `self`.
            #[must_use]
            pub(crate) fn since(&self, earlier: &Self) -> Self {
                Self {
                    $($released: self.$released.wrapping_sub(earlier.$released),)*
                    $($derived: self.$derived.wrapping_sub(earlier.$derived),)*
                    $($counted: self.$counted.wrapping_sub(earlier.$counted),)*
                    $($frame: self.$frame.wrapping_sub(earlier.$frame),)*
                }
            }
        }
    };
}

// A new counter is one line here, in the part that says what it is made of: of what bins show of releases; of bins and the slot; of the
// slot's own count; of what arenas say. Its last column names the metrics that export it. In the slot what changes with every exchange comes first; the rest changes rarely.
counters! {
    released {
        pooled_releases, "{buffer}", "Pooled buffers released.",
            &[plus(part::RELEASES, &[part::POOLED])];
        pooled_release_bytes, "By", "Block bytes of the pooled buffers released.",
            &[plus(part::RELEASED, &[part::POOLED])];
        pooled_released_requested, "By", "Requested bytes of the pooled buffers released.",
            &[plus(part::REQUESTED_RELEASED, &[])];
    }
    derived {
        thread_hits, "{buffer}", "Pooled buffers served from the thread's own magazine.",
            &[plus(part::ACQUISITIONS, &[part::POOLED, part::THREAD_CACHE])];
        pooled_alloc_bytes, "By", "Block bytes of the pooled buffers allocated.",
            &[plus(part::ACQUIRED, &[part::POOLED])];
        pooled_requested_bytes, "By", "Requested bytes of the pooled buffers allocated.",
            &[plus(part::REQUESTED, &[])];
    }
    counted {
        depot_hits, "{buffer}", "Pooled buffers served by a batch fetched from the depot.",
            &[plus(part::ACQUISITIONS, &[part::POOLED, part::DEPOT])];
        cold_misses, "{buffer}", "Pooled buffers that took new memory because no idle block of their class was found.",
            &[plus(part::ACQUISITIONS, &[part::POOLED, part::SYSTEM]), plus(part::MISSES, &[("reason", "cold")])];
        oversize_misses, "{buffer}", "Pooled buffers larger than the largest size class; their memory is not kept.",
            &[plus(part::ACQUISITIONS, &[part::POOLED, part::SYSTEM]), plus(part::MISSES, &[("reason", "oversize")])];
        budget_misses, "{buffer}", "Pooled buffers that took new memory after idle memory was given back to stay within the budget.",
            &[plus(part::ACQUISITIONS, &[part::POOLED, part::SYSTEM]), plus(part::MISSES, &[("reason", "budget")])];
        depot_exchanges, "{exchange}", "Batches moved between a thread and the depot.",
            &[plus(part::EXCHANGES, &[])];
        budget_refusals, "{refusal}", "Requests refused because the budget was used up.",
            &[plus(part::REFUSALS, &[("reason", "budget")])];
        memory_refusals, "{refusal}", "Requests refused because the system gave no memory.",
            &[plus(part::REFUSALS, &[("reason", "out_of_memory")])];
        overflow_refusals, "{refusal}", "Requests refused because their size cannot be addressed, or their alignment is coarser than the pool's.",
            &[plus(part::REFUSALS, &[("reason", "overflow")])];
    }
    frame {
        frame_allocs, "{buffer}", "Frame buffers allocated.",
            &[plus(part::ACQUISITIONS, &[part::FRAME, part::THREAD_CACHE])];
        frame_misses, "{buffer}", "Frame buffers for which a new frame block was taken from the system.",
            &[
                minus(part::ACQUISITIONS, &[part::FRAME, part::THREAD_CACHE]), plus(part::ACQUISITIONS, &[part::FRAME, part::SYSTEM]),
                plus(part::MISSES, &[("reason", "frame_block")]),
            ];
        frame_alloc_bytes, "By", "Bytes of frame blocks allocated, alignment included.",
            &[plus(part::ACQUIRED, &[part::FRAME])];
        frame_requested_bytes, "By", "Requested bytes of the frame buffers allocated.",
            &[plus(part::REQUESTED, &[])];
        frame_releases, "{buffer}", "Frame buffers released by the end of their frame.",
            &[plus(part::RELEASES, &[part::FRAME])];
        frame_release_bytes, "By", "Bytes of frame blocks released by the end of their frame.",
            &[plus(part::RELEASED, &[part::FRAME])];
        frame_released_requested, "By", "Requested bytes of the frame buffers released.",
            &[plus(part::REQUESTED_RELEASED, &[])];
    }
}

impl Allocated {
    /// Pooled buffers allocated, from any source.
    pub(crate) fn allocs(&self) -> u64 {
        self.thread_hits
            .wrapping_add(self.depot_hits)
            .wrapping_add(self.cold_misses)
            .wrapping_add(self.oversize_misses)
            .wrapping_add(self.budget_misses)
    }
}

impl Counts {
    /// Buffers allocated, of both kinds.
    pub fn allocs(&self) -> u64 {
        self.pooled_allocs().wrapping_add(self.frame_allocs)
    }

    /// Pooled buffers allocated, from any source.
    pub fn pooled_allocs(&self) -> u64 {
        self.thread_hits
            .wrapping_add(self.depot_hits)
            .wrapping_add(self.cold_misses)
            .wrapping_add(self.oversize_misses)
            .wrapping_add(self.budget_misses)
    }

    /// Buffers released, of both kinds.
    pub fn releases(&self) -> u64 {
        self.pooled_releases.wrapping_add(self.frame_releases)
    }

    /// Bytes allocated, of both kinds, as rounded block sizes.
    pub fn alloc_bytes(&self) -> u64 {
        self.pooled_alloc_bytes.wrapping_add(self.frame_alloc_bytes)
    }

    /// Bytes released, of both kinds, as rounded block sizes.
    pub fn release_bytes(&self) -> u64 {
        self.pooled_release_bytes
            .wrapping_add(self.frame_release_bytes)
    }

    /// Requested bytes of the buffers in use.
    pub(crate) fn requested_in_use(&self) -> u64 {
        self.pooled_requested_bytes
            .wrapping_add(self.frame_requested_bytes)
            .wrapping_sub(self.pooled_released_requested)
            .wrapping_sub(self.frame_released_requested)
    }

    /// Allocs that took memory from the system, for any reason.
    pub fn misses(&self) -> u64 {
        self.cold_misses
            .wrapping_add(self.oversize_misses)
            .wrapping_add(self.budget_misses)
            .wrapping_add(self.frame_misses)
    }

    /// Allocs served from the thread's own magazine or frame block.
    pub fn hits_thread(&self) -> u64 {
        self.thread_hits
            .wrapping_add(self.frame_allocs)
            .wrapping_sub(self.frame_misses)
    }

    /// Requests refused, for any reason.
    pub fn refusals(&self) -> u64 {
        self.budget_refusals
            .wrapping_add(self.memory_refusals)
            .wrapping_add(self.overflow_refusals)
    }
}
