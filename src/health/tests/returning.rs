//! Alerts that return: counted, damped, and remembered.

use std::time::Duration;

use super::*;

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
