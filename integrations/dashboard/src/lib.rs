//! A live page in the browser for a watched [`BufferPool`](framepool::BufferPool).
//!
//! The page shows the pool's status and alerts in words, memory over time with the thresholds, holders of memory by call
//! site, frame times and misses. It updates automatically, and loads nothing from outside the process.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use framepool::{BufferPool, HealthConfig, Watch};
//!
//! let pool = BufferPool::builder().name("render").build()?;
//! let watch = Watch::start(&pool, HealthConfig::default());
//! let server = framepool_dashboard::serve(&watch, "127.0.0.1:0")?; // port 0: any free one
//! println!("open {}", server.url());
//!
//! // What the page reads, anybody on this machine can read.
//! let mut connection = TcpStream::connect(server.address())?;
//! write!(connection, "GET /api/v1/pools HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! connection.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""name":"render""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The HTTP interface
//!
//! All paths are read with GET; nothing can be written. `/api/v1/openapi.json` describes it in full.
//!
//! | path | content |
//! |---|---|
//! | `/` | the page |
//! | `/api/v1/metrics` | the meaning of every metric |
//! | `/api/v1/pools` | the pools, with their thresholds |
//! | `/api/v1/snapshot?pool=ID` | the latest health snapshot of a pool |
//! | `/api/v1/sites?pool=ID` | holders of pooled buffers, by call site, and all memory, part by part |
//! | `/api/v1/stacks?pool=ID` | callers of sampled buffers in use, if the pool records backtraces |
//! | `/api/v1/history?pool=ID&span=recent` | samples over two minutes (`recent`), an `hour`, a `day`, or the latest `frames` |
//! | `/api/v1/alerts` | active alerts, the log of alerts, and the program's marks |
//! | `/api/v1/update` | everything that changes, once; [`api`] has it as types |
//! | `/api/v1/stream` | the same as server-sent events |
//! | `/metrics` | every metric of every pool, for Prometheus |
//! | `/healthz` | whether the watches are alive: 200 if each pool was judged within the last 30 s, else 503 |
//! | `/debug/pprof/heap`, `/debug/pprof/allocs` | holders of memory, and allocations, for `go tool pprof` |
//! | `/save` | the page with its history as one file: it opens from disk, and the page and `framepool report` open it again |
//!
//! Without `pool` the first pool is used. `/healthz` shows the latest judgement of each pool. A pool in a critical state is
//! no reason to restart the program, so the status is 200 while the pool's watch is alive.
//!
//! Prometheus scrapes `/metrics` with the token as its `authorization: {credentials: TOKEN}`. If the target is a name, it
//! must be [allowed](Dashboard::allow_host).
//!
//! # Access
//!
//! The server listens on loopback addresses only. For any other address it needs a [`Token`], or refuses to start. It answers
//! requests only if the `Host` header is an IP address, `localhost`, or a name that was [allowed](Dashboard::allow_host): a
//! foreign page cannot reach it with a name that resolves to this machine. Other origins get no permission to read. The
//! number of connections and streams, the size of a request's head and the time to send it are bounded. A reader that reads
//! nothing for ten seconds is dropped.
//!
//! # Cost
//!
//! Nothing until it is started. Then one thread takes a sample five times a second, which costs workers nothing. Another reads the frames
//! for the histograms of `/metrics`, and another serves. An update is written once for all readers, and only if there are any. Three open
//! pages take 0.3 % of a core, and a flood of requests slows no worker: `cargo bench -p framepool-dashboard --bench under_attack`
//! measures both, and docs/benchmarks.md has the figures.
#![forbid(unsafe_code)]

pub mod api;
mod connections;
mod guard;
mod liveness;
mod marks;
mod names;
mod page;
mod process;
mod recorder;
mod routes;
mod rows;
mod saved;
mod server;
mod token;
mod views;

use std::net::ToSocketAddrs;
use std::sync::Arc;

use framepool::Watch;
use framepool_prometheus::{Exposition, PoolCollector};

pub use recorder::Recording;
pub use saved::html;
pub use server::{ServeError, Server};
pub use token::{Token, TokenError};

