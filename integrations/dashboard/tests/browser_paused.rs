//! A paused page, and one that looks back, in a real browser.

mod common;

use std::thread;
use std::time::Duration;

use common::browser::Browser;
use common::{AGED, eventually, frames_until, served, watched};
use framepool::BufferPool;
use framepool::store::SavedHistory;
use serde_json::Value;

/// Everything on the page that comes from the pool: tiles, alerts, tables, legends and the log.
const SHOWN: &str = "return ['figures', 'active', 'table', 'crumbs', 'sizes', 'threads', 'memory-legend', 'log'].map((id) => document.getElementById(id).innerText)";

/// Ends frames until the page knows this many of them.
fn until_frame(browser: &Browser, pool: &BufferPool, least: u64) {
    frames_until(pool, "frames", || {
        let last = browser.run("return fp.source.state.pools.values().next().value?.spans.frames?.rows.at(-1)?.[0] ?? 0");
        (last.as_u64()? >= least).then_some(())
    });
}

/// Waits until the server has sent another number of buffers than the page shows.
fn until_moved_on(browser: &Browser, pool: &BufferPool, buffers: u64) {
    frames_until(pool, "a later update", || {
        let script =
            "return fp.source.state.pools.values().next().value.health.metrics.outstanding_buffers";
        (browser.run(script) == buffers).then_some(())
    });
}

#[test]
fn every_action_works_on_the_paused_moment() {
    let (pool, watch) = watched("held");
    let server = served(&watch);
    let browser = Browser::start();
    let first = pool.alloc::<u8>(200_000);
    browser.open(&server.url());
    until_frame(&browser, &pool, 30);
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    browser.press(&["p"]);
    browser.until_text("#connection", "paused at ");
    let paused = browser.run(SHOWN);
    let later: Vec<_> = (0..5).map(|_| pool.alloc::<u8>(300_000)).collect();
    until_moved_on(&browser, &pool, 6);
    assert_eq!(browser.run(SHOWN), paused);
    // Actions that draw again, with the time for a repaint after each.
    browser.press(&["g", "g", "g", "g"]);
    browser.run("document.querySelector('[data-column=buffers] button').click()");
    browser.run("document.querySelector('[data-column=bytes] button').click()");
    browser.drag("#timeline .u-over", 0.8, 0.99);
    browser.press(&["\u{e00c}", "a", "\u{e00c}"]);
    browser.hover("h1", (0.5, 0.5));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(browser.run(SHOWN), paused);
    // Every span shows the same moment, and the way back leads to the same page.
    for (key, span) in [
        ("1", "frames"),
        ("3", "hour"),
        ("4", "day"),
        ("2", "recent"),
    ] {
        browser.press(&[key]);
        eventually(span, || {
            let read = browser.run(&format!(
                "return fp.view.pool().spans.{span}?.rows.length ?? 0"
            ));
            (read.as_u64()? > 0).then_some(())
        });
        browser.until_text("#connection", "paused at ");
        browser.until_text("[data-metric=outstanding_buffers]", "1");
        let latest = browser.run(&format!(
            "const p = fp.view.pool(); return p.spans.{span}.rows.every((row) => ('{span}' === 'frames' ? row[1] : row[0]) <= p.heldAt + 1000)"
        ));
        assert_eq!(latest, true, "{span}");
    }
    assert_eq!(browser.run(SHOWN), paused);
    browser.press(&["p"]);
    browser.until_text("#connection", "live");
    browser.until_text("[data-metric=outstanding_buffers]", "6");
    assert_eq!(browser.complaints(), [""; 0]);
    drop((first, later));
}

#[test]
fn a_paused_page_saves_its_own_moment() {
    let (pool, watch) = watched("saved");
    let server = served(&watch);
    let browser = Browser::start();
    let first = pool.alloc::<u8>(200_000);
    browser.open(&server.url());
    until_frame(&browser, &pool, 30);
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    let title = "return document.getElementById('save').title";
    assert!(browser.run(title).to_string().contains("this view"));
    browser.press(&["p"]);
    browser.until_text("#connection", "paused at ");
    let saved = "fp.files.saved().then(arguments[0], arguments[0])";
    let at_pause = browser.run_until_called(saved);
    let later: Vec<_> = (0..5).map(|_| pool.alloc::<u8>(300_000)).collect();
    until_moved_on(&browser, &pool, 6);
    assert_eq!(browser.run_until_called(saved), at_pause);
    assert!(
        browser
            .run(title)
            .to_string()
            .contains("the moment of the pause")
    );
    let path = common::browser::output("paused.html");
    std::fs::write(&path, at_pause.as_str().expect("a page")).expect("writable");
    let history = SavedHistory::load(&path).expect("a history");
    assert_eq!(history.pools[0].metrics.outstanding_buffers, 1);
    // Going on drops it.
    browser.press(&["p"]);
    browser.until_text("[data-metric=outstanding_buffers]", "6");
    assert_ne!(browser.run_until_called(saved), at_pause);
    assert_eq!(browser.complaints(), [""; 0]);
    drop((first, later));
}

