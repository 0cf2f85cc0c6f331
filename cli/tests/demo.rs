//! `framepool demo`: an alert rises and clears.

mod common;

use common::{framepool, stderr, stdout};
use serde_json::Value;

#[test]
fn a_leak_raises_an_alert_that_clears_when_it_is_released() {
    let output = framepool(&[
        "demo",
        "--seconds",
        "3",
        "--leak",
        "20",
        "--threads",
        "2",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    let alerts = report["alerts"].as_array().expect("a list");
    let leak = alerts
        .iter()
        .find(|alert| alert["rule"] == "Leak")
        .expect("a leak alert");
    assert!(leak["resolved"].is_object(), "it cleared: {leak}");
    let site = &report["leaks_found"]["sites"][0];
    assert!(
        site["location"]
            .as_str()
            .is_some_and(|site| site.contains("demo/leak.rs:")),
        "{site}"
    );
    assert_eq!(report["releases"], report["allocs"]);
    assert!(stderr(&output).contains("raised"), "{}", stderr(&output));
}

#[test]
fn quiet_is_only_the_summary() {
    let output = framepool(&["demo", "--seconds", "0.5", "--quiet"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    assert!(stdout(&output).contains("particles stepped"));
}
