//! The life of alerts: raised once, held, escalated, eased, and resolved once.

use std::time::{Duration, Instant};

use super::*;
use crate::BufferPool;

#[test]
fn overdue_buffers_alert_and_resolve_once_per_site() {
    let mut bench = Bench::new(Thresholds::default());
    let (a, b) = (here(), here());
    let health = bench.overdue(0, &[(a, 3), (b, 0)]);
    assert_eq!(
        severities(&health.raised),
        [(Rule::Overdue, Severity::Warning)]
    );
    assert_eq!(health.status, HealthStatus::Warning);
    assert_eq!(health.leaks.len(), 1);
    assert_eq!(health.metrics.leak_suspects, 3);
    let first = health.raised[0].clone();
    assert_eq!(
        (first.site, first.pool == "render", first.escalated_from),
        (Some(a), true, None)
    );

    let health = bench.overdue(200, &[(a, 3), (b, 2)]);
    assert_eq!(health.raised.len(), 1);
    assert_eq!(health.raised[0].site, Some(b));
    assert_ne!(health.raised[0].id, first.id);
    assert_eq!(health.active.len(), 2);
    assert!(health.resolved.is_empty());

    let health = bench.overdue(400, &[(b, 2)]);
    assert!(health.raised.is_empty());
    assert_eq!(health.resolved.len(), 1);
    let over = &health.resolved[0];
    assert_eq!(
        (over.id, over.state, over.site),
        (first.id, AlertState::Resolved, Some(a))
    );
    assert_eq!((over.raised_frame.get(), over.frame.get()), (0, 400));
    assert_eq!(over.lasted(), Duration::from_millis(400));
    assert_eq!(health.active.len(), 1);

    let health = bench.overdue(600, &[]);
    assert_eq!(
        (health.status, health.resolved.len()),
        (HealthStatus::Healthy, 1)
    );
    assert!(bench.overdue(800, &[]).resolved.is_empty());

    let again = bench.overdue(1000, &[(a, 1)]);
    assert_eq!(again.raised[0].id, first.id);
}

#[test]
fn a_monitor_starts_over_with_another_pool() {
    let overdue = BufferPool::builder()
        .expect_release_within(1)
        .build()
        .unwrap();
    let kept = overdue.alloc::<u8>(1);
    let mut monitor = HealthMonitor::new(Thresholds::default());
    for _ in 0..3 {
        monitor.record(&overdue.end_frame());
    }
    monitor.record_lost(1);
    let health = monitor.emit_now(&overdue);
    assert_eq!((health.active.len(), health.metrics.lost_records), (2, 1));
    let health = monitor.emit_now(&BufferPool::new());
    assert_eq!((health.active.len(), health.resolved.len()), (0, 0));
    assert_eq!(health.metrics.lost_records, 0);
    assert_eq!(health.worst, WorstFrames::default());
    drop(kept);
}

#[test]
fn another_pool_keeps_the_setup_and_its_records() {
    let window = Duration::from_secs(1);
    let mut monitor = HealthMonitor::new(Thresholds::default()).with_window(window);
    let (one, other) = (BufferPool::new(), BufferPool::new());
    monitor.record_frame(&one.end_frame(), window / 2);
    assert_eq!(monitor.emit_now(&one).metrics.frames_measured, 1);
    for _ in 0..3 {
        monitor.record_frame(&other.end_frame(), window / 2);
    }
    let health = monitor.emit_now(&other);
    assert_eq!(health.metrics.frames_measured, 2, "of 3, in one second");
}

#[test]
fn another_pool_begins_its_own_time() {
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let (one, other) = (BufferPool::new(), BufferPool::new());
    let start = Instant::now();
    let hour = Duration::from_secs(3_600);
    assert_eq!(monitor.emit_at(&one, start).unwrap().at, Duration::ZERO);
    monitor.record(&other.end_frame());
    let health = monitor.emit_at(&other, start + hour).unwrap();
    assert_eq!(health.at, Duration::ZERO);
    let health = monitor.emit_at(&one, start + 2 * hour).unwrap();
    assert_eq!(health.at, Duration::ZERO);
}

