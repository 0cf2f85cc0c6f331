//! A producer and a consumer: buffers allocated on one thread and released on another, through a bounded ring.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::{Lender, Lent};

/// The most buffers in transit.
pub const CAPACITY: usize = 256;
/// How often an end checks again before it yields.
const SPINS: u32 = 64;

/// A ring with one thread at each end.
struct Ring<T> {
    places: [UnsafeCell<MaybeUninit<T>>; CAPACITY],
    sent: CachePadded<AtomicUsize>,
    received: CachePadded<AtomicUsize>,
}

// SAFETY: a place is touched by the sender until `sent` counts it, by the receiver until `received` does, and so on.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    fn new() -> Self {
        Self {
            places: std::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit())),
            sent: CachePadded::new(AtomicUsize::new(0)),
            received: CachePadded::new(AtomicUsize::new(0)),
        }
    }
}

/// Waits until `ready` returns true.
#[inline(always)]
fn wait_for(ready: impl Fn() -> bool) {
    let mut spins = 0;
    while !ready() {
        spins += 1;
        if spins < SPINS {
            std::hint::spin_loop();
        } else {
            spins = 0;
            std::thread::yield_now();
        }
    }
}

/// Passes `count` buffers of `bytes` bytes: the producer allocates and writes them, the consumer reads and drops them.
///
/// # Panics
///
/// If a buffer arrives with wrong content.
pub fn pass<L>(lender: &L, bytes: usize, count: usize) -> Duration
where
    L: Lender + Sync,
    for<'l> L::Lent<'l>: Send,
{
    let ring = Ring::new();
    let ring = &ring;
    std::thread::scope(|scope| {
        let consumer = scope.spawn(move || {
            let mut sum = 0_u64;
            let mut known = 0;
            for at in 0..count {
                if known == at {
                    // Acquire: pairs with the Release of the producer; the places counted are written.
                    wait_for(|| ring.sent.load(Ordering::Acquire) != at);
                    known = ring.sent.load(Ordering::Acquire);
                }
                // SAFETY: the producer wrote this place before it counted it, and waits with writing it again.
                let mut buffer: L::Lent<'_> =
                    unsafe { (*ring.places[at % CAPACITY].get()).assume_init_read() };
                // Release: pairs with the Acquire of the producer; the place has been read.
                ring.received.store(at + 1, Ordering::Release);
                sum += u64::from(buffer.look());
                drop(buffer);
            }
            sum
        });
        let began = Instant::now();
        let mut known = 0;
        for at in 0..count {
            let mut buffer = lender.lend(bytes);
            buffer.touch();
            if at - known == CAPACITY {
                // Acquire: pairs with the Release of the consumer; the places counted have been read.
                wait_for(|| at - ring.received.load(Ordering::Acquire) < CAPACITY);
                known = ring.received.load(Ordering::Acquire);
            }
            // SAFETY: the consumer has read this place, or nobody ever wrote it.
            unsafe { (*ring.places[at % CAPACITY].get()).write(buffer) };
            // Release: pairs with the Acquire of the consumer; the place is written.
            ring.sent.store(at + 1, Ordering::Release);
        }
        let sum = consumer.join().expect("the consumer does not panic");
        let took = began.elapsed();
        assert_eq!(sum, count as u64, "every buffer arrived as it was written");
        took
    })
}
