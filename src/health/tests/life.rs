//! The life of alerts: raised once, held, escalated, eased, resolved once, and reported.

use std::time::{Duration, Instant};

use super::*;

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

const OVERDUE_STEP: &str =
    "drop these buffers sooner, or call `Buffer::mark_long_lived` if they are meant to stay";

#[test]
fn an_alert_is_one_sentence() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    let raised = bench.overdue(7, &[(site, 1)]).raised[0].to_string();
    assert_eq!(
        raised,
        format!(
            "warning: 1 buffer is out for longer than expected, taken at {site} by thread `worker` (warning from 1 buffer) in pool `render`, since frame 7; {OVERDUE_STEP}"
        )
    );
    let escalated = bench.overdue(8, &[(site, 12)]).raised[0].to_string();
    assert_eq!(
        escalated,
        format!(
            "critical, was warning: 12 buffers are out for longer than expected, taken at {site} by thread `worker` (critical from 10 buffers) in pool `render`, since frame 7; {OVERDUE_STEP}"
        )
    );
    let health = bench.overdue(2507, &[]);
    let resolved = health.resolved[0].to_string();
    assert_eq!(
        resolved,
        format!(
            "resolved: the overdue buffers of {site} in pool `render` is over after 2.5 s, frames 7 to 2507, 12 buffers at worst; nothing is to be done"
        )
    );
    assert!(health.to_string().contains(&resolved), "{health}");
}

#[test]
fn every_rule_has_a_sentence_of_its_own() {
    let mut bench = Bench::new(Thresholds::default());
    let alert = bench.pooled(0, 60 * MB).raised[0].clone();
    let mut told: Vec<String> = Vec::new();
    for &rule in Rule::ALL {
        for state in [AlertState::Raised, AlertState::Resolved] {
            let text = Alert {
                rule,
                state,
                ..alert.clone()
            }
            .to_string();
            assert!(!told.contains(&text), "{text}");
            assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
            told.push(text);
        }
    }
}

#[test]
fn every_sentence_ends_with_the_next_step() {
    let mut bench = Bench::new(Thresholds::default());
    let mut raised = bench.overdue(0, &[(here(), 1)]).raised[0].clone();
    for &rule in Rule::ALL {
        let (metrics, outstanding) = (RuntimeHealthMetrics::default(), Outstanding::default());
        let situation = next_step::Situation {
            metrics: &metrics,
            outstanding: &outstanding,
            verdicts: &[],
            tags: &[],
        };
        for state in [AlertState::Raised, AlertState::Resolved] {
            for count in [1, 5] {
                raised.next_step = next_step::next_step(rule, state, count, (None, ""), situation);
                raised.rule = rule;
                raised.state = state;
                let (step, text) = (&raised.next_step, raised.to_string());
                assert!(
                    !step.is_empty() && text.ends_with(&format!("; {step}")),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn recurring_alert_is_the_same_alert_counted_again() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    for (come, ms) in [(1, 10_000), (2, 40_000), (3, 70_000)] {
        let health = bench.overdue(ms, &[(site, come)]);
        let alert = &health.raised[0];
        assert_eq!((alert.count, alert.first_frame.get()), (come, 10_000));
        assert_eq!((alert.raised_frame.get(), alert.worst), (ms, come as f64));
        assert_eq!(bench.overdue(ms + 100, &[]).resolved[0].count, come);
    }
}

#[test]
fn flapping_alert_stays_raised_until_quiet_for_longer() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    let mut events = |ms, suspects: &[(_, u64)]| {
        let health = bench.overdue(ms, suspects);
        (
            health.raised.len(),
            health.resolved.len(),
            health.active.len(),
        )
    };
    for come in 0..3_u64 {
        assert_eq!(events(come * 10_000, &[(site, 1)]), (1, 0, 1));
        assert_eq!(events(come * 10_000 + 200, &[]), (0, 1, 0));
    }
    // The fourth time within a minute.
    assert_eq!(events(30_000, &[(site, 1)]), (1, 0, 1));
    assert_eq!(events(30_200, &[]), (0, 0, 1));
    assert_eq!(events(40_000, &[(site, 1)]), (0, 0, 1));
    assert_eq!(events(40_200, &[]), (0, 0, 1));
    assert_eq!(events(70_199, &[]), (0, 0, 1));
    assert_eq!(events(70_200, &[]), (0, 1, 0));
    // Three within a minute are not enough: 60 s lie between the first and the fourth of these.
    for (ms, resolved) in [(170_000, 1), (190_000, 1), (210_000, 1), (230_001, 1)] {
        assert_eq!(events(ms, &[(site, 1)]), (1, 0, 1), "{ms}");
        assert_eq!(events(ms + 200, &[]).1, resolved, "{ms}");
    }
    assert_eq!(events(230_500, &[(site, 1)]), (1, 0, 1));
    assert_eq!(events(230_700, &[]), (0, 0, 1), "four from 190 s on");
}

#[test]
fn damping_is_the_users() {
    let damping = |times| {
        Thresholds::default().damping(times, Duration::from_secs(9), Duration::from_secs(5))
    };
    for (times, resolved) in [(0, 20), (2, 1)] {
        let mut bench = Bench::new(damping(times));
        let site = here();
        let mut all = 0;
        for come in 0..20_u64 {
            bench.overdue(come * 1000, &[(site, 1)]);
            all += bench.overdue(come * 1000 + 500, &[]).resolved.len();
        }
        assert_eq!(all, resolved);
    }
}

#[test]
fn remembered_quiet_alerts_per_rule_are_bounded() {
    let mut bench = Bench::new(Thresholds::default());
    let site = here();
    let others = sixty_four_and_one();
    bench.overdue(0, &[(site, 1)]);
    for (ms, &other) in (1..).zip(&others) {
        bench.overdue(ms, &[(other, 1)]);
    }
    bench.overdue(100, &[]);
    assert_eq!(bench.overdue(101, &[(others[64], 1)]).raised[0].count, 2);
    assert_eq!(
        bench.overdue(102, &[(site, 1)]).raised[0].count,
        1,
        "forgotten"
    );
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

/// A readback that is six frames late every ten frames, and one buffer that is overdue for ever, at 60 frames a second.
#[test]
fn a_noisy_site_does_not_hide_another() {
    let store = crate::DiagnosticsStore::new();
    let mut bench = Bench::new(Thresholds::default());
    let (readback, leak) = (here(), here());
    let mut reports = 0;
    for frame in 0..2400_u64 {
        let mut suspects = vec![];
        if frame % 10 >= 8 {
            suspects.push((readback, 1));
        }
        if frame >= 5 {
            suspects.push((leak, 1));
        }
        let health = bench.overdue(frame * 1000 / 60, &suspects);
        reports += health.raised.len() + health.resolved.len();
        store.receive(health);
    }
    let log = store.alert_log();
    assert_eq!(log.len(), 2);
    let entry = |site| log.iter().find(|alert| alert.site == Some(site)).unwrap();
    assert_eq!(
        (entry(leak).count, entry(leak).state),
        (1, AlertState::Raised)
    );
    assert_eq!(
        (entry(readback).count, entry(readback).first_frame.get()),
        (240, 133)
    );
    assert!(reports < 10, "{reports}");
}

/// 65 call sites.
#[rustfmt::skip]
fn sixty_four_and_one() -> Vec<&'static Location<'static>> {
    vec![
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
    ]
}
