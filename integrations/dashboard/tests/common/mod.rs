//! A watched pool with its page, and a client that speaks HTTP as plainly as possible.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod browser;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use framepool::{BufferPool, HealthConfig, Watch};
use framepool_dashboard::{Dashboard, Server};
use serde_json::Value;

/// A timeout far longer than any step here.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Puts five minutes of earlier samples before those that the page has.
pub(crate) const AGED: &str = "const { rows } = fp.source.state.pools.values().next().value.spans.recent; const [first] = rows;
    rows.unshift(...Array.from({ length: 1500 }, (_, at) => [first[0] - (1500 - at) * 200, ...first.slice(1)]))";

/// A pool that is watched closely.
pub(crate) fn watched(name: &str) -> (BufferPool, Watch) {
    let pool = BufferPool::builder()
        .name(name)
        .leak_after_frames(1)
        .expect_release_within(2)
        .build()
        .expect("good settings");
    let config = HealthConfig::default()
        .emit_interval(Duration::from_millis(20))
        .poll_interval(Duration::from_millis(5));
    let watch = Watch::start(&pool, config);
    pool.end_frame();
    (pool, watch)
}

/// A page of a pool at a free port.
pub(crate) fn served(watch: &Watch) -> Server {
    Dashboard::new(watch)
        .serve("127.0.0.1:0")
        .expect("a free port")
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(LONG)).expect("a time");
    stream
}

/// Sends these bytes and reads until the server closes.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect(address);
    // A server that has already refused may not read the rest.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer {
        status: head
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A request with `Host: localhost` and these headers.
pub(crate) fn get_with(server: &Server, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    send(server.address(), request.as_bytes())
}

pub(crate) fn get(server: &Server, path: &str) -> Answer {
    get_with(server, path, "")
}

/// Waits for the page's threads.
pub(crate) fn eventually<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Ends frames until something is seen.
pub(crate) fn frames_until<T>(
    pool: &BufferPool,
    what: &str,
    mut seen: impl FnMut() -> Option<T>,
) -> T {
    eventually(what, || {
        for _ in 0..3 {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(40_000).fill(1);
            drop(pool.alloc::<u8>(9_000));
            frame.release_all();
        }
        seen()
    })
}

/// An open stream of updates.
pub(crate) struct Updates(BufReader<TcpStream>);

impl Updates {
    pub(crate) fn open(server: &Server) -> Self {
        let mut stream = connect(server.address());
        stream
            .write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("a server that reads");
        Self(BufReader::new(stream))
    }

    /// The next update; `None` when the server closed the stream.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).ok();
            }
        }
    }
}
