//! The served documents agree with the pool, and updates arrive automatically.

mod common;

use std::process::Command;

use common::{Updates, eventually, get, get_with, served, watched};
use framepool_dashboard::Dashboard;

#[test]
fn the_snapshot_served_is_the_stores() {
    let (pool, watch) = watched("same");
    let server = served(&watch);
    let kept = pool.alloc::<u8>(1 << 20);
    eventually("the buffer in the store", || {
        let latest = watch.store().latest()?;
        (latest.metrics.outstanding_buffers == 1).then_some(())
    });
    watch.stop();
    let latest = watch.store().latest().expect("a health snapshot");
    let expected = serde_json::to_string(&*latest).expect("serialisable");
    eventually("the store's last snapshot", || {
        (get(&server, "/api/v1/snapshot").body == expected).then_some(())
    });
    let sites = get(&server, "/api/v1/sites").json();
    assert_eq!(sites["bytes"], pool.outstanding().bytes);
    let held = sites["holdings"].as_array().expect("parts").iter();
    let sum: u64 = held.filter_map(|part| part["bytes"].as_u64()).sum();
    assert!(sum >= pool.stats().pooled_bytes);
    let history = get(&server, "/api/v1/history").json();
    let last = history["samples"]
        .as_array()
        .and_then(|rows| rows.last())
        .expect("a sample")
        .clone();
    assert_eq!(history["columns"][0]["metric"], "pooled_bytes");
    assert_eq!(last[1][0].as_u64(), Some(latest.metrics.pooled_bytes));
    drop(kept);
}

#[test]
fn metrics_are_served_for_prometheus() {
    let (pool, watch) = watched("scraped");
    let server = served(&watch);
    let kept = pool.alloc::<u8>(4096);
    pool.begin_frame().release_all();
    let answer = get(&server, "/metrics");
    let found = (answer.status, answer.header("content-type"));
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(found, (200, Some(kind)));
    let prometheus = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let answer = get_with(&server, "/metrics", prometheus);
    let found = (answer.status, answer.header("content-type"));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(found, (200, Some(kind)));
    for line in [
        r#"framepool_memory_usage_bytes{pool="scraped",state="in_use"} 4096.0"#,
        r#"framepool_frames_total{pool="scraped"} 2"#,
        r#"framepool_frame_duration_seconds_count{pool="scraped"} 1"#,
    ] {
        let is_there = answer.body.lines().any(|found| found == line);
        assert!(is_there, "no `{line}` in\n{}", answer.body);
    }
    drop(kept);
}

#[test]
fn watched_pool_is_reported_alive_with_its_status() {
    let (_pool, watch) = watched("alive");
    let server = served(&watch);
    eventually("a judgement", || {
        let answer = get(&server, "/healthz");
        (answer.status == 200).then_some(())
    });
    let document = get(&server, "/healthz").json();
    let found = (&document[0]["pool"], &document[0]["status"]);
    assert_eq!(found, (&"alive".into(), &"healthy".into()));
}