use guard::Guard;
use names::Names;
use recorder::Watched;

/// Serves the page of a watched pool at a loopback address, on a separate thread, until the [`Server`] is dropped.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
///
/// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// let server = framepool_dashboard::serve(&watch, "127.0.0.1:0")?; // any free port
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), framepool_dashboard::ServeError>(())
/// ```
///
/// # Errors
///
/// If the address is not a loopback address, cannot be resolved or is in use, or a thread cannot be started.
pub fn serve(watch: &Watch, address: impl ToSocketAddrs) -> Result<Server, ServeError> {
    Dashboard::new(watch).serve(address)
}

/// The pools of a page, and the access to it.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use framepool_dashboard::Dashboard;
///
/// let [render, audio] = ["render", "audio"].map(|name| {
///     let pool = BufferPool::builder().name(name).build().unwrap();
///     Watch::start(&pool, HealthConfig::default())
/// });
/// let server = Dashboard::new(&render).and(&audio).serve("127.0.0.1:0")?;
/// assert_eq!(server.recording().update().pools.len(), 2);
/// # Ok::<(), framepool_dashboard::ServeError>(())
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until it serves or records"]
pub struct Dashboard {
    watched: Vec<Watched>,
    guard: Guard,
    names: Names,
}

impl Dashboard {
    /// A page of one watched pool. It holds a handle of the pool, so the pool lives at least as long.
    pub fn new(watch: &Watch) -> Self {
        Self {
            watched: vec![Watched::new(watch)],
            guard: Guard::default(),
            names: Names::default(),
        }
    }

    /// Shows one more pool on the same page.
    pub fn and(mut self, watch: &Watch) -> Self {
        self.watched.push(Watched::new(watch));
        self
    }

    /// Passes every served text to `name`, and shows the returned text instead, if any. For lines of code that represent
    /// something else.
    pub fn rename(mut self, name: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.names = Names(Some(Arc::new(name)));
        self
    }

    /// Answers only requests with this token: as `Authorization: Bearer TOKEN`, or once as `/?token=TOKEN`, which stores a
    /// cookie.
    pub fn token(mut self, token: Token) -> Self {
        self.guard.token = Some(token);
        self
    }

    /// Also answers requests to this name, for example that of a reverse proxy.
    pub fn allow_host(mut self, name: &str) -> Self {
        self.guard.hosts.push(name.to_ascii_lowercase());
        self
    }

    /// Serves the page on a separate thread until the [`Server`] is dropped.
    ///
    /// # Errors
    ///
    /// Those of [`serve`], but with a token other addresses than loopback are accepted too.
    pub fn serve(self, address: impl ToSocketAddrs) -> Result<Server, ServeError> {
        Server::start(self, address)
    }

    /// Returns the page as a router, for a program with its own server, which must then limit connections.
    ///
    /// # Errors
    ///
    /// The system's error if the thread that takes samples cannot be started.
    ///
    /// ```
    /// use framepool::{BufferPool, HealthConfig, Watch};
    /// use framepool_dashboard::Dashboard;
    ///
    /// let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
    /// let router: axum::Router = Dashboard::new(&watch).into_router()?;
    /// # drop(router);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_router(self) -> std::io::Result<axum::Router> {
        Ok(self.open()?.1)
    }

    /// Starts the recording, and returns it with the router that serves it.
    fn open(self) -> std::io::Result<(Recording, axum::Router)> {
        let pools = self.watched.iter();
        let pools = pools.map(|watched| (watched.pool.clone(), watched.store.clone()));
        let exposition = Exposition::new(PoolCollector::of_pools(pools)?);
        let recording = Recording::start(self.watched, self.names)?;
        let router = routes::router(recording.clone(), exposition, Arc::new(self.guard));
        Ok((recording, router))
    }

    /// Takes samples without serving them, for a page that is written to a file at the end.
    ///
    /// # Errors
    ///
    /// The system's error if the thread that takes samples cannot be started.
    pub fn record(self) -> std::io::Result<Recording> {
        Recording::start(self.watched, self.names)
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
