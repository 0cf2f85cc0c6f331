//! The moments A and B of a comparison, set by keys, in a real browser.

mod common;

use common::browser::Browser;
use common::{AGED, frames_until, served, watched};
use framepool::BufferPool;
use serde_json::Value;

const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const LEFT: &str = "\u{e012}";
const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";
const RIGHT: &str = "\u{e014}";

/// The pixels from the left edge of the timeline to the line of a moment; `None` if it is not seen.
fn place(browser: &Browser, point: &str) -> Option<f64> {
    let place = browser.run(&format!(
        "const e = document.querySelector('#timeline .point[data-point={point}]');
         return e && e.getClientRects().length ? e.getBoundingClientRect().x - document.querySelector('#timeline .u-over').getBoundingClientRect().x : null"
    ));
    place.as_f64()
}

fn label(browser: &Browser, point: &str) -> String {
    browser
        .text(&format!("#timeline .point[data-point={point}]"))
        .unwrap_or_default()
}

fn width(browser: &Browser) -> f64 {
    let width = browser.run("return document.querySelector('#timeline .u-over').clientWidth");
    width.as_f64().expect("a width")
}

/// Ends frames until the span has this many samples.
fn until_samples(browser: &Browser, pool: &BufferPool, span: &str, many: u64) {
    frames_until(pool, "samples", || {
        let script =
            format!("return fp.view.pool()?.spans.{span}?.rows.filter((r) => r[2]).length ?? 0");
        (browser.run(&script).as_u64()? >= many).then_some(())
    });
}

#[test]
fn keys_mark_the_moment_below_the_pointer() {
    let (pool, watch) = watched("pointed");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(200_000);
    browser.open(&server.url());
    until_samples(&browser, &pool, "recent", 10);
    browser.press(&["p"]);
    browser.until_text("#connection", "paused");
    let width = width(&browser);
    for (point, share) in [("a", 0.8), ("b", 0.95)] {
        assert_eq!(browser.text("#comparison"), None);
        browser.hover("#timeline .u-over", (share, 0.5));
        browser.press(&[point]);
        let seen = place(&browser, point).expect("a line");
        assert!(
            (seen - share * width).abs() < 3.0,
            "{point}: {seen} of {width}"
        );
        let label = label(&browser, point);
        assert!(
            label.starts_with(&point.to_uppercase()) && label.contains(':'),
            "{label}"
        );
    }
    browser.until_text("#comparison", "From ");
    // The other charts show them too.
    let lines = "return document.querySelectorAll('.chart .point').length";
    assert_eq!(browser.run(lines), 10);
    browser.press(&[ESCAPE]);
    assert_eq!(browser.run(lines), 0);
    assert_eq!(browser.text("#comparison"), None);
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn one_mark_is_seen_and_said_alone() {
    let (pool, watch) = watched("half");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.press(&["1"]);
    until_samples(&browser, &pool, "frames", 0);
    frames_until(&pool, "frames", || {
        let last = browser.run("return fp.view.pool()?.spans.frames?.rows.at(-1)?.[0] ?? 0");
        (last.as_u64()? > 20).then_some(())
    });
    browser.press(&["p", "a"]);
    // Without a crosshair it is the latest frame in sight.
    let (seen, width) = (place(&browser, "a").expect("a line"), width(&browser));
    assert!((seen - width).abs() < 3.0, "{seen} of {width}");
    assert!(label(&browser, "a").starts_with("A frame "));
    browser.until_text("#points", "A is at frame ");
    assert_eq!(browser.text("#comparison"), None);
    // Moments of another span are other numbers.
    browser.press(&["2"]);
    assert_eq!(place(&browser, "a"), None);
    browser.until_text("#points", "Drag over a range");
}

#[test]
fn arrow_keys_move_a_crosshair_to_compare() {
    let (pool, watch) = watched("arrows");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(200_000);
    browser.open(&server.url());
    until_samples(&browser, &pool, "recent", 10);
    browser.press(&["p"]);
    browser.run("document.querySelector('[data-kind=size]').focus()");
    browser.press(&[TAB]);
    assert_eq!(browser.run("return document.activeElement.id"), "timeline");
    let value = "return document.getElementById('timeline').getAttribute('aria-valuenow')";
    let number = |value: Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    let latest = number(browser.run(value)).expect("a sample");
    browser.press(&[LEFT, LEFT, LEFT]);
    assert_eq!(number(browser.run(value)), Some(latest - 3));
    let said =
        browser.run("return document.getElementById('timeline').getAttribute('aria-valuetext')");
    assert!(
        said.as_str().is_some_and(|text| text.contains("in use")),
        "{said}"
    );
    browser.press(&["b", HOME, "a"]);
    let moments = browser.run("return [fp.view.chosen.points.a, fp.view.chosen.points.b]");
    let rows = browser.run("const t = fp.view.pool().spans.recent.rows.map((r) => r[0] / 1000); return [t[0], t.at(-4)]");
    assert_eq!(moments, rows);
    browser.until_text("#comparison", "From ");
    assert!(place(&browser, "a") < place(&browser, "b"));
    // The pointer takes the crosshair over, in any chart.
    // In the middle nothing was recorded yet: far from the first sample.
    browser.hover("#memory .u-over", (0.5, 0.5));
    browser.run("fp.app.draw(true)");
    let apart = browser
        .run("const m = fp.view.chosen.points.a; return Math.abs(fp.charts.crosshair() - m)");
    assert!(
        apart.as_f64().is_some_and(|seconds| seconds > 1.0),
        "{apart}"
    );
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn question_mark_shows_the_keys() {
    let (_pool, watch) = watched("help");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    assert_eq!(browser.text("#keys"), None);
    browser.press(&["?"]);
    browser.until_text("#keys", "compare two moments");
    for key in ["?", ESCAPE] {
        browser.press(&[key]);
        assert_eq!(browser.text("#keys"), None, "{key:?}");
        browser.press(&["?"]);
        browser.until_text("#keys", "compare two moments");
    }
}

#[test]
fn first_sample_in_sight_is_a_moment() {
    let (pool, watch) = watched("home");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    until_samples(&browser, &pool, "recent", 10);
    // As after five minutes: a sample just before the window is drawn too.
    browser.run(AGED);
    browser.press(&["p"]);
    browser.run("document.getElementById('timeline').focus()");
    let value = "return Number(document.getElementById('timeline').getAttribute('aria-valuenow'))";
    browser.press(&[HOME]);
    assert_eq!(browser.run(value), 0);
    browser.press(&[RIGHT]);
    assert_eq!(browser.run(value), 1);
    browser.press(&[HOME, "a", END, "b"]);
    let apart = browser.run("const { a, b } = fp.view.chosen.points; return b - a");
    assert!(
        apart.as_f64().is_some_and(|seconds| seconds > 100.0),
        "{apart}"
    );
    browser.until_text("#comparison", "From ");
    assert_eq!(browser.complaints(), [""; 0]);
}
