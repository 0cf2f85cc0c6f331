//! The balance of a magazine: blocks that it received, less blocks that it passed on, and what of it is not paid yet.
//!
//! `pool/lifetime.rs` says what the balances of all magazines are for, `pool/closing.rs` who pays one when the pool is closed.
#![expect(
    unsafe_code,
    reason = "a bin's spare batch is counted through its head"
)]

use crate::codegen::cold_path;

use crate::blocks::exchange::Exchange;
use crate::blocks::magazine::Magazine;

/// A slot that owes so much pays. Together with a batch it is less than a hold (`pool/lifetime.rs`).
pub(crate) const MAX_OWED: i64 = if cfg!(framepool_loom) { 2 } else { 1 << 20 };

impl Magazine {
    /// Notes that the owner lends a block that did not lie in a bin. Only for the owner.
    pub(crate) fn note_new(&self, bytes: u64, exchange: &Exchange<'_>) {
        self.owe(1, exchange);
        self.had_bytes.add(bytes);
    }

    /// Bytes of the blocks that came less those that were sent. For the aggregator.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.had_bytes.get()
    }

    /// Notes that the owner got so many blocks, or sent them away. What it owes stays small: see `pool/lifetime.rs`.
    pub(crate) fn owe(&self, blocks: i64, exchange: &Exchange<'_>) {
        let had = self.had.get() + blocks;
        self.had.set(had);
        if had.abs() >= MAX_OWED {
            cold_path();
            exchange.out.pay(had);
            self.had.set(0);
        }
    }

    /// Buffers lent less buffers taken back that are not paid for yet. Only for the owner, when the bins are empty.
    pub(crate) fn take_balance(&self) -> i64 {
        self.owned.with_mut(|_| ());
        self.had.take()
    }

    /// The same for an owner who may be releasing buffers the quick way: what was not paid for, as far as it is visible.
    /// [`given_since`](Self::given_since) has the rest. For the closer of the pool, when the owner does nothing else.
    pub(crate) fn balance_for_owner(&self) -> i64 {
        let (mut all_given, mut all_kept) = (0, 0);
        for (_, bin) in self.bins() {
            let given = bin.given();
            all_given += given;
            // SAFETY: the closer keeps the pool alive, and only quick releases go on.
            all_kept += unsafe { bin.kept(given) };
        }
        self.had.replace(all_given) - all_kept
    }

    /// How many buffers the owner released the quick way that `balance_for_owner` did not see. For a closer that finishes the slot.
    pub(crate) fn given_since(&self) -> i64 {
        let given: i64 = self.bins().map(|(_, bin)| bin.given()).sum();
        given - self.had.get()
    }

    /// The same for an owner that finishes the slot, and may then empty the bins and [`take_balance`](Self::take_balance).
    pub(crate) fn take_over(&self) -> i64 {
        let given_since = self.given_since();
        let kept = self.bins().map(|(_, bin)| {
            // SAFETY: the owner has a hold on the pool, and its bins are its own.
            unsafe { bin.kept(bin.given()) }
        });
        self.had.set(kept.sum());
        given_since
    }
}
