//! The one table of counters: the slot, the fold, the snapshot, the text and the docs are made from it.
//!
//! Every counter is cumulative, is never reset, and has one writer: the thread that owns the slot. A frame's
//! number is the difference of two readings, so a slot can change hands without anything being carried over.
//!
//! # Orderings
//!
//! A counter is written with Release and read with Acquire, and the order of the reads is that of the passes: first, over all
//! slots, what was released; then, over all slots again, what was lent ([`SlotCounters::read_lent`]). A release that the first
//! pass saw came after its alloc became visible, so the second pass sees that alloc, whichever slot it is in (law L2).
//!
//! What a thread takes from its magazine is counted in the bin of its class ([`BinCounters`]), in the cache line that the take
//! writes anyway; bytes are not counted there, but follow from the number of buffers. All else is counted in the slot
//! ([`SlotCounters`]). A counter of the table is the sum of both.
//!
//! # Releases into a bin are not counted
//!
//! They follow from what is there anyway. A bin keeps an account (`bin.rs`) of which every step but a give and a take is neutral:
//!
//! ```text
//!   releases into a bin  =  hits  +  what the account says  +  1 if there is a block in front
//! ```
//!
//! A give puts a block in front, or raises the account; a take does the opposite, and then counts a hit. A fold reads these while
//! they change, and must not find more releases than there were. It reads the hits first, then the account, then the place in front:
//! so of a take that it sees counted (Acquire) it sees what came before (Release), and what moves while it reads is missed rather than seen
//! twice. What it finds is at most the releases before what it read last, all visible with it, and at rest it is exact. It may
//! be less than it found before; then it goes by that (`fold/frame_end.rs`).
//!
//! An alloc raises exactly one count, the one that says where its memory came from; the number of allocs is their sum. So
//! hits and misses always add up to the allocs, however a fold falls between two counts.
//!
//! A counter wraps at 2^64, and so does every sum of counters. Differences are taken modulo 2^64 as well, and stay right.

use crate::sync::{AtomicU64, Ordering, Owned};

/// One number with one writer.
///
/// `add` is a load and a store, not a read-modify-write: the compiler makes a single unlocked `add` on memory of it.
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

    /// Adds `amount`. Only the slot's owner calls this. Nothing in a build without telemetry.
    #[inline(always)]
    pub(crate) fn add(&self, amount: u64) {
        if cfg!(feature = "telemetry") {
            let before = self.value.load_own();
            // Release: pairs with the Acquire in `get`; what this thread did before counting (growing the reserved
            // bytes, seeing the alloc of the buffer it releases) is visible to whoever reads the new value.
            self.value
                .store(before.wrapping_add(amount), Ordering::Release);
        }
    }

    /// Sets the value, as if so much had been counted before.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn set(&self, value: u64) {
        // Release: as in `add`.
        self.value.store(value, Ordering::Release);
    }

    /// The current value; zero in a build without telemetry.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // Acquire: pairs with the Release in `add`.
        self.value.load(Ordering::Acquire)
    }
}

/// What a counter of the table is called and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CounterDefinition {
    /// The field's name in [`Counts`].
    pub name: &'static str,
    /// UCUM unit: `By` for bytes, or what is counted in braces.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
}

