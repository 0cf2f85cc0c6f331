//! A timeline has all events, and is valid at any end.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::Trace;
use framepool::{BufferPool, HealthConfig, Watch};
use framepool_timeline::TimelineWriter;

const LONG: Duration = Duration::from_secs(30);
/// Names the file that a copy of this program writes until it is killed.
const CHILD: &str = "FRAMEPOOL_TIMELINE_CHILD";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.pftrace", std::process::id()))
}

fn watched(name: &str) -> (BufferPool, Watch) {
    let pool = BufferPool::builder()
        .name(name)
        .leak_after_frames(1)
        .expect_release_within(2)
        .max_frames_in_flight(3)
        .build()
        .expect("good settings");
    let config = HealthConfig::default()
        .emit_interval(Duration::from_millis(20))
        .poll_interval(Duration::from_millis(5));
    let watch = Watch::start(&pool, config);
    (pool, watch)
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "no {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A trace with frames that overlap, an alert that comes and goes, and a mark.
fn written(name: &str) -> (PathBuf, Vec<u64>, framepool_timeline::Written) {
    let (pool, watch) = watched(name);
    let path = path(name);
    let timeline = TimelineWriter::start([&watch], &path).expect("a file");
    let mut in_use = Vec::new();
    let mut end = |frame: framepool::Frame| in_use.push(frame.release_all().in_use_bytes);
    let (first, second) = (pool.begin_frame(), pool.begin_frame());
    let third = pool.begin_frame();
    [first, second, third].into_iter().for_each(&mut end);
    let kept = pool.alloc::<u8>(10_000);
    watch.mark("level 3 loaded");
    eventually("alert", || {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100);
        end(frame);
        !watch.store().active_alerts().is_empty()
    });
    drop(kept);
    eventually("end of the alert", || {
        end(pool.begin_frame());
        watch.store().active_alerts().is_empty()
    });
    let written = timeline.finish().expect("a file");
    (path, in_use, written)
}

#[test]
fn a_trace_has_frames_counters_alerts_and_marks() {
    let (path, in_use, written) = written("whole");
    let bytes = fs::read(&path).expect("a file");
    assert_eq!(written.bytes, bytes.len() as u64);
    assert_eq!((written.frames, written.lost), (in_use.len() as u64, 0));
    println!("{} bytes a frame", bytes.len() / in_use.len());
    let trace = Trace::read(&bytes);
    assert_eq!(trace.clocks, 2);
    let group = trace
        .tracks
        .values()
        .find(|track| track.name == "pool whole")
        .expect("a group");
    assert!(trace.tracks[&group.parent.expect("a process")].is_process);

    assert_eq!(trace.counter("in use"), in_use);
    assert_eq!(trace.counter("pooled").len(), in_use.len());
    let frames = trace.slices_of("frames");
    assert_eq!(frames.len(), in_use.len());
    assert_eq!(trace.instants_of("frame ends").len(), in_use.len());
    // Frames 1 to 3 were open at once.
    assert!(frames[0].track != frames[1].track && frames[1].track != frames[2].track);
    assert!(frames[2].begin < frames[0].end.expect("an end"));
    let with_buffer = frames
        .iter()
        .find(|frame| frame.numbers["bytes allocated"] > 0);
    assert!(with_buffer.expect("a frame").numbers["allocs"] > 0);

    assert_eq!(trace.instants_of("marks"), ["level 3 loaded"]);
    let alerts = trace.slices_of("overdue at ");
    assert!(
        alerts[0].end.is_some() && alerts[0].name == "overdue: warning",
        "{alerts:?}"
    );
    assert!(
        alerts[0].texts["says"].contains("timeline.rs:"),
        "{alerts:?}"
    );
    let _ = fs::remove_file(path);
}

#[test]
fn perfettos_own_messages_agree() {
    let (path, in_use, _) = written("official");
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/count.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(&path)
        .env("PYTHONPATH", packages)
        .output()
        .unwrap_or_else(|error| panic!("`python3`: {error}; Debian: apt-get install python3"));
    let said = String::from_utf8_lossy(&output.stdout);
    let frames = in_use.len();
    let expected = format!(
        "frames {frames} ends {frames} counters {} unknown 0",
        5 * frames
    );
    assert!(
        said.contains(&expected),
        "{said}, not {expected}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let _ = fs::remove_file(path);
}

#[test]
fn what_is_lost_is_counted_and_said() {
    let pool = BufferPool::builder()
        .history_frames(8)
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let path = path("lost");
    let timeline = TimelineWriter::start([&watch], &path).expect("a file");
    for _ in 0..5_000 {
        pool.end_frame();
    }
    let written = timeline.finish().expect("a file");
    assert!(
        written.lost > 0 && written.frames + written.lost == 5_000,
        "{written:?}"
    );
    let trace = Trace::read(&fs::read(&path).expect("a file"));
    assert!(
        trace
            .instants_of("marks")
            .iter()
            .any(|said| said.contains("missing here"))
    );
    assert_eq!(trace.slices_of("frames").len() as u64, written.frames);
    let _ = fs::remove_file(path);
}

#[test]
fn a_full_file_ends_and_says_so() {
    let (pool, watch) = watched("full");
    let path = path("full");
    let timeline = TimelineWriter::start_limited([&watch], &path, 4_000).expect("a file");
    let size = || fs::metadata(&path).map_or(0, |file| file.len());
    eventually("full file", || {
        pool.end_frame();
        size() >= 4_000
    });
    let full = size();
    for _ in 0..100 {
        pool.end_frame();
    }
    let written = timeline.finish().expect("a file");
    assert!(
        written.is_full && written.bytes == full && size() == full,
        "{written:?}"
    );
    let trace = Trace::read(&fs::read(&path).expect("a file"));
    assert!(trace.instants_of("marks")[0].contains("the file is full"));
    let _ = fs::remove_file(path);
}

#[test]
fn a_killed_writer_leaves_a_whole_file() {
    if let Some(path) = std::env::var_os(CHILD) {
        let (pool, watch) = watched("killed");
        let timeline = TimelineWriter::start([&watch], path).expect("a file");
        let _kept = pool.alloc::<u8>(100);
        // Longer than any wait for it.
        for _ in 0..60_000 {
            pool.begin_frame().release_all();
            thread::sleep(Duration::from_millis(1));
        }
        drop(timeline);
        return;
    }
    let path = path("killed");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_killed_writer_leaves_a_whole_file"])
        .env(CHILD, &path)
        .stdout(Stdio::null())
        .spawn()
        .expect("this program again");
    eventually("file", || {
        fs::metadata(&path).is_ok_and(|file| file.len() > 50_000)
    });
    // SIGKILL.
    child.kill().expect("the child");
    child.wait().expect("the child");
    let trace = Trace::read(&fs::read(&path).expect("a file"));
    assert!(trace.slices_of("frames").len() > 10);
    let alerts = trace.slices_of("overdue at ");
    assert!(
        alerts.last().is_some_and(|alert| alert.end.is_none()) || alerts.is_empty(),
        "{alerts:?}"
    );
    let _ = fs::remove_file(path);
}
