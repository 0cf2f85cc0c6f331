//! Random programs: four threads run different operations in every run, interleaved by every schedule differently.

use framepool::{BufferPool, Frame, FrameSnapshot};
use shuttle::sync::{Arc, Mutex};

use crate::common::{Seeded, assert_lawful, assert_lawful_stats, frame_bytes, pooled_bytes};
use crate::support::{Marked, assert_marked, close, crew, explore, join};

/// The state that the threads of a program share.
#[derive(Clone)]
struct Shared {
    pool: BufferPool,
    frame: Arc<Frame>,
    /// Buffers in transit between threads.
    passed: Arc<Mutex<Vec<Marked>>>,
}

/// The counts of a thread.
#[derive(Default)]
struct Account {
    lent: u64,
    bytes: u64,
    snapshots: Vec<FrameSnapshot>,
}

/// The operations of one thread.
fn work(shared: &Shared, random: &mut Seeded, number: usize) -> Account {
    let pool = &shared.pool;
    let mut account = Account::default();
    let mut kept = Vec::new();
    for step in 0..5 {
        let mark = (number * 8 + step) as u8 + 1;
        let len = [0, 40, 64, 100][random.below(4)];
        match random.below(10) {
            0..3 => {
                kept.push(Marked::take(pool, len, mark));
                account.lent += 1;
                account.bytes += pooled_bytes(len as u64, 64);
            }
            3 => drop(kept.pop()),
            4 => {
                if let Some(buffer) = kept.pop() {
                    shared.passed.lock().unwrap().push(buffer);
                }
            }
            5 => {
                let passed = shared.passed.lock().unwrap().pop();
                drop(passed);
            }
            6 => {
                let slice = shared.frame.alloc::<u8>(len);
                slice.fill(mark);
                account.lent += 1;
                account.bytes += frame_bytes(len as u64, 64);
                drop(pool.snapshot());
                assert_marked(slice, mark);
            }
            7 => {
                if let Ok(frame) = pool.try_begin_frame() {
                    frame.alloc::<u8>(len).fill(mark);
                    account.lent += 1;
                    account.bytes += frame_bytes(len as u64, 64);
                    account.snapshots.push(*frame.release_all());
                }
            }
            8 => account.snapshots.push(*pool.end_frame()),
            _ => match random.below(3) {
                0 => drop(pool.trim()),
                1 => assert_lawful_stats(&pool.stats()),
                _ => drop(pool.outstanding()),
            },
        }
    }
    account.snapshots.iter().for_each(assert_lawful);
    account
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner, L7 All of it comes back.
#[test]
fn random_program_of_four_threads_counts_exactly() {
    explore(16_000, |number| {
        let mut random = Seeded(number);
        let pool = BufferPool::builder()
            .max_frames_in_flight(3)
            .frame_block_bytes(4096)
            .thread_cache_bytes([0, 128, 2 << 20][random.below(3)])
            .build()
            .unwrap();
        let shared = Shared {
            pool: pool.clone(),
            frame: Arc::new(pool.begin_frame()),
            passed: Arc::default(),
        };
        let seed = random.next();
        let threads = crew(4, {
            let shared = shared.clone();
            move |at| work(&shared, &mut Seeded(seed ^ at as u64), at)
        });
        let mut account = Account::default();
        for part in join(threads) {
            account.lent += part.lent;
            account.bytes += part.bytes;
            account.snapshots.extend(part.snapshots);
        }
        shared.passed.lock().unwrap().clear();
        let frame = Arc::into_inner(shared.frame).expect("the threads are gone");
        account.snapshots.push(*frame.release_all());
        drop(shared.pool);
        let Account {
            lent,
            bytes,
            snapshots,
        } = account;
        close(pool, snapshots, [lent, lent, bytes, bytes]);
    });
}
