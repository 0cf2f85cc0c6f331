//! Giving memory back: in small steps at frame ends, before the pool grows, under pressure, and on demand.
//!
//! Memory goes back to the system only under the fold's lock (law L3) and only from two places: the depot, whose blocks
//! belong to whoever pops them, and the arenas of frames that are not open, which belong to whoever has the frame's bit.
#![expect(
    unsafe_code,
    reason = "blocks popped from the depot lose their memory here"
)]

use crate::cache::arena::Arena;
use crate::cache::block::Block;
use crate::cache::class::CLASSES;
use crate::cache::core::Core;
use crate::cache::depot::Batch;
use crate::cache::slot::Slot;
use crate::cache::system::Piece;
use crate::fold::Fold;

/// Idle memory up to this much is never worth giving back by itself.
const SLACK_BYTES: u64 = 2 << 20;
/// How many frame ends the depot is watched for before what nobody fetched is let go.
const WINDOW_FRAMES: u64 = 32;
/// The same by the clock, for slow frames.
const WINDOW_TIME: std::time::Duration = std::time::Duration::from_secs(1);
/// The most batches that one frame end gives back per class.
const BATCHES_PER_FRAME: u64 = 8;
/// The most blocks that one look at an arena gives back.
const BLOCKS_PER_LOOK: usize = 8;
/// Every how many frame ends the arenas of one frame that is not open are looked at.
const CLOSED_EVERY: u64 = 8;

/// What trimming remembers between frame ends.
#[derive(Debug)]
pub(crate) struct TrimState {
    /// When the current window began.
    since: std::time::Instant,
    frames: u64,
    /// Blocks of each class still to go.
    surplus: [u64; CLASSES],
    /// The frame whose arenas are looked at next although no frame is open there.
    next_index: usize,
}

impl TrimState {
    pub(crate) fn new() -> Self {
        Self {
            since: std::time::Instant::now(),
            frames: 0,
            surplus: [0; CLASSES],
            next_index: 0,
        }
    }
}

impl Core {
    /// The step at a frame end.
    pub(crate) fn trim_step(&self, fold: &mut Fold) {
        self.let_go_oversize(fold);
        if fold.trim.frames.is_multiple_of(CLOSED_EVERY) {
            self.trim_closed_frame(fold);
        }
        let idle = self.depot.idle_bytes();
        let worth_it = idle > self.budget.reserved().saturating_sub(idle) / 4 + SLACK_BYTES;
        let trim = &mut fold.trim;
        trim.frames += 1;
        if trim.frames >= WINDOW_FRAMES || trim.since.elapsed() >= WINDOW_TIME {
            trim.frames = 0;
            trim.since = std::time::Instant::now();
            for class in 0..CLASSES {
                let unused = self.depot.unused_since_asked(class);
                // Half of what nobody fetched: the rest goes in later windows, unless it is wanted after all.
                trim.surplus[class] = if worth_it { unused.div_ceil(2) } else { 0 };
            }
        }
        if !worth_it {
            return;
        }
        for class in 0..CLASSES {
            let mut batches = 0;
            while fold.trim.surplus[class] > 0 && batches < BATCHES_PER_FRAME {
                let gone = self.evict_batch(fold, class);
                if gone == 0 {
                    break;
                }
                fold.trim.surplus[class] = fold.trim.surplus[class].saturating_sub(gone);
                batches += 1;
            }
        }
    }

    /// Lets go of blocks beyond the largest class: they are not kept.
    fn let_go_oversize(&self, fold: &mut Fold) {
        while self.evict_batch(fold, CLASSES) > 0 {}
    }

    /// Gives back what the arenas of the frame `index` did not need lately, a few blocks of each at most.
    ///
    /// # Safety
    ///
    /// The caller has the frame's bit, and the frame's buffers are gone.
    pub(crate) unsafe fn trim_arenas(&self, fold: &mut Fold, index: usize) {
        for slot in self.slots.iter() {
            for _ in 0..BLOCKS_PER_LOOK {
                // SAFETY: the caller is alone with this frame's arenas.
                let Some(block) = (unsafe { slot.arena(index).take_unneeded(false) }) else {
                    break;
                };
                self.give_back_piece(fold, block);
            }
        }
    }

    /// Does the same for one frame that is not open, so that arenas no longer used at all shrink too.
    fn trim_closed_frame(&self, fold: &mut Fold) {
        let index = fold.trim.next_index % self.in_flight.limit() as usize;
        fold.trim.next_index = index + 1;
        if !self.in_flight.claim_index(index) {
            return;
        }
        for slot in self.slots.iter() {
            // SAFETY: we have the frame's bit, and the frame is not open.
            unsafe { slot.arena(index).fade() };
        }
        // SAFETY: as above.
        unsafe { self.trim_arenas(fold, index) };
        self.in_flight.free(index);
    }

    /// Before the pool takes more memory: if much lies idle in the depot, lets as much go, if nobody is folding.
    pub(crate) fn shed_before_growing(&self, wanted: u64) {
        let allowed = self.budget.reserved() / 8 + SLACK_BYTES;
        if self.depot.idle_bytes() <= allowed {
            return;
        }
        if let Some(mut fold) = self.fold.try_lock() {
            self.evict(&mut fold, wanted, Depot::Beyond);
        }
    }