macro_rules! counters {
    (
        derived { $($derived:ident, $derived_unit:literal, $derived_help:literal;)* }
        lent { $($lent:ident, $lent_unit:literal, $lent_help:literal;)* }
        frame { $($frame:ident, $frame_unit:literal, $frame_help:literal;)* }
    ) => {
        /// The counters of one slot, for what its bins do not count: two cache lines.
        #[derive(Debug)]
        #[repr(C, align(128))]
        pub(crate) struct SlotCounters {
            /// Buffers given back whose blocks no bin of the owner keeps, and their bytes.
            pub(crate) released: Counter,
            pub(crate) released_bytes: Counter,
            /// Bytes that had been asked for, of buffers given back for which a bin had no room.
            pub(crate) released_requested: Counter,
            $(pub(crate) $lent: Counter,)*
        }

        impl SlotCounters {
            pub(crate) fn new() -> Self {
                Self {
                    released: Counter::new(),
                    released_bytes: Counter::new(),
                    released_requested: Counter::new(),
                    $($lent: Counter::new(),)*
                }
            }

            /// Sets all counters, as if so much had been counted before; the hits are set in a bin, from which releases follow.
            #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
            pub(crate) fn set(&self, counts: &Counts) {
                for (counter, value) in [
                    (
                        &self.released,
                        counts.pooled_releases.wrapping_sub(counts.thread_hits),
                    ),
                    (&self.released_bytes, counts.pooled_release_bytes),
                    (&self.released_requested, counts.pooled_released_requested),
                    $((&self.$lent, counts.$lent),)*
                ] {
                    counter.set(value);
                }
            }

            /// Second pass: what was lent, in the table's order.
            pub(crate) fn read_lent(&self, into: &mut Counts) {
                $(into.$lent = into.$lent.wrapping_add(self.$lent.get());)*
            }
        }

        /// Every counter of the table, as plain numbers: of one frame, or since the pool was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Counts {
            $(#[doc = $derived_help] pub $derived: u64,)*
            $(#[doc = $lent_help] pub $lent: u64,)*
            $(#[doc = $frame_help] pub $frame: u64,)*
        }

        impl Counts {
            /// The table: name, unit and meaning of every counter, in the order of [`values`](Self::values).
            pub const DEFINITIONS: &'static [CounterDefinition] = &[
                $(CounterDefinition { name: stringify!($derived), unit: $derived_unit, help: $derived_help },)*
                $(CounterDefinition { name: stringify!($lent), unit: $lent_unit, help: $lent_help },)*
                $(CounterDefinition { name: stringify!($frame), unit: $frame_unit, help: $frame_help },)*
            ];

            /// The counters' values, in the order of [`DEFINITIONS`](Self::DEFINITIONS).
            pub fn values(&self) -> impl Iterator<Item = u64> + use<> {
                [$(self.$derived,)* $(self.$lent,)* $(self.$frame,)*].into_iter()
            }

            /// What was counted between `earlier` and `self`.
            #[must_use]
            pub(crate) fn since(&self, earlier: &Self) -> Self {
                Self {
                    $($derived: self.$derived.wrapping_sub(earlier.$derived),)*
                    $($lent: self.$lent.wrapping_sub(earlier.$lent),)*
                    $($frame: self.$frame.wrapping_sub(earlier.$frame),)*
                }
            }
        }
    };
}

// A new counter is one line here, in the part that says what it is made of: of what bins and slots know together, of the slot's own
// count, of what arenas say. In the slot what changes with every exchange comes first, and fills its first cache line; the rest changes
// rarely, so that the fold finds its line where it left it.
counters! {
    derived {
        pooled_releases, "{buffer}", "Pooled buffers given back.";
        pooled_release_bytes, "By", "Block bytes of the pooled buffers given back.";
        pooled_released_requested, "By", "Bytes that had been asked for, of the pooled buffers given back.";
        thread_hits, "{buffer}", "Pooled buffers served from the thread's own magazine.";
    }
    lent {
        pooled_alloc_bytes, "By", "Block bytes of the pooled buffers lent.";
        pooled_requested_bytes, "By", "Bytes asked for, of the pooled buffers lent.";
        depot_hits, "{buffer}", "Pooled buffers served by a batch fetched from the depot.";
        cold_misses, "{buffer}", "Pooled buffers that took new memory because no idle block of their class was found.";
        oversize_misses, "{buffer}", "Pooled buffers larger than the largest size class; their memory is not kept.";
        budget_misses, "{buffer}", "Pooled buffers that took new memory after idle memory was given back to stay within the budget.";
        depot_exchanges, "{exchange}", "Batches moved between a thread and the depot.";
        budget_refusals, "{refusal}", "Requests refused because the budget was used up.";
        memory_refusals, "{refusal}", "Requests refused because the system gave no memory.";
        overflow_refusals, "{refusal}", "Requests refused because their size cannot be addressed, or their alignment is coarser than the pool's.";
    }
    frame {
        frame_allocs, "{buffer}", "Frame buffers lent.";
        frame_misses, "{buffer}", "Frame buffers for which a new frame block was taken from the system.";
        frame_alloc_bytes, "By", "Bytes of frame blocks lent, alignment included.";
        frame_requested_bytes, "By", "Bytes asked for, of the frame buffers lent.";
        frame_releases, "{buffer}", "Frame buffers released by the end of their frame.";
        frame_release_bytes, "By", "Bytes of frame blocks released by the end of their frame.";
        frame_released_requested, "By", "Bytes that had been asked for, of the frame buffers released.";
    }
}

impl SlotCounters {
    /// First pass: what was released.
    pub(crate) fn read_settled(&self, into: &mut Counts) {
        for (sum, counter) in [
            (&mut into.pooled_releases, &self.released),
            (&mut into.pooled_release_bytes, &self.released_bytes),
            (
                &mut into.pooled_released_requested,
                &self.released_requested,
            ),
        ] {
            *sum = sum.wrapping_add(counter.get());
        }
    }
}

/// What a thread took from one bin of its magazine, and what had been asked for of what it gave to it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct BinCounters {
    pub(crate) hits: Counter,
    pub(crate) requested: Counter,
    pub(crate) released_requested: Counter,
}

