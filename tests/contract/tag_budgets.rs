//! The budgets of tags: hard ones refuse, soft ones raise an alert, and both count for the tags below.
//!
//! Laws: L10 A refusal tells the whole truth.

use std::thread;

#[cfg(feature = "telemetry")]
use framepool::telemetry::HeldBy;
use framepool::{AllocError, BufferPool, ConfigError, TagSettings};
#[cfg(feature = "telemetry")]
use framepool::{DiagnosticsStore, HealthMonitor, Rule, Thresholds};

#[cfg(feature = "telemetry")]
use crate::common::assert_lawful_stats;

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
    let error = zero.build().unwrap_err();
    let expected = ConfigError::MaxBytes {
        tag: Some("a".to_owned()),
        given: 0,
        min: 1,
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "max_bytes of tag `a` is 0; it must be at least 1"
    );
    let zero = BufferPool::builder().tag("a", settings().warn_bytes(0));
    assert_eq!(
        zero.build().unwrap_err().to_string(),
        "warn_bytes of tag `a` is 0; it must be at least 1"
    );
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
        text.contains("tag `a` had 102 % of its soft budget in use"),
        "{text}"
    );
    assert!(text.contains(&format!("tag_budgets.rs:{line}:")), "{text}");
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
