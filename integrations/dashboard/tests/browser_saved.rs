//! Saved histories in a real browser: as a page from disk, and opened by the page.

mod common;

use std::path::Path;

use common::browser::{Browser, output};
use common::{eventually, frames_until, get, served, watched};
use framepool::store::SavedHistory;
use framepool::{BufferPool, HealthConfig, Thresholds, Watch};
use framepool_dashboard::Dashboard;

/// Waits until the store knows of one buffer.
fn until_stored(pool: &BufferPool, watch: &Watch) {
    frames_until(pool, "the buffer in the store", || {
        (watch.store().latest()?.metrics.outstanding_buffers == 1).then_some(())
    });
}

#[test]
fn a_saved_page_opens_from_disk() {
    let (pool, watch) = watched("saved");
    let recording = Dashboard::new(&watch).record().expect("a thread");
    let kept = pool.alloc::<u8>(123_456);
    frames_until(&pool, "the buffer in the store", || {
        (watch.store().latest()?.metrics.outstanding_buffers == 1).then_some(())
    });
    let path = output("saved.html");
    std::fs::write(&path, recording.html()).expect("writable");
    drop((kept, recording, watch, pool));
    let browser = Browser::start();
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#connection", "saved");
    browser.until_text("#table tbody", "browser_saved.rs");
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    // Nothing runs, so there is nothing to pause.
    assert_eq!(browser.text("#pause"), None);
    browser.press(&["\u{e012}", "p"]);
    assert_eq!(browser.text("#pause"), None);
    browser.until_text("#connection", "saved");
    browser.until_text("#looking", "Nothing older");
    assert_eq!(
        browser.run("return performance.getEntriesByType('resource').length"),
        0
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

/// A saved history has no ages in time.
#[test]
fn the_page_of_a_file_invents_no_age() {
    let (pool, watch) = watched("file");
    let kept = pool.alloc::<u8>(123_456);
    frames_until(&pool, "the buffer in the store", || {
        (watch.store().latest()?.metrics.outstanding_buffers == 1).then_some(())
    });
    let path = output("file.html");
    std::fs::write(&path, framepool_dashboard::html(&watch.store().saved())).expect("writable");
    drop((kept, watch, pool));
    let browser = Browser::start();
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#table tbody", "browser_saved.rs");
    let row = browser.run("return document.querySelector('#table tbody').innerText");
    let row = row.as_str().expect("a text");
    assert!(row.contains('–') && !row.contains("0.0 s"), "{row}");
    assert_eq!(browser.complaints(), [""; 0]);
}

/// A page with the thresholds of its pool in its charts.
#[test]
fn saved_page_has_the_levels() {
    let pool = BufferPool::builder()
        .name("levels")
        .max_bytes(64 << 20)
        .build()
        .expect("good settings");
    let thresholds = Thresholds::default().pooled_bytes(3 << 20, 6 << 20);
    let watch = Watch::start(&pool, HealthConfig::default().thresholds(thresholds));
    let kept = pool.alloc::<u8>(2 << 20);
    until_stored(&pool, &watch);
    watch.stop();
    let json = output("levels.json");
    watch.store().save(&json).expect("writable");
    let history = SavedHistory::load(&json).expect("a history");
    let path = output("levels.html");
    std::fs::write(&path, framepool_dashboard::html(&history)).expect("writable");
    let browser = Browser::start();
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#connection", "saved");
    let levels = browser.run("const {view} = fp.view.pool(); return [view.thresholds.pooled_bytes.warning, view.thresholds.pooled_bytes.critical, view.limit_bytes]");
    assert_eq!(levels, serde_json::json!([3 << 20, 6 << 20, 64 << 20]));
    browser.resize(1000, 900);
    browser.picture("levels");
    drop(kept);
}

#[test]
fn the_saved_view_is_opened_again_everywhere() {
    let (pool, watch) = watched("reopened");
    let server = served(&watch);
    let kept = pool.tag("shadows").alloc::<u8>(123_456);
    let line = format!("browser_saved.rs:{}", line!() - 1);
    until_stored(&pool, &watch);
    watch.store().mark("half way");
    let (page, json) = (output("reopened.html"), output("reopened.json"));
    std::fs::write(&page, get(&server, "/save").body).expect("writable");
    // The command line and the page show the same.
    let history = SavedHistory::load(&page).expect("a history within the page");
    assert_eq!(history.pools[0].holders[0].tag, "shadows");
    assert!(!history.pools[0].thresholds.is_empty());
    history.save(&json).expect("writable");
    let browser = Browser::start();
    let shows_it = |name: &str| {
        browser.until_text("#connection", "saved");
        browser.until_text("#opened", name);
        browser.until_text("#table tbody", &line);
        browser.until_text("#table tbody", "shadows");
        browser.until_text("#log", "half way");
    };
    // By the file chooser of the live page.
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    for (path, name) in [(&json, "reopened.json"), (&page, "reopened.html")] {
        browser.choose_file("#file", path);
        shows_it(name);
    }
    browser.run("document.getElementById('close').click()");
    browser.until_text("#connection", "live");
    assert_eq!(browser.text("#opened"), None);
    drop((kept, server, watch, pool));
    // By drag and drop on a page without a program.
    let (_pool, other) = watched("other");
    eventually("a judgement", || other.store().latest());
    let blank = output("other.html");
    std::fs::write(&blank, framepool_dashboard::html(&other.store().saved())).expect("writable");
    browser.open(&format!("file://{}", blank.display()));
    browser.until_text("#connection", "saved");
    drop_file(&browser, &json, "dropped.json");
    shows_it("dropped.json");
    browser.until_text("#pool", "reopened");
    browser.run("document.getElementById('close').click()");
    browser.until_text("#pool", "other");
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Drops a file on the page, as a file manager does.
fn drop_file(browser: &Browser, path: &Path, name: &str) {
    let text = std::fs::read_to_string(path).expect("readable");
    let text = serde_json::to_string(&text).expect("a text");
    browser.run(&format!(
        "const data = new DataTransfer(); data.items.add(new File([{text}], '{name}'));
         document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer: data, bubbles: true, cancelable: true }}))"
    ));
}

#[test]
fn a_wrong_file_is_refused_in_words() {
    let (_pool, watch) = watched("kept");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    let whole = watch.store().saved().to_json();
    let later = r#"{"format":"framepool history","version":7,"library":"9.1.0","history":{}}"#;
    for (name, text, why) in [
        ("empty.json", "", "empty"),
        ("picture.json", "PNG", "not a history saved by framepool"),
        ("other.json", "{}", "not a history saved by framepool"),
        ("other.html", "<p>Hello", "without a history"),
        ("cut.json", &whole[..whole.len() / 2], "cut short"),
        ("later.json", later, "framepool 9.1.0"),
        (
            "bare.json",
            r#"{"format":"framepool history","version":1,"history":{}}"#,
            "lacks",
        ),
    ] {
        let path = output(name);
        std::fs::write(&path, text).expect("writable");
        browser.choose_file("#file", &path);
        browser.until_text("#refused", name);
        browser.until_text("#refused", why);
    }
    browser.press(&["\u{e00c}"]);
    assert_eq!(browser.text("#refused"), None);
    // The page keeps its content.
    browser.until_text("#connection", "live");
    assert_eq!(browser.complaints(), [""; 0]);
}
