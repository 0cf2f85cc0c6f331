//! The served documents are as their description and the tables of metrics and columns say.

mod common;

use common::{Updates, eventually, get, served, watched};
use framepool::Attribution;
use framepool::metrics::{Kind, METRICS};
use framepool_dashboard::api::{History, Update};
use serde_json::Value;

/// Checks a document against its schema; returns the first place that differs.
fn conforms(value: &Value, schema: &Value, all: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return conforms(value, &all[name], all, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        conforms(value, part, all, at)?;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let mut refused = Vec::new();
        for choice in choices {
            match conforms(value, choice, all, at) {
                Ok(()) => return Ok(()),
                Err(why) => refused.push(why),
            }
        }
        return Err(refused.join("; "));
    }
    let is = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    };
    match &schema["type"] {
        Value::Null if schema["allOf"].is_array() => {}
        Value::Array(kinds) if kinds.iter().any(is) => {}
        kind if is(kind) => {}
        kind => return Err(format!("{at} is {value}, not {kind}")),
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{at} is {value}, which is none of {allowed:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                return Err(format!("{at} lacks {name}"));
            }
        }
        for (name, value) in object {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => return Err(format!("{at} is not described")),
                (Value::Null, Value::Null) => {}
                (Value::Null, schema) | (schema, _) => conforms(value, schema, all, &at)?,
            }
        }
    }
    for (place, value) in value.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{place}]");
        match (&schema["prefixItems"][place], &schema["items"]) {
            (Value::Null, Value::Null) => {}
            (Value::Null, schema) | (schema, _) => conforms(value, schema, all, &at)?,
        }
    }
    Ok(())
}

#[test]
fn every_document_is_as_described() {
    let (pool, watch) = watched("described");
    let server = served(&watch);
    let leaked = pool.alloc::<u8>(100);
    // A large buffer is always sampled.
    pool.set_attribution(Attribution::Backtraces);
    let sampled = pool.alloc::<u8>(200_000);
    watch.store().mark("level 3 loaded");
    eventually("an alert", || {
        pool.begin_frame().release_all();
        let alerts = get(&server, "/api/v1/alerts").json();
        let has_site = get(&server, "/api/v1/sites").json()["sites"][0].is_object();
        (has_site && alerts["active"][0].is_object()).then_some(())
    });
    let marks = get(&server, "/api/v1/alerts").json()["marks"].clone();
    assert_eq!(marks[0]["text"], "level 3 loaded");
    assert_eq!(marks[0]["pool_id"], Value::Null);
    let openapi = get(&server, "/api/v1/openapi.json").json();
    let schemas = &openapi["components"]["schemas"];
    let paths = openapi["paths"].as_object().expect("paths");
    let mut documents = 0;
    for (path, described) in paths {
        let content = &described["get"]["responses"]["200"]["content"];
        let schema = &content["application/json"]["schema"];
        if schema.is_object() {
            let spans: &[&str] = if path.ends_with("history") {
                &[
                    "",
                    "?span=recent",
                    "?span=hour",
                    "?span=day",
                    "?span=frames",
                ]
            } else {
                &[""]
            };
            for span in spans {
                let path = format!("{path}{span}");
                let answer = get(&server, &path);
                assert_eq!(answer.status, 200, "{path}");
                conforms(&answer.json(), schema, schemas, &path)
                    .unwrap_or_else(|why| panic!("{why}"));
                documents += 1;
            }
        }
    }
    assert_eq!(documents, 14);
    let stacks = get(&server, "/api/v1/stacks").json()["stacks"].clone();
    assert!(stacks[0]["frames"][0]["function"].is_string(), "{stacks}");
    // The Rust types can read the server's documents.
    let text = get(&server, "/api/v1/update").body;
    let read: Update = serde_json::from_str(&text).expect("an update");
    let read = &read.pools[0];
    assert_eq!(
        (&*read.pool.name, read.sites.sites[0].buffers),
        ("described", 1)
    );
    assert!(read.health.is_some() && !read.active.is_empty() && !read.samples.is_empty());
    let text = get(&server, "/api/v1/history").body;
    let read: History = serde_json::from_str(&text).expect("a history");
    assert_eq!(read.columns.len(), read.samples[0].1.len());
    let update = Updates::open(&server).next().expect("an update");
    conforms(&update, &schemas["Update"], schemas, "update").unwrap_or_else(|why| panic!("{why}"));
    drop((leaked, sampled));
}

#[test]
fn the_columns_served_are_the_tables() {
    let (_pool, watch) = watched("table");
    let server = served(&watch);
    let served = get(&server, "/api/v1/metrics").json();
    let table = serde_json::to_value(METRICS).expect("serialisable");
    assert_eq!(served, table);
    let history = get(&server, "/api/v1/history").json();
    let columns = history["columns"].as_array().expect("columns");
    for metric in METRICS {
        let own = columns.iter().filter(|one| one["metric"] == metric.name);
        let is_fixed = !metric.labels.contains(&"rule") && !metric.is_open_ended();
        let is_recorded = metric.kind != Kind::Histogram && is_fixed;
        assert_eq!(own.clone().count() > 0, is_recorded, "{}", metric.name);
        for column in own {
            let described = (&column["unit"], &column["help"]);
            assert_eq!(described, (&metric.unit.into(), &metric.help.into()));
        }
    }
}
