//! The overhead of small buffers counts against the limit, and is returned.

use framepool::telemetry::HeldBy;
use framepool::{Alignment, AllocError, Buffer, BufferPool};

use crate::alone::alone;

const LIMIT: u64 = 32 << 20;

/// Buffers of one or zero bytes until a refusal; and the refusal.
fn fill(pool: &BufferPool, bytes: usize, kept: &mut Vec<Buffer<u8>>) -> AllocError {
    while kept.len() < kept.capacity() {
        match pool.try_alloc::<u8>(bytes) {
            Ok(mut buffer) => {
                buffer.fill(1);
                kept.push(buffer);
            }
            Err(error) => return error,
        }
    }
    panic!("{} buffers of {bytes} bytes within the limit", kept.len());
}

fn limited(bytes: u64) -> BufferPool {
    BufferPool::builder().max_bytes(bytes).build().unwrap()
}

/// Resident bytes of the process; `None` if the system does not report them, if another C library keeps freed memory, or
/// under a sanitizer with its own memory.
fn resident() -> Option<i64> {
    if cfg!(framepool_sanitized) || !cfg!(target_env = "gnu") {
        return None;
    }
    // Exact, unlike the process's counters, and without the pages of the program itself.
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let anonymous = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"))?;
    let kib: i64 = anonymous.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// Makes the C library return the free parts of its heap, because it keeps small pieces otherwise.
fn release_free_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(keep: usize) -> std::ffi::c_int;
        }
        // SAFETY: it has no conditions.
        unsafe { malloc_trim(0) };
    }
}

alone! {
    #[test]
    fn one_byte_buffers_stay_within_the_limit() {
        let pool = limited(LIMIT);
        // The program's own list of them is allocated first.
        let mut kept: Vec<Buffer<u8>> = Vec::with_capacity(1 << 20);
        let spare = kept.spare_capacity_mut();
        // SAFETY: the bytes are the list's own, and hold no element.
        unsafe { spare.as_mut_ptr().write_bytes(1, spare.len()) };
        let before = resident();
        let error = fill(&pool, 1, &mut kept);
        if let (Some(before), Some(full)) = (before, resident()) {
            let grown = full - before;
            let exact = LIMIT as i64;
            assert!((grown - exact).abs() < exact / 8, "{grown} bytes for {exact}");
        }
        if cfg!(feature = "telemetry") {
            let AllocError::BudgetExceeded { requested, limit, held, parts, .. } = &error else {
                panic!("{error:?}");
            };
            let sum: u64 = parts.iter().map(|part| part.bytes).sum();
            assert_eq!(sum, *held, "L10: {parts:?}");
            assert!(held <= limit && held + requested > *limit, "{error:?}");
            let bookkeeping = parts.iter().find(|part| part.by == HeldBy::Bookkeeping);
            assert!(bookkeeping.is_some_and(|part| part.bytes > LIMIT / 3), "{parts:?}");
        }
        kept.clear();
        pool.trim();
        release_free_heap();
        if let (Some(before), Some(after)) = (before, resident()) {
            assert!(after - before < 4 << 20, "{} bytes stay", after - before);
        }
    }

    #[test]
    fn bookkeeping_leaves_the_account_with_its_blocks() {
        let pool = limited(4 << 20);
        let mut kept = Vec::with_capacity(1 << 17);
        let mut first = 0;
        for _ in 0..20 {
            fill(&pool, 1, &mut kept);
            first = first.max(kept.len());
            assert_eq!(kept.len(), first);
            kept.clear();
            pool.trim();
        }
        // All of it, without `trim`: idle small blocks are evicted with their overhead.
        fill(&pool, 1, &mut kept);
        kept.clear();
        drop(pool.alloc::<u8>(4 << 20));
    }

    #[test]
    fn buffers_without_bytes_are_limited_and_make_way() {
        let pool = limited(1 << 20);
        let mut kept = Vec::with_capacity(1 << 17);
        let error = fill(&pool, 0, &mut kept);
        if cfg!(feature = "telemetry") {
            assert!(error.to_string().contains("larger ones"), "{error}");
        }
        kept.clear();
        drop(pool.alloc::<u8>(1 << 20));
    }

    #[test]
    fn large_buffers_fill_a_limit_exactly() {
        for bytes in [512 << 10, 1 << 20] {
            let pool = limited(64 << 20);
            let kept: Vec<_> = (0..(64 << 20) / bytes).map(|_| pool.alloc::<u8>(bytes)).collect();
            assert!(pool.try_alloc::<u8>(1).is_err());
            drop(kept);
        }
    }
    #[test]
    fn small_buffer_takes_its_block_and_record() {
        const LIVE: usize = 100_000;
        // Bytes of a record, with its part of what the table and the slabs note.
        for (alignment, record) in [(Alignment::Bytes16, 38.0), (Alignment::Bytes64, 66.0)] {
            for bytes in [1, 8, 16, 24, 32, 48, 64, 65, 96, 128] {
                let pool = BufferPool::builder().alignment(alignment).build().unwrap();
                let mut kept: Vec<Buffer<u8>> = Vec::with_capacity(LIVE);
                let spare = kept.spare_capacity_mut();
                // SAFETY: the bytes are the list's own, and hold no element.
                unsafe { spare.as_mut_ptr().write_bytes(1, spare.len()) };
                // The pool's own memory is not the buffers'.
                drop(pool.alloc::<u8>(bytes));
                let before = resident();
                kept.extend((0..LIVE).map(|_| pool.alloc_zeroed(bytes)));
                if let (Some(before), Some(full)) = (before, resident()) {
                    let each = (full - before) as f64 / LIVE as f64;
                    println!("{alignment:?}, {bytes} B: {each:.1} B");
                    let block = pool.rounded_bytes(bytes).unwrap() as f64;
                    assert!(each <= block + record, "{bytes} B: {each} at {alignment:?}");
                }
                kept.clear();
                pool.trim();
                if let (Some(before), Some(after)) = (before, resident()) {
                    let each = (after - before) as f64 / LIVE as f64;
                    assert!(each < 4.0, "{bytes} B at {alignment:?}: {each} stay");
                }
            }
        }
    }
}
