//! The sentences of alerts.

use super::*;

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
    assert!(format!("{health:400}").contains(&resolved), "{health}");
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
fn line_feed_in_a_pool_name_is_escaped() {
    let mut bench = Bench::new(Thresholds::default());
    let mut alert = bench.pooled(0, 60 * MB).raised[0].clone();
    alert.pool = PoolName::new(alert.pool_id, "a\nb\u{1b}");
    let said = alert.to_string();
    assert!(said.contains("in pool `a\\nb\\u001b`"), "{said}");
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
            misses_per_frame: 0.0,
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
