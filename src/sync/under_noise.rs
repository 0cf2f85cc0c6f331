//! The real types with noise: before some accesses to an atomic a thread yields or spins, so that rare interleavings become frequent.
//!
//! Each thread also counts its accesses and locks. A thread can wait for another only through one of them, so a test uses
//! these counts to bound the waits of an operation.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::guarded::guarded_atomics;

/// One access in this many yields, and one in this many spins.
const ONE_IN: u32 = 16;
/// The longest spin, in turns.
const MAX_TURNS: u32 = 64;

/// What happens before an access.
#[derive(Debug)]
pub(crate) struct Noise;

impl Noise {
    const fn new() -> Self {
        Self
    }

    #[inline]
    #[expect(clippy::unused_self, reason = "loom's guard has a state")]
    fn before_access(&self) {
        let random = next();
        match random % ONE_IN {
            0 => std::thread::yield_now(),
            1 => (0..random / ONE_IN % MAX_TURNS).for_each(|_| std::hint::spin_loop()),
            _ => {}
        }
        note(|accesses| accesses.all += 1);
    }

    #[inline]
    fn before_change(&self) {
        note(|accesses| accesses.changes += 1);
        self.before_access();
    }
}

/// The accesses of a thread so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    /// Accesses to atomics.
    pub all: u64,
    /// The read-modify-writes among these.
    pub changes: u64,
    /// Lock requests.
    pub locks: u64,
}

thread_local! {
    // Without destructor, so that destructors of other thread-locals may count too.
    static ACCESSES: Cell<Accesses> = const {
        Cell::new(Accesses {
            all: 0,
            changes: 0,
            locks: 0,
        })
    };
}

fn note(change: impl FnOnce(&mut Accesses)) {
    ACCESSES.with(|cell| {
        let mut accesses = cell.get();
        change(&mut accesses);
        cell.set(accesses);
    });
}

/// Counts a lock request.
pub(crate) fn note_lock() {
    note(|accesses| accesses.locks += 1);
}

/// The accesses of the calling thread since it began.
pub fn accesses() -> Accesses {
    ACCESSES.get()
}

/// The next random number of the calling thread (xorshift; Marsaglia, "Xorshift RNGs", 2003).
#[inline]
fn next() -> u32 {
    thread_local! {
        // Without destructor, so that there is noise in the destructors of other thread-locals too.
        static STATE: Cell<u32> = const { Cell::new(0) };
    }
    static THREADS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    STATE.with(|state| {
        let mut random = state.get();
        if random == 0 {
            // Relaxed: no other data depends on it. An odd multiple of a number from 1 on is not 0 before 2^32 threads.
            random = THREADS
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9E37_79B9);
        }
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        state.set(random);
        random
    })
}

guarded_atomics!(std::sync::atomic, Noise, [const]);
