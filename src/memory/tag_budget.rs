//! Budgets of tags: how many bytes of pooled buffers a tag and the tags below it may have in use at once.
//!
//! # The account
//!
//! ```text
//!   claimed  =  bytes of the tag's buffers in use  +  credit of all threads   ≤  limit
//! ```
//!
//! A thread reserves the bytes of a buffer before it allocates it. It takes them from its own credit, or from the account with one
//! compare-exchange. A release adds the bytes to the credit of the releasing thread. Credit beyond that thread's share returns to the
//! account. So the bytes in use never exceed the limit, with any number of allocating threads.
//!
//! # Credit that a request cannot use
//!
//! No thread can use the credit of another. So a request can be refused while other threads have credit. This is bounded: the
//! first [`LICENCES`] threads that use the tag keep at most a 128th of the limit each, and other threads keep nothing. Together that is a
//! sixteenth of the limit. The error says how much it is. A thread returns its credit when it ends.
//!
//! # Tags below a tag
//!
//! A buffer's bytes are reserved in the account of its tag and of each tag above it that has a limit, the innermost first. If one
//! account refuses, the accounts before it get their bytes back.

use std::cell::Cell;

use crate::memory::budget::add_if;
use crate::sync::{AtomicU32, AtomicU64, Ordering, Owned, sized};

/// How many tags a pool can have, a power of two.
///
/// Two of them are reserved: one for buffers without a tag, and one for all tags beyond this number.
pub(crate) const MAX_TAGS: usize = sized(128, 4, 4);

/// How many threads may keep credit of one tag.
const LICENCES: u32 = 8;
/// Each of them keeps at most this part of the limit.
const KEPT_PART: u64 = 128;

/// Bytes that one thread has reserved in an account and not used. Only that thread writes it.
#[derive(Debug)]
pub(crate) struct Credit {
    bytes: AtomicU64,
    /// Whether the thread may keep credit; `None` until its first use of the account.
    keeps: Cell<Option<bool>>,
}

impl Credit {
    pub(crate) fn new() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            keeps: Cell::new(None),
        }
    }

    fn set(&self, bytes: u64) {
        // Relaxed: only the owner decides by it; other threads load it for a message.
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// The credit in bytes; the value may be slightly old.
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed: only for a message.
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The account of one limit.
#[derive(Debug)]
pub(crate) struct Account {
    /// Bytes in use, and the credit of all threads.
    claimed: AtomicU64,
    licences: AtomicU32,
    limit: u64,
    /// The tag.
    tag: usize,
    /// The account of the next tag above it that has a limit.
    outer: Option<usize>,
}

impl Account {
    fn new(tag: usize, limit: u64, outer: Option<usize>) -> Self {
        Self {
            claimed: AtomicU64::new(0),
            licences: AtomicU32::new(0),
            limit,
            tag,
            outer,
        }
    }

    /// The largest credit that this thread may keep.
    fn kept_by(&self, credit: &Credit) -> u64 {
        let keeps = credit.keeps.get().unwrap_or_else(|| {
            // Relaxed: a count that publishes nothing else.
            let keeps = self.licences.fetch_add(1, Ordering::Relaxed) < LICENCES;
            credit.keeps.set(Some(keeps));
            keeps
        });
        if keeps { self.limit / KEPT_PART } else { 0 }
    }

    fn reserve(&self, bytes: u64) -> bool {
        add_if(&self.claimed, bytes, |sum| sum <= self.limit)
    }

    /// Reserves bytes for the owner of the credit; `false` if the limit forbids it, and then nothing changed.
    fn take(&self, credit: &Credit, bytes: u64) -> bool {
        let has = credit.bytes.load_own();
        let Some(missing) = bytes.checked_sub(has).filter(|&missing| missing > 0) else {
            credit.set(has - bytes);
            return true;
        };
        for more in [self.kept_by(credit), 0] {
            if self.reserve(missing.saturating_add(more)) {
                credit.set(more);
                return true;
            }
        }
        false
    }

    /// Adds released bytes to the credit. If that exceeds the owner's share, returns the excess to the account.
    fn give(&self, credit: &Credit, bytes: u64) {
        let has = credit.bytes.load_own() + bytes;
        let most = self.kept_by(credit);
        if has <= most {
            credit.set(has);
            return;
        }
        // Keep half, so that neither the next few releases nor the next few allocs need the account.
        let kept = most / 2;
        credit.set(kept);
        // Relaxed: one word that publishes nothing else.
        self.claimed.fetch_sub(has - kept, Ordering::Relaxed);
    }
}

/// A request that an account refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) account: usize,
    pub(crate) bytes: u64,
}