impl BinCounters {
    pub(crate) fn new() -> Self {
        Self {
            hits: Counter::new(),
            requested: Counter::new(),
            released_requested: Counter::new(),
        }
    }

    /// First pass: what left the bin in hits, and the rest, which is read behind the hits.
    pub(crate) fn read_settled(
        &self,
        rest: impl FnOnce() -> u64,
        block_bytes: u64,
        into: &mut Counts,
    ) {
        let requested = self.released_requested.get();
        let hits = self.hits.get();
        let given = hits.wrapping_add(rest());
        for (sum, amount) in [
            (&mut into.pooled_releases, given),
            (
                &mut into.pooled_release_bytes,
                given.wrapping_mul(block_bytes),
            ),
            (&mut into.pooled_released_requested, requested),
        ] {
            *sum = sum.wrapping_add(amount);
        }
    }

    /// Second pass, as [`SlotCounters::read_lent`].
    pub(crate) fn read_lent(&self, block_bytes: u64, into: &mut Counts) {
        let hits = self.hits.get();
        for (sum, amount) in [
            (&mut into.thread_hits, hits),
            (&mut into.pooled_alloc_bytes, hits.wrapping_mul(block_bytes)),
            (&mut into.pooled_requested_bytes, self.requested.get()),
        ] {
            *sum = sum.wrapping_add(amount);
        }
    }
}

impl Counts {
    /// Buffers lent, of both kinds.
    pub fn allocs(&self) -> u64 {
        self.pooled_allocs().wrapping_add(self.frame_allocs)
    }

    /// Pooled buffers lent, wherever their memory came from.
    pub fn pooled_allocs(&self) -> u64 {
        self.thread_hits
            .wrapping_add(self.depot_hits)
            .wrapping_add(self.cold_misses)
            .wrapping_add(self.oversize_misses)
            .wrapping_add(self.budget_misses)
    }

    /// Buffers given back, of both kinds.
    pub fn releases(&self) -> u64 {
        self.pooled_releases.wrapping_add(self.frame_releases)
    }

    /// Bytes lent, of both kinds, as rounded block sizes.
    pub fn alloc_bytes(&self) -> u64 {
        self.pooled_alloc_bytes.wrapping_add(self.frame_alloc_bytes)
    }

    /// Bytes given back, of both kinds, as rounded block sizes.
    pub fn release_bytes(&self) -> u64 {
        self.pooled_release_bytes
            .wrapping_add(self.frame_release_bytes)
    }

    /// Bytes asked for and not yet given back.
    pub(crate) fn requested_in_use(&self) -> u64 {
        self.pooled_requested_bytes
            .wrapping_add(self.frame_requested_bytes)
            .wrapping_sub(self.pooled_released_requested)
            .wrapping_sub(self.frame_released_requested)
    }

    /// Allocs for which memory was taken from the system, for whatever reason.
    pub fn misses(&self) -> u64 {
        self.cold_misses
            .wrapping_add(self.oversize_misses)
            .wrapping_add(self.budget_misses)
            .wrapping_add(self.frame_misses)
    }

    /// Allocs that touched nothing but the thread's own magazine or frame block.
    pub fn hits_thread(&self) -> u64 {
        self.thread_hits
            .wrapping_add(self.frame_allocs)
            .wrapping_sub(self.frame_misses)
    }

    /// Requests refused, for whatever reason.
    pub fn refusals(&self) -> u64 {
        self.budget_refusals
            .wrapping_add(self.memory_refusals)
            .wrapping_add(self.overflow_refusals)
    }
}
