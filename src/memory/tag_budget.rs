//! Budgets of tags: how many bytes of pooled buffers may be out at once of a tag and the tags below it.
//!
//! # The account
//!
//! ```text
//!   claimed  =  bytes of the tag's buffers that are out  +  credit of all threads   ≤  limit
//! ```
//!
//! A thread reserves bytes before a buffer is lent: from its own credit, else from the account, with one exchange. A release adds the
//! bytes to the credit of the releasing thread, and what that thread may not keep goes back to the account. So the bytes
//! out never exceed the limit, however many threads allocate at once: the overshoot is zero.
//!
//! # What is out of reach
//!
//! No thread reaches another's credit. So a request can be refused while credit lies with other threads. That is bounded: the
//! first [`LICENCES`] threads that use the tag keep a 128th of the limit each, others keep nothing. Together that is a sixteenth of
//! the limit, and the refusal says how much it is. A thread gives its credit back when it ends.
//!
//! # Tags below a tag
//!
//! A buffer is reserved in the account of each tag above it that has a limit, the innermost first. If one refuses, those before
//! it get their bytes back.

use std::cell::Cell;

use crate::sync::{AtomicU32, AtomicU64, Ordering, Owned, sized};

/// How many tags a pool can have, with the one of buffers without a tag and the one of tags beyond this number. A power of two.
pub(crate) const MAX_TAGS: usize = sized(128, 4, 4);

/// How many threads keep credit of a tag.
const LICENCES: u32 = 8;
/// One of them keeps at most this part of the limit.
const KEPT_PART: u64 = 128;

/// What one thread may take of a limit without asking for it. Only the thread writes it.
#[derive(Debug)]
pub(crate) struct Credit {
    bytes: AtomicU64,
    /// Whether the thread keeps credit; none until it asks.
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
        // Relaxed: only the owner judges by it; others read it for a message.
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// As of now or a moment ago.
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed: as in `set`.
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The account of one limit.
#[derive(Debug)]
pub(crate) struct Account {
    /// Bytes out, and the credit of all threads.
    claimed: AtomicU64,
    licences: AtomicU32,
    limit: u64,
    /// The tag.
    tag: usize,
    /// The account of the next tag above that has a limit.
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

    /// The most that this thread keeps.
    fn kept_by(&self, credit: &Credit) -> u64 {
        let keeps = credit.keeps.get().unwrap_or_else(|| {
            // Relaxed: a count of its own.
            let keeps = self.licences.fetch_add(1, Ordering::Relaxed) < LICENCES;
            credit.keeps.set(Some(keeps));
            keeps
        });
        if keeps { self.limit / KEPT_PART } else { 0 }
    }

    fn reserve(&self, bytes: u64) -> bool {
        // Relaxed: the update decides on the newest value.
        let mut claimed = self.claimed.load(Ordering::Relaxed);
        loop {
            let raised = claimed.checked_add(bytes);
            let Some(raised) = raised.filter(|&raised| raised <= self.limit) else {
                return false;
            };
            // Relaxed, both: one word, whose updates follow each other, and it brings nothing with it.
            match self.claimed.compare_exchange_weak(
                claimed,
                raised,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => claimed = seen,
            }
        }
    }

    /// Reserves bytes for the owner of the credit; `false` if the limit forbids it, and then nothing has happened.
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

    /// Gives bytes to the owner of the credit, and to the account what the owner does not keep.
    fn give(&self, credit: &Credit, bytes: u64) {
        let has = credit.bytes.load_own() + bytes;
        let most = self.kept_by(credit);
        if has <= most {
            credit.set(has);
            return;
        }
        // Half, so that the next few releases find room and the next few allocs find credit.
        let kept = most / 2;
        credit.set(kept);
        // Relaxed: as in `reserve`.
        self.claimed.fetch_sub(has - kept, Ordering::Relaxed);
    }
}

/// What an account refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) account: usize,
    pub(crate) bytes: u64,
}

/// All budgets of a pool's tags, which are fixed when the pool is made.
#[derive(Debug)]
pub(crate) struct TagBudgets {
    accounts: Vec<Account>,
    /// Per tag, the innermost account that counts for it, plus one; zero for none. Written before the tag has a handle.
    innermost: [AtomicU32; MAX_TAGS],
}

impl TagBudgets {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            innermost: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Gives a tag that has no limit above it but `parent`'s a limit of its own, before the pool is used.
    pub(crate) fn limit(&mut self, tag: usize, parent: usize, limit: u64) {
        let outer = self.innermost(parent);
        self.accounts.push(Account::new(tag, limit, outer));
        // Relaxed: nobody else has the pool.
        self.innermost[tag].store(self.accounts.len() as u32, Ordering::Relaxed);
    }

    /// Makes the limits of a tag those of its parent; whether there is one.
    pub(crate) fn inherit(&self, tag: usize, parent: usize) -> bool {
        let innermost = self.innermost(parent);
        if let Some(account) = innermost {
            // Relaxed: passed on with the tag's handle, and with its buffers.
            self.innermost[tag].store(account as u32 + 1, Ordering::Relaxed);
        }
        innermost.is_some()
    }

    /// Whether a limit counts for the tag.
    pub(crate) fn is_limited(&self, tag: usize) -> bool {
        self.innermost(tag).is_some()
    }

    fn innermost(&self, tag: usize) -> Option<usize> {
        // Relaxed: see `inherit`.
        (self.innermost[tag].load(Ordering::Relaxed) as usize).checked_sub(1)
    }

    /// The accounts that count for a tag, the innermost first.
    fn of(&self, tag: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.innermost(tag), |&at| self.accounts[at].outer)
    }

    /// Reserves bytes for a buffer with this tag, with the credits of the calling thread.
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

    /// Takes the bytes of a buffer back.
    pub(crate) fn give(&self, credits: &[Credit], tag: usize, bytes: u64) {
        for account in self.of(tag) {
            self.accounts[account].give(&credits[account], bytes);
        }
    }

    /// The same from a thread without credit.
    pub(crate) fn give_back(&self, tag: usize, bytes: u64) {
        for account in self.of(tag) {
            // Relaxed: as in `Account::reserve`.
            self.accounts[account]
                .claimed
                .fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Takes all credit back, from a thread that ends.
    pub(crate) fn settle(&self, credits: &[Credit]) {
        for (account, credit) in self.accounts.iter().zip(credits) {
            let has = credit.bytes.load_own();
            if has > 0 {
                credit.set(0);
                // Relaxed: as in `Account::reserve`.
                account.claimed.fetch_sub(has, Ordering::Relaxed);
            }
        }
    }

    /// The tag of an account, its limit, and the bytes that are claimed of it.
    pub(crate) fn state(&self, account: usize) -> (usize, u64, u64) {
        let account = &self.accounts[account];
        // Relaxed: for a message.
        let claimed = account.claimed.load(Ordering::Relaxed);
        (account.tag, account.limit, claimed)
    }
}