/// All budgets of a pool's tags. The budgets are fixed when the pool is made.
#[derive(Debug)]
pub(crate) struct TagBudgets {
    accounts: Vec<Account>,
    /// For each tag the innermost account that limits it, plus one; zero for none. Stored before the tag has a handle.
    innermost: [AtomicU32; MAX_TAGS],
}

impl TagBudgets {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            innermost: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Adds a limit for a tag below `parent`, before the pool is used.
    pub(crate) fn limit(&mut self, tag: usize, parent: usize, limit: u64) {
        let outer = self.innermost(parent);
        self.accounts.push(Account::new(tag, limit, outer));
        // Relaxed: no other thread has the pool yet.
        self.innermost[tag].store(self.accounts.len() as u32, Ordering::Relaxed);
    }

    /// Applies the limits of `parent` to the tag; returns whether there is one.
    pub(crate) fn inherit(&self, tag: usize, parent: usize) -> bool {
        let innermost = self.innermost(parent);
        if let Some(account) = innermost {
            // Relaxed: a thread that uses the tag got its handle or a buffer with it, and this transfer orders the
            // accesses.
            self.innermost[tag].store(account as u32 + 1, Ordering::Relaxed);
        }
        innermost.is_some()
    }

    /// Whether a limit applies to the tag.
    pub(crate) fn is_limited(&self, tag: usize) -> bool {
        self.innermost(tag).is_some()
    }

    fn innermost(&self, tag: usize) -> Option<usize> {
        // Relaxed: ordered by the transfer of the tag's handle, see `inherit`.
        (self.innermost[tag].load(Ordering::Relaxed) as usize).checked_sub(1)
    }

    /// The accounts that limit a tag, the innermost first.
    fn of(&self, tag: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.innermost(tag), |&at| self.accounts[at].outer)
    }

    /// Reserves bytes for a buffer with this tag. `credits` are those of the calling thread.
    pub(crate) fn take(&self, credits: &[Credit], tag: usize, bytes: u64) -> Result<(), Refused> {
        for account in self.of(tag) {
            if !self.accounts[account].take(&credits[account], bytes) {
                for taken in self.of(tag).take_while(|&taken| taken != account) {
                    self.accounts[taken].give(&credits[taken], bytes);
                }
                return Err(Refused { account, bytes });
            }
        }
        Ok(())
    }

    /// Returns the bytes of a released buffer. `credits` are those of the calling thread.
    pub(crate) fn give(&self, credits: &[Credit], tag: usize, bytes: u64) {
        for account in self.of(tag) {
            self.accounts[account].give(&credits[account], bytes);
        }
    }

    /// Returns the bytes of a buffer released by a thread that has no credits.
    pub(crate) fn give_back(&self, tag: usize, bytes: u64) {
        for account in self.of(tag) {
            // Relaxed: one word that publishes nothing else.
            self.accounts[account]
                .claimed
                .fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Returns all credit of a thread that ends.
    pub(crate) fn settle(&self, credits: &[Credit]) {
        for (account, credit) in self.accounts.iter().zip(credits) {
            let has = credit.bytes.load_own();
            if has > 0 {
                credit.set(0);
                // Relaxed: one word that publishes nothing else.
                account.claimed.fetch_sub(has, Ordering::Relaxed);
            }
        }
    }

    /// The tag of an account, its limit, and the bytes claimed from it.
    pub(crate) fn state(&self, account: usize) -> (usize, u64, u64) {
        let account = &self.accounts[account];
        // Relaxed: only for a message.
        let claimed = account.claimed.load(Ordering::Relaxed);
        (account.tag, account.limit, claimed)
    }
}
