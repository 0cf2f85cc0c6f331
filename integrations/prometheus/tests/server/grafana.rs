//! The queries of the Grafana dashboard, as Grafana would send them.

use std::collections::BTreeSet;

use framepool::metrics::{Kind, METRICS};
use framepool_prometheus::prometheus_name;
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../grafana/framepool.json");
const RULES: &str = include_str!("../../rules/framepool.rules.yml");

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).expect("JSON")
}

/// Every text under a key of this name.
fn texts<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    if let Some(text) = value[key].as_str() {
        found.push(text);
    }
    let fields = value
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values());
    for part in fields.chain(value.as_array().into_iter().flatten()) {
        texts(part, key, found);
    }
}

/// The queries of all panels and annotations, with everything chosen, over ten seconds.
pub(crate) fn queries() -> Vec<String> {
    let dashboard = dashboard();
    let mut found = Vec::new();
    texts(&dashboard, "expr", &mut found);
    let chosen = |query: &str| {
        ["$job", "$instance", "$pool"]
            .iter()
            .fold(query.replace("$__rate_interval", "10s"), |query, name| {
                query.replace(name, ".*")
            })
    };
    let queries: Vec<String> = found.into_iter().map(chosen).collect();
    assert!(queries.len() > 25);
    assert!(queries.iter().all(|query| !query.contains('$')));
    queries
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words
        .filter(|word| word.starts_with("framepool_") && !word.contains(':'))
        .collect()
}

#[test]
fn dashboard_and_rules_name_exported_metrics_only() {
    let mut exported = BTreeSet::new();
    for metric in METRICS {
        let name = prometheus_name(metric);
        if metric.kind == Kind::Histogram {
            exported.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            exported.insert(name);
        }
    }
    for name in names(DASHBOARD).union(&names(RULES)) {
        assert!(exported.contains(*name), "{name}");
    }
}

#[test]
fn every_panel_says_what_it_shows() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        if panel["type"] != "row" {
            assert!(panel["description"].is_string(), "{panel}");
            assert!(panel["datasource"]["uid"] == "${datasource}", "{panel}");
        }
    }
    assert!(panels.len() > 20);
}
