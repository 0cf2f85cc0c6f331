//! Tags: every buffer counts for its tag on any allocating and releasing thread.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use framepool::telemetry::TagStats;
use framepool::{BufferPool, TagSettings};
#[cfg(feature = "telemetry")]
use framepool::{HealthMonitor, Rule, Thresholds};

use crate::common::TELEMETRY;
#[cfg(feature = "telemetry")]
use crate::common::assert_empty;

#[track_caller]
fn stats(pool: &BufferPool, name: &str) -> TagStats {
    pool.tags().get(name).expect("the tag exists").clone()
}

/// Live buffers and bytes of a tag and the tags below it.
#[track_caller]
fn live(pool: &BufferPool, name: &str) -> (u64, u64) {
    let total = stats(pool, name).total;
    assert!(total.releases <= total.allocs, "L2");
    assert!(total.release_bytes <= total.alloc_bytes, "L2");
    (total.live_buffers(), total.live_bytes())
}

#[test]
fn one_name_is_one_tag() {
    let pool = BufferPool::new();
    let shadows = pool.tag("render").tag("shadows");
    assert_eq!(shadows.name(), "render/shadows");
    for same in ["render/shadows", "/render//shadows/", " render / shadows "] {
        assert_eq!(pool.tag(same).name(), "render/shadows");
    }
    assert_eq!(pool.tag("").name(), "(unnamed)");
    assert_eq!(pool.tags().tags.len(), 3);
    assert_eq!(shadows.pool().id(), pool.id());
}

#[cfg(feature = "telemetry")]
#[test]
fn buffers_count_for_their_tag_and_those_above() {
    let pool = BufferPool::new();
    let (render, shadows) = (pool.tag("render"), pool.tag("render/shadows"));
    let kept = [
        render.alloc::<u8>(64),
        shadows.alloc_zeroed::<u8>(100),
        shadows.alloc_copy(&[1_u8; 200]),
        pool.alloc::<u8>(1000),
    ];
    assert_eq!(live(&pool, "render"), (3, 64 + 128 + 256));
    assert_eq!(live(&pool, "render/shadows"), (2, 128 + 256));
    assert_eq!(stats(&pool, "render").own.live_bytes(), 64);
    let tags = pool.tags();
    assert_eq!(tags.untagged.live_buffers(), 1);
    let all = tags.untagged.live_bytes() + tags.get("render").unwrap().total.live_bytes();
    assert_eq!(all, pool.stats().in_use_bytes, "L3");
    drop(kept);
    assert_eq!(live(&pool, "render"), (0, 0));
    assert_eq!(stats(&pool, "render").total.allocs, 3);
    assert_eq!(stats(&pool, "render").peak_bytes, 64 + 128 + 256);
}

#[cfg(feature = "telemetry")]
#[test]
fn a_block_forgets_its_tag_when_released() {
    let pool = BufferPool::new();
    let tag = pool.tag("a");
    for _ in 0..3 {
        drop(tag.alloc::<u8>(100));
        drop(pool.alloc::<u8>(100));
        drop(tag.alloc::<u8>(2 << 20));
        drop(pool.alloc::<u8>(2 << 20));
        drop(tag.alloc::<u8>(0));
        drop(pool.alloc::<u8>(0));
    }
    let kept = pool.alloc::<u8>(100);
    let out = pool.outstanding();
    assert_eq!((out.sites.len(), out.sites[0].tag.as_str()), (1, ""));
    assert_eq!(out.bytes, 128);
    drop(kept);
    let tags = pool.tags();
    assert_eq!(tags.get("a").unwrap().own.allocs, 9);
    assert_eq!(tags.get("a").unwrap().own.releases, 9);
    assert_eq!((tags.untagged.allocs, tags.untagged.releases), (10, 10));
    assert_empty(&pool);
}

#[cfg(feature = "telemetry")]
#[test]
fn cross_thread_release_counts_for_its_tag() {
    let pool = BufferPool::new();
    let tag = pool.tag("a");
    for len in [1, 1000, 3 << 20] {
        let kept: Vec<_> = (0..100).map(|_| tag.alloc::<u8>(len)).collect();
        thread::spawn(move || drop(kept)).join().unwrap();
        assert_eq!(live(&pool, "a"), (0, 0), "L1");
    }
    assert_eq!(stats(&pool, "a").own.releases, 300);
}

