//! The levels of the rules, and their setters.

use std::time::Duration;

use crate::health::{Limits, Rule, Severity, Thresholds};

#[test]
fn above_and_from_are_told_apart() {
    let thresholds = Thresholds::default();
    let severity = |rule, value| {
        thresholds
            .limits(rule)
            .severity(rule, value, None, Severity::Critical)
    };
    assert_eq!(severity(Rule::PooledBytes, 50e6), None);
    assert_eq!(
        severity(Rule::PooledBytes, 50e6 + 1.0),
        Some(Severity::Warning)
    );
    assert_eq!(severity(Rule::PooledBytes, 100e6), Some(Severity::Warning));
    assert_eq!(
        severity(Rule::PooledBytes, 100e6 + 1.0),
        Some(Severity::Critical)
    );
    assert_eq!(severity(Rule::PoolKeys, 50.0), None);
    assert_eq!(severity(Rule::PoolKeys, 101.0), Some(Severity::Critical));
    assert_eq!(severity(Rule::Leak, 0.0), None);
    assert_eq!(severity(Rule::Leak, 1.0), Some(Severity::Warning));
    assert_eq!(severity(Rule::Leak, 10.0), Some(Severity::Critical));
    assert_eq!(severity(Rule::FrameBudget, f64::MAX), None);
}

#[test]
fn critical_level_below_warning_level_suppresses_warning() {
    let thresholds = Thresholds::default().pooled_bytes(u64::MAX, 1000);
    let limits = thresholds.limits(Rule::PooledBytes);
    let severity =
        |value, current| limits.severity(Rule::PooledBytes, value, current, Severity::Critical);
    assert_eq!(severity(1000.0, None), None);
    assert_eq!(severity(1001.0, None), Some(Severity::Critical));
    assert_eq!(
        severity(901.0, Some(Severity::Critical)),
        Some(Severity::Critical)
    );
    assert_eq!(severity(900.0, Some(Severity::Critical)), None);
}

#[test]
fn nonsense_is_made_harmless() {
    let nonsense = Limits {
        warning: f64::NAN,
        critical: -1.0,
        clear_ratio: 7.0,
        raise_after: Duration::MAX,
        clear_after: Duration::MAX,
    };
    let limits = Thresholds::default()
        .with_limits(Rule::Leak, nonsense)
        .limits(Rule::Leak);
    assert_eq!(
        limits.severity(Rule::Leak, 0.0, None, Severity::Critical),
        None
    );
    assert_eq!(
        limits.severity(
            Rule::Leak,
            0.0,
            Some(Severity::Critical),
            Severity::Critical
        ),
        None
    );
    assert_eq!(
        limits.severity(Rule::Leak, 1.0, None, Severity::Critical),
        Some(Severity::Critical)
    );
    assert!((limits.clear_ratio - 1.0).abs() < f64::EPSILON);
    assert!(limits.warning.is_infinite() && limits.critical.abs() < f64::EPSILON);
    let never = Limits {
        clear_ratio: 0.0,
        ..Thresholds::default().limits(Rule::FrameBudget)
    };
    assert_eq!(
        never.severity(Rule::FrameBudget, 1e12, None, Severity::Critical),
        None
    );
}

#[test]
fn bloat_and_misses_are_judged_by_set_thresholds() {
    let usual = Thresholds::default();
    let critical = Limits {
        critical: 1.0,
        ..usual.limits(Rule::Bloat)
    };
    let set = usual
        .clone()
        .with_limits(Rule::Bloat, critical)
        .bloat(1000, Duration::from_secs(7))
        .warm_up(30, 40)
        .misses(0.25);
    let expected = Limits {
        warning: 1000.0,
        raise_after: Duration::from_secs(7),
        ..usual.limits(Rule::Bloat)
    };
    assert_eq!(set.limits(Rule::Bloat), expected);
    assert_eq!((set.warm_up_frames(), set.warm_up_allocs()), (30, 40));
    let misses = |ratio| {
        set.limits(Rule::Misses)
            .severity(Rule::Misses, ratio, None, Severity::Critical)
    };
    assert_eq!(
        (misses(0.25), misses(0.26)),
        (None, Some(Severity::Warning))
    );
    assert_eq!(set.limits(Rule::Leak), usual.limits(Rule::Leak));
}

#[test]
fn every_rule_has_its_own_place() {
    for (place, rule) in Rule::ALL.iter().copied().enumerate() {
        assert_eq!(rule as usize, place);
        let off = Thresholds::default().off(rule);
        for &other in Rule::ALL {
            assert_eq!(
                off.limits(other) == Thresholds::default().limits(other),
                other != rule || rule == Rule::FrameBudget
            );
        }
    }
}

#[test]
fn the_default_limits_are_those_of_the_table() {
    let never = f64::INFINITY;
    let seconds = Duration::from_secs;
    // Warning, critical, clear ratio, raised after, resolved after.
    let table = [
        (Rule::Leak, 1.0, 10.0, 1.0, 0, 0),
        (Rule::Overdue, 1.0, 10.0, 1.0, 0, 0),
        (Rule::TagBudget, 1.0, 2.0, 0.9, 0, 1),
        (Rule::PooledBytes, 50e6, 100e6, 0.9, 0, 1),
        (Rule::Refusals, 1.0, never, 1.0, 0, 5),
        (Rule::PoolKeys, 50.0, 100.0, 0.9, 0, 1),
        (Rule::Bloat, 16e6, never, 0.9, 5, 1),
        (Rule::OpenFrame, 1.0, 2.0, 1.0, 0, 0),
        (Rule::Misses, 0.05, never, 0.9, 0, 1),
        (Rule::FrameBudget, never, never, 0.9, 0, 1),
        (Rule::MissedBytes, 1e6, never, 0.9, 1, 1),
        (Rule::SystemCalls, 100.0, never, 0.9, 1, 1),
        (Rule::Stalled, 1.0, never, 1.0, 0, 0),
        (Rule::TelemetryLost, 1.0, never, 1.0, 0, 5),
    ];
    assert_eq!(table.map(|row| row.0), Rule::ALL);
    let usual = Thresholds::default();
    for (rule, warning, critical, clear_ratio, raised, resolved) in table {
        let expected = Limits {
            warning,
            critical,
            clear_ratio,
            raise_after: seconds(raised),
            clear_after: seconds(resolved),
        };
        assert_eq!(usual.limits(rule), expected, "{rule}");
    }
    assert_eq!((usual.warm_up_frames(), usual.warm_up_allocs()), (120, 100));
}
