//! A thread's own idle blocks: for each class an active list, and one full batch in reserve.
//!
//! ```text
//!   bin of a class      hot    ─▶ one block, or nothing
//!                       active ─▶ block ─▶ block ─▶ …     room for (limit − 1 − blocks) more
//!                       spare  ─▶ a full batch, or nothing
//!                          │ ▲
//!        hot, active and spare full:              hot, active and spare empty:
//!        the spare batch is sent                  a batch is fetched
//!                          ▼ │
//!                         depot
//! ```
//!
//! Two lists instead of one (Bonwick and Adams, "Magazines and Vmem", 2001) give hysteresis. After an exchange with the depot, only a
//! whole batch of allocs or of releases causes the next one. So a thread that alternates at a boundary does not exchange every time.
//! An exchange moves a list by its head and touches no other block, except to take a tag off (`slot/lane.rs`).
//!
//! The hot place serves a loop that allocates one buffer and releases it. It needs neither a block's link nor the
//! room. With these two words, each operation would load what the previous one stored. This chain of store forwarding
//! would take longer than the rest of the pair.
//!
//! Credit limits the bytes that a thread keeps in all its magazines ([`credit`]). The fast path only counts the room. A bin of limit 0 has no hot place.
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

mod allowance;
mod credit;

use std::cell::Cell;
use std::ptr;

use crate::blocks::bin::Bin;
use crate::blocks::block::Block;
use crate::blocks::class::{NO_CLASS, bits};
use crate::blocks::depot::Batch;
use crate::blocks::exchange::{Exchange, Notes};
use crate::blocks::magazine::allowance::Allowance;
use crate::codegen::{in_one_register, prefetch};
use crate::sync::{AtomicU64, Ordering, UnsafeCell};
use crate::telemetry::counters::Counter;

/// A thread's idle blocks of all classes. Owned by the slot's owner.
///
/// It ends with a cache line, so that what follows in the slot begins one.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Magazine {
    /// One bin per class of which threads keep blocks, and one that is always empty, for `NO_CLASS`.
    bins: [Bin; NO_CLASS + 1],
    /// What each bin may keep.
    allowances: [Allowance; NO_CLASS + 1],
    /// One bit per bin that was ever granted anything. The aggregator skips the others.
    granted: [AtomicU64; NO_CLASS / 64 + 1],
    /// One bit per bin that made way for another of the owner's magazines.
    made_way: [Cell<u64>; NO_CLASS / 64 + 1],
    /// Blocks that the owner got from the depot and the system, minus those it sent to the depot, minus its payments
    /// into the lifetime. While nothing is paid, this is the blocks in the bins plus allocs minus releases. Once the
    /// pool is closed and the balance is paid, it is the value of `given` at that time.
    pub(crate) had: Cell<i64>,
    /// Bytes of these blocks, since the slot was made. Read by the aggregator.
    pub(crate) had_bytes: Counter,
    /// Only for the model checker, which does not see the cells: it checks that each user of the magazine owns it.
    pub(crate) owned: UnsafeCell<()>,
}

impl Magazine {
    /// Writes a new magazine in place, because it is too large for the stacks of small threads.
    ///
    /// # Safety
    ///
    /// `at` is memory for a magazine that nobody else uses.
    pub(crate) unsafe fn write_new(at: *mut Self) {
        // SAFETY: as for this function; all fields are written.
        unsafe {
            let bins = (&raw mut (*at).bins).cast::<Bin>();
            let allowances = (&raw mut (*at).allowances).cast::<Allowance>();
            for class in 0..=NO_CLASS {
                bins.add(class).write(Bin::new());
                allowances.add(class).write(Allowance::new());
            }
            (&raw mut (*at).granted).write(std::array::from_fn(|_| AtomicU64::new(0)));
            (&raw mut (*at).made_way).write(std::array::from_fn(|_| Cell::new(0)));
            (&raw mut (*at).had).write(Cell::new(0));
            (&raw mut (*at).had_bytes).write(Counter::new());
            (&raw mut (*at).owned).write(UnsafeCell::new(()));
        }
    }

    /// The bin of a class.
    ///
    /// # Safety
    ///
    /// `class` is at most [`NO_CLASS`]. Only for the owner.
    #[inline(always)]
    pub(crate) unsafe fn bin(&self, class: usize) -> &Bin {
        debug_assert!(class < self.bins.len());
        self.owned.with_mut(|_| ());
        // SAFETY: the caller passes a class that has a bin.
        in_one_register(unsafe { self.bins.get_unchecked(class) })
    }

    /// The bin of a class and what it may keep; `None` for classes of which threads keep no blocks.
    fn bin_and_allowance(&self, class: usize) -> Option<(&Bin, &Allowance)> {
        self.bins.get(class).zip(self.allowances.get(class))
    }

    /// What the bin of a class may keep. Only for the owner, or the closer of the pool.
    pub(crate) fn allowance(&self, class: usize) -> &Allowance {
        &self.allowances[class]
    }

