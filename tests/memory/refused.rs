//! A request is retried after a refusal by the system, and refused memory is in no account.

use framepool::{AllocError, BufferPool};

use crate::alone::alone;
use crate::counting::{refuse_after, refuse_nothing};

fn limited(bytes: u64) -> BufferPool {
    BufferPool::builder()
        .thread_cache_bytes(0)
        .max_bytes(bytes)
        .build()
        .unwrap()
}

alone! {
    #[test]
    fn what_was_refused_leaves_the_budget_whole() {
        let pool = limited(1 << 20);
        drop(pool.alloc::<u8>(0));
        for _ in 0..10 {
            refuse_after(0, None);
            let refused = pool.try_alloc::<u8>(512 << 10);
            assert!(refuse_nothing());
            assert!(matches!(refused, Err(AllocError::OutOfMemory { .. })));
        }
        assert_eq!(pool.alloc::<u8>(1 << 20).len(), 1 << 20);
    }

    #[test]
    fn idle_memory_goes_when_the_system_refuses() {
        let pool = BufferPool::builder().thread_cache_bytes(0).build().unwrap();
        drop((0..4).map(|_| pool.alloc::<u8>(256 << 10)).collect::<Vec<_>>());
        // Refusals of the mapping, on systems with mappings, and of the allocator after it.
        let mapped = cfg!(all(
            target_os = "linux",
            target_pointer_width = "64",
            not(framepool_sanitized)
        ));
        refuse_after(0, Some(1 + u64::from(mapped)));
        let buffer = pool.try_alloc::<u8>(512 << 10);
        assert!(refuse_nothing());
        assert_eq!(buffer.expect("enough came back").len(), 512 << 10);
        if cfg!(feature = "telemetry") {
            assert_eq!(pool.stats().totals.evicted_bytes, 1 << 20);
        }
    }
}
