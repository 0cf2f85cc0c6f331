//! The picture for given numbers, at several sizes. Review a change, then accept it with `INSTA_UPDATE=always`.

use std::time::{Duration, Instant};

use framepool_dashboard::api::{History, Update};
use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::draw::draw;
use super::model::Model;
use super::source::News;
use super::style::Style;

const MIB: u64 = 1 << 20;

fn site(line: u64, tag: &str, buffers: u64, bytes: u64, age: u64) -> Value {
    json!({
        "location": format!("src/render/particles.rs:{line}:21"), "tag": tag, "buffers": buffers, "bytes": bytes,
        "oldest_age_frames": age * 60, "oldest_age": {"secs": age, "nanos": 0}, "thread": "worker 1",
    })
}

fn verdict(line: u64, verdict: &str) -> Value {
    json!({
        "location": format!("src/render/particles.rs:{line}:21"), "verdict": verdict, "buffers": 3, "bytes": 3,
        "oldest_age_frames": 9, "since_frame": 100, "growth": null, "thread": "worker 1",
    })
}

fn alert(severity: &str, line: u64) -> Value {
    let time = json!({"monotonic_ns": 1, "unix_ns": 1});
    let duration = json!({"secs": 4, "nanos": 0});
    let step = "find what keeps the buffers, and drop them or bound their number";
    json!({
        "id": "14160c97bbfe8d6a", "rule": "leak", "state": "raised", "severity": severity, "value": 38.0, "worst": 38.0,
        "threshold": 10.0, "frame": 806, "raised_frame": 411, "at": duration, "raised_at": duration, "time": time,
        "raised_time": time, "count": 1, "pool_id": 1, "pool": "render", "next_step": step,
        "site": format!("src/render/particles.rs:{line}:21"),
        "sentence": format!(
            "{severity}: 38 buffers taken at src/render/particles.rs:{line}:21 were not given back (608 KiB), growing \
             since frame 375 (7.4 s ago) by 300 buffers (4.69 MiB) a minute in pool `render`, since frame 411; {step}"
        ),
    })
}

fn tag(name: &str, bytes: u64, budget: Option<u64>) -> Value {
    let counts = json!({"allocs": 9, "releases": 4, "alloc_bytes": bytes, "release_bytes": 0});
    json!({"name": name, "total": counts, "peak_bytes": 2 * bytes, "warn_bytes": budget})
}

/// The update `second` seconds after the first judgement of a pool that leaks.
fn update(second: u64) -> Update {
    let time = json!({"monotonic_ns": second * 1_000_000_000, "unix_ns": second});
    let document = json!({"pools": [{
        "pool": {"id": 1, "name": "render", "status": "critical", "limit_bytes": null, "thresholds": {}},
        "health": {
            "status": "critical",
            "metrics": {
                "in_use_bytes": 12 * MIB, "idle_bytes": 3 * MIB, "pooled_bytes": 15 * MIB, "resident_bytes": 14 * MIB,
                "peak_bytes": 18 * MIB, "avg_frame_ms": 9.503, "p99_frame_ms": 17.01, "worst_frame_ms": 25.31,
                "fps_estimate": 59.94, "total_frames": 60 * second, "total_allocs": 2_880 * second,
                "total_releases": 2_875 * second, "total_misses": 5 * second,
            },
            "verdicts": [verdict(88, "growing"), verdict(120, "held"), verdict(131, "overdue")],
            "tags": [tag("render", 9 * MIB, Some(16 * MIB)), tag("render/shadows", 4 * MIB, None)],
            "at": {"secs": second, "nanos": 0}, "time": time,
        },
        "active": [alert("warning", 131), alert("critical", 88)],
        "sites": {
            "at": time, "buffers": 60, "bytes": 9 * MIB, "long_lived": 0, "long_lived_bytes": 0, "suspects": 3,
            "suspect_bytes": 3, "left_out": 0, "holdings": [],
            "sites": [
                site(88, "render/shadows", 38, 608 << 10, 7), site(120, "render", 1, 8 * MIB, 4_000),
                site(131, "", 12, 300, 95), site(144, "", 1_234, 40 << 10, 0),
            ],
        },
        "samples": [],
    }]});
    serde_json::from_value(document).expect("an update")
}

