//! Refuses each single request to the allocator, of every kind. In allocs and releases this is an error, and nothing is
//! lost. In building and reporting the process may end, but only by the standard library's abort.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::process::Command;
use std::thread;
use std::time::Duration;

use framepool::{AllocError, Buffer, BufferPool, HealthMonitor, Thresholds};

use crate::alone::alone;
use crate::common::{TELEMETRY, assert_empty, assert_lawful};
use crate::counting::{
    exposed, exposed_from_now_on, live, refuse_anything_after, refuse_exposed_after, refuse_nothing,
};

/// The counts of a thread.
#[derive(Default)]
struct Count {
    lent: u64,
    refused: u64,
    kept: Vec<Buffer<u8>>,
}

impl Count {
    fn note<T>(&mut self, outcome: Result<T, AllocError>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.lent += 1;
                Some(value)
            }
            Err(AllocError::OutOfMemory { .. } | AllocError::BudgetExceeded { .. }) => {
                self.refused += 1;
                None
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// A thread's allocs and releases, including buffers of another thread. All requests are exposed to refusals.
fn work(pool: &BufferPool, given: Vec<Buffer<u8>>) -> Count {
    let mut count = Count {
        kept: Vec::with_capacity(64),
        ..Count::default()
    };
    let frame = pool.begin_frame();
    exposed(|| {
        drop(given);
        for size in [0, 100, 3000, 60_000] {
            for zeroed in [false, true] {
                let outcome = if zeroed {
                    pool.try_alloc::<u8>(size)
                } else {
                    pool.try_alloc::<u8>(size + 1)
                };
                if let Some(buffer) = count.note(outcome) {
                    count.kept.push(buffer);
                }
            }
            if let Some(lent) = count.note(frame.try_alloc::<u8>(size)) {
                lent.fill(1);
            }
            count.kept.truncate(5);
        }
        let _ = pool.try_prewarm::<u8>(500, 3);
        pool.trim();
        let _ = pool.outstanding();
    });
    assert_lawful(&frame.release_all());
    count
}

/// The same on a thread with a new name, whose exit is exposed too.
fn work_elsewhere(pool: &BufferPool, given: Vec<Buffer<u8>>, name: &str) -> Count {
    let pool = pool.clone();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let count = work(&pool, given);
            exposed_from_now_on();
            count
        })
        .unwrap()
        .join()
        .unwrap()
}

/// Runs everything with the refusals that `arm` sets, and again without; returns whether one happened.
fn survives(max_bytes: u64, arm: impl Fn()) -> bool {
    let pool = BufferPool::builder()
        .frame_block_bytes(8192)
        .max_bytes(max_bytes)
        .build()
        .unwrap();
    // The dropping thread has its slot already; a drop without memory for a slot is a separate case.
    drop(pool.alloc::<u8>(1));
    // Snapshots to reuse, so that frame ends take no memory.
    for _ in 0..3 {
        pool.end_frame();
    }
    arm();
    let first = work(&pool, Vec::new());
    let second = work_elsewhere(&pool, Vec::new(), "second");
    let back = work(&pool, second.kept);
    let met = refuse_nothing();
    let lent = 1 + first.lent + second.lent + back.lent;
    drop((first.kept, back.kept));
    if TELEMETRY {
        let totals = pool.end_frame().totals;
        assert_eq!((totals.allocs, totals.releases), (lent, lent), "L1");
    }
    assert_empty(&pool);
    let again = work_elsewhere(&pool, Vec::new(), "third");
    drop(again.kept);
    assert_empty(&pool);
    met
}

/// Also builds, reports and starts threads: none of these can return \"no memory\".
fn everything() {
    let pool = BufferPool::builder().name("everything").build().unwrap();
    let mut feed = pool.subscribe();
    let mut monitor = HealthMonitor::new(Thresholds::default()).with_emit_interval(Duration::ZERO);
    for name in ["one", "two"] {
        let first = work(&pool, Vec::new());
        let second = work_elsewhere(&pool, first.kept, name);
        let held = pool.snapshot();
        assert_lawful(&pool.end_frame());
        assert!(feed.next().is_some());
        monitor.record_frame(&held, Duration::from_millis(1));
        let _ = monitor.emit(&pool);
        drop(second.kept);
    }
    println!("{}", if refuse_nothing() { MET } else { NOT_MET });
    assert_empty(&pool);
}

const REFUSED: &str = "FRAMEPOOL_TEST_REFUSED";
const MET: &str = "a request was refused";
const NOT_MET: &str = "no request was refused";

alone! {
    #[test]
    fn failed_requests_during_allocation_lose_nothing() {
        for max_bytes in [1 << 30, 40_000] {
            for how_many in [Some(1), Some(3), None] {
                survives(max_bytes, || ());
                survives(max_bytes, || ());
                let before = live();
                let mut at = 0;
                while survives(max_bytes, || refuse_exposed_after(at, how_many)) {
                    assert_eq!(live(), before, "bytes left when request {at} failed");
                    at += 1;
                }
                assert!(at > 8, "only {at} requests");
            }
        }
    }
}

/// Does nothing unless the test below runs it in a separate process.
#[test]
fn everything_with_one_request_refused() {
    let Ok(at) = std::env::var(REFUSED) else {
        return;
    };
    refuse_anything_after(at.parse().unwrap(), Some(1));
    everything();
}

#[test]
fn refused_request_is_survived_or_aborts_like_std() {
    let (mut survived, mut aborted) = (0, 0);
    for at in 0.. {
        let ended = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "failing_anywhere::everything_with_one_request_refused",
            ])
            .args(["--nocapture", "--test-threads=1"])
            .env(REFUSED, at.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        let wrote = String::from_utf8_lossy(&ended.stdout);
        if !ended.status.success() {
            let ours = said.contains("memory allocation of") && !said.contains("panicked");
            assert!(ours, "request {at}: {ended:?}");
            aborted += 1;
        } else if wrote.contains(MET) {
            survived += 1;
        } else {
            assert!(wrote.contains(NOT_MET), "{wrote}");
            break;
        }
    }
    println!("{survived} requests whose refusal was survived, {aborted} that ended the process");
    assert!(survived > 20 && aborted > 20, "{survived} and {aborted}");
}