#[test]
fn an_escalation_is_the_same_alert_raised_again() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    let id = bench.overdue(0, &[(site, 9)]).raised[0].id;
    let health = bench.overdue(200, &[(site, 10)]);
    assert_eq!(health.raised.len(), 1);
    let alert = &health.raised[0];
    assert_eq!(
        (alert.id, alert.severity, alert.escalated_from),
        (id, Severity::Critical, Some(Severity::Warning))
    );
    assert_eq!(
        (alert.raised_frame.get(), alert.frame.get(), alert.threshold),
        (0, 200, 10.0)
    );
    assert_eq!(health.status, HealthStatus::Critical);
    assert!(bench.overdue(400, &[(site, 11)]).raised.is_empty());

    // Easing shows only in the active alerts.
    let health = bench.overdue(600, &[(site, 2)]);
    assert!(health.raised.is_empty() && health.resolved.is_empty());
    assert_eq!(
        severities(&health.active),
        [(Rule::Overdue, Severity::Warning)]
    );
    assert_eq!(
        (health.active[0].value, health.active[0].worst),
        (2.0, 11.0)
    );
    assert_eq!(health.status, HealthStatus::Warning);

    let health = bench.overdue(800, &[]);
    assert_eq!(
        severities(&health.resolved),
        [(Rule::Overdue, Severity::Warning)]
    );
}

#[test]
fn value_swinging_around_its_level_raises_once() {
    let mut bench = Bench::new(Thresholds::default());
    let mut raised = 0;
    let mut resolved = 0;
    for step in 0..100 {
        let bytes = if step % 2 == 0 { 51 * MB } else { 49 * MB };
        let health = bench.pooled(step * 200, bytes);
        raised += health.raised.len();
        resolved += health.resolved.len();
    }
    assert_eq!((raised, resolved), (1, 0));
    // Sometimes far below, but never for the whole hold time.
    for step in 100..200 {
        let bytes = if step % 4 == 0 { 51 * MB } else { MB };
        let health = bench.pooled(step * 200, bytes);
        raised += health.raised.len();
        resolved += health.resolved.len();
    }
    assert_eq!((raised, resolved), (1, 0));
    assert!(bench.pooled(40_000, MB).resolved.is_empty());
    assert!(bench.pooled(40_399, MB).resolved.is_empty());
    assert_eq!(bench.pooled(40_400, MB).resolved.len(), 1);
}

#[test]
fn hold_time_restarts_after_every_break() {
    let hold = Duration::from_secs(2);
    let mut bench = Bench::new(Thresholds::default().hold(hold));
    assert!(bench.pooled(0, 60 * MB).raised.is_empty());
    assert!(bench.pooled(1900, 60 * MB).raised.is_empty());
    assert!(bench.pooled(1950, 40 * MB).raised.is_empty());
    assert!(bench.pooled(2000, 60 * MB).raised.is_empty());
    assert!(bench.pooled(3999, 60 * MB).raised.is_empty());
    let health = bench.pooled(4000, 60 * MB);
    assert_eq!(
        severities(&health.raised),
        [(Rule::PooledBytes, Severity::Warning)]
    );
    assert_eq!(health.raised[0].raised_at, Duration::from_secs(4));
    assert!(bench.pooled(5000, 0).resolved.is_empty());
    let over = &bench.pooled(7000, 0).resolved[0];
    assert_eq!(over.lasted(), Duration::from_secs(3));
}

#[test]
fn change_of_direction_starts_a_new_hold_time() {
    let hold = Duration::from_secs(1);
    let mut bench = Bench::new(Thresholds::default().hold(hold));
    bench.pooled(0, 60 * MB);
    assert_eq!(bench.pooled(1000, 60 * MB).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(1100, 200 * MB).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(2000, 0).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(2900, 0).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(2950, 200 * MB).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(3900, 200 * MB).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(3950, 200 * MB).status, HealthStatus::Critical);
}

