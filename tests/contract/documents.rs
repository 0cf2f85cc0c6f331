//! docs/counters.md lists every counter and every metric, with the texts of the library's tables.

use framepool::metrics::METRICS;
use framepool::telemetry::Counts;

const DOCUMENT: &str = include_str!("../../docs/counters.md");

fn assert_has(table: &str) {
    assert!(
        DOCUMENT.contains(table),
        "docs/counters.md must have these rows:\n{table}"
    );
}

#[test]
fn every_counter_is_in_the_document() {
    let row = |counter: &framepool::telemetry::CounterDefinition| {
        format!(
            "| `{}` | {} | {} |\n",
            counter.name, counter.unit, counter.help
        )
    };
    assert_has(&Counts::DEFINITIONS.iter().map(row).collect::<String>());
}

#[test]
fn every_metric_is_in_the_document() {
    let row = |metric: &framepool::metrics::Metric| {
        let labels = metric.labels.join(", ");
        let kind = metric.kind.name();
        format!(
            "| `{}` | {kind} | {} | {labels} | {} |\n",
            metric.name, metric.unit, metric.help
        )
    };
    assert_has(&METRICS.iter().map(row).collect::<String>());
}
