//! The balance of a magazine: blocks received, minus blocks sent away, minus blocks already paid.
//!
//! `pool/lifetime.rs` explains how the balances keep the pool alive. `pool/closing.rs` explains which thread pays a balance when the
//! pool is closed.
#![expect(
    unsafe_code,
    reason = "a bin's spare batch is counted through its head"
)]

use crate::codegen::cold_path;

use crate::blocks::exchange::Exchange;
use crate::blocks::magazine::Magazine;

/// A magazine pays when its balance reaches this. Even with a batch added, and in all lanes of a slot, that is less than a hold
/// (`pool/lifetime.rs`).
pub(crate) const MAX_OWED: i64 = if cfg!(framepool_loom) { 2 } else { 1 << 20 };

impl Magazine {
    /// Records that the owner got a new block from the system. Only for the owner.
    pub(crate) fn note_new(&self, bytes: u64, exchange: &Exchange<'_>) {
        self.owe(1, exchange);
        self.had_bytes.add(bytes);
    }

    /// Bytes of the blocks that the magazine received, minus those it sent away. For the aggregator.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.had_bytes.get()
    }

    /// Records that the owner got blocks, or sent them away (negative). Pays when the balance is large, see `pool/lifetime.rs`.
    pub(crate) fn owe(&self, blocks: i64, exchange: &Exchange<'_>) {
        let had = self.had.get() + blocks;
        self.had.set(had);
        if had.abs() >= MAX_OWED {
            cold_path();
            exchange.out.pay(had);
            self.had.set(0);
        }
    }

    /// Takes the unpaid balance: allocs minus releases. Only for the owner, when the bins are empty.
    pub(crate) fn take_balance(&self) -> i64 {
        self.owned.with_mut(|_| ());
        self.had.take()
    }

    /// The visible part of the unpaid balance, while the owner may be running fast releases.
    /// [`given_since`](Self::given_since) has the rest. For the closer of the pool, when the owner does nothing else.
    pub(crate) fn balance_for_owner(&self) -> i64 {
        let (mut all_given, mut all_kept) = (0, 0);
        for (class, bin) in self.bins() {
            let given = bin.given();
            all_given += given;
            // SAFETY: the closer keeps the pool alive, and only fast releases can run.
            all_kept += unsafe { self.allowance(class).kept(given) };
        }
        self.had.replace(all_given) - all_kept
    }

    /// The number of the owner's fast releases that `balance_for_owner` did not see. For a closer that finishes the
    /// slot.
    pub(crate) fn given_since(&self) -> i64 {
        let given: i64 = self.bins().map(|(_, bin)| bin.given()).sum();
        given - self.had.get()
    }

    /// The number of fast releases that `balance_for_owner` did not see, for an owner that finishes the slot. It may
    /// then empty the bins and [`take_balance`](Self::take_balance).
    pub(crate) fn take_over(&self) -> i64 {
        let given_since = self.given_since();
        let kept = self.bins().map(|(class, bin)| {
            // SAFETY: the owner has a hold on the pool, and its bins are its own.
            unsafe { self.allowance(class).kept(bin.given()) }
        });
        self.had.set(kept.sum());
        given_since
    }
}
