//! Threads that end with buffers in their magazines and thread-locals and while frames are open, and threads that begin at
//! the same moment and claim their slots.

use std::cell::RefCell;

use framepool::{Buffer, BufferPool};
use shuttle::sync::Arc;
use shuttle::thread::spawn;

use crate::common::{assert_lawful, frame_bytes};
use crate::support::{Marked, assert_marked, close, crew, explore, join};

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L6 One owner, L7 All of it comes back.
#[test]
fn slots_reclaimed_in_open_frame_lend_nothing_twice() {
    explore(6_000, |_| {
        let pool = BufferPool::builder()
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let frame = Arc::new(pool.begin_frame());
        let work = {
            let (pool, frame) = (pool.clone(), Arc::clone(&frame));
            move |mark: u8| {
                let slice = frame.alloc::<u8>(100);
                slice.fill(mark);
                let kept = [Marked::take(&pool, 60, mark), Marked::take(&pool, 60, mark)];
                assert_marked(slice, mark);
                drop(kept);
                slice.as_ptr().addr()
            }
        };
        let parents = crew(2, move |number| {
            let mark = number as u8 * 2 + 1;
            let mine = work(mark);
            let work = work.clone();
            // Begins while its parent ends.
            (mine, spawn(move || work(mark + 1)))
        });
        let folder = {
            let pool = pool.clone();
            spawn(move || {
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                *snapshot
            })
        };
        let mut lent = Vec::new();
        for (mine, child) in join(parents) {
            lent.extend([mine, child.join().unwrap()]);
        }
        lent.sort_unstable();
        assert!(lent.windows(2).all(|pair| pair[1] - pair[0] >= 100), "L6");
        let snapshots = vec![
            folder.join().unwrap(),
            *Arc::into_inner(frame).unwrap().release_all(),
        ];
        let stats = pool.stats();
        assert!(stats.slots <= 4, "{} slots for four threads", stats.slots);
        let bytes = 4 * (frame_bytes(100, 64) + 2 * 64);
        close(pool, snapshots, [12, 12, bytes, bytes]);
    });
}

shuttle::thread_local! {
    static REMAINS: RefCell<Vec<Buffer<u8>>> = RefCell::new(Vec::new());
}

/// Laws: L1 Conservation, L2 Never negative, L3 It adds up, L4 Whole and ordered, L7 All of it comes back.
#[test]
fn thread_locals_return_buffers_in_either_initialisation_order() {
    explore(6_000, |_| {
        let pool = BufferPool::new();
        let shared = pool.clone();
        let threads = crew(4, move |number| {
            if number % 2 == 0 {
                // Before the pool's own thread-local, so that it is dropped in the other order.
                REMAINS.with(|_| ());
            }
            let first = shared.alloc::<u8>(1);
            REMAINS.with(|remains| remains.borrow_mut().push(first));
            drop(shared.alloc::<u8>(100));
        });
        let folders = crew(1, {
            let pool = pool.clone();
            move |_| {
                let snapshot = pool.end_frame();
                assert_lawful(&snapshot);
                *snapshot
            }
        });
        let snapshots = join(folders);
        join(threads);
        close(pool, snapshots, [8, 8, 4 * 192, 4 * 192]);
    });
}