/// The next owner of a thread's slot uses the same tags.
#[cfg(feature = "telemetry")]
#[test]
fn holders_of_a_tag_have_their_own_thread() {
    let pool = BufferPool::new();
    let tag = pool.tag("a");
    // Held to the end, so that the main thread claims no slot in between.
    let held = ["first", "second"].map(|name| {
        let tag = tag.clone();
        let thread = thread::Builder::new().name(name.to_owned());
        let allocating = thread.spawn(move || tag.alloc::<u8>(100));
        let held = allocating.unwrap().join().unwrap();
        let threads = pool.outstanding().threads;
        assert!(threads.iter().any(|it| it.thread == name), "{threads:?}");
        held
    });
    assert_eq!(pool.stats().slots, 1);
    drop(held);
}

#[cfg(feature = "telemetry")]
#[test]
fn frames_count_for_their_tag() {
    let pool = BufferPool::new();
    let tag = pool.tag("physics");
    for _ in 0..2 {
        let (frame, other) = (tag.begin_frame(), pool.begin_frame());
        frame.alloc::<u8>(64);
        other.alloc::<u8>(128);
        let kept = tag.alloc::<u8>(64);
        assert_eq!(live(&pool, "physics"), (2, 128));
        thread::scope(|scope| {
            scope.spawn(|| frame.alloc::<u8>(64));
        });
        assert_eq!(live(&pool, "physics"), (3, 192));
        drop(kept);
        frame.release_all();
        assert_eq!(live(&pool, "physics"), (0, 0));
        let of_frame = stats(&pool, "physics").frame;
        assert_eq!((of_frame.allocs, of_frame.releases), (3, 3));
        other.release_all();
        assert_eq!(stats(&pool, "physics").frame.allocs, 0);
        let tags = pool.tags();
        assert_eq!(tags.untagged.live_buffers(), 0);
    }
    assert_eq!(stats(&pool, "physics").total.allocs, 6);
}

#[cfg(feature = "telemetry")]
#[test]
fn frame_memory_counts_in_peak_and_budget() {
    let settings = TagSettings::new().warn_bytes(1 << 20);
    let builder = BufferPool::builder().tag("particles/fire", settings);
    let pool = builder.build().unwrap();
    let tag = pool.tag("particles/fire");
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let frame = tag.begin_frame();
    frame.alloc::<u8>(2 << 20);
    frame.alloc::<u8>(1 << 20);
    monitor.record(&frame.release_all());
    let peak = stats(&pool, "particles").frame.alloc_bytes;
    assert!(peak >= 3 << 20);
    for name in ["particles", "particles/fire"] {
        let stats = stats(&pool, name);
        assert_eq!(stats.total.live_bytes(), 0);
        assert_eq!(stats.peak_bytes, peak, "{name}");
        assert_eq!(stats.recent_peak_bytes, peak, "{name}");
    }
    let health = monitor.emit_now(&pool);
    let alert = &health.raised[0];
    assert_eq!(alert.rule, Rule::TagBudget);
    assert!((3.0..3.1).contains(&alert.value), "{alert}");
    assert!(alert.next_step.contains("frame_memory"), "{alert}");

    pool.begin_frame().release_all();
    let kept = tag.alloc::<u8>(4096);
    pool.end_frame();
    assert_eq!(stats(&pool, "particles").peak_bytes, peak, "once each");
    drop(kept);
}

#[cfg(feature = "telemetry")]
#[test]
fn holders_are_told_apart_by_tag() {
    let pool = BufferPool::new();
    let tags = [pool.tag("a"), pool.tag("b")];
    let kept: Vec<_> = (0..6)
        .map(|at| tags[usize::from(at >= 4)].alloc::<u8>(64))
        .collect();
    let out = pool.outstanding();
    let found: Vec<_> = out
        .sites
        .iter()
        .map(|site| (site.tag.as_str(), site.buffers))
        .collect();
    assert_eq!(found, [("a", 4), ("b", 2)]);
    assert!(out.to_string().contains("thread"), "{out}");
    drop(kept);
    // An earlier result, of a pool whose tags have other names.
    let mut out = out;
    let other = BufferPool::new();
    let _kept = other.tag("c").alloc::<u8>(1);
    other.outstanding_into(&mut out);
    assert_eq!(out.sites[0].tag, "c");
}