#[test]
fn level_below_its_hold_time_is_not_raised() {
    let hold = Duration::from_secs(1);
    let mut bench = Bench::new(Thresholds::default().hold(hold));
    assert!(bench.pooled(0, 200 * MB).raised.is_empty());
    assert!(bench.pooled(500, 60 * MB).raised.is_empty());
    let health = bench.pooled(1000, 200 * MB);
    assert_eq!(
        severities(&health.raised),
        [(Rule::PooledBytes, Severity::Warning)]
    );
    assert!(bench.pooled(1100, 200 * MB).raised.is_empty());
    let health = bench.pooled(2100, 200 * MB);
    assert_eq!(
        severities(&health.raised),
        [(Rule::PooledBytes, Severity::Critical)]
    );
    // When falling, it eases only as far as the value stayed.
    assert_eq!(bench.pooled(2200, 0).status, HealthStatus::Critical);
    assert_eq!(bench.pooled(2700, 60 * MB).status, HealthStatus::Critical);
    assert_eq!(bench.pooled(3200, 0).status, HealthStatus::Warning);
    assert_eq!(bench.pooled(4100, 0).status, HealthStatus::Warning);
    let health = bench.pooled(4200, 0);
    assert_eq!(
        (health.status, health.resolved.len()),
        (HealthStatus::Healthy, 1)
    );
}

#[test]
fn emits_are_throttled_and_no_clock_wedges_them() {
    let mut monitor = HealthMonitor::new(Thresholds::default());
    let begun = Instant::now() + Duration::from_secs(4000);
    let mut emits_at = |now: Instant| {
        let due = monitor.is_due_at(now);
        let at = due.then(|| {
            let frame = FrameSnapshot::default();
            monitor
                .judge(
                    &PoolName::new(PoolId(1), ""),
                    &frame,
                    &(&frame).into(),
                    &Outstanding::default(),
                )
                .at
        });
        at.map(|at| at.as_millis())
    };
    let ms = Duration::from_millis;
    assert_eq!(emits_at(begun), Some(0));
    assert_eq!(emits_at(begun), None);
    assert_eq!(emits_at(begun + ms(199)), None);
    assert_eq!(emits_at(begun + ms(200)), Some(200));
    assert_eq!(emits_at(begun + ms(399)), None);
    // An hour back: the step is ignored, and time continues from there.
    let back = begun.checked_sub(ms(3_600_000)).unwrap_or(begun);
    assert_eq!(emits_at(back), None);
    assert_eq!(emits_at(back), None);
    assert_eq!(emits_at(back + ms(1)), Some(400));
    assert_eq!(emits_at(back + ms(10_000_000)), Some(10_000_399));
}

#[test]
fn an_alerts_number_follows_its_formula() {
    let site = here();
    let mut bytes = 7_u64.to_le_bytes().to_vec();
    bytes.extend(b"leak\xff");
    bytes.extend(site.file().as_bytes());
    bytes.extend(site.line().to_le_bytes());
    bytes.extend(site.column().to_le_bytes());
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let id = AlertId::new(PoolId(7), Rule::Leak, Some(site), "");
    assert_eq!(id.get(), hash);
    assert_eq!(id.to_string(), format!("{hash:016x}"));
}

#[test]
fn pools_of_one_monitor_have_separate_alerts() {
    let mut bench = Bench::new(Thresholds::default());
    let (one, two) = (
        PoolName::new(PoolId(1), "same"),
        PoolName::new(PoolId(2), "same"),
    );
    let suspects = outstanding(&[(here(), 1)]);
    let frame = FrameSnapshot::default();
    let first = bench
        .monitor
        .judge(&one, &frame, &(&frame).into(), &suspects);
    let other = bench
        .monitor
        .judge(&two, &frame, &(&frame).into(), &Outstanding::default());
    assert_eq!(
        (first.raised.len(), other.resolved.len(), other.active.len()),
        (1, 0, 0)
    );
    let second = bench
        .monitor
        .judge(&two, &frame, &(&frame).into(), &suspects);
    assert_ne!(first.raised[0].id, second.raised[0].id);
    assert_ne!(first.pool, second.pool);
    assert_eq!(
        bench
            .monitor
            .judge(&one, &frame, &(&frame).into(), &Outstanding::default())
            .resolved
            .len(),
        1
    );
}