    /// When the budget is used up: gives back idle memory until `wanted` fits, the caller's own magazine included.
    pub(crate) fn make_way(&self, wanted: u64, slot: Option<&Slot>) {
        self.flush_own(slot);
        let mut fold = self.fold.lock();
        let limit = self.budget.limit().unwrap_or(u64::MAX);
        let missing = (self.budget.reserved() + wanted).saturating_sub(limit);
        if self.evict(&mut fold, missing, Depot::All) < missing {
            self.give_back_closed_frames(&mut fold);
        }
    }

    /// When the system has no memory: gives back all that is idle within reach.
    pub(crate) fn give_back_all_idle(&self, slot: Option<&Slot>) -> u64 {
        self.flush_own(slot);
        let mut fold = self.fold.lock();
        self.evict(&mut fold, u64::MAX, Depot::All) + self.give_back_closed_frames(&mut fold)
    }

    /// `BufferPool::trim`: all that is idle within reach, whatever was asked for in advance.
    pub(crate) fn trim_now(&self, slot: Option<&Slot>) -> u64 {
        self.depot.keep_nothing();
        self.give_back_all_idle(slot)
    }

    fn flush_own(&self, slot: Option<&Slot>) {
        if let Some(slot) = slot {
            // SAFETY: whoever passes a slot here owns it.
            unsafe { slot.flush(self) };
        }
    }

    /// Evicts idle blocks, from the class with the most idle bytes first, until `wanted` bytes are gone.
    fn evict(&self, fold: &mut Fold, wanted: u64, depot: Depot) -> u64 {
        let mut gone = 0;
        while gone < wanted {
            let idle_bytes = |class: &usize| {
                let blocks = match depot {
                    Depot::All => self.depot.idle(*class),
                    Depot::Beyond => self.depot.spare(*class),
                };
                // A block beyond the largest class is larger than any other.
                blocks.saturating_mul(self.block_bytes(*class) as u64)
            };
            let Some(class) = (0..=CLASSES)
                .filter(|class| idle_bytes(class) > 0)
                .max_by_key(idle_bytes)
            else {
                break;
            };
            let before = self.budget.evicted_bytes();
            if self.evict_batch(fold, class) == 0 {
                break;
            }
            gone += self.budget.evicted_bytes() - before;
        }
        gone
    }

    /// Gives the memory of one batch back; how many blocks it had.
    fn evict_batch(&self, fold: &mut Fold, class: usize) -> u64 {
        let Some(batch) = self.depot.pop(class, &self.table) else {
            return 0;
        };
        let len = batch.len();
        self.unbind_batch(fold, &batch);
        u64::from(len)
    }

    fn unbind_batch(&self, fold: &mut Fold, batch: &Batch<'_>) {
        let mut block: &Block = batch.head();
        for left in (0..batch.len()).rev() {
            let next = block.next();
            // SAFETY: the batch holds its blocks, which are idle.
            let piece = unsafe { block.unbind() };
            // SAFETY: as above.
            self.depot.note_unbound(unsafe { block.class() });
            self.give_back_piece(fold, piece);
            self.bare.push(block);
            if left > 0 {
                // SAFETY: a batch has `len` blocks along `next`, records of the table.
                block = unsafe { &*next };
            }
        }
    }

    /// Gives back all blocks of arenas whose frames are not open.
    fn give_back_closed_frames(&self, fold: &mut Fold) -> u64 {
        let before = self.budget.evicted_bytes();
        for index in 0..self.in_flight.limit() as usize {
            if !self.in_flight.claim_index(index) {
                continue;
            }
            for slot in self.slots.iter() {
                let arena: &Arena = slot.arena(index);
                // SAFETY: we have the frame's bit, and the frame is not open.
                while let Some(block) = unsafe { arena.take_unneeded(true) } {
                    self.give_back_piece(fold, block);
                }
            }
            self.in_flight.free(index);
        }
        self.budget.evicted_bytes() - before
    }

    /// Gives memory back to the system. The fold is the evidence that the caller has its lock.
    fn give_back_piece(&self, _fold: &mut Fold, piece: Piece) {
        let bytes = piece.bytes as u64;
        // SAFETY: the callers took the piece off a block or an arena that nobody uses, so it is ours alone.
        unsafe { piece.give_back(self.config.alignment) };
        self.budget.evicted(bytes);
    }

    /// Gives back memory that was taken and never used, so that no fold can have counted it.
    pub(crate) fn give_back_unused(&self, piece: Piece) {
        let bytes = piece.bytes as u64;
        // SAFETY: the caller took the piece from the system and nobody else has it.
        unsafe { piece.give_back(self.config.alignment) };
        self.budget.cancel(bytes);
    }
}

/// Which idle blocks may go.
#[derive(Clone, Copy, Debug)]
enum Depot {
    /// All of them.
    All,
    /// Those beyond what was asked for in advance.
    Beyond,
}