    /// Every bin that was ever granted anything, with its class. For the aggregator.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (usize, &Bin)> {
        self.granted.iter().enumerate().flat_map(move |(at, word)| {
            // Acquire: pairs with the Release in `note_granted`. An aggregation that saw a block's release in any
            // slot is ordered after the block's alloc, so it finds the bit that was set before that (L2, never
            // negative).
            bits(word.load(Ordering::Acquire)).map(move |bit| {
                let class = 64 * at + bit;
                (class, &self.bins[class])
            })
        })
    }

    /// For when [`Bin::pop`] found nothing: takes a block from the spare batch, or from a batch of the depot. Also
    /// returns whether it came from the depot, and so counts in no bin.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill<'t>(
        &self,
        class: usize,
        exchange: &Exchange<'t>,
        notes: Notes<'_>,
    ) -> Option<(&'t Block, bool)> {
        self.owned.with_mut(|_| ());
        if let Some((bin, allowance)) = self.bin_and_allowance(class) {
            allowance.earn_by_visit();
            debug_assert!(bin.active.get().is_null());
            // SAFETY: a spare batch consists of records of the pool's table, which lives as long as the pool.
            if let Some(spare) = unsafe { allowance.spare.replace(ptr::null()).as_ref() } {
                let len = spare.batch_len();
                bin.active.set(spare.next()); // the first block is allocated at once
                bin.set_room(allowance.limit.get() - len, -1);
                prefetch(bin.active.get());
                Self::pay_back(len, class, exchange, notes);
                return Some((spare, false));
            }
        }
        let batch = exchange.depot.pop(class, exchange)?;
        notes.counters.depot_exchanges.increment();
        Some((self.take_in(&batch, exchange, notes), true))
    }

    /// Takes in a batch from the depot, or a new one, whose first block is allocated at once. Keeps as many of the others as the bin has
    /// earned, and sends the rest to the depot. The bin is empty.
    pub(crate) fn take_in<'t>(
        &self,
        batch: &Batch<'t>,
        exchange: &Exchange<'t>,
        notes: Notes<'_>,
    ) -> &'t Block {
        let (class, first, others) = (batch.class(), batch.head(), batch.len() - 1);
        self.owe(i64::from(batch.len()), exchange);
        self.had_bytes
            .add(u64::from(batch.len()) * exchange.bytes_of(class, first));
        if others == 0 {
            return first;
        }
        // Blocks that threads do not keep come one by one.
        let (bin, limit) = (&self.bins[class], &self.allowances[class].limit);
        let missing = batch.len().saturating_sub(limit.get());
        self.grant(class, missing, exchange, notes);
        let kept = others.min(limit.get().saturating_sub(1));
        if kept < others {
            let mut last = first;
            for _ in 0..kept {
                // SAFETY: the records of the table are alive, and `others` of them follow the first.
                last = unsafe { &*last.next() };
            }
            let rest = last.next();
            last.set_next(ptr::null_mut());
            // SAFETY: as above, and the caller has passed us these blocks.
            let rest = unsafe { Batch::new(&*rest, others - kept, class) };
            self.send_as_is(rest, exchange, notes);
        }
        if kept > 0 {
            bin.active.set(first.next());
            bin.set_room(limit.get() - 1 - kept, 0);
            prefetch(bin.active.get());
        }
        first
    }

    /// For when [`Bin::try_push`] had no room: makes room, by credit or by sending a batch to the depot, and pushes
    /// the block.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room_and_push(
        &self,
        class: usize,
        block: &Block,
        exchange: &Exchange<'_>,
        notes: Notes<'_>,
    ) {
        self.owned.with_mut(|_| ());
        if let Some((bin, allowance)) = self.bin_and_allowance(class) {
            allowance.earn_by_visit();
            self.widen(class, exchange, notes);
            if allowance.limit.get() > 0 {
                if !bin.try_push(block) {
                    self.rotate(class, block, 1, exchange, notes);
                }
                return;
            }
        }
        notes.counters.released.increment();
        let bytes = exchange.bytes_of(class, block);
        notes.counters.released_bytes.add(bytes);
        self.send_alone(class, block, exchange, notes);
    }

    /// Adds a new block, which earns its place, to the magazine, or to the depot if the magazine has no room.
    ///
    /// # Safety
    ///
    /// The caller owns the magazine, holds the block, and gives it up.
    pub(crate) unsafe fn prefill(
        &self,
        class: usize,
        block: &Block,
        exchange: &Exchange<'_>,
        notes: Notes<'_>,
    ) {
        self.owned.with_mut(|_| ());
        let bytes = exchange.bytes_of(class, block);
        self.note_new(bytes, exchange);
        let Some((bin, allowance)) = self.bin_and_allowance(class) else {
            return self.send_alone(class, block, exchange, notes);
        };
        allowance.earn(bytes.try_into().unwrap_or(u32::MAX));
        if bin.balance().room() == 0 {
            self.widen(class, exchange, notes);
        }
        let room = bin.balance().room();
        if allowance.limit.get() == 0 {
            self.send_alone(class, block, exchange, notes);
        } else if room == 0 {
            self.rotate(class, block, 0, exchange, notes);
        } else {
            bin.push(block);
            bin.set_room(room - 1, 0);
        }
    }

    /// Moves the full active list, with one more block on top, into the spare place if there is credit for it, else
    /// to the depot. `given` is 1 if the block comes from a buffer, else it is new.
    fn rotate(
        &self,
        class: usize,
        block: &Block,
        given: i64,
        exchange: &Exchange<'_>,
        notes: Notes<'_>,
    ) {
        let (bin, allowance) = (&self.bins[class], &self.allowances[class]);
        let len = allowance.limit.get();
        let bytes = len as usize * exchange.classes.block_bytes(class);
        block.set_next(bin.active.replace(ptr::null()).cast_mut());
        block.set_batch_len(len);
        bin.set_room(len - 1, given);
        // SAFETY: `spare` is a record of the table.
        let going = if let Some(spare) = unsafe { allowance.spare.get().as_ref() } {
            allowance.spare.set(block);
            // SAFETY: the spare batch was taken out of the bin just now.
            unsafe { Batch::new(spare, spare.batch_len(), class) }
        } else if len == exchange.classes.batch_len(class) && Self::spend(bytes, exchange, notes) {
            allowance.spare.set(block);
            return;
        } else {
            // SAFETY: the list was taken out of the bin above.
            unsafe { Batch::new(block, len, class) }
        };
        self.send(going, exchange, notes);
    }

    /// Sends a single block, which threads do not keep, to the depot.
    fn send_alone(&self, class: usize, block: &Block, exchange: &Exchange<'_>, notes: Notes<'_>) {
        block.set_next(ptr::null_mut());
        // SAFETY: the callers hold the block and give it up.
        self.send(unsafe { Batch::new(block, 1, class) }, exchange, notes);
    }

    /// Sends blocks to the depot, with the key of the pool.
    fn send(&self, batch: Batch<'_>, exchange: &Exchange<'_>, notes: Notes<'_>) {
        if notes.is_tagged {
            batch.clear_tags();
        }
        self.send_as_is(batch, exchange, notes);
    }

    /// Sends blocks with the key of the pool to the depot, after it marks the slot as changed.
    ///
    /// The order matters. A thread that allocates one of these blocks and then aggregates must read this slot again, and find the
    /// block released.
    fn send_as_is(&self, batch: Batch<'_>, exchange: &Exchange<'_>, notes: Notes<'_>) {
        self.owe(-i64::from(batch.len()), exchange);
        let bytes = u64::from(batch.len()) * exchange.bytes_of(batch.class(), batch.head());
        self.had_bytes.add(bytes.wrapping_neg());
        notes.counters.depot_exchanges.increment();
        notes.changes.increment();
        exchange.depot.push(batch, exchange);
    }

    /// Idle blocks of a class. Only for the owner.
    pub(crate) fn idle(&self, class: usize) -> u64 {
        self.owned.with_mut(|_| ());
        let Some((bin, allowance)) = self.bin_and_allowance(class) else {
            return 0;
        };
        // SAFETY: the records of the table are alive, and the bin's blocks are this magazine's.
        unsafe { allowance.kept(bin.given()) as u64 }
    }

    /// Sends the idle blocks of a class to the depot for another of the owner's magazines; `false` if there was none.
    pub(crate) fn make_way(&self, class: usize, exchange: &Exchange<'_>, notes: Notes<'_>) -> bool {
        let has_any = self.idle(class) > 0;
        if has_any {
            self.flush(class, exchange, notes);
            let word = &self.made_way[class / 64];
            word.set(word.get() | 1 << (class % 64));
        }
        has_any
    }

    /// Forgets that the bin of a class made way.
    pub(crate) fn forget_made_way(&self, class: usize) {
        if let Some(word) = self.made_way.get(class / 64) {
            word.set(word.get() & !(1 << (class % 64)));
        }
    }

    /// Whether the bin of a class made way for another magazine. Only for the owner.
    pub(crate) fn made_way(&self, class: usize) -> bool {
        self.made_way[class / 64].get() & 1 << (class % 64) != 0
    }

    /// Sends everything to the depot.
    pub(crate) fn flush_all(&self, exchange: &Exchange<'_>, notes: Notes<'_>) {
        self.owned.with_mut(|_| ());
        for class in 0..NO_CLASS {
            self.flush(class, exchange, notes);
        }
        self.made_way.iter().for_each(|word| word.set(0));
    }

    /// Sets the number of hits, in the bin of blocks without bytes.
    #[cfg(all(test, not(framepool_loom), feature = "telemetry"))]
    pub(crate) fn start_at(&self, hits: u64) {
        self.note_granted(0);
        self.bins[0].hits.set(hits);
    }
}
