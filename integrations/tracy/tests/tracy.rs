//! A real client of Tracy in a separate process, and a receiver that is built with the protocol's own headers.
//!
//! Needs a C++ compiler (Debian: `apt-get install g++`); `cargo xtask ci setup` installs it.

use std::collections::HashMap;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use framepool::{Buffer, BufferPool};
use framepool_tracy::Reporter;
use serde_json::Value;
use tracy_client::Client;

const ONE: u64 = 1 << 20;

/// The path of the protocol's headers, in the package of the client.
fn headers() -> PathBuf {
    // Without a platform cargo wants the packages of all of them.
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc");
    let rustc = String::from_utf8(rustc.stdout).expect("UTF-8");
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", host.expect("a host")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let is_it = |package: &&Value| package["name"] == "tracy-client-sys";
    let manifest = packages.iter().find(is_it).expect("the client")["manifest_path"].as_str();
    let folder = Path::new(manifest.expect("a path")).parent();
    folder.expect("a folder").join("tracy/common")
}

/// Builds the receiver.
fn receiver() -> PathBuf {
    let (headers, sources) = (
        headers(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receiver"),
    );
    let program = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("tracy-receiver-{}", std::process::id()));
    let output = Command::new("c++")
        .args(["-std=c++17", "-w", "-o"])
        .arg(&program)
        .arg("-I")
        .arg(&headers)
        .arg(sources.join("receiver.cpp"))
        .arg(headers.join("tracy_lz4.cpp"))
        .output()
        .unwrap_or_else(|error| panic!("`c++`: {error}; Debian: apt-get install g++"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

/// A free port outside the range from which the system assigns ports, which is above 32,767.
fn free_port() -> u16 {
    let first = (std::process::id() % 10_000) as u16 + 20_000;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..32_768).find(is_free).expect("a free port")
}

/// The receiver's output for a client that runs this ignored test in a separate process.
fn received(program: &str) -> Vec<[String; 3]> {
    let receiver = receiver();
    let port = free_port().to_string();
    let mut client = Command::new(std::env::current_exe().expect("a path"))
        .args(["--ignored", "--exact", program])
        .env("TRACY_PORT", &port)
        // It lives as long as this pipe.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the test itself");
    let output = Command::new(&receiver)
        .arg(&port)
        .output()
        .expect("the receiver");
    drop(client.stdin.take());
    assert!(client.wait().expect("the client").success());
    let _ = std::fs::remove_file(&receiver);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("welcome 1"),
        "the client waits for a profiler"
    );
    let events = lines.map(|line| {
        let parts: Vec<_> = line.split('\t').map(str::to_owned).collect();
        parts.try_into().unwrap_or_else(|_| panic!("{line}"))
    });
    events.collect()
}

/// The memory of a Tracy pool after all events, and every error that Tracy's server would report.
fn memory(events: &[[String; 3]], pool: &str) -> HashMap<u64, u64> {
    let mut live = HashMap::new();
    for [kind, _, numbers] in events.iter().filter(|[_, name, _]| name == pool) {
        let numbers: Vec<u64> = numbers
            .split(' ')
            .filter_map(|it| it.parse().ok())
            .collect();
        match &**kind {
            "alloc" => assert_eq!(live.insert(numbers[0], numbers[1]), None, "allocated twice"),
            "free" => assert!(live.remove(&numbers[0]).is_some(), "freed, not allocated"),
            "discard" => live.clear(),
            _ => {}
        }
    }
    live
}

/// Waits for the profiler, runs the frames, reports that it is done, and lives until the test has read that.
fn run(mut frames: impl FnMut(&BufferPool, &mut Reporter)) {
    let pool = BufferPool::builder()
        .name("render")
        .build()
        .expect("good settings");
    assert!(!Client::is_running(), "nothing was started yet");
    let mut tracy = Reporter::new(&pool).with_interval(Duration::ZERO);
    while !Client::is_connected() {
        std::thread::sleep(Duration::from_millis(1));
    }
    frames(&pool, &mut tracy);
    drop(tracy);
    Client::running().expect("started").message("done", 0);
    let _ = std::io::stdin().read(&mut [0]);
}

fn one_frame(pool: &BufferPool, tracy: &mut Reporter) {
    let frame = pool.begin_frame();
    frame.alloc::<u8>(1000);
    tracy.frame(&frame.release_all());
}

#[test]
#[ignore = "the client's process of the test below"]
fn client_with_frames() {
    run(|pool, tracy| {
        let mut kept: Vec<Buffer<u8>> = Vec::new();
        for _ in 0..10 {
            kept.push(pool.alloc(ONE as usize));
            one_frame(pool, tracy);
        }
        kept.truncate(4);
        // A frame that is open during a reading.
        let open = pool.begin_frame();
        open.alloc::<u8>(1000);
        tracy.report();
        tracy.report();
        // Dropping the reporter reports all memory as freed.
        std::mem::forget(kept);
        drop(open);
    });
}

#[test]
fn tracy_gets_frames_plots_and_memory() {
    let events = received("client_with_frames");
    let of =
        |kind: &str| -> Vec<&[String; 3]> { events.iter().filter(|it| it[0] == kind).collect() };
    let marks = of("frame");
    assert_eq!(marks.len(), 10);
    assert!(marks.iter().all(|mark| mark[1] == "render"));

    let in_use = "render: framepool.memory.usage{state=\"in_use\"}";
    let plotted = |name: &str| -> Vec<f64> {
        let values = of("plot").into_iter().filter(|plot| plot[1] == name);
        values
            .map(|plot| plot[2].parse().expect("a number"))
            .collect()
    };
    let levels = plotted(in_use);
    let expected: Vec<f64> = (1..=10).map(|it| (it * ONE) as f64).collect();
    assert_eq!(levels[..10], expected, "as of each frame end");
    assert_eq!(plotted("render: framepool.frame.duration").len(), 10);
    // 1 is Tracy's format for bytes.
    assert!(
        of("format")
            .iter()
            .any(|it| it[1] == in_use && it[2] == "1")
    );
    assert!(
        !events.iter().any(|it| it[1].contains("refusals")),
        "never refused"
    );

    let allocated = of("alloc").into_iter().filter(|it| it[1] == "render");
    let bytes: Vec<u64> = allocated
        .map(|it| {
            it[2]
                .split(' ')
                .nth(1)
                .expect("bytes")
                .parse()
                .expect("bytes")
        })
        .collect();
    assert_eq!(bytes, [ONE; 10], "each buffer once");
    let freed = of("free").into_iter().filter(|it| it[1] == "render");
    assert_eq!(freed.count(), 6, "those that the program dropped");
    let blocks = of("alloc")
        .into_iter()
        .filter(|it| it[1] == "render frames");
    assert_eq!(blocks.count(), 2, "of the open frame, at each look");
    for pool in ["render", "render frames"] {
        assert!(
            memory(&events, pool).is_empty(),
            "nothing of `{pool}` looks leaked"
        );
    }
    let before_end = events
        .iter()
        .rposition(|it| it[0] == "discard" && it[1] == "render");
    let live = memory(&events[..before_end.expect("discarded")], "render");
    assert_eq!(live.values().sum::<u64>(), 4 * ONE);
}
