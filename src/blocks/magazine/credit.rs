//! The credit of a thread: the bytes that it may keep, granted to the bins of its magazines.
//!
//! The slow path spends credit when it grants a bin its `limit` or a spare batch. Without credit it empties other bins, of
//! any of the thread's magazines.
//!
//! # Slow start
//!
//! A bin earns its limit. Each visit of the slow path earns 64 bytes, and 64 for each block of the limit: they passed since the last visit.
//! An exchange takes about as long as the first touch of 128 new bytes. So a thread that uses a class all the time loses little before it
//! keeps what its credit allows, and one that uses it a few times keeps little: of hundreds of threads, most do (docs/notes/small.md).
#![expect(
    unsafe_code,
    reason = "lists are linked through the blocks they consist of"
)]

use std::ptr;

use super::Magazine;
use crate::blocks::bin::Bin;
use crate::blocks::depot::Batch;
use crate::blocks::exchange::{Exchange, Notes};
use crate::sync::{Ordering, Owned};

impl Magazine {
    /// Doubles a bin's limit, up to the length of a batch.
    pub(super) fn widen(&self, class: usize, exchange: &Exchange<'_>, notes: Notes<'_>) {
        let limit = self.allowances[class].limit.get();
        let batch_len = exchange.classes.batch_len(class);
        if limit < batch_len {
            let more = limit.max(1).min(batch_len - limit);
            self.grant(class, more, exchange, notes);
        }
    }

    /// Raises a bin's limit by up to `more` blocks, as far as it has earned them. Takes credit from other bins if none is left.
    pub(super) fn grant(&self, class: usize, more: u32, exchange: &Exchange<'_>, notes: Notes<'_>) {
        if exchange.classes.batch_len(class) == 0 {
            return;
        }
        let block_bytes = exchange.classes.block_bytes(class);
        let more = more.min(self.allowances[class].places_to_grant(block_bytes));
        if more == 0 {
            return;
        }
        let enough = more as usize * block_bytes;
        if notes.purse.credit().get() < enough {
            notes
                .purse
                .collect(enough, &raw const self.bins[class], exchange);
        }
        let credit = notes.purse.credit().get();
        let affordable = credit.checked_div(block_bytes).unwrap_or(usize::MAX);
        let granted = (more as usize).min(affordable) as u32;
        if granted == 0 || !Self::spend(granted as usize * block_bytes, exchange, notes) {
            return;
        }
        self.note_granted(class);
        let (bin, limit) = (&self.bins[class], &self.allowances[class].limit);
        let mut wider = granted;
        if limit.get() == 0 {
            bin.set_hot(ptr::null());
            wider -= 1;
        }
        limit.set(limit.get() + granted);
        if wider > 0 {
            bin.set_room(bin.balance().room() + wider, 0);
        }
    }

    /// Makes the aggregator read a bin from now on, before the bin gets its first block.
    pub(super) fn note_granted(&self, class: usize) {
        let word = &self.granted[class / 64];
        let before = word.load_own();
        // Release: pairs with the Acquire in `bins`.
        word.store(before | 1 << (class % 64), Ordering::Release);
    }

    /// Pays for `bytes` with credit, if there is enough and the pool grants them.
    pub(super) fn spend(bytes: usize, exchange: &Exchange<'_>, notes: Notes<'_>) -> bool {
        let credit = notes.purse.credit().get();
        if credit < bytes || !exchange.budget.grant(bytes as u64) {
            return false;
        }
        notes.purse.credit().set(credit - bytes);
        true
    }

    /// Takes back the credit for `blocks` blocks.
    pub(super) fn pay_back(blocks: u32, class: usize, exchange: &Exchange<'_>, notes: Notes<'_>) {
        let bytes = blocks as usize * exchange.classes.block_bytes(class);
        let credit = notes.purse.credit();
        credit.set(credit.get() + bytes);
        exchange.budget.take_back_grant(bytes as u64);
    }

    /// Sends everything of one class to the depot, unless its bin is `but`, and takes back its credit.
    pub(crate) fn flush_unless(
        &self,
        but: *const Bin,
        class: usize,
        exchange: &Exchange<'_>,
        notes: Notes<'_>,
    ) {
        if !ptr::eq(&raw const self.bins[class], but) {
            self.flush(class, exchange, notes);
        }
    }

    /// Sends everything of one class to the depot and takes back its credit.
    pub(super) fn flush(&self, class: usize, exchange: &Exchange<'_>, notes: Notes<'_>) {
        let (bin, allowance) = (&self.bins[class], &self.allowances[class]);
        let limit = allowance.limit.replace(0);
        if limit == 0 {
            return;
        }
        let mut active_len = limit - 1 - bin.balance().room();
        let mut active = bin.active.replace(ptr::null());
        // SAFETY: the records of the table are alive.
        if let Some(hot) = unsafe { bin.close() } {
            hot.set_next(active.cast_mut());
            active = hot;
            active_len += 1;
        }
        Self::pay_back(limit, class, exchange, notes);
        // SAFETY: lists consist of records of the table, which are alive.
        if let Some(active) = unsafe { active.as_ref() } {
            // SAFETY: the list left the bin above, and no other thread holds its blocks.
            let batch = unsafe { Batch::new(active, active_len, class) };
            self.send(batch, exchange, notes);
        }
        // SAFETY: as above.
        if let Some(spare) = unsafe { allowance.spare.replace(ptr::null()).as_ref() } {
            let len = spare.batch_len();
            Self::pay_back(len, class, exchange, notes);
            // SAFETY: the batch left the bin just now.
            let batch = unsafe { Batch::new(spare, len, class) };
            self.send(batch, exchange, notes);
        }
    }
}
