//! The walk over the block records while buffers change holders.

mod support;

use framepool_under_loom::BufferPool;
use loom::thread;
use support::{explore, shared};

/// One preemption at most: 808 executions; a search with two takes over 20 s.
#[test]
fn walker_names_the_line_holding_buffer_or_none() {
    explore(Some(1), || {
        let pool = shared(BufferPool::new());
        drop(pool.alloc::<u8>(1));
        let walker = {
            let pool = pool.clone();
            thread::spawn(move || pool.outstanding())
        };
        let (first, first_line) = (pool.alloc::<u8>(1), line!());
        drop(first);
        let (second, second_line) = (pool.alloc::<u8>(100), line!());
        let seen = walker.join().unwrap();
        for site in &seen.sites {
            let line = site.location.line();
            assert!(line == first_line || line == second_line);
            assert_eq!(site.buffers, 1);
            assert_eq!(site.bytes, if line == first_line { 64 } else { 128 });
            assert_eq!(site.oldest_age_frames, 0);
        }
        drop(second);
        assert_eq!(pool.outstanding().buffers, 0);
    });
}

/// Three preemptions at most: 6,687 executions.
#[test]
fn earlier_age_is_never_joined_to_later_site() {
    explore(Some(3), || {
        let pool = shared(BufferPool::new());
        let (old, old_line) = (pool.alloc::<u8>(1), line!());
        pool.end_frame();
        pool.end_frame();
        let walker = {
            let pool = pool.clone();
            thread::spawn(move || pool.outstanding())
        };
        drop(old);
        let new = pool.alloc::<u8>(1);
        for site in &walker.join().unwrap().sites {
            let expected = if site.location.line() == old_line {
                2
            } else {
                0
            };
            assert_eq!(site.oldest_age_frames, expected);
        }
        drop(new);
    });
}

/// The second walk reads the busy page, and the others only if needed.
///
/// One preemption at most; with two the search takes over six minutes.
#[test]
fn walk_meets_every_buffer_that_stays_out() {
    explore(Some(1), || {
        let pool = shared(BufferPool::new());
        let first = pool.alloc::<u8>(1);
        assert_eq!(pool.outstanding().buffers, 1);
        let others = [1, 1].map(|len| pool.alloc::<u8>(len));
        drop(first);
        let churning = {
            let pool = pool.clone();
            thread::spawn(move || drop(pool.alloc::<u8>(1)))
        };
        let out = pool.outstanding().buffers;
        assert!((2..=3).contains(&out), "{out} of the two that are kept");
        churning.join().unwrap();
        drop(others);
    });
}

/// The walk counts two buffers in use, and finds two on the busy page; one of them was allocated after the count.
///
/// Two preemptions at most.
#[test]
fn walk_continues_when_a_buffer_is_allocated_meanwhile() {
    explore(Some(2), || {
        let pool = shared(BufferPool::new());
        let first = pool.alloc::<u8>(1);
        let spare = pool.alloc::<u8>(1);
        assert_eq!(pool.outstanding().buffers, 2, "their page is busy");
        let (kept, line) = (pool.alloc::<u8>(1), line!());
        drop(spare);
        let walker = {
            let pool = pool.clone();
            thread::spawn(move || pool.outstanding())
        };
        let again = pool.alloc::<u8>(1);
        let seen = walker.join().unwrap();
        assert!(
            seen.sites.iter().any(|site| site.location.line() == line),
            "the one on another page was not met"
        );
        drop((first, kept, again));
    });
}