/// Needs `go` (Debian: `apt-get install golang-go`); `cargo xtask ci setup` installs it.
#[test]
fn pprof_reads_the_profiles_served() {
    let (pool, watch) = watched("profiled");
    let leaked = [(); 8].map(|()| pool.alloc::<u8>(1 << 20));
    let line = format!("serving.rs:{}", line!() - 1);
    let server = served(&watch);
    let top = |name: &str| {
        let output = Command::new("go")
            .args(["tool", "pprof", "-top"])
            .arg(format!("http://{}/debug/pprof/{name}", server.address()))
            .env("PPROF_TMPDIR", env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap_or_else(|error| panic!("`go`: {error}; Debian: apt-get install golang-go"));
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let heap = top("heap");
    let mut rows = heap.lines().skip_while(|line| !line.contains("flat%"));
    let first = rows.nth(1).unwrap_or_default();
    assert!(
        first.contains(&line) && first.trim_start().starts_with("8MB"),
        "{heap}"
    );
    pool.set_frame_sampling(1);
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1 << 20);
    let sampled = format!("serving.rs:{}", line!() - 1);
    frame.release_all();
    let allocs = top("allocs");
    assert!(
        allocs.contains("[pooled buffers]") && allocs.contains(&sampled),
        "{allocs}"
    );
    drop(leaked);
}

#[test]
fn updates_come_by_themselves_and_name_a_leak() {
    let (pool, watch) = watched("streamed");
    let server = served(&watch);
    let mut updates = Updates::open(&server);
    updates.next().expect("the first update, at once");
    let leaked = pool.alloc::<u8>(100);
    let line = line!() - 1;
    let frames = || {
        for _ in 0..4 {
            pool.begin_frame().release_all();
        }
    };
    let named = eventually("the leak in an update", || {
        frames();
        let update = updates.next().expect("an update");
        update["pools"][0]["active"][0]["site"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(named.contains(&format!("serving.rs:{line}:")), "{named}");
    drop(leaked);
    eventually("the end of the alert", || {
        frames();
        let update = updates.next().expect("an update");
        update["pools"][0]["active"]
            .as_array()
            .is_some_and(Vec::is_empty)
            .then_some(())
    });
    let log = get(&server, "/api/v1/alerts").json();
    assert_eq!(log["log"][0]["state"], "resolved");
}

#[test]
fn several_pools_are_on_one_page() {
    let ((_one, first), (two, second)) = (watched("one"), watched("two"));
    let server = Dashboard::new(&first)
        .and(&second)
        .serve("127.0.0.1:0")
        .expect("a free port");
    let pools = get(&server, "/api/v1/pools").json();
    assert_eq!(
        (&pools[0]["name"], &pools[1]["name"]),
        (&"one".into(), &"two".into())
    );
    let of_second = format!("/api/v1/snapshot?pool={}", two.id().get());
    eventually("a snapshot of the second pool", || {
        (get(&server, &of_second).json()["pool"] == "two").then_some(())
    });
    for (path, says) in [
        ("/api/v1/snapshot?pool=999999", "/api/v1/pools lists them"),
        ("/metric", "metrics at /metrics"),
        ("/assets/none.js", "the page is at /"),
    ] {
        let missing = get(&server, path);
        assert_eq!(missing.status, 404, "{path}");
        assert!(missing.body.contains(says), "{path}");
    }
}

#[test]
fn every_file_of_the_page_is_served() {
    let (_pool, watch) = watched("files");
    let server = served(&watch);
    let page = get(&server, "/");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let mut files = 0;
    for part in page.body.split("\"/assets/").skip(1) {
        let name = part.split('"').next().expect("a name");
        let file = get(&server, &format!("/assets/{name}"));
        assert_eq!(file.status, 200, "{name}");
        assert!(!file.body.is_empty());
        files += 1;
    }
    assert!(files > 5);
    assert!(get(&server, "/assets/uplot/LICENSE").body.contains("MIT"));
    let saved = get(&server, "/save");
    assert!(saved.body.contains("id=\"saved\"") && saved.body.len() < 3_000_000);
}

#[test]
fn a_dropped_server_answers_no_more() {
    let (_pool, watch) = watched("ended");
    let server = served(&watch);
    let address = server.address();
    let mut updates = Updates::open(&server);
    updates.next().expect("an update");
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
    while updates.next().is_some() {}
}

#[test]
fn table_has_the_numbers_of_the_judgement() {
    let (pool, watch) = watched("one moment");
    let recording = Dashboard::new(&watch).record().expect("a thread");
    let alloc = || pool.alloc::<u8>(1_000);
    let kept = [alloc(), alloc()];
    eventually("a judgement of both", || {
        pool.end_frame();
        (watch.store().latest()?.metrics.outstanding_buffers == 2).then_some(())
    });
    watch.stop();
    let later = [alloc(), alloc(), alloc()];
    let seen = Updates::open(&served(&watch)).next().expect("an update")["pools"][0].clone();
    assert_eq!(seen["health"]["metrics"]["outstanding_buffers"], 2);
    assert_eq!(seen["sites"]["buffers"], 2);
    assert_eq!(seen["sites"]["sites"][0]["buffers"], 2);
    drop((kept, later, recording));
}

#[test]
fn changes_keep_the_numbers_of_their_moment() {
    let (pool, watch) = watched("changes");
    let server = served(&watch);
    let alloc = || pool.alloc::<u8>(1_000);
    let mut kept = vec![alloc()];
    let buffers = |list: &str, at: usize| {
        let alerts = get(&server, "/api/v1/alerts").json();
        let sentence = alerts[list][at]["sentence"].as_str()?.to_owned();
        Some(sentence)
    };
    eventually("an alert", || {
        pool.end_frame();
        buffers("changes", 0).filter(|text| text.contains(": 1 buffer is out"))
    });
    kept.extend((0..6).map(|_| alloc()));
    eventually("a later sentence", || {
        pool.end_frame();
        buffers("active", 0).filter(|text| text.contains(": 7 buffers are out"))
    });
    let rise = buffers("changes", 0).expect("the rise");
    assert!(rise.contains(": 1 buffer is out"), "{rise}");
    kept.clear();
    eventually("the end", || {
        pool.end_frame();
        let alerts = get(&server, "/api/v1/alerts").json();
        let changes = alerts["changes"].as_array()?;
        let states: Vec<_> = changes.iter().map(|change| &change["state"]).collect();
        (states.first()? == &"raised" && states.last()? == &"resolved").then_some(())
    });
    assert_eq!(buffers("changes", 0), Some(rise));
}