#[test]
fn looking_back_stops_at_the_first_window() {
    let (pool, watch) = watched("back");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    until_frame(&browser, &pool, 500);
    // A young history fills no window of two minutes: there is nothing to look back at.
    browser.press(&["\u{e012}"]);
    browser.until_text("#connection", "live");
    browser.until_text("#looking", "Nothing older");
    browser.press(&["1"]);
    assert_eq!(browser.text("#looking"), None);
    browser.press(&["\u{e012}"; 40]);
    browser.until_text("#connection", "paused at ");
    browser.until_text("#looking", "The charts end at frame ");
    browser.until_text("#looking", "show the paused moment");
    let first = browser.run("return fp.view.pool().spans.frames.rows[0][0]");
    let first = first.as_f64().expect("a frame");
    assert_eq!(browser.axis(), (first, first + 240.0));
    assert_ne!(browser.text("#memory-legend b"), Some("–".to_owned()));
    // All the way forth it is live again.
    browser.press(&["\u{e014}"; 40]);
    browser.until_text("#connection", "live");
    assert_eq!(browser.text("#looking"), None);
    // Who paused stays paused there.
    browser.press(&["p", "\u{e012}", "\u{e014}", "\u{e014}"]);
    browser.until_text("#connection", "paused at ");
    assert_eq!(browser.text("#looking"), None);
    // A window of two minutes keeps its length.
    browser.press(&["p", "2"]);
    browser.run(AGED);
    browser.press(&["\u{e012}"; 40]);
    browser.until_text("#looking", "Nothing older");
    let (from, to) = browser.axis();
    assert!((to - from - 120.0).abs() < 0.01, "{from} to {to}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn repaints_leave_the_focus_where_it_was() {
    let (pool, watch) = watched("focused");
    let server = served(&watch);
    let browser = Browser::start();
    let mut kept = vec![pool.alloc::<u8>(400_000)];
    browser.open(&server.url());
    let focused = "return [document.activeElement.tagName, document.activeElement.dataset.key]";
    for selector in [
        "#crumbs [data-key=in_use]",
        "#map .cell.in_use",
        "#log .scroll",
        "#active button",
    ] {
        frames_until(&pool, selector, || browser.text(selector));
        browser.run(&format!("document.querySelector(`{selector}`).focus()"));
        let before: Value = browser.run(focused);
        let said = browser.text("#crumbs [data-key=in_use]");
        // Another line each time: other alerts, another order of the map, another entry of the log.
        kept.push(match kept.len() {
            1 => pool.alloc::<u8>(900_000),
            2 => pool.alloc::<u8>(1_900_000),
            3 => pool.alloc::<u8>(3_900_000),
            _ => pool.alloc::<u8>(7_900_000),
        });
        let entries = browser.run("return document.querySelectorAll('#log li').length");
        frames_until(&pool, "a changed page", || {
            let more = browser.run("return document.querySelectorAll('#log li').length");
            (browser.text("#crumbs [data-key=in_use]") != said && more != entries).then_some(())
        });
        assert_eq!(browser.run(focused), before, "{selector}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn log_keeps_the_numbers_of_the_rise() {
    let (pool, watch) = watched("logged");
    let server = served(&watch);
    let browser = Browser::start();
    let alloc = || pool.alloc::<u8>(100_000);
    browser.open(&server.url());
    let mut kept = vec![alloc()];
    frames_until(&pool, "the rise", || {
        browser
            .text("#log")?
            .contains("1 buffer is out")
            .then_some(())
    });
    kept.extend((0..6).map(|_| alloc()));
    frames_until(&pool, "the banner", || {
        browser
            .text("#active")?
            .contains("7 buffers are out")
            .then_some(())
    });
    // The log is read again.
    watch.store().mark("half way");
    browser.until_text("#log", "half way");
    browser.until_text("#log", "1 buffer is out");
    kept.clear();
    frames_until(&pool, "the end", || {
        let log = browser.text("#log")?;
        (log.contains("resolved") && log.contains("half way")).then_some(())
    });
    browser.until_text("#log", "1 buffer is out");
    // The same is in a saved history.
    let path = common::browser::output("logged.html");
    std::fs::write(&path, common::get(&server, "/save").body).expect("writable");
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#log", "1 buffer is out");
    browser.until_text("#log", "resolved");
    assert_eq!(browser.complaints(), [""; 0]);
}
