//! Ten thousand threads that come and go, a crowd at a time.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L7 All of it comes back.

use std::sync::Mutex;

use framepool::BufferPool;

use crate::alone::alone;
use crate::books::{Books, CROWD, crowd, mark, to_the_last_byte};
use crate::common::{TELEMETRY, assert_lawful};

alone! {
    #[test]
    fn ten_thousand_threads_leave_no_count_or_byte() {
        to_the_last_byte(10_000, |threads| {
            let pool = BufferPool::builder()
                .max_frames_in_flight(16)
                .frame_block_bytes(8192)
                .build()
                .unwrap();
            let books = Books::default();
            let left_behind = Mutex::new(Vec::new());
            for from in (0..threads).step_by(CROWD) {
                let open = pool.begin_frame();
                crowd(CROWD.min(threads - from), |number| {
                    let mark = mark(number, from);
                    let kept = books.buffer(&pool, number * 10, mark);
                    books.in_frame(&open, number, mark, || drop(books.buffer(&pool, 300, !mark)));
                    if let (0, Ok(frame)) = (number % 8, pool.try_begin_frame()) {
                        books.in_frame(&frame, number * 20, mark, || ());
                        assert_lawful(&frame.release_all());
                    }
                    // One thread's buffers are dropped by another.
                    let left = std::mem::replace(&mut *left_behind.lock().unwrap(), vec![kept]);
                    drop(left);
                });
                assert_lawful(&open.release_all());
            }
            drop(left_behind);
            if TELEMETRY {
                let slots = pool.stats().slots;
                assert!(slots <= CROWD as u32 + 1, "{slots} slots for a crowd of {CROWD}");
            }
            books.compare(&pool);
        });
    }
}
