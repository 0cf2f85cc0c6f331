//! The callers of sampled buffers in a real browser: live, and in a saved page.

#[path = "../../../tests/common/callers.rs"]
mod callers;
mod common;

use std::thread;
use std::time::Duration;

use callers::load_level;
use common::browser::{Browser, output};
use common::{eventually, frames_until, get, served};
use framepool::store::SavedHistory;
use framepool::{Attribution, Buffer, BufferPool, HealthConfig, Watch};
use framepool_dashboard::Dashboard;
use framepool_dashboard::api::Stacks;

/// Buffers of call sites with and without samples.
fn held(pool: &BufferPool) -> (Vec<Buffer<u8>>, Buffer<u8>) {
    (load_level(pool), pool.alloc::<u8>(64))
}

fn watched() -> (BufferPool, Watch) {
    let builder = BufferPool::builder().attribution(Attribution::Backtraces);
    let builder = builder.name("callers").backtraces(1_000_000, 100_000);
    let pool = builder.build().expect("good settings");
    let config = HealthConfig::default().emit_interval(Duration::from_millis(20));
    let watch = Watch::start(&pool, config);
    pool.end_frame();
    (pool, watch)
}

/// Opens the callers of every call site.
fn press_all(browser: &Browser) {
    eventually("the buttons", || {
        let pressed = browser.run("const all = document.querySelectorAll('#table button.callers:not([hidden])'); all.forEach((b) => b.click()); return all.length");
        (pressed == 2).then_some(())
    });
}

#[test]
fn call_site_shows_callers_of_sampled_buffers() {
    let (pool, watch) = watched();
    let server = served(&watch);
    let kept = held(&pool);
    let browser = Browser::start();
    browser.open(&server.url());
    frames_until(&pool, "call sites", || {
        browser
            .text("#table tbody")?
            .contains("browser_callers.rs")
            .then_some(())
    });
    press_all(&browser);
    let sampling = "sampled 1 in 1,000,000, and all from 97.7 KiB; not scaled";
    for part in ["::load_level", "3 sampled buffers, 3.00 MiB", sampling] {
        browser.until_text("#table tbody", part);
    }
    // The other call site has none, and says so.
    browser.until_text(
        "#table tbody",
        "None of its buffers that are out was sampled",
    );
    let answer = get(&server, "/api/v1/stacks").body;
    let stacks: Stacks = serde_json::from_str(&answer).expect("stacks");
    assert_eq!((stacks.stacks.len(), stacks.left_out), (1, 0));
    assert_eq!(stacks.stacks[0].counts.large_buffers, 3);
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for (name, width) in [("wide", 1600), ("phone", 390)] {
            browser.resize(width, 1000);
            thread::sleep(Duration::from_millis(400));
            browser.run("document.querySelector('#sites').scrollIntoView()");
            browser.picture(&format!("callers-{name}-{scheme}"));
            browser.assert_usable(&format!("{name}, {scheme}"));
        }
    }
    // What the reader looks at stays open, and what is closed is gone.
    assert_eq!(
        browser.run("return document.querySelectorAll('tr.callers').length"),
        2
    );
    browser.run("document.querySelector('#table button.callers').click()");
    eventually("one row of callers less", || {
        (browser.run("return document.querySelectorAll('tr.callers').length") == 1).then_some(())
    });
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn saved_page_has_callers_of_sampled_buffers() {
    let (pool, watch) = watched();
    let recording = Dashboard::new(&watch).record().expect("a thread");
    let kept = held(&pool);
    frames_until(&pool, "the buffers in the store", || {
        (watch.store().latest()?.stacks.len() == 1).then_some(())
    });
    let path = output("callers.html");
    std::fs::write(&path, recording.html()).expect("writable");
    let history = SavedHistory::load(&path).expect("a history within the page");
    assert!(history.to_string().contains("::load_level"), "{history}");
    drop((kept, recording, watch, pool));
    let browser = Browser::start();
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#connection", "saved");
    press_all(&browser);
    browser.until_text("#table tbody", "::load_level");
    browser.until_text("#table tbody", "sampled 1 in 1,000,000");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn pool_without_samples_has_no_callers() {
    let (pool, watch) = common::watched("plain");
    let server = served(&watch);
    let kept = pool.alloc::<u8>(1 << 20);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#table tbody", "browser_callers.rs");
    assert_eq!(
        browser
            .run("return document.querySelectorAll('#table button.callers:not([hidden])').length"),
        0
    );
    let answer = get(&server, "/api/v1/stacks").json();
    assert_eq!(answer["stacks"], serde_json::json!([]));
    drop(kept);
}