/// Two minutes in which memory rises, with a spike.
fn history() -> History {
    let samples: Vec<Value> = (0..600)
        .map(|tick| {
            let in_use = 2 * MIB + tick * (10 * MIB / 600);
            let spike = if (300..320).contains(&tick) {
                3 * MIB
            } else {
                0
            };
            // A part of the idle memory was never touched.
            json!([
                200 * tick,
                [in_use + 3 * MIB + spike, in_use, in_use + 2 * MIB],
                []
            ])
        })
        .collect();
    let columns = json!([
        {"metric": "pooled_bytes", "labels": {}}, {"metric": "framepool.memory.usage", "labels": {"state": "in_use"}},
        {"metric": "framepool.memory.resident", "labels": {}},
    ]);
    serde_json::from_value(json!({"columns": columns, "samples": samples})).expect("a history")
}

fn model(now: Instant) -> Model {
    let mut model = Model::new("127.0.0.1:7878".to_owned());
    let first = update(70);
    let history = vec![(first.pools[0].pool.id, history())];
    model.take(News::Update(Box::new(first), history), now);
    model.take(News::Update(Box::new(update(71)), Vec::new()), now);
    model
}

fn picture(model: &mut Model, size: (u16, u16), now: Instant) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a picture");
    let style = Style::new(true);
    let drawn = terminal.draw(|frame| draw(frame, model, style, now));
    drawn.expect("a picture");
    terminal.backend().to_string()
}

fn press(model: &mut Model, code: KeyCode) {
    model.key(KeyEvent::new(code, KeyModifiers::NONE));
}

#[test]
fn a_pool_is_shown_at_every_size() {
    let now = Instant::now();
    for size in [(30, 8), (60, 15), (80, 24), (160, 50)] {
        let name = format!("pool-{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, picture(&mut model(now), size, now));
    }
}

#[test]
fn small_window_shows_line_of_leak_and_key() {
    let now = Instant::now();
    for height in 5..15 {
        let text = picture(&mut model(now), (30, height), now);
        for part in ["critical", "particles.rs:88:21", "q quit"] {
            assert!(text.contains(part), "no {part} in:\n{text}");
        }
    }
}

#[test]
fn every_view_state_names_itself() {
    let now = Instant::now();
    let later = now + Duration::from_secs(65);
    let lost = || News::Lost("nobody listens there".to_owned());

    let mut first = Model::new("127.0.0.1:7878".to_owned());
    insta::assert_snapshot!("connecting", picture(&mut first, (60, 15), now));
    first.take(lost(), now);
    insta::assert_snapshot!("nobody-there", picture(&mut first, (60, 15), later));

    let mut model = model(now);
    model.take(lost(), now);
    insta::assert_snapshot!("lost", picture(&mut model, (80, 24), later));
    model.take(News::Update(Box::new(update(140)), Vec::new()), later);
    press(&mut model, KeyCode::Char('h'));
    insta::assert_snapshot!("help", picture(&mut model, (60, 15), later));
    press(&mut model, KeyCode::Char('h'));
    press(&mut model, KeyCode::Char('a'));
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char('p'));
    insta::assert_snapshot!("paused-by-age", picture(&mut model, (80, 24), later));
    press(&mut model, KeyCode::Char('v'));
    press(&mut model, KeyCode::Char('/'));
    press(&mut model, KeyCode::Char('8'));
    insta::assert_snapshot!("filtered", picture(&mut model, (80, 24), later));
}

#[test]
fn no_size_of_the_window_breaks_the_view() {
    let now = Instant::now();
    for width in (1..=170).step_by(13) {
        for height in (1..=52).step_by(3) {
            picture(&mut model(now), (width, height), now);
        }
    }
}

#[test]
fn stopped_watch_is_named_with_its_time() {
    let now = Instant::now();
    let mut model = model(now);
    let size = (80, 24);
    assert!(!picture(&mut model, size, now).contains("NOT JUDGED"));
    // The same judgement as before, ten seconds later.
    let later = now + Duration::from_secs(10);
    model.take(News::Update(Box::new(update(71)), Vec::new()), later);
    let text = picture(&mut model, size, later);
    assert!(text.contains("NOT JUDGED for 10 s"), "{text}");
}