#[test]
fn tags_beyond_the_limit_count_for_parent_tag() {
    let pool = BufferPool::builder()
        .tag("render", TagSettings::new().max_bytes(1 << 20))
        .build()
        .unwrap();
    let render = pool.tag("render");
    for number in 0..200 {
        let _ = pool.tag(&format!("tag {number}"));
    }
    assert_eq!(pool.tag("tag 199").name(), "(other tags)");
    assert_eq!(pool.tag("tag 5").name(), "tag 5");
    let late = render.tag("late/er");
    assert_eq!(late.name(), "render");
    let tags = pool.tags();
    assert_eq!(tags.tags.len(), 127);
    assert!(tags.beyond_limit >= 75);
    assert!(late.try_alloc::<u8>(2 << 20).is_err(), "the budget counts");
    let kept = pool.tag("tag 199").alloc::<u8>(64);
    if TELEMETRY {
        assert_eq!(live(&pool, "(other tags)"), (1, 64));
    }
    drop(kept);
}

#[test]
fn buffers_with_tags_outlive_the_pool() {
    let pool = BufferPool::builder()
        .tag("b", TagSettings::new().max_bytes(1 << 20))
        .build()
        .unwrap();
    let kept = [pool.tag("a").alloc::<u8>(100), pool.tag("b").alloc(100)];
    let other = pool.tag("a").alloc::<u8>(3 << 20);
    drop(pool);
    drop(kept);
    thread::spawn(move || drop(other)).join().unwrap();
}

/// The thread that drops the buffer last used the lane of its tag, and keeps buffers there.
#[test]
fn pool_is_freed_with_its_last_tagged_buffer() {
    let pool = BufferPool::new();
    let published = pool.snapshot();
    let tag = pool.tag("a");
    let (done, wait_for_it) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let worker = thread::spawn(move || {
        drop((0..50).map(|_| tag.alloc::<u8>(1000)).collect::<Vec<_>>());
        let kept = tag.alloc::<u8>(1000);
        drop(tag);
        done.send(()).unwrap();
        if may_go_on.recv().is_err() {
            // The test has failed: the pool may be gone.
            return std::mem::forget(kept);
        }
        drop(kept);
        done.send(()).unwrap();
        let _ = may_go_on.recv();
    });
    wait_for_it.recv().unwrap();
    drop(pool);
    assert!(Arc::strong_count(&published) > 1, "the buffer keeps it");
    go_on.send(()).unwrap();
    wait_for_it.recv().unwrap();
    assert_eq!(Arc::strong_count(&published), 1, "the thread does not");
    drop(go_on);
    worker.join().unwrap();
}

#[cfg(feature = "telemetry")]
#[test]
fn each_tag_has_its_own_limit_of_age() {
    let pool = BufferPool::builder()
        .expect_release_within(100)
        .tag("temporary", TagSettings::new().expect_release_within(2))
        .tag("cache", TagSettings::new().expect_release_within(1000))
        .build()
        .unwrap();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let tags = ["temporary/below", "cache", "other"].map(|name| pool.tag(name));
    let kept: Vec<_> = tags.iter().map(|tag| tag.alloc::<u8>(64)).collect();
    let end_frames = |count| (0..count).for_each(|_| drop(pool.end_frame()));
    end_frames(2);
    assert!(monitor.emit_now(&pool).raised.is_empty());
    end_frames(1);
    let health = monitor.emit_now(&pool);
    assert_eq!(health.raised[0].rule, Rule::Overdue);
    let verdict = health.raised[0].verdict.as_ref().unwrap();
    assert_eq!(
        (verdict.tag.as_str(), verdict.overdue),
        ("temporary/below", 1)
    );
    end_frames(98);
    let overdue = monitor.emit_now(&pool);
    let overdue: Vec<_> = overdue
        .verdicts
        .iter()
        .filter(|verdict| verdict.overdue > 0)
        .map(|verdict| verdict.tag.as_str())
        .collect();
    assert_eq!(overdue, ["temporary/below", "other"]);
    drop(kept);
}
