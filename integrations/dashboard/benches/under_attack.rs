//! The cost of the page for its program: a worker's alloc and drop while hostile clients flood the server, and the threads
//! of the page while three pages are open.
//!
//! A round is quiet, or clients flood the server, alone or with a thousand silent connections; in turns. In a quiet round the
//! clients' threads compute instead, so that all cores are equally busy. The result of a round is its median batch of a few
//! microseconds, so that batches with a preemption do not count.

use std::fs;
use std::hint::{black_box, spin_loop};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use framepool::{BufferPool, HealthConfig, Watch};

/// Rounds of each kind.
const ROUNDS: usize = 41;
/// The length of a round.
const ROUND: Duration = Duration::from_millis(300);
/// Allocs and drops of a batch.
const BATCH: u32 = 512;
/// Threads of hostile clients.
const CLIENTS: usize = 3;
/// The most silent connections.
const IDLE: usize = 1_000;
/// How long the open pages are watched.
const OPEN: Duration = Duration::from_secs(20);

/// The requests of the clients, in turns.
const REQUESTS: [&str; 6] = [
    "GET /api/v1/update HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET /api/v1/history?span=hour HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "\u{0}\u{1}\u{2} no request\r\n\r\n",
    "GET /save HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
];

fn main() {
    let pool = BufferPool::builder()
        .name("attacked")
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let server = framepool_dashboard::serve(&watch, "127.0.0.1:0").expect("a free port");
    open_pages(&pool, server.address());
    attack(&pool, server.address());
}

/// Nanoseconds of an alloc and a drop: the median batch of a round.
fn round(pool: &BufferPool) -> f64 {
    let mut batches = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < ROUND {
        let batch = Instant::now();
        for _ in 0..BATCH {
            drop(black_box(pool.alloc::<u8>(black_box(256))));
        }
        batches.push(batch.elapsed().as_nanos() as f64 / f64::from(BATCH));
        if batches.len().is_multiple_of(64) {
            pool.end_frame();
        }
    }
    median(batches)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn attack(pool: &BufferPool, address: SocketAddr) {
    let (attacks, ends) = (AtomicBool::new(false), AtomicBool::new(false));
    let answers = [AtomicU64::new(0), AtomicU64::new(0)];
    let kind = AtomicU64::new(0);
    let before = resident();
    let rounds = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                // Relaxed, all: no other data depends on them.
                while !ends.load(Ordering::Relaxed) {
                    if attacks.load(Ordering::Relaxed) {
                        let counted = &answers[kind.load(Ordering::Relaxed) as usize];
                        counted.fetch_add(flood(address), Ordering::Relaxed);
                    } else {
                        spin_loop();
                    }
                }
            });
        }
        let attacked = |with_idle: bool| {
            // The server closes them after a while; each round opens new ones. Connections beyond the server's limit wait in the system.
            let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(20)).ok();
            let most = if with_idle { IDLE } else { 0 };
            let idle: Vec<_> = (0..most).map_while(connect).collect();
            kind.store(u64::from(with_idle), Ordering::Relaxed);
            attacks.store(true, Ordering::Relaxed);
            let time = round(pool);
            attacks.store(false, Ordering::Relaxed);
            drop(idle);
            time
        };
        let rounds: Vec<_> = (0..ROUNDS)
            .map(|_| (round(pool), [attacked(false), attacked(true)]))
            .collect();
        ends.store(true, Ordering::Relaxed);
        rounds
    });
    println!(
        "{ROUNDS} rounds of {CLIENTS} clients; resident memory {:+.1} MiB",
        resident() - before
    );
    let seconds = ROUND.as_secs_f64() * ROUNDS as f64;
    for (at, name) in ["flooded", "flooded, with idle connections"]
        .iter()
        .enumerate()
    {
        let mut ratios: Vec<_> = rounds.iter().map(|it| it.1[at] / it.0).collect();
        ratios.sort_by(f64::total_cmp);
        let quiet = median(rounds.iter().map(|it| it.0).collect());
        let attacked = median(rounds.iter().map(|it| it.1[at]).collect());
        // Relaxed: the threads have ended.
        let answers = answers[at].load(Ordering::Relaxed) as f64 / seconds;
        println!(
            "alloc + drop, {name}: {attacked:.2} ns, quiet {quiet:.2} ns, ratio {:.3} ({:.3} … {:.3}); {answers:.0} answers a second",
            ratios[ratios.len() / 2],
            ratios[ratios.len() / 4],
            ratios[ratios.len() * 3 / 4],
        );
    }
}

/// Sends each request once. Returns how many were answered.
fn flood(address: SocketAddr) -> u64 {
    let mut answered = 0;
    for request in REQUESTS {
        let Ok(mut stream) = TcpStream::connect(address) else {
            continue;
        };
        // The server may close at any time.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
        let _ = stream.write_all(request.as_bytes());
        let mut buffer = [0; 16 << 10];
        let mut has_answer = false;
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {
            has_answer = true;
        }
        answered += u64::from(has_answer);
    }
    answered
}

/// The share of a core that the library's threads take, with `pages` open pages, while frames end 60 times a second.
fn share(pool: &BufferPool, address: SocketAddr, pages: usize) -> f64 {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..pages {
            let ends = &ends;
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a server");
                let request = "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
                stream.write_all(request.as_bytes()).expect("a server");
                let mut buffer = vec![0; 64 << 10];
                // Relaxed: no other data depends on it.
                while !ends.load(Ordering::Relaxed) && stream.read(&mut buffer).is_ok() {}
            });
        }
        // The first answers are larger.
        frames(pool, Duration::from_secs(1));
        let (begun, before) = (Instant::now(), library_threads());
        frames(pool, OPEN);
        let share =
            library_threads().saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64();
        // Relaxed: no other data depends on it.
        ends.store(true, Ordering::Relaxed);
        share
    })
}

fn open_pages(pool: &BufferPool, address: SocketAddr) {
    let none = share(pool, address, 0);
    let three = share(pool, address, 3);
    println!(
        "threads of the watch and the page: {:.2} % of a core with no page open, {:.2} % with three, so {:.2} % for the three",
        none * 100.0,
        three * 100.0,
        (three - none) * 100.0
    );
}

/// Frames with a few buffers each from a few dozen lines' worth of tags.
fn frames(pool: &BufferPool, time: Duration) {
    let tags: Vec<_> = (0..12).map(|at| pool.tag(&format!("tag {at}"))).collect();
    let kept: Vec<_> = tags.iter().map(|tag| tag.alloc::<u8>(10_000)).collect();
    let begun = Instant::now();
    while begun.elapsed() < time {
        let frame = pool.begin_frame();
        for size in [100, 1_000, 10_000] {
            frame.alloc::<u8>(size).fill(1);
            drop(pool.alloc::<u8>(size));
        }
        frame.release_all();
        thread::sleep(Duration::from_micros(16_667));
    }
    drop(kept);
}

/// The processor time of all threads of the library, found by the prefix of their names.
fn library_threads() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let times = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        let name = fs::read_to_string(task.join("comm")).ok()?;
        if !name.starts_with("framepool-") {
            return None;
        }
        let times = fs::read_to_string(task.join("schedstat")).ok()?;
        let on_core = times.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(on_core))
    });
    times.sum()
}

/// Resident memory of the process, in MiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
