//! Fifty processes and one Prometheus: one query of the dashboard finds the process that leaks.
//!
//! The processes are this test program, started again to run one test. Each ends when its input closes, so none outlives
//! the fleet.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use framepool::{BufferPool, HealthConfig, Thresholds, Watch};
use framepool_prometheus::{Exposition, PoolCollector};

use super::{Prometheus, grafana, serve};

const PROCESSES: usize = 50;
const LEAKING: usize = 17;
/// The variable that makes the program a process of the fleet, and tells whether it leaks.
const ROLE: &str = "FRAMEPOOL_FLEET_ROLE";
const MEMBER: &str = "fleet::a_member_serves_until_its_input_ends";

/// A process of the fleet. It ends when its input is dropped.
struct Member {
    process: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Member {
    fn start(number: usize) -> Self {
        let role = if number == LEAKING { "leaks" } else { "steady" };
        let mut process = Command::new(env::current_exe().expect("a path"))
            .args([MEMBER, "--exact", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let address = (&mut output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("serves at ")?.1.parse().ok());
        Self {
            process,
            output,
            address: address.expect("an address"),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It ends by itself; its output and exit status do not matter here.
        let _ = io::copy(&mut self.output, &mut io::sink());
        let _ = self.process.wait();
    }
}

/// Runs one process of the fleet, if the program was started as one; else does nothing.
#[test]
fn a_member_serves_until_its_input_ends() {
    let Ok(role) = env::var(ROLE) else {
        return;
    };
    let pool = BufferPool::builder().name("game").build().unwrap();
    let thresholds = Thresholds::default().leak_warm_up(10, Duration::from_millis(100));
    let watch = Watch::start(&pool, HealthConfig::default().thresholds(thresholds));
    let exposition = Exposition::new(PoolCollector::new(&watch).unwrap());
    println!("serves at {}", serve(exposition));
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Nothing is ever written to the input.
            let _ = io::stdin().read(&mut [0]);
            // Relaxed: no other data depends on it.
            ends.store(true, Ordering::Relaxed);
        });
        let mut leaked = Vec::new();
        let pause = Duration::from_millis(if role == "leaks" { 5 } else { 50 });
        // Relaxed: as above.
        for number in (0_u64..).take_while(|_| !ends.load(Ordering::Relaxed)) {
            let frame = pool.begin_frame();
            frame.alloc::<u8>(10_000).fill(1);
            drop(pool.alloc::<u8>(4096));
            if role == "leaks" && number % 8 == 0 {
                leaked.push(pool.alloc::<u8>(1024));
            }
            frame.release_all();
            thread::sleep(pause);
        }
    });
}

#[test]
fn the_one_of_fifty_that_leaks_is_named() {
    let fleet: Vec<Member> = (0..PROCESSES).map(Member::start).collect();
    let addresses: Vec<SocketAddr> = fleet.iter().map(|member| member.address).collect();
    let prometheus = Prometheus::start("fleet", &addresses);
    let all = Some(PROCESSES as f64);
    prometheus.wait("count(framepool_frames_total > 0)", |found| found == all);
    let queries = grafana::queries();
    let which = queries
        .iter()
        .find(|query| query.contains("framepool_buffer_growing") && query.ends_with("> 0"));
    let which = which.expect("the query of the table of pools that leak");
    prometheus.wait(which, |found| found.is_some());
    let answer = prometheus.ask(which).expect("an answer");
    let named = answer["data"]["result"].as_array().expect("results");
    let instances: Vec<_> = named.iter().map(|one| &one["metric"]["instance"]).collect();
    assert_eq!(instances, [&fleet[LEAKING].address.to_string()], "{answer}");
}
