//! The resident part of the pool's memory, on systems that report it.

use framepool::telemetry::Resident;
use framepool::{BufferPool, HealthConfig, Watch};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// The resident bytes; without a report by the system nothing is tested.
fn resident(pool: &BufferPool) -> Option<Resident> {
    let resident = pool.resident();
    let is_known = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    assert!(resident.is_some() || !is_known || cfg!(framepool_sanitized));
    resident
}

#[test]
fn touched_memory_is_resident_and_untouched_is_not() {
    let pool = BufferPool::new();
    let mut large = pool.alloc::<u8>(8 << 20);
    let Some(before) = resident(&pool) else {
        return;
    };
    assert!(before.bytes < MIB, "{before:?}: nothing was touched");
    large.fill(1);
    let mut small: Vec<_> = (0..256).map(|_| pool.alloc::<u8>(4096)).collect();
    for buffer in &mut small {
        buffer.fill(1);
    }
    let after = resident(&pool).expect("as before");
    assert!(after.bytes >= 9 * MIB, "{after:?}");
    assert!(after.bytes <= pool.stats().pooled_bytes && after.time >= before.time);
    drop((large, small));
    pool.trim();
    let trimmed = resident(&pool).expect("as before");
    assert!(trimmed.bytes < 2 * MIB, "{trimmed:?}");
}

#[test]
fn frame_memory_is_resident_once_touched() {
    let pool = BufferPool::builder()
        .frame_block_bytes(1 << 20)
        .build()
        .expect("good settings");
    let touched = 6 * (900 << 10);
    for number in 0..3 {
        let frame = pool.begin_frame();
        for _ in 0..6 {
            frame.alloc::<u8>(900 << 10).fill(1);
        }
        let Some(open) = resident(&pool) else {
            return;
        };
        // The first frame grows; from the second on it has one block.
        let least = if number == 0 { 900 << 10 } else { touched };
        assert!(open.bytes >= least, "{open:?}");
        assert!(open.bytes <= pool.stats().pooled_bytes, "{open:?}");
        frame.release_all();
    }
    let idle = resident(&pool).expect("as before");
    assert!(
        idle.bytes >= touched,
        "{idle:?}: idle memory is resident too"
    );
}

#[test]
fn a_watch_says_what_is_resident_and_when() {
    let pool = BufferPool::new();
    let mut kept = pool.alloc::<u8>(4 << 20);
    kept.fill(1);
    if resident(&pool).is_none() {
        return;
    }
    let watch = Watch::start(&pool, HealthConfig::default());
    let deadline = Instant::now() + Duration::from_secs(30);
    let metrics = loop {
        if let Some(health) = watch.store().latest()
            && health.metrics.resident_bytes.is_some()
        {
            break health.metrics;
        }
        assert!(Instant::now() < deadline, "the watch never asked");
    };
    assert!(metrics.resident_bytes >= Some(4 * MIB));
    assert!(metrics.resident_at <= metrics.read_at);
    assert!(metrics.resident_at.unix_nanos() > 0);
}
