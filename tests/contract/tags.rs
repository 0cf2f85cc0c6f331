//! Tags: every buffer counts for its tag on any allocating and releasing thread; and refusals by the budgets of tags.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up, L10 A refusal tells the whole truth.

use std::thread;

#[cfg(feature = "telemetry")]
use framepool::telemetry::HeldBy;
use framepool::telemetry::TagStats;
use framepool::{AllocError, BufferPool, ConfigError, TagSettings};
#[cfg(feature = "telemetry")]
use framepool::{DiagnosticsStore, HealthMonitor, Rule, Thresholds};

use crate::common::TELEMETRY;
#[cfg(feature = "telemetry")]
use crate::common::{assert_empty, assert_lawful_stats};

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

fn limited(limit: u64) -> BufferPool {
    BufferPool::builder()
        .tag("a", TagSettings::new().max_bytes(limit))
        .build()
        .unwrap()
}

#[test]
fn tag_budget_is_usable_to_the_last_byte() {
    let pool = limited(64 << 10);
    let tag = pool.tag("a");
    for _ in 0..3 {
        let mut kept: Vec<_> = (0..1024).map(|_| tag.alloc::<u8>(64)).collect();
        assert!(tag.try_alloc::<u8>(1).is_err());
        kept.pop();
        kept.push(tag.alloc::<u8>(64));
        assert!(tag.try_alloc::<u8>(1).is_err());
        let other = pool.alloc::<u8>(1 << 20);
        drop((kept, other));
    }
}

#[test]
fn a_budget_counts_for_the_tags_below() {
    let pool = BufferPool::builder()
        .tag("a/b", TagSettings::new().max_bytes(2048))
        .tag("a", TagSettings::new().max_bytes(4096))
        .build()
        .unwrap();
    let (outer, inner) = (pool.tag("a"), pool.tag("a/b"));
    let kept = [inner.alloc::<u8>(2048), outer.alloc::<u8>(2048)];
    let refused_by = |error| match error {
        AllocError::TagBudgetExceeded { tag, .. } => tag,
        other => panic!("{other}"),
    };
    assert_eq!(refused_by(inner.try_alloc::<u8>(1).unwrap_err()), "a/b");
    assert_eq!(refused_by(outer.try_alloc::<u8>(1).unwrap_err()), "a");
    let [of_inner, of_outer] = kept;
    drop(of_inner);
    let of_outer = [of_outer, outer.tag("c").alloc(2048)];
    assert_eq!(refused_by(inner.try_alloc::<u8>(1).unwrap_err()), "a");
    // The inner budget got back the bytes that the outer one refused.
    drop(of_outer);
    drop(inner.alloc::<u8>(2048));
}

#[test]
fn a_failed_alloc_takes_nothing_of_the_budget() {
    let pool = BufferPool::builder()
        .max_bytes(1 << 20)
        .tag("a", TagSettings::new().max_bytes(8 << 20))
        .build()
        .unwrap();
    let tag = pool.tag("a");
    for _ in 0..100 {
        let error = tag.try_alloc::<u8>(2 << 20).unwrap_err();
        assert!(matches!(error, AllocError::BudgetExceeded { .. }));
    }
    drop(tag.alloc::<u8>(1 << 19));
}

#[test]
fn credit_comes_back_when_a_thread_ends() {
    let pool = limited(64 << 10);
    // This thread has a slot of its own, not that of a thread that ended.
    drop(pool.alloc::<u8>(1));
    for _ in 0..50 {
        let tag = pool.tag("a");
        thread::spawn(move || drop(tag.alloc::<u8>(64)))
            .join()
            .unwrap();
    }
    drop(pool.tag("a").alloc::<u8>(64 << 10));
}

#[cfg(feature = "telemetry")]
#[test]
fn refusal_names_holders_by_site_and_tag() {
    let pool = limited(16 << 10);
    let (tag, below) = (pool.tag("a"), pool.tag("a/b"));
    let _other = pool.tag("c").alloc::<u8>(1 << 20);
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(tag.alloc::<u8>(1024));
        kept.push(below.alloc::<u8>(2048));
    }
    let error = tag.try_alloc::<u8>(8 << 10).unwrap_err();
    let text = error.to_string();
    let AllocError::TagBudgetExceeded {
        tag,
        requested,
        in_use,
        limit,
        held,
        parts,
        holders,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((tag.as_str(), requested, limit), ("a", 8 << 10, 16 << 10));
    assert_eq!(in_use, 9 << 10);
    let sum: u64 = parts.iter().map(|part| part.bytes).sum();
    assert_eq!(sum, held, "L10: {parts:?}");
    let named: Vec<_> = holders
        .iter()
        .map(|site| (site.tag.as_str(), site.bytes))
        .collect();
    assert_eq!(named, [("a/b", 6 << 10), ("a", 3 << 10)]);
    let has_part = |wanted: &str| {
        parts
            .iter()
            .any(|part| matches!(&part.by, HeldBy::CallSite { tag, .. } if tag == wanted))
    };
    assert!(has_part("a") && has_part("a/b") && !has_part("c"));
    assert!(text.contains("the budget of tag `a` of 16.0 KiB"), "{text}");
    assert_lawful_stats(&pool.stats());
    assert_eq!(pool.stats().totals.counts.budget_refusals, 1);
}

#[test]
fn settings_of_tags_are_checked() {
    let settings = TagSettings::new;
    let zero = BufferPool::builder().tag("a", settings().max_bytes(0));
    let error = ConfigError::MaxBytes { given: 0, min: 1 };
    assert_eq!(zero.build().unwrap_err(), error);
    let many = (0..32).fold(BufferPool::builder(), |builder, number| {
        builder.tag(format!("tag {number}"), settings())
    });
    let error = ConfigError::Tags { given: 32, max: 31 };
    assert_eq!(many.build().unwrap_err(), error);
    // The last settings of a name count.
    let pool = BufferPool::builder()
        .tag("a", settings().max_bytes(64))
        .tag("a", settings())
        .build()
        .unwrap();
    drop(pool.tag("a").alloc::<u8>(1000));
}

#[cfg(feature = "telemetry")]
#[test]
fn soft_budget_raises_alert_naming_the_tag() {
    let pool = BufferPool::builder()
        .tag("a", TagSettings::new().warn_bytes(1000))
        .tag("b", TagSettings::new().warn_bytes(1000))
        .build()
        .unwrap();
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let below = pool.tag("a/c");
    let (few, line) = (below.alloc::<u8>(896), line!());
    assert!(monitor.emit_now(&pool).raised.is_empty());
    let frame = pool.tag("a").begin_frame();
    frame.alloc::<u8>(128);
    let health = monitor.emit_now(&pool);
    let [alert] = &health.raised[..] else {
        panic!("{health}");
    };
    assert_eq!((alert.rule, alert.tag.as_str()), (Rule::TagBudget, "a"));
    let text = alert.to_string();
    assert!(
        text.contains("tag `a` uses 102 % of its soft budget"),
        "{text}"
    );
    assert!(text.contains(&format!("tags.rs:{line}:")), "{text}");
    assert_eq!(health.tags[0].total.live_bytes(), 1024);
    let more = below.alloc::<u8>(2048);
    let escalated = &monitor.emit_now(&pool).raised[0];
    assert_eq!(escalated.id, alert.id);
    assert!(escalated.escalated_from.is_some());
    let store = DiagnosticsStore::new();
    store.receive(monitor.emit_now(&pool));
    assert!(store.to_string().contains("a/c"), "{store}");
    drop((few, more));
    frame.release_all();
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
