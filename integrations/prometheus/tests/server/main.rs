//! A real Prometheus scrapes a running program: its numbers are the pool's, the leak alert fires, every query of the Grafana dashboard
//! has a result, and the alert ends with the leak.
//!
//! Needs `prometheus` and `promtool` (Debian: `apt-get install prometheus`); `cargo xtask ci setup` installs them.

mod fleet;
mod grafana;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use framepool::{BufferPool, HealthConfig, TagSettings, Thresholds, Watch};
use framepool_prometheus::{Exposition, Format, PoolCollector};
use serde_json::Value;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/framepool.rules.yml");
const RULES_TEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/framepool.test.yml");
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs a program of Prometheus to its end; returns its output.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("`{program}`: {error}; Debian: apt-get install prometheus"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}

/// Serves the metrics at a free port, for as long as the test runs.
fn serve(exposition: Exposition) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let lines = BufReader::new(&connection).lines().map_while(Result::ok);
            // The head of the request ends with an empty line.
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let accept = head.iter().find_map(|line| line.strip_prefix("Accept: "));
            let format = Format::accepted(accept);
            let text = exposition.text(format);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                format.content_type(),
                text.len()
            );
            // A closed connection of a scraper is no error.
            let _ = (&connection).write_all(answer.as_bytes());
        }
    });
    address
}

/// The log of the Prometheus with its data in this folder.
fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// The test's own Prometheus, stopped when dropped.
struct Prometheus {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Prometheus {
    /// Scrapes these once a second, and keeps its data in a folder of this name.
    fn start(name: &str, targets: &[SocketAddr]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        let targets: Vec<_> = targets.iter().map(|at| format!("\"{at}\"")).collect();
        let targets = targets.join(", ");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [\"{RULES}\"]\nscrape_configs:\n\
             \x20 - job_name: game\n    static_configs: [{{targets: [{targets}]}}]\n"
        );
        fs::write(&config, text).unwrap();
        // Prometheus does not report a free port that it chose, and a port that was free may be taken before it starts.
        for _ in 0..10 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            let mut started = Self::start_at(address, folder.clone());
            if started.is_ready() {
                return started;
            }
        }
        panic!("no Prometheus started: {}", log(&folder));
    }

    fn start_at(address: SocketAddr, folder: PathBuf) -> Self {
        let process = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("`prometheus`: {error}; Debian: apt-get install prometheus")
            });
        Self {
            process,
            address,
            folder,
        }
    }

    /// Waits until it serves its address; returns false if it ended before.
    fn is_ready(&mut self) -> bool {
        let began = Instant::now();
        while !log(&self.folder).contains("Server is ready to receive web requests") {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "Prometheus is not ready: {}",
                log(&self.folder)
            );
            thread::sleep(Duration::from_millis(50));
        }
        true
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut connection = TcpStream::connect(self.address).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The answer to a query.
    fn ask(&self, query: &str) -> Option<Value> {
        let mut encoded = String::new();
        for byte in query.bytes() {
            // Writing to text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        self.get(&format!("/api/v1/query?query={encoded}"))
    }

    /// The value of a query that has one result.
    fn query(&self, query: &str) -> Option<f64> {
        self.ask(query)?["data"]["result"][0]["value"][1]
            .as_str()?
            .parse()
            .ok()
    }

    /// Waits until the query has such a value.
    fn wait(&self, query: &str, wanted: impl Fn(Option<f64>) -> bool) {
        let began = Instant::now();
        loop {
            let found = self.query(query);
            if wanted(found) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "`{query}` is {found:?}\n{}",
                log(&self.folder)
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_rules_pass_their_tests() {
    run("promtool", &["check", "rules", RULES]);
    run("promtool", &["test", "rules", RULES_TEST]);
}

#[test]
fn promtool_remarks_only_on_one_name() {
    let pool = BufferPool::builder().tag("ui", TagSettings::default());
    let watch = Watch::start(&pool.build().unwrap(), HealthConfig::default());
    let exposition = Exposition::new(PoolCollector::new(&watch).unwrap());
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`promtool`; Debian: apt-get install prometheus");
    let text = exposition.text(Format::Text);
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let remarks = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let name = "framepool_buffer_count ";
    assert!(
        remarks.starts_with(name) && remarks.lines().count() == 1,
        "{remarks}"
    );
}

#[test]
fn leak_fires_alert_that_ends_with_leak() {
    let limited = BufferPool::builder()
        .name("render")
        .max_bytes(1 << 30)
        .tag("shadows", TagSettings::default().max_bytes(1 << 20));
    let pool = limited.build().unwrap();
    // The warm-up is ten frames, so that the test need not wait for the fill time.
    let thresholds = Thresholds::default().leak_warm_up(10, Duration::from_millis(100));
    let watch = Watch::start(&pool, HealthConfig::default().thresholds(thresholds));
    let exposition = Exposition::new(PoolCollector::new(&watch).unwrap());
    let prometheus = Prometheus::start("prometheus", &[serve(exposition)]);

    let (leaks, ends) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let leaked = Arc::new(Mutex::new(Vec::new()));
    let frames = {
        let (pool, leaks, ends) = (pool.clone(), Arc::clone(&leaks), Arc::clone(&ends));
        let leaked = Arc::clone(&leaked);
        thread::spawn(move || {
            // Relaxed: no other data depends on them.
            for number in 0_u64.. {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let frame = pool.begin_frame();
                frame.alloc::<u8>(1000);
                if leaks.load(Ordering::Relaxed) && number % 4 == 0 {
                    leaked.lock().unwrap().push(pool.alloc::<u8>(1 << 10));
                }
                frame.release_all();
                thread::sleep(Duration::from_millis(5));
            }
        })
    };

    let firing = r#"count(ALERTS{alertname="FramepoolLeak",alertstate="firing",pool="render"})"#;
    prometheus.wait("framepool_frames_total", |value| value > Some(100.0));
    assert_eq!(prometheus.query(firing), None);
    leaks.store(true, Ordering::Relaxed);
    prometheus.wait(firing, |value| value == Some(1.0));
    for query in grafana::queries() {
        let answer = prometheus.ask(&query).expect("an answer");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let results = answer["data"]["result"].as_array();
        assert!(
            results.is_some_and(|all| !all.is_empty()),
            "{query}: {answer}"
        );
    }
    leaks.store(false, Ordering::Relaxed);
    let held = leaked.lock().unwrap().len() as f64;
    let in_use = r#"framepool_buffer_count{state="in_use"}"#;
    // The frame loop may have been about to allocate one more, or its frame buffer.
    prometheus.wait(in_use, |value| {
        value.is_some_and(|value| (value - held).abs() <= 2.0)
    });
    leaked.lock().unwrap().clear();
    prometheus.wait(firing, |value| value.is_none());
    // Without a bucket that ends at `+Inf` it is no number.
    let median = "histogram_quantile(0.5, framepool_frame_duration_seconds_bucket)";
    prometheus.wait(median, |value| {
        value.is_some_and(|value| 0.0 < value && value < 1.0)
    });
    ends.store(true, Ordering::Relaxed);
    frames.join().unwrap();
    let frames = pool.stats().totals.frames as f64;
    prometheus.wait("framepool_frames_total", |value| value == Some(frames));
    prometheus.wait("framepool_frame_duration_seconds_count", |value| {
        value == Some(frames)
    });
}
